"""Files chosen, dropped and pasted on the import page of a real site, in a real Chromium."""

import json
import re
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.benchmarks.data import write_collection
from tests.e2e.conftest import log_in
from tests.e2e.site import Site

pytestmark = [pytest.mark.browser, pytest.mark.processes, pytest.mark.usefixtures("running_site")]

PATIENCE_MS = 30_000
LINKS = "https://example.org/one A title\nhttps://example.org/two\n"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Make a site on SQLite; what is tested here does not touch the database."""
    return Site(tmp_path_factory.mktemp("site"))


@pytest.fixture
def page(browser: Browser, site: Site) -> Page:
    """Open the import page, without a preview first."""
    page = log_in(browser.new_context().new_page(), site)
    page.goto(f"{site.url}/import/")
    page.get_by_label("Preview first").uncheck()
    return page


def small(path: Path, items: int = 3) -> Path:
    """Write a small export."""
    links = [{"type": "Link", "url": f"https://example.org/{path.name}/{n}", "name": f"{n}"} for n in range(items)]
    path.write_text(json.dumps({"type": "Collection", "items": links}))
    return path


def drop(page: Page, files: dict[str, str]) -> None:
    """Drop files with these names and texts on the page's heading."""
    transfer = page.evaluate_handle(
        """files => {
            const transfer = new DataTransfer();
            for (const [name, text] of Object.entries(files)) transfer.items.add(new File([text], name));
            return transfer;
        }""",
        files,
    )
    page.dispatch_event("h1", "dragenter", {"dataTransfer": transfer})
    expect(page.locator("#import-drop")).to_be_visible()
    page.dispatch_event("h1", "dragover", {"dataTransfer": transfer})
    page.dispatch_event("h1", "drop", {"dataTransfer": transfer})
    expect(page.locator("#import-drop")).to_be_hidden()


def slow_down(page: Page, bytes_per_second: int) -> None:
    """Let uploads take their time."""
    conditions = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": bytes_per_second}
    page.context.new_cdp_session(page).send("Network.emulateNetworkConditions", conditions)


def names(page: Page, count: int) -> list[str]:
    """Return the file names in the newest rows, from the top."""
    return page.locator("tr[data-status] .import-file-name").all_inner_texts()[:count]


def test_several_files_go_one_after_another_and_the_refused_one_says_why_by_its_name(
    page: Page, tmp_path: Path
) -> None:
    (tmp_path / "photo.json").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    paths = [small(tmp_path / "first.json"), tmp_path / "photo.json", small(tmp_path / "second.json")]
    before = page.locator("tr[data-status]").count()
    page.get_by_label("Export files").set_input_files(paths)
    page.get_by_label("Tags for everything").evaluate("field => field.value = 'old'")
    page.get_by_role("button", name="Upload and Import").click()
    expect(page.locator("tr[data-status]")).to_have_count(before + 2)
    assert names(page, 2) == ["second.json", "first.json"]
    expect(page.locator("#import-problems .note")).to_have_count(1)
    expect(page.locator("#import-problems")).to_contain_text("photo.json: This is an image")
    expect(page.locator(".import-upload")).to_have_count(0)
    expect(page.locator("tr[data-status=completed]")).to_have_count(before + 2, timeout=PATIENCE_MS)
    # The form was not taken away from under the person.
    expect(page.get_by_label("Tags for everything")).to_have_value("old")
    assert page.get_by_label("Export files").evaluate("input => input.files.length") == 0


def test_dropped_files_become_imports_at_once(page: Page, tmp_path: Path) -> None:
    texts = {name: small(tmp_path / name).read_text() for name in ("a.json", "b.json", "c.json")}
    before = page.locator("tr[data-status]").count()
    drop(page, texts)
    expect(page.locator("tr[data-status]")).to_have_count(before + 3)
    assert names(page, 3) == ["c.json", "b.json", "a.json"]


def test_an_upload_shows_its_bytes_and_can_be_stopped_while_another_one_waits(page: Page, tmp_path: Path) -> None:
    write_collection(tmp_path / "large.json", 20_000)
    small(tmp_path / "small.json")
    before = page.locator("tr[data-status]").count()
    slow_down(page, 500_000)
    page.get_by_label("Export files").set_input_files([tmp_path / "large.json", tmp_path / "small.json"])
    page.get_by_role("button", name="Upload and Import").click()
    large, waiting = page.locator(".import-upload").nth(0), page.locator(".import-upload").nth(1)
    expect(waiting).to_contain_text("waits for its turn")
    expect(large.locator(".import-upload-state")).to_have_text(
        re.compile(r"^[1-9]\.\d MB of \d\.\d MB$"), timeout=PATIENCE_MS
    )
    assert 0 < float(large.locator("progress").get_attribute("value") or 0) < (tmp_path / "large.json").stat().st_size
    expect(page.get_by_role("button", name="Upload and Import")).to_be_enabled()
    large.get_by_role("button", name="Stop large.json").click()
    slow_down(page, -1)
    expect(page.locator("tr[data-status]")).to_have_count(before + 1, timeout=PATIENCE_MS)
    assert names(page, 1) == ["small.json"]
    expect(page.locator(".import-upload")).to_have_count(0)
    expect(page.get_by_label("Export files")).to_be_focused()


