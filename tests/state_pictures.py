"""Takes a picture of every state that imports can be in; `tests.screenshots` runs it on a new database."""

import os
import shutil
import sys
import urllib.error
import urllib.request
from itertools import product
from pathlib import Path

import django
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

# Playwright runs an event loop in this thread, at which Django would otherwise refuse to touch the database.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
django.setup()

# What needs Django to be set up first.
from tests.e2e.conftest import launch
from tests.project.processes import eventually, started
from tests.states import State, make_states

WIDTHS = {"wide": 1280, "narrow": 390}
SCHEMES = ("light", "dark")
# The states of which the documents show the upper part, wide: the name of the picture, and its height.
SHOWN = {"preview": ("preview", 860), "detail": ("import-page", 1150)}


def main(images: Path, states: Path, port: str) -> None:
    """Save every picture below `states`, and those for the documents in `images`."""
    command = [
        "-m",
        "gunicorn",
        "--config",
        "python:project.web_server",
        "--bind",
        f"127.0.0.1:{port}",
        "project.wsgi",
    ]
    made = make_states(items=60_000)
    url = f"http://127.0.0.1:{port}"
    with started([sys.executable, *command], log=images.parent / "web.log", environment={}) as web:
        assert eventually(lambda: answers(url), seconds=60), web.text()
        with sync_playwright() as playwright:
            browser = launch(playwright, shutil.which("chromium") or sys.exit("Chromium is needed."))
            for state, width, scheme in product(made, WIDTHS, SCHEMES):
                take(browser, url, state, (width, scheme), (images, states))
            browser.close()


def take(browser: Browser, url: str, state: State, window: tuple[str, str], folders: tuple[Path, Path]) -> None:
    """Save the whole page of a state in one window, and what the documents show of it."""
    (width, scheme), (images, states) = window, folders
    viewport: ViewportSize = {"width": WIDTHS[width], "height": 860}
    context = browser.new_context(viewport=viewport, color_scheme="dark" if scheme == "dark" else "light")
    page: Page = state.show(context, url)
    page.screenshot(path=states / f"{state.name}-{width}-{scheme}.png", full_page=True, animations="disabled")
    if width == "wide" and state.name in SHOWN:
        name, height = SHOWN[state.name]
        page.set_viewport_size({"width": WIDTHS[width], "height": height})
        page.screenshot(path=images / f"{name}-{scheme}.png", animations="disabled")
    context.close()


def answers(url: str) -> bool:
    """Whether the web server answers; that no worker is there is no matter."""
    try:
        with urllib.request.urlopen(f"{url}/accounts/login/", timeout=2):
            return True
    except (urllib.error.URLError, OSError):
        return False


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
