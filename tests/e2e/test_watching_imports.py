"""Imports watched from any page of a real site that also goes away and comes back, in a real Chromium."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Request, expect

from tests.benchmarks.data import write_collection
from tests.e2e.conftest import log_in
from tests.e2e.site import NAME, PASSWORD, Site

pytestmark = [pytest.mark.browser, pytest.mark.processes]

PATIENCE_MS = 90_000
HIDE = """hidden => {
    Object.defineProperty(document, "hidden", {configurable: true, get: () => hidden});
    document.dispatchEvent(new Event("visibilitychange"));
}"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Make a site on SQLite; what is tested here does not touch the database."""
    return Site(tmp_path_factory.mktemp("site"))


def start_import(page: Page, site: Site, path: Path, items: int, *, seed: int) -> str:
    """Upload an export of so many items and return the selector of its row, as soon as a worker has taken it up."""
    write_collection(path, items, seed=seed)
    page.goto(f"{site.url}/import/")
    page.get_by_label("Preview first").uncheck()
    page.get_by_label("Overwrite").check()
    page.get_by_label("Export files").set_input_files(path)
    page.get_by_role("button", name="Upload and Import").click()
    row = page.locator("tr[data-status]").filter(has_text=path.name).first
    expect(row).to_contain_text("per second", timeout=PATIENCE_MS)
    return f"#{row.get_attribute('id')}"


@contextmanager
def requests(page: Page) -> Iterator[list[str]]:
    """Collect what the page asks for, from here to the end of the block."""
    asked: list[str] = []

    def note(request: Request) -> None:
        asked.append(request.url)

    page.on("request", note)
    yield asked
    page.remove_listener("request", note)


@pytest.mark.usefixtures("running_site")
def test_every_page_shows_how_far_imports_are_and_tells_once_when_one_ends(
    site: Site, browser: Browser, tmp_path: Path
) -> None:
    context = browser.new_context()
    page = log_in(context.new_page(), site)
    start_import(page, site, tmp_path / "watched.json", 60_000, seed=21)
    expect(page).to_have_title(re.compile(r"^\d+ % · Import Bookmarks · Cairn$"))
    page.goto(f"{site.url}/tags/")
    expect(page.locator(".imports-sign")).to_have_text(re.compile(r"^\s*1 import,\s+\d+ %\s*$"))
    expect(page).to_have_title(re.compile(r"^\d+ % · Tags · Cairn$"))
    note = page.locator("#live .note", has_text="watched.json was imported")
    expect(note).to_contain_text(re.compile(r": [\d,]+ new, "), timeout=PATIENCE_MS)
    expect(page.locator(".imports-sign")).to_have_count(0)
    expect(page).to_have_title("Tags · Cairn")
    other = context.new_page()
    with requests(other) as asked:
        other.goto(f"{site.url}/bookmarks/")
        other.wait_for_timeout(3000)
    assert [url for url in asked if "/import/" in url] == [f"{site.url}/import/active/"]
    expect(other.locator("#live .note")).to_have_count(0)
    with requests(page) as asked:
        page.wait_for_timeout(3000)
    assert asked == []
    note.get_by_role("link", name="Show watched.json").click()
    expect(page.get_by_role("heading", name="Import of watched.json")).to_be_visible()
    expect(page.locator("#live .note")).to_have_count(0)


@pytest.mark.usefixtures("running_site")
def test_a_hidden_tab_asks_nothing_and_catches_up_when_it_is_looked_at(
    site: Site, browser: Browser, tmp_path: Path
) -> None:
    page = log_in(browser.new_page(), site)
    row = start_import(page, site, tmp_path / "hidden.json", 60_000, seed=22)
    page.evaluate(HIDE, arg=True)
    page.wait_for_timeout(200)
    with requests(page) as asked:
        page.wait_for_timeout(4000)
    assert asked == []
    expect(page.locator(row)).to_have_attribute("data-status", "processing")
    page.evaluate(HIDE, arg=False)
    expect(page.locator(row)).to_have_attribute("data-status", "completed", timeout=PATIENCE_MS)


