"""Every state that imports can be in, in a real Chromium: axe finds nothing, and all fits the window."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.project.test_look import findings, overflow
from tests.states import make_states

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def window(django_db_setup: None, chromium: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Browser]:
    # Playwright runs an event loop in this thread, at which Django would otherwise refuse to touch the database.
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")])
def test_every_state_is_accessible_and_fits_the_window(
    window: Browser, live_server: Any, width: int, scheme: Any
) -> None:
    found = {}
    for state in make_states(items=300):
        context = window.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        page = state.show(context, live_server.url)
        found[state.name] = (findings(page), overflow(page))
        context.close()
    assert len(found) > 20
    assert {name: what for name, what in found.items() if what != ([], 0)} == {}
