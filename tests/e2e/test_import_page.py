"""The import page in a real browser, before a real site with a real worker, on both databases."""

import json
import re
import urllib.request
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.benchmarks.data import write_collection
from tests.e2e.conftest import log_in
from tests.e2e.site import Site
from tests.manifest import pebbling_club_samples

pytestmark = [pytest.mark.browser, pytest.mark.processes, pytest.mark.usefixtures("running_site")]


def upload(page: Page, site: Site, path: Path) -> str:
    """Upload a file on the import page and return the id of its row."""
    page.goto(f"{site.url}/import/")
    known = page.locator("tr[data-status]").evaluate_all("rows => rows.map(row => row.id)")
    page.get_by_label("Preview first").uncheck()
    page.get_by_label(re.compile("file", re.IGNORECASE)).first.set_input_files(path)
    page.get_by_role("button", name="Upload and Import").click()
    page.wait_for_function(
        "known => [...document.querySelectorAll('tr[data-status]')].some(row => !known.includes(row.id))", arg=known
    )
    ids = page.locator("tr[data-status]").evaluate_all("rows => rows.map(row => row.id)")
    (new,) = set(ids) - set(known)
    return str(new)


def export(page: Page, site: Site) -> dict[str, object]:
    """Download the export as the browser's user."""
    response = page.request.get(f"{site.url}/bookmarks/export/activitystream.json")
    assert response.ok
    whole: dict[str, object] = json.loads(response.text())
    return whole


def test_a_row_goes_from_pending_to_completed_without_a_reload_and_then_polling_stops(
    site: Site, browser: Browser, tmp_path: Path
) -> None:
    path = tmp_path / "export.json"
    write_collection(path, 3000)
    page = log_in(browser.new_page(), site)
    page.goto(f"{site.url}/import/")
    page.evaluate("window.marker = 'still the same document'")
    known = page.locator("tr[data-status]").evaluate_all("rows => rows.map(row => row.id)")
    seen: list[str] = []

    def note(status: str) -> None:
        seen.append(status)

    page.expose_function("seen", note)
    page.evaluate(
        "known => new MutationObserver(() => [...document.querySelectorAll('tr[data-status]')]"
        ".filter(row => !known.includes(row.id)).forEach(row => window.seen(row.dataset.status)))"
        ".observe(document.body, {childList: true, subtree: true, attributes: true})",
        known,
    )
    page.get_by_label("Preview first").uncheck()
    page.get_by_label(re.compile("file", re.IGNORECASE)).first.set_input_files(path)
    page.get_by_role("button", name="Upload and Import").click()
    expect(page.locator("tr[data-status]")).to_have_count(len(known) + 1)
    row = page.locator("tr[data-status]").first
    expect(row).to_have_attribute("data-status", "completed", timeout=60_000)
    assert seen[0] in {"pending", "processing"}
    assert "completed" in seen
    assert page.evaluate("window.marker") == "still the same document"
    for attribute in ("hx-get", "hx-trigger"):
        assert row.get_attribute(attribute) is None
    polls: list[str] = []
    page.on("request", lambda request: polls.append(request.url))
    page.wait_for_timeout(2500)
    assert polls == []
    expect(row).to_contain_text("3,000 of 3,000 (100%)")


def test_what_was_exported_elsewhere_comes_back_in_our_export(site: Site, browser: Browser, tmp_path: Path) -> None:
    items = [
        {"type": "Link", "url": f"https://example.org/{n}", "name": f"A page <b>{n}</b>", "tag": ["a b", "c,d"]}
        for n in range(20)
    ]
    path = tmp_path / "export.json"
    path.write_text(json.dumps({"type": "Collection", "items": items}))
    page = log_in(browser.new_page(), site)
    row = page.locator(f"#{upload(page, site, path)}")
    expect(row).to_have_attribute("data-status", "completed", timeout=60_000)
    exported = export(page, site)["items"]
    assert isinstance(exported, list)
    found = {item["url"]: item for item in exported}
    for item in items:
        assert {key: found[item["url"]][key] for key in item} == item