@pytest.mark.usefixtures("running_site")
def test_after_the_session_ended_one_note_leads_to_the_login_and_back_and_nothing_polls(
    site: Site, browser: Browser, tmp_path: Path
) -> None:
    context = browser.new_context()
    page = log_in(context.new_page(), site)
    row = start_import(page, site, tmp_path / "session.json", 60_000, seed=23)
    page.get_by_text("Paste a list of links").click()
    page.get_by_label("Links", exact=True).fill("https://example.org/typed")
    context.clear_cookies()
    note = page.locator("#live .note", has_text="You are logged out.")
    expect(note).to_have_count(1)
    expect(page.locator(row)).to_have_attribute("data-status", "processing")
    expect(page.locator("input[type=password]")).to_have_count(0)
    page.wait_for_timeout(500)
    with requests(page) as asked:
        page.wait_for_timeout(3000)
    assert asked == []
    # What was typed is still there; logging in happens when the person wants it.
    expect(page.get_by_label("Links", exact=True)).to_have_value("https://example.org/typed")
    note.get_by_role("link", name="Log in again").click()
    page.get_by_label("Username").fill(NAME)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(f"{site.url}/import/")
    expect(page.locator(row)).to_have_attribute("data-status", "completed", timeout=PATIENCE_MS)


@pytest.mark.usefixtures("running_site")
def test_a_row_moves_without_shifting_the_page(site: Site, browser: Browser, tmp_path: Path) -> None:
    page = log_in(browser.new_page(viewport={"width": 1280, "height": 1600}), site)
    row = start_import(page, site, tmp_path / "calm.json", 100_000, seed=24)
    page.evaluate(
        """() => {
            window.shifts = [];
            new PerformanceObserver(list => shifts.push(...list.getEntries().map(entry => entry.value)))
                .observe({type: "layout-shift"});
            window.bars = [];
            const look = () => {
                const bar = document.querySelector("tr[data-status=processing] progress");
                if (bar) bars.push(bar.value);
                requestAnimationFrame(look);
            };
            look();
        }"""
    )
    heights = set()
    while page.locator(row).get_attribute("data-status") == "processing":
        page.wait_for_timeout(500)
        heights.add(page.evaluate("row => document.querySelector(row).offsetHeight", row))
    bars = page.evaluate("window.bars")
    assert len(set(bars)) > 3
    assert bars == sorted(bars)
    assert len(heights) == 1
    # Far below what anybody could see: a tenth would count as good.
    assert sum(page.evaluate("window.shifts")) < 0.001


@pytest.mark.usefixtures("running_site")
def test_screen_readers_hear_of_progress_now_and_then_although_the_row_comes_anew_each_second(
    site: Site, browser: Browser, tmp_path: Path
) -> None:
    page = log_in(browser.new_page(), site)
    row = start_import(page, site, tmp_path / "heard.json", 60_000, seed=26)
    # As if the import went on for as long as is listened to here.
    answer = page.request.get(f"{site.url}/import/{row.removeprefix('#job-')}/row/").text()
    page.route("**/row/", lambda route: route.fulfill(content_type="text/html", body=answer))
    page.evaluate(
        """() => {
            window.said = [];
            const news = document.getElementById("import-news");
            new MutationObserver(() => said.push([performance.now(), news.textContent]))
                .observe(news, {childList: true});
        }"""
    )
    with requests(page) as asked:
        page.wait_for_timeout(23_000)
    said = page.evaluate("window.said")
    assert len([url for url in asked if url.endswith("/row/")]) > 15
    assert 2 <= len(said) <= 3
    assert all(later - earlier >= 9_500 for (earlier, _), (later, _) in pairwise(said))
    assert all(re.search(r"^heard\.json: [\d,]+ of 60,000 \(\d+%\)$", text) for _, text in said)


def test_while_the_server_is_gone_the_page_says_so_once_asks_less_and_less_and_catches_up(
    browser: Browser, tmp_path: Path
) -> None:
    site, page = Site(tmp_path), browser.new_page()
    with site.running():
        log_in(page, site)
        row = start_import(page, site, tmp_path / "gone.json", 100_000, seed=25)
    lost = page.locator("#live .note", has_text="The server does not answer; trying again.")
    expect(lost).to_have_count(1)
    moments: list[float] = []
    page.on("request", lambda _request: moments.append(time.monotonic()))
    page.wait_for_timeout(13_000)
    waits = [later - earlier for earlier, later in pairwise(moments)]
    assert len(moments) <= 5
    assert waits == sorted(waits)
    assert waits[-1] > 3.5
    expect(lost).to_have_count(1)
    expect(page.locator(row)).to_have_attribute("data-status", "processing")
    with site.running():
        expect(lost).to_have_count(0, timeout=40_000)
        expect(page.locator(row)).to_have_attribute("data-status", "completed", timeout=PATIENCE_MS)
