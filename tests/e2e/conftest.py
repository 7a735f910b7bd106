"""A whole site in real processes, and a real browser in front of it."""

import contextlib
import os
import socket
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from playwright.sync_api import Browser, Page, Playwright, sync_playwright

from tests.project.processes import Started, eventually, started

NAME, PASSWORD = "robin", "correct horse battery staple"


class Site:
    """A running site with an empty database of its own. It can be stopped, killed and started again."""

    def __init__(self, folder: Path, database_url: str = "") -> None:
        self.folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = {
            "DATA_DIR": str(folder / "data"),
            "DATABASE_URL": database_url,
            "DJANGO_SUPERUSER_USERNAME": NAME,
            "DJANGO_SUPERUSER_PASSWORD": PASSWORD,
            "PORT": str(self.port),
        }

    @contextlib.contextmanager
    def running(self) -> Iterator[Started]:
        """Run the site as `make run` does, until the block ends."""
        command = [sys.executable, "manage.py", "serve", "--prepare"]
        with started(command, log=self.folder / "serve.log", environment=self.environment) as process:
            assert eventually(self.answers, seconds=60), process.text()
            yield process

    def answers(self) -> bool:
        """Whether the site says that it is well."""
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=2) as response:
                return bool(response.status == 200)
        except (urllib.error.URLError, OSError):
            return False


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Run a site with one account, on each database."""
    url = ""
    if request.param == "postgresql":
        server = request.getfixturevalue("postgres_url")
        name = f"site_{os.getpid()}_{tmp_path_factory.mktemp('database').name}"
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        url = server.replace("/postgres?", f"/{name}?")
    whole = Site(tmp_path_factory.mktemp("site"), url)
    with whole.running():
        yield whole


@pytest.fixture
def browser(chromium: str) -> Iterator[Browser]:
    """Start a real Chromium."""
    with sync_playwright() as playwright:
        yield launch(playwright, chromium)


def launch(playwright: Playwright, chromium: str) -> Browser:
    """Start Chromium so that it works as root and asks nobody outside."""
    quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"]
    return playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu", *quiet])


def log_in(page: Page, site: Site) -> Page:
    """Log in through the login page."""
    page.goto(f"{site.url}/accounts/login/")
    page.get_by_label("Username").fill(NAME)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(f"{site.url}/bookmarks/")
    return page
