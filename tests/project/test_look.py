"""The pages in a real Chromium: accessible, within the window, operable by keyboard, and usable without scripts."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from axes.models import AccessAttempt
from django.contrib.auth.models import User
from django.contrib.auth.tokens import default_token_generator
from django.test import Client
from django.utils import timezone
from django.utils.http import urlsafe_base64_encode
from playwright.sync_api import Browser, Page, expect, sync_playwright
from pytest_django import Settings

from bookmarks.models import Bookmark
from imports.models import Heartbeat, Status
from tests.factories import make_bookmark, make_job, make_user

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

expect.set_options(timeout=20_000)

LONG = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"
PAGES = [
    "/bookmarks/",
    "/bookmarks/?q=nowhere&tag=walls&tag=stones&unread=1&import=3",
    "/bookmarks/new",
    "/bookmarks/{pk}/edit",
    "/bookmarks/{pk}/delete",
    "/tags/",
    "/accounts/profile/",
    "/accounts/settings/",
    "/accounts/password/",
    "/accounts/delete/",
    "/nowhere",
]
WINDOWS = [(1920, "light"), (1280, "dark"), (390, "light")]


@dataclass
class Site:
    """A running site, a browser, and somebody with an account on it."""

    url: str
    browser: Browser
    ada: User
    complaints: list[str] = field(default_factory=list)

    @contextmanager
    def page(self, *, logged_in: bool = True, **options: Any) -> Iterator[Page]:  # those of Browser.new_context
        """Open a window, and fail at its end when the browser complained in its console."""
        context = self.browser.new_context(base_url=self.url, **options)
        if logged_in:
            client = Client()
            client.force_login(self.ada)
            context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": self.url}])
        page = context.new_page()
        page.on("console", lambda message: self.complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        yield page
        context.close()
        assert [text for text in self.complaints if not re.search("4(01|04|29) ", text)] == []


@pytest.fixture
def site(
    django_db_setup: None, chromium: str, live_server: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Site]:  # the database comes first, or the server would open one of its own, and not close it
    # Playwright runs an event loop in this thread, at which Django would otherwise refuse to touch the database.
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield Site(live_server.url, browser, make_user("ada"))
        browser.close()


def findings(page: Page) -> list[str]:
    """Return what axe finds wrong, each with the first element it concerns."""
    violations = Axe().run(page).response["violations"]
    return [f"{found['id']} ({found['impact']}): {found['nodes'][0]['html'][:200]}" for found in violations]


def overflow(page: Page) -> int:
    """Return by how many pixels the page is wider than the window."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


@pytest.mark.parametrize(("width", "scheme"), WINDOWS)
def test_every_page_is_accessible_and_fits_the_window(site: Site, width: int, scheme: Any) -> None:
    make_bookmark(site.ada, f"https://example.com/{LONG * 5}", title=LONG * 4, tags=["walls", LONG[:64]], unread=True)
    last = make_bookmark(site.ada, title="Walls", description=LONG * 10, tags=["walls", "a, b"], favorite=True)
    with site.page(viewport={"width": width, "height": 900}, color_scheme=scheme) as page:
        for path in PAGES:
            page.goto(path.format(pk=last.pk))
            assert page.get_attribute("html", "data-bs-theme") == scheme
            assert (path, findings(page), overflow(page)) == (path, [], 0)


def make_imports(owner: User) -> None:
    """Make an import in each state, with all that a row can show, and long texts wherever a file may bring them."""
    details = [{"position": n, "title": LONG * 2, "url": f"javascript:{LONG}", "reason": "No."} for n in (1, 20_000)]
    done = {"total_bookmarks": 20_000, "processed_bookmarks": 9_000, "created_bookmarks": 8_000}
    begun = {"started_at": timezone.now() - timedelta(seconds=9), "prepared_at": timezone.now() - timedelta(seconds=8)}
    rejected = {"failed_bookmarks": 1_000, "failed_bookmark_details": details, "notices": [LONG, "Tags & more"]}
    ended = {**done, **rejected, "completed_at": timezone.now(), "error_message": f"The file breaks off: {LONG}"}
    make_job(owner, file_name=f"{LONG * 3}.html", detected_format="activitystreams", **done, **begun, **rejected)
    for status in Status:
        make_job(owner, status=status)
        make_job(owner, status=status, detected_format="chrome-json", can_import_partly=True, **ended)
    make_job(owner, status=Status.PROCESSING, started_at=timezone.now())


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_imports_in_every_state_are_accessible_and_fit_the_window(site: Site, width: int, scheme: Any) -> None:
    with site.page(viewport={"width": width, "height": 900}, color_scheme=scheme) as page:
        # Many rows asking at once would share the one connection to a database in memory.
        page.route("**/row/", lambda route: route.fulfill(status=204))
        page.goto("/import/")
        assert (findings(page), overflow(page)) == ([], 0)
        make_imports(site.ada)
        Heartbeat.objects.update_or_create(pk=1, defaults={"seen": timezone.now() - timedelta(hours=2)})
        page.reload()
        for summary in page.locator("main details > summary").all():
            summary.click()
        expect(page.locator("tr[data-status]")).to_have_count(2 * len(Status) + 2)
        expect(page.locator("#worker-notice")).to_contain_text("No worker is processing imports")
        assert (findings(page), overflow(page)) == ([], 0)
        page.locator("tr[data-status] button:has-text('Cancel')").first.click()
        expect(page.locator("#confirm")).to_be_visible()
        assert (findings(page), overflow(page)) == ([], 0)


