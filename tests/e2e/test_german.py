"""The pages in German, whose words are longer, in a real Chromium: they fit the window and stay accessible."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.factories import make_user
from tests.project.test_look import Site, findings, overflow
from tests.test_translations import make_pages, shown, untranslated

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def site(django_db_setup: None, chromium: str, live_server: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    # Playwright runs an event loop in this thread, at which Django would otherwise refuse to touch the database.
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        yield Site(live_server.url, browser, make_user("robin"))
        browser.close()


def too_wide(page: Page) -> list[str]:
    """Return the texts that do not fit their place in a table, the navigation or a button."""
    parts = page.locator(":is(td, .site-nav a, .btn):visible:not(:has(.visually-hidden))")
    wide: list[str] = parts.evaluate_all("all => all.filter(e => e.scrollWidth > e.clientWidth).map(e => e.innerText)")
    return wide


@pytest.mark.parametrize("width", [1280, 992, 390])
def test_the_pages_fit_the_window_in_german(site: Site, width: int) -> None:
    addresses = make_pages(site.ada)
    with site.page(viewport={"width": width, "height": 900}, locale="de-DE") as page:
        # Polls beside the test would share its one connection to a database in memory.
        page.route("**/import/active/", lambda route: route.fulfill(status=204))
        for path in addresses:
            if path != "/import/active/":
                page.goto(path)
                for details in page.locator("main details:not(.menu)").all():
                    details.locator("summary").click()
                assert (path, findings(page), overflow(page), too_wide(page)) == (path, [], 0, [])


def test_what_scripts_write_is_german_as_well(site: Site) -> None:
    make_pages(site.ada)
    with site.page(locale="de-DE") as page:
        page.route("**/import/active/", lambda route: route.fulfill(status=204))
        page.goto("/import/")
        assert not list(untranslated(shown(page.content())))
        page.goto("/bookmarks/")
        page.get_by_label("Alle auswählen").check()
        expect(page.get_by_text("3 ausgewählt")).to_be_visible()


def test_the_language_is_chosen_without_scripts(site: Site) -> None:
    with site.page(locale="en-GB", java_script_enabled=False) as page:
        page.goto("/accounts/settings/")
        page.get_by_role("combobox", name="Language").select_option("de")
        page.get_by_role("button", name="Change language").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Einstellungen")
