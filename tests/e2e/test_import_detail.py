"""The page of one import and that of its rejected items in a real Chromium: accessible, fitting, by keyboard."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect, sync_playwright

from bookmarks.drafts import Duplicates, draft
from bookmarks.models import Bookmark
from bookmarks.upsert import upsert_bookmarks
from imports.models import Happening, ImportJob, JobEvent, RejectedItem, Status, Work
from tests.e2e import site as real
from tests.e2e.conftest import log_in
from tests.factories import make_bookmark, make_job, make_user
from tests.project.test_look import LONG, Site, findings, overflow

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def look(django_db_setup: None, chromium: str, live_server: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    # Playwright runs an event loop in this thread, at which Django would otherwise refuse to touch the database.
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        yield Site(live_server.url, browser, make_user("ada"))
        browser.close()


def make_rich_job(owner: User, **fields: Any) -> ImportJob:
    """Make an import with all that its page can show, and long texts wherever a file may bring them."""
    now = timezone.now()
    counts = {"total_bookmarks": 12_345, "processed_bookmarks": 12_345, "created_bookmarks": 12_000}
    counts |= {"updated_bookmarks": 2, "skipped_bookmarks": 341, "failed_bookmarks": 2}
    times = {"started_at": now, "prepared_at": now, "completed_at": now}
    told = {"notices": [LONG, "Tags & more"], "years": {"1998": 3, "2004": 120, "2019": 900, "": 40}}
    job = make_job(
        owner,
        **{
            "status": Status.COMPLETED,
            "file_name": f"{LONG}.html",
            "detected_format": "netscape",
            "same_file_as": make_job(owner, status=Status.FAILED),
            **counts,
            **times,
            **told,
            **fields,
        },
    )
    kinds = [Happening.QUEUED, Happening.STARTED, *[Happening.PROGRESS] * 12, Happening.DIED, Happening.COMPLETED]
    for number, kind in enumerate(kinds):
        position = number * (900 + 100 * (number % 3))
        JobEvent.objects.create(job=job, kind=kind, position=position, at=now + timedelta(seconds=number))
    for number in (1, 2):
        RejectedItem.objects.create(
            job=job,
            position=number,
            url=f"example.com/{LONG}",
            title=LONG * 2,
            reason=f"The address is relative: {LONG}",
        )
        url = f"https://example.com/{LONG}/{number}"
        make_bookmark(owner, url, title=LONG, tags=["walls", "old"], unread=True)
        changed = draft(url=url, title="New", tags=["walls", LONG[:60]], description=LONG * 5, updated=now)
        with transaction.atomic():
            upsert_bookmarks(owner.pk, [changed], duplicates=Duplicates.OVERWRITE, import_id=job.pk)
    return job


def end(job: ImportJob) -> None:
    ImportJob.objects.filter(pk=job.pk).update(status=Status.COMPLETED, completed_at=timezone.now())


@pytest.mark.parametrize(("width", "scheme"), [(1920, "light"), (1280, "dark"), (390, "light"), (390, "dark")])
def test_the_pages_of_an_import_are_accessible_and_fit_the_window(look: Site, width: int, scheme: Any) -> None:
    job = make_rich_job(look.ada)
    running = make_rich_job(look.ada, status=Status.PROCESSING, processed_bookmarks=5_000)
    undone = make_rich_job(look.ada, status=Status.UNDONE, work=Work.UNDO, removed_bookmarks=1_200, kept_bookmarks=4)
    failed = make_job(look.ada, status=Status.FAILED, error_message=LONG, can_import_partly=True, total_bookmarks=3)
    paths = [f"/import/{each.pk}/" for each in (job, running, undone, failed)]
    paths += [f"/import/{job.pk}/{name}" for name in ("rejected/", "rejected/1/fix", "undo/")]
    with look.page(viewport={"width": width, "height": 900}, color_scheme=scheme) as page:
        # Polls beside the test would share its one connection to a database in memory.
        page.route("**/head/", lambda route: route.fulfill(status=204))
        page.route("**/import/active/", lambda route: route.fulfill(status=204))
        for path in paths:
            page.goto(path)
            for summary in page.locator("main details > summary").all():
                summary.click()
            assert (path, findings(page), overflow(page)) == (path, [], 0)
        page.goto(f"/import/{job.pk}/rejected/")
        page.locator("#rejected-1 >> text=Fix").click()
        expect(page.locator("#fix-1-url")).to_be_focused()
        page.fill("#fix-1-url", "javascript:x")
        page.locator("#rejected-1 button").click()
        expect(page.locator("#fix-1-url_error")).to_be_visible()
        assert (findings(page), overflow(page)) == ([], 0)


def test_items_are_fixed_in_place_by_keyboard_and_the_counts_follow(look: Site) -> None:
    job = make_rich_job(look.ada)
    before = Bookmark.objects.count()
    with look.page() as page:
        page.goto(f"/import/{job.pk}/")
        page.locator("#figure-rejected").press("Enter")
        expect(page.locator("h1")).to_have_text("Rejected items")
        page.evaluate("window.marker = 'kept'")
        page.locator("#rejected-2 >> text=Fix").press("Enter")
        expect(page.locator("#fix-2-url")).to_be_focused()
        page.fill("#fix-2-title", "Unsaved")
        page.locator("#rejected-1 >> text=Fix").press("Enter")
        expect(page.locator("#fix-1-url")).to_be_focused()
        page.keyboard.press("Control+A")
        page.keyboard.type("https://example.com/fixed")
        page.keyboard.press("Enter")
        expect(page.locator("#rejected-1")).to_have_count(0)
        expect(page.locator("#rejected-summary")).to_contain_text("1 item could not become a bookmark.")
        expect(page.locator("#rejected-summary")).to_be_focused()
        expect(page.locator("#live")).to_contain_text("Imported:")
        expect(page.locator("#fix-2-title")).to_have_value("Unsaved")
        page.locator("#rejected-2 >> text=Leave it").press("Enter")
        expect(page.locator("#rejected-2 input")).to_have_count(0)
        expect(page.locator("#rejected-2")).to_be_focused()
        assert page.evaluate("window.marker") == "kept"
    assert Bookmark.objects.count() == before + 1


def test_the_page_follows_an_import_to_its_end_and_keeps_the_focus(look: Site) -> None:
    job = make_rich_job(look.ada, status=Status.PROCESSING, processed_bookmarks=5_000)
    with look.page() as page:
        page.route("**/import/active/", lambda route: route.fulfill(status=204))
        page.goto(f"/import/{job.pk}/")
        page.locator("#figure-new").focus()
        expect(page.locator("#import-head progress")).to_have_attribute("value", "40")
        ImportJob.objects.filter(pk=job.pk).update(processed_bookmarks=11_111)
        expect(page.locator("#import-head progress")).to_have_attribute("value", "90")
        expect(page.locator("#figure-new")).to_be_focused()
        end(job)
        expect(page.locator("#import-body")).to_contain_text("Remove from history")
        expect(page.locator("#changes")).to_be_visible()
        assert page.locator("[hx-trigger^=every]").count() == 0


def test_without_scripts_items_are_fixed_an_import_is_undone_and_left_out_of_the_history(look: Site) -> None:
    job = make_rich_job(look.ada)
    with look.page(java_script_enabled=False) as page:
        page.goto(f"/import/{job.pk}/rejected/")
        page.locator("#rejected-1 >> text=Fix").click()
        page.fill("#fix-1-url", "https://example.com/fixed")
        page.click("main button:has-text('Import')")
        expect(page.locator("#live")).to_contain_text("Imported:")
        page.set_input_files(
            "#corrected-table",
            {"name": "fixed.csv", "mimeType": "text/csv", "buffer": b"position,url\n2,https://example.com/2\n"},
        )
        page.click("text=Import the corrected items")
        expect(page.locator("#report-heading")).to_have_text("1 item of the table was imported")
        page.goto(f"/import/{job.pk}/")
        page.click("text=Undo this import")
        expect(page.locator(".foreseen")).to_contain_text("2 bookmarks that it added will be removed.")
        page.click("main button:has-text('Undo the import')")
        expect(page.locator(".import-outcome")).to_contain_text("The undo waits for a worker.")
        page.click("main button:has-text('Cancel')")
        expect(page.locator(".import-outcome")).to_contain_text("The undo was cancelled.")
        page.click("main button:has-text('Remove from history')")
        expect(page.locator("h1")).to_have_text("Remove this import from the history?")
        page.click("main button:has-text('Remove')")
        expect(page.locator("h1")).to_have_text("Import Bookmarks")
    assert not ImportJob.objects.owned_by(look.ada).filter(pk=job.pk).exists()


def test_removing_from_the_history_asks_in_a_dialog(look: Site) -> None:
    job = make_rich_job(look.ada)
    with look.page() as page:
        page.goto(f"/import/{job.pk}/")
        page.locator("button:has-text('Remove from history')").press("Enter")
        expect(page.locator("#confirm")).to_contain_text("Its bookmarks stay")
        page.keyboard.press("Escape")
        expect(page.locator("#confirm")).not_to_be_visible()
        page.locator("button:has-text('Remove from history')").press("Enter")
        page.locator("#confirm [value=yes]").press("Enter")
        expect(page.locator("h1")).to_have_text("Import Bookmarks")
    assert not ImportJob.objects.owned_by(look.ada).filter(pk=job.pk).exists()


def exported(page: Page, site: real.Site) -> object:
    """Return what the export holds, without when it was made."""
    whole = page.request.get(f"{site.url}/bookmarks/export/activitystream.json").json()
    return whole["items"]


@pytest.mark.processes
def test_an_import_is_looked_at_fixed_and_taken_back_before_a_real_worker(
    running_site: real.Site, browser: Browser, tmp_path: Path
) -> None:
    site = running_site
    items = [
        {"type": "Link", "url": f"https://example.org/{n}", "name": f"New {n}", "updated": "2099-01-01T00:00:00Z"}
        for n in range(300)
    ]
    items += [{"type": "Link", "url": "javascript:x", "name": "Two"}, {"type": "Link", "url": "/x", "name": "Three"}]
    path = tmp_path / "export.json"
    path.write_text(json.dumps({"type": "Collection", "items": items}))
    page = log_in(browser.new_page(), site)
    page.goto(f"{site.url}/bookmarks/new?url=https://example.org/7&title=Mine&tags=walls")
    page.click("main button:has-text('Save')")
    before = exported(page, site)

    page.goto(f"{site.url}/import/")
    page.get_by_label("Preview first").uncheck()
    page.get_by_label("Overwrite").check()
    page.locator("#import-form input[type=file]").set_input_files(path)
    page.get_by_role("button", name="Upload and Import").click()
    row = page.locator("tr[data-status]").first
    expect(row).to_have_attribute("data-status", "completed", timeout=60_000)
    row.locator("a[id$=-detail]").click()
    expect(page.locator(".import-outcome")).to_contain_text("Of 302 items: 299 new bookmarks, 1 updated, 2 rejected.")
    expect(page.locator("#changes")).to_contain_text("Mine")
    expect(page.locator("#changes")).to_contain_text("New 7")
    expect(page.locator(".timeline")).to_contain_text("Finished, after item 302")

    page.click("#figure-rejected")
    page.locator("tr:has-text('Two') >> text=Fix").click()
    expect(page.locator("#fix-301-url")).to_be_focused()
    page.fill("#fix-301-url", "example.org/two")
    page.keyboard.press("Enter")
    expect(page.locator("#rejected-summary")).to_contain_text("1 item could not become a bookmark.")
    page.click(".trail >> text=export.json")
    page.click("#figure-new")
    page.wait_for_url("**/bookmarks/?import=*")
    page.go_back()
    page.click("text=Undo this import")
    expect(page.locator(".foreseen")).to_contain_text("300 bookmarks that it added will be removed.")
    expect(page.locator(".foreseen")).to_contain_text("1 bookmark that it changed will be as it was before.")
    page.click("main button:has-text('Undo the import')")
    told = page.locator(".import-outcome")
    expect(told).to_contain_text("300 bookmarks removed, 1 restored.", timeout=60_000)
    expect(page.locator(".timeline")).to_contain_text("Undone")
    assert exported(page, site) == before