@pytest.mark.parametrize(
    ("language", "days", "texts"),
    [
        ("en-GB", 0, ["3 minutes ago", "5 minutes ago", "2 hours ago"]),
        ("de-DE", 0, ["vor 3 Minuten", "vor 5 Minuten", "vor 2 Stunden"]),
        ("en-GB", 16, ["2 weeks, 2 days ago", "2 weeks ago", "2 weeks ago"]),
    ],
)
def test_the_date_of_an_ended_import_stays_right_while_the_page_is_open(
    site: Site, language: str, days: int, texts: list[str]
) -> None:
    now = timezone.now()
    make_job(site.ada, status=Status.COMPLETED, created=now - timedelta(days=days, minutes=3, seconds=5))
    with site.page(locale=language, viewport={"width": 1280, "height": 900}) as page:
        page.clock.install(time=now)
        page.goto("/import/")
        date, row = page.locator("tr[data-status] time"), page.locator("tr[data-status]")
        shown, heights = [], set()
        for passed in ("00:00", "02:00", "02:00:00"):
            page.clock.fast_forward(passed)
            shown.append(date.inner_text().replace("\xa0", " "))
            heights.add(row.evaluate("row => row.offsetHeight"))
        assert shown == texts
        assert len(heights) == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_before_logging_in_and_what_opens_on_a_page_are_accessible(
    site: Site, settings: Settings, scheme: Any
) -> None:
    settings.IMPORT_EMAIL = settings.REGISTRATION_OPEN = True
    make_bookmark(site.ada, tags=["walls"])
    address = f"/accounts/reset/{urlsafe_base64_encode(str(site.ada.pk).encode())}"
    link = f"{address}/{default_token_generator.make_token(site.ada)}/"
    with site.page(logged_in=False, color_scheme=scheme, viewport={"width": 390, "height": 800}) as page:
        for path in ("login/", "signup/", "reset/", "reset/sent/"):
            page.goto(f"/accounts/{path}")
            assert (path, findings(page), overflow(page)) == (path, [], 0)
        for path in (link, f"{address}/nonsense/"):
            page.goto(path)
            assert (path, findings(page), overflow(page)) == (path, [], 0)
        AccessAttempt.objects.create(username="ada", ip_address="127.0.0.1", failures_since_start=5)
        page.goto("/accounts/login/")
        page.fill("[name=username]", "ada")
        page.fill("[name=password]", "wrong")
        page.click("main [type=submit]")
        expect(page.locator("h1")).to_have_text("Too many attempts")
        assert (findings(page), overflow(page)) == ([], 0)
    with site.page(color_scheme=scheme, viewport={"width": 390, "height": 800}) as page:
        page.goto("/bookmarks/")
        page.check(".bookmark-pick")
        page.click("#user-menu summary")
        assert (findings(page), overflow(page)) == ([], 0)
        page.keyboard.press("Escape")
        page.click("#selection [value=delete]")
        assert (findings(page), overflow(page)) == ([], 0)
        page.keyboard.press("Escape")
        page.fill("#bulk-tags", "new")
        page.click("#selection [value=tag]")
        expect(page.locator("#live .note")).to_have_count(1)
        assert (findings(page), overflow(page)) == ([], 0)


def test_selected_bookmarks_are_changed_without_loading_the_page_again(site: Site) -> None:
    for number in range(3):
        make_bookmark(site.ada, title=f"Number {number}")
    with site.page() as page:
        page.goto("/bookmarks/")
        page.evaluate("window.marker = 'kept'")
        expect(page.locator(".selection-actions")).not_to_be_visible()
        page.check("#select-all")
        expect(page.locator("[data-selection-count]")).to_have_text("3")
        page.locator(".bookmark-pick").nth(1).uncheck()
        expect(page.locator("[data-selection-count]")).to_have_text("2")
        page.fill("#bulk-tags", 'stones, "a, b"')
        page.click("text=Add tags")
        expect(page.locator("#live")).to_contain_text("2 bookmarks were changed.")
        expect(page.locator(".bookmark").nth(0).locator(".tag")).to_have_text(["a, b", "stones"])
        expect(page.locator(".bookmark").nth(1).locator(".tag")).to_have_count(0)
        assert page.evaluate("window.marker") == "kept"
        expect(page.locator("#results")).to_be_focused()