def test_an_upload_that_was_cut_off_can_be_tried_again(page: Page, tmp_path: Path) -> None:
    before = page.locator("tr[data-status]").count()
    page.route("**/import/submit/", lambda route: route.abort())
    page.get_by_label("Export files").set_input_files(small(tmp_path / "again.json"))
    page.get_by_role("button", name="Upload and Import").click()
    expect(page.locator(".import-upload")).to_contain_text("could not be sent")
    page.unroute("**/import/submit/")
    page.get_by_role("button", name="Try again again.json").click()
    expect(page.locator("tr[data-status]")).to_have_count(before + 1)


def test_what_the_server_refuses_for_the_sake_of_all_is_said_and_not_sent_again(page: Page, tmp_path: Path) -> None:
    note = '<div id="import-problems"><div class="note" data-level="error">Please go on later.</div></div>'
    page.route("**/import/submit/", lambda route: route.fulfill(status=429, content_type="text/html", body=note))
    page.get_by_label("Export files").set_input_files(small(tmp_path / "later.json"))
    page.get_by_role("button", name="Upload and Import").click()
    expect(page.locator("#import-problems")).to_contain_text("Please go on later.")
    expect(page.locator(".import-upload")).to_have_count(0)


def test_an_upload_outlives_the_session_and_goes_on_after_logging_in_in_another_tab(
    site: Site, page: Page, tmp_path: Path
) -> None:
    before = page.locator("tr[data-status]").count()
    page.context.clear_cookies()
    page.get_by_label("Export files").set_input_files(small(tmp_path / "kept.json"))
    page.get_by_role("button", name="Upload and Import").click()
    note = page.locator("#live .note", has_text="You are logged out.")
    expect(note).to_have_count(1)
    expect(note.get_by_role("link")).to_have_attribute("href", re.compile(r"/accounts/login/\?next=/import/$"))
    expect(page.locator(".import-upload")).to_contain_text("could not be sent")
    log_in(page.context.new_page(), site)
    page.get_by_role("button", name="Try again kept.json").click()
    expect(page.locator("tr[data-status]")).to_have_count(before + 1)
    expect(note).to_have_count(0)


def test_a_file_beyond_the_limit_is_refused_without_being_sent(page: Page) -> None:
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if "submit" in request.url else None)
    page.get_by_label("Export files").evaluate("input => input.dataset.maxBytes = '10'")
    drop(page, {"huge.json": "x" * 2_000_000})
    expect(page.locator("#import-problems")).to_contain_text("huge.json: The file has 1.9 MB; at most 50.0 MB")
    assert sent == []


@pytest.mark.parametrize("scripts", [True, False])
def test_pasted_links_become_an_import(site: Site, browser: Browser, *, scripts: bool) -> None:
    page = log_in(browser.new_context(java_script_enabled=scripts).new_page(), site)
    page.goto(f"{site.url}/import/")
    page.get_by_label("Preview first").uncheck()
    before = page.locator("tr[data-status]").count()
    page.get_by_text("Paste a list of links").click()
    page.get_by_label("Links", exact=True).fill(LINKS)
    page.get_by_role("button", name="Upload and Import").click()
    expect(page.locator("tr[data-status]")).to_have_count(before + 1)
    row = page.locator("tr[data-status]").first
    expect(row).to_contain_text("pasted-links.txt")
    for _ in range(60):
        if row.get_attribute("data-status") == "completed":
            break
        page.wait_for_timeout(500)
        page.reload()
    expect(row).to_contain_text("2 of 2 (100%)")


def test_pasted_text_that_is_refused_is_not_lost(page: Page) -> None:
    page.get_by_text("Paste a list of links").click()
    page.get_by_label("Links", exact=True).fill("nothing but words")
    page.get_by_role("button", name="Upload and Import").click()
    expect(page.locator("#import-problems")).to_contain_text("No links were found in the text.")
    expect(page.get_by_label("Links", exact=True)).to_have_value("nothing but words")


def test_an_empty_form_says_what_is_missing(page: Page) -> None:
    page.get_by_role("button", name="Upload and Import").click()
    expect(page.locator("#import-problems")).to_contain_text("Please choose a file, or paste a list of links.")
    # The form that came back works like the first one.
    drop(page, {"links.txt": LINKS})
    expect(page.locator("tr[data-status]").first).to_contain_text("links.txt")


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (390, "dark"), (1280, "light"), (1280, "dark")])
def test_uploads_under_way_and_refused_are_accessible_and_fit_the_window(
    site: Site, browser: Browser, tmp_path: Path, width: int, scheme: Literal["light", "dark"]
) -> None:
    page = log_in(browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme), site)
    page.goto(f"{site.url}/import/")
    page.get_by_text("Paste a list of links").click()
    write_collection(tmp_path / "large.json", 20_000)
    small(tmp_path / f"{'very-long-name-' * 10}.json")
    (tmp_path / "program.exe").write_bytes(b"MZ")
    slow_down(page, 500_000)
    page.get_by_label("Export files").set_input_files([tmp_path / "program.exe", *sorted(tmp_path.glob("*.json"))])
    page.get_by_role("button", name="Upload and Import").click()
    expect(page.locator("#import-problems .note")).to_have_count(1)
    expect(page.locator(".import-upload")).to_have_count(2)
    page.locator("#import-drop").evaluate("overlay => overlay.hidden = false")
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    page.locator("#import-drop").evaluate("overlay => overlay.hidden = true")
    assert [found["id"] for found in Axe().run(page).response["violations"]] == []
    for _ in range(2):
        page.locator(".import-upload [data-stop]").last.press("Enter")
    expect(page.locator(".import-upload")).to_have_count(0)