def test_an_open_detail_and_the_focus_survive_the_refresh_of_a_row_and_cancel_asks_once(
    site: Site, browser: Browser, tmp_path: Path
) -> None:
    path = tmp_path / "export.json"
    write_collection(path, 100_000, seed=2)
    page = log_in(browser.new_page(), site)
    row = page.locator(f"#{upload(page, site, path)}")
    summary = row.locator("details[id$=rejected] summary")
    summary.wait_for(timeout=60_000)
    summary.click()
    summary.focus()
    before = row.element_handle()
    page.wait_for_function("([row]) => !row.isConnected", arg=[before])
    expect(row.locator("details[id$=rejected]")).to_have_attribute("open", "")
    expect(summary).to_be_focused()
    row.get_by_role("button", name="Cancel").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel the import").click()
    expect(row).to_have_attribute("data-status", "cancelled", timeout=10_000)
    row.get_by_role("button", name="Retry").click()
    expect(row).to_have_attribute("data-status", "completed", timeout=120_000)
    expect(row).to_contain_text("100,000 of 100,000 (100%)")


def test_a_file_that_is_no_export_is_refused_at_once_and_the_form_stays_usable(
    site: Site, browser: Browser, tmp_path: Path
) -> None:
    path = tmp_path / "picture.json"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    page = log_in(browser.new_page(), site)
    page.goto(f"{site.url}/import/")
    page.get_by_label("Preview first").uncheck()
    page.get_by_label(re.compile("file", re.IGNORECASE)).first.set_input_files(path)
    page.get_by_role("button", name="Upload and Import").click()
    expect(page.locator("#import-problems")).to_contain_text("image")
    expect(page.get_by_role("button", name="Upload and Import")).to_be_enabled()


def test_everything_works_without_javascript(site: Site, browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "plain.json"
    write_collection(path, 50, seed=3)
    page = log_in(browser.new_context(java_script_enabled=False).new_page(), site)
    page.goto(f"{site.url}/import/")
    page.get_by_label("Preview first").uncheck()
    page.get_by_label(re.compile("file", re.IGNORECASE)).first.set_input_files(path)
    page.get_by_role("button", name="Upload and Import").click()
    expect(page.locator("#live")).to_contain_text("The file was uploaded")
    row = page.locator("tr[data-status]").first
    for _ in range(60):
        if row.get_attribute("data-status") == "completed":
            break
        page.wait_for_timeout(500)
        page.reload()
    expect(row).to_have_attribute("data-status", "completed")


@pytest.mark.parametrize("name", ["page", "row"])
def test_after_the_session_has_ended_the_page_asks_to_log_in_and_fills_no_row_with_a_form(
    site: Site, browser: Browser, tmp_path: Path, name: str
) -> None:
    context = browser.new_context()
    page = log_in(context.new_page(), site)
    page.goto(f"{site.url}/import/")
    context.clear_cookies()
    if name == "page":
        page.reload()
    else:
        page.evaluate("htmx.ajax('GET', '/import/1/row/', {target: '#import-history', swap: 'innerHTML'})")
    page.wait_for_url(re.compile(r"/accounts/login/\?next="))


def test_every_pebbling_club_sample_imports_through_the_page_with_the_count_of_the_manifest(
    site: Site, browser: Browser
) -> None:
    samples = pebbling_club_samples()
    page = log_in(browser.new_page(), site)
    for path, expected in samples:
        row = page.locator(f"#{upload(page, site, path)}")
        expect(row).to_have_attribute("data-status", re.compile("completed|failed"), timeout=60_000)
        counts = row.locator(".import-counts b").all_inner_texts()
        new, updated, skipped, _failed = (int(count.replace(",", "")) for count in counts)
        assert new + updated + skipped == expected, path.name


def test_the_health_page_answers_while_the_worker_runs(site: Site) -> None:
    with urllib.request.urlopen(f"{site.url}/healthz") as response:
        assert json.load(response) == {"status": "ok"}