def test_deleting_asks_once_in_a_dialog_that_works_by_keyboard(site: Site) -> None:
    make_bookmark(site.ada, title="Stays")
    make_bookmark(site.ada, title="Goes")
    with site.page() as page:
        page.goto("/bookmarks/")
        link = page.locator(".bookmark-actions a:has-text('Delete')").first
        dialog = page.locator("#confirm")
        for answer in ("Escape", "Enter"):  # the first button, which has the focus, is the harmless one
            link.focus()
            page.keyboard.press("Enter")
            expect(dialog).to_be_visible()
            expect(dialog).to_contain_text("Delete “Goes”?")
            page.keyboard.press(answer)
            expect(dialog).not_to_be_visible()
            expect(link).to_be_focused()
        assert Bookmark.objects.count() == 2
        page.keyboard.press("Enter")
        expect(dialog).to_be_visible()
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(page.locator("#live")).to_contain_text("The bookmark was deleted.")
        expect(page.locator(".bookmark-title")).to_have_text(["Stays"])
        assert page.url.endswith("/bookmarks/")


def test_pages_filters_and_search_change_the_list_the_address_and_the_history(site: Site) -> None:
    for number in range(60):
        make_bookmark(site.ada, title=f"Stone no{number}", unread=number < 5)
    with site.page() as page:
        page.goto("/bookmarks/")
        page.evaluate("window.marker = 'kept'")
        page.click("#next")
        expect(page.locator(".bookmark")).to_have_count(10)
        assert "?page=2&after=" in page.url
        page.check("#unread-1")
        expect(page.locator(".bookmark")).to_have_count(5)
        page.fill("#q", "stone no3")
        page.keyboard.press("Enter")
        expect(page.locator(".bookmark-title")).to_have_text(["Stone no3"])
        assert "q=stone%20no3" in page.url
        assert "unread=1" in page.url
        assert page.evaluate("window.marker") == "kept"
        page.go_back()
        expect(page.locator(".bookmark")).to_have_count(5)
        expect(page.locator("#q")).to_have_value("")


def test_the_theme_that_was_chosen_is_remembered_and_set_before_anything_is_painted(site: Site) -> None:
    with site.page(color_scheme="light") as page:
        page.goto("/accounts/settings/")
        page.click(".btn-group >> text=Dark")
        assert page.get_attribute("html", "data-bs-theme") == "dark"
        # Blocked, so that only what stands in the head can have set it.
        page.route("**/app*.js", lambda route: route.fulfill(body=""))
        page.goto("/tags/")
        assert page.get_attribute("html", "data-bs-theme") == "dark"


def test_after_the_session_ended_the_list_leads_to_the_login_page_and_back(site: Site) -> None:
    for _number in range(51):
        make_bookmark(site.ada)
    with site.page() as page:
        page.goto("/bookmarks/?unread=0")
        page.context.clear_cookies()
        page.click("#next")
        page.wait_for_url("**/accounts/login/?next=/bookmarks/%3Funread%3D0")
        page.fill("#id_username", "ada")
        page.fill("#id_password", "a password")
        page.keyboard.press("Enter")
        page.wait_for_url("**/bookmarks/?unread=0")
        expect(page.locator(".bookmark")).to_have_count(50)


def test_everything_works_without_scripts(site: Site) -> None:
    make_bookmark(site.ada, title="Stays")
    make_bookmark(site.ada, title="Goes")
    make_bookmark(site.ada, title="Goes, too")
    with site.page(java_script_enabled=False) as page:
        page.goto("/bookmarks/")
        expect(page.locator("#select-all")).not_to_be_visible()
        page.check("[aria-label='Select Goes']")
        page.fill("#bulk-tags", "stones")
        page.click("text=Add tags")
        expect(page.locator("#live")).to_contain_text("1 bookmark was changed.")
        page.check("[aria-label='Select Goes']")
        page.click("#selection [value=delete]")
        expect(page.locator("h1")).to_have_text("Delete these bookmarks?")
        page.click("main button:has-text('Delete')")
        page.click(".bookmark:has-text('Goes, too') .bookmark-actions >> text=Delete")
        expect(page.locator("h1")).to_have_text("Delete this bookmark?")
        page.click("main button:has-text('Delete')")
        expect(page.locator(".bookmark-title")).to_have_text(["Stays"])
        page.click("#user-menu summary")
        page.click("#user-menu >> text=New")
        page.fill("#id_url", "example.com/new")
        page.fill("#id_tags", '"a, b"')
        page.click("main button:has-text('Save')")
        expect(page.locator(".bookmark").first.locator(".tag")).to_have_text(["a, b"])
        page.click(".tag")
        expect(page.locator(".bookmark")).to_have_count(1)
        page.click("#user-menu summary")
        page.click("text=Log out")
        expect(page.locator("h1")).to_have_text("Log in")
