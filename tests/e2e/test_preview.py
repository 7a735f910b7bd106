"""The preview of an import in a real Chromium: how it looks, and the way from the upload to the imported bookmarks."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from imports.models import ImportJob, Status, Work
from imports.options import ImportOptions
from tests.e2e.conftest import log_in
from tests.e2e.site import Site as RunningSite
from tests.factories import make_job, make_user
from tests.imports.test_preview_views import make_preview, sample_item
from tests.project.test_look import LONG, Site, findings, overflow

pytestmark = pytest.mark.browser

PATIENCE_MS = 60_000
EXPORT = """<!DOCTYPE NETSCAPE-Bookmark-file-1>
<TITLE>Bookmarks</TITLE>
<DL><p>
  <DT><H3>Building</H3>
  <DL><p>
    <DT><H3>Walls</H3>
    <DL><p>
      <DT><A HREF="https://example.org/stones" ADD_DATE="1083844800">Dry stones</A>
      <DT><A HREF="https://example.org/mortar" ADD_DATE="1186844800">Mortar</A>
    </DL><p>
  </DL><p>
  <DT><A HREF="javascript:void(0)">A bookmarklet</A>
</DL><p>
"""


@pytest.fixture
def look(django_db_setup: None, chromium: str, live_server: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    # Playwright runs an event loop in this thread, at which Django would otherwise refuse to touch the database.
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        yield Site(live_server.url, browser, make_user("ada"))
        browser.close()


def make_rich_preview(look: Site) -> ImportJob:
    """Make a preview with all that its page can show, and long texts wherever a file may bring them."""
    item = sample_item(f"https://example.org/{LONG}", title=LONG * 3, description=LONG * 3, tags=[LONG[:64]] * 3)
    changes = [{"field": name, "before": LONG, "after": LONG * 3} for name in ("title", "description")]
    return make_preview(
        look.ada,
        ImportOptions(preview=True, tags=(LONG[:64],)),
        file_name=f"{LONG}.zip",
        notices=[LONG, "Tags & more"],
        same_file_as=make_job(look.ada, status=Status.COMPLETED),
        years={**{str(year): year - 1990 for year in range(1994, 2027, 2)}, "": 40},
        total=1_234_567,
        created=1_234_000,
        reasons={LONG: 1_000_000, "It has no address.": 3},
        tag_names=[LONG[:64], "walls", *[f"tag {n}" for n in range(98)]],
        examined=7,
        fields={"title": 6, "description": 5},
        examples=[{"url": f"https://example.org/{LONG}", "title": LONG, "changes": changes}] * 3,
        sample=[item, sample_item(unread=True, favorite=True, archived=True, private=True), item],
        members=[[f"{LONG}/{n}.html", 1_000 * n] for n in range(20)],
    )


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("width", "scheme"), [(1920, "light"), (1280, "dark"), (390, "light"), (390, "dark")])
def test_a_preview_is_accessible_and_fits_the_window(look: Site, width: int, scheme: Any) -> None:
    ready = make_rich_preview(look)
    waiting = make_preview(look.ada, status=Status.PENDING, preview={}, file_name=f"{LONG}.html")
    with look.page(viewport={"width": width, "height": 900}, color_scheme=scheme) as page:
        # Polls beside the test would share its one connection to a database in memory.
        page.route("**/import/active/", lambda route: route.fulfill(status=204))
        for path in (f"/import/{ready.pk}/preview/", f"/import/{ready.pk}/preview/discard/"):
            page.goto(path)
            assert (path, findings(page), overflow(page)) == (path, [], 0)
        page.goto(f"/import/{ready.pk}/preview/")
        for details in page.locator("main details:not(.menu)").all():
            details.locator("summary").click()
        assert (findings(page), overflow(page)) == ([], 0)
        page.get_by_label("Folders in the file").select_option("path")
        expect(page.locator("#preview-sample .note")).to_be_visible()
        assert (findings(page), overflow(page)) == ([], 0)
        page.get_by_label("Tags for everything").fill("x" * 1000)
        for box in page.locator("[name=members]").all():
            box.uncheck()
        page.get_by_role("button", name="Import these").click()
        expect(page.locator("#preview-members-error")).to_be_visible()
        # The browser reports every such answer; this one is wanted.
        look.complaints[:] = [text for text in look.complaints if " 422 " not in text]
        assert (findings(page), overflow(page)) == ([], 0)
        page.route("**/preview/", lambda route: route.continue_() if route.request.is_navigation_request() else None)
        page.goto(f"/import/{waiting.pk}/preview/")
        expect(page.locator("#preview-waiting")).to_be_visible()
        assert (findings(page), overflow(page)) == ([], 0)


@pytest.mark.django_db(transaction=True)
def test_the_sample_follows_the_keyboard_and_discarding_asks_in_a_dialog(look: Site) -> None:
    job = make_preview(look.ada)
    with look.page() as page:
        page.route("**/import/active/", lambda route: route.fulfill(status=204))
        page.goto(f"/import/{job.pk}/preview/")
        sample = page.locator("#preview-sample")
        expect(sample.locator(".tag")).to_have_text(["Building", "stones", "Walls"])
        page.get_by_label("Folders in the file").focus()
        page.keyboard.press("ArrowDown")
        expect(sample.locator(".tag")).to_have_text(["stones", "Walls"])
        expect(page.get_by_label("Folders in the file")).to_be_focused()
        expect(page.locator("#preview-news")).to_have_text("The sample was renewed.")
        page.keyboard.press("Tab")
        page.keyboard.type("old")
        expect(sample.locator(".tag")).to_have_text(["old", "stones", "Walls"])
        expect(page.get_by_label("Tags for everything")).to_be_focused()
        page.get_by_role("button", name="Discard").focus()
        page.keyboard.press("Enter")
        dialog = page.get_by_role("dialog")
        dialog.get_by_role("button", name="Cancel").press("Enter")
        expect(dialog).to_be_hidden()
        assert ImportJob.objects.owned_by(look.ada).exists()
        page.get_by_role("button", name="Discard").press("Enter")
        dialog.get_by_role("button", name="Discard").press("Enter")
        page.wait_for_url("**/import/")
        assert not ImportJob.objects.owned_by(look.ada).exists()


@pytest.mark.django_db(transaction=True)
def test_a_preview_appears_where_somebody_waits_for_it(look: Site) -> None:
    ready = make_preview(look.ada)
    found = ready.preview
    waiting = make_preview(look.ada, status=Status.PROCESSING, preview={})
    with look.page() as page:
        page.route("**/import/active/", lambda route: route.fulfill(status=204))
        page.goto(f"/import/{waiting.pk}/preview/")
        expect(page.locator("#preview-waiting")).to_be_visible()
        ImportJob.objects.filter(pk=waiting.pk).update(status=Status.PREVIEWED, preview=found)
        expect(page.locator("#preview-created")).to_have_text("1,234")
        expect(page.locator("#preview-news")).to_have_text("The preview is ready.")
        polls: list[str] = []
        page.on("request", lambda request: polls.append(request.url))
        page.wait_for_timeout(2500)
        assert [url for url in polls if url.endswith("/preview/")] == []
        page.get_by_label("Folders in the file").select_option("none")
        expect(page.locator("#preview-sample .tag")).to_have_text(["stones"])
        page.get_by_role("button", name="Import these").click()
        page.wait_for_url(f"**/import/{waiting.pk}/preview/")
        expect(page.locator("#live")).to_contain_text("Nothing was imported yet")
    waiting.refresh_from_db()
    assert (waiting.work, waiting.options.folders.value) == (Work.PREVIEW, "none")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> RunningSite:
    """Make a site on SQLite; the import itself is tested on both databases elsewhere."""
    return RunningSite(tmp_path_factory.mktemp("site"))


def upload(page: Page, site: RunningSite, path: Path) -> str:
    """Upload the export with a preview, and return the address of that as soon as there is a job.

    Each file has pages of its own, as tests share the site.
    """
    path.write_text(EXPORT.replace("example.org", f"{path.stem}.example.org"))
    page.goto(f"{site.url}/import/")
    page.get_by_label("Preview first").check()
    page.get_by_label("Export files").set_input_files(path)
    page.get_by_role("button", name="Upload and Import").click()
    row = page.locator("tr[data-status]").filter(has_text=path.name).first
    row_id = row.get_attribute("id") or ""
    return f"{site.url}/import/{row_id.removeprefix('job-')}/preview/"


def exported_tags(page: Page, site: RunningSite, name: str) -> dict[str, list[str]]:
    """Return the tags of each bookmark from the file `name` by its address, as the export has them."""
    whole = json.loads(page.request.get(f"{site.url}/bookmarks/export/activitystream.json").text())
    mine = (item for item in whole["items"] if f"//{name}.example.org/" in item["url"])
    return {item["url"]: sorted(item.get("tag", [])) for item in mine}


@pytest.mark.processes
@pytest.mark.usefixtures("running_site")
def test_from_the_upload_over_another_folder_policy_to_the_bookmarks(
    site: RunningSite, browser: Browser, tmp_path: Path
) -> None:
    page = log_in(browser.new_page(), site)
    preview = upload(page, site, tmp_path / "walls.html")
    page.goto(preview)
    expect(page.locator("#preview-created")).to_have_text("2", timeout=PATIENCE_MS)
    expect(page.locator("#preview-failed")).to_have_text("1")
    assert exported_tags(page, site, "walls") == {}
    page.get_by_label("Folders in the file").select_option("path")
    expect(page.locator("#preview-sample .tag").first).to_have_text("Building/Walls")
    page.get_by_role("button", name="Import these").click()
    expect(page.locator("#live")).to_contain_text("Nothing was imported yet")
    expect(page.locator("#preview-created")).to_have_text("2", timeout=PATIENCE_MS)
    expect(page.get_by_label("Folders in the file")).to_have_value("path")
    assert exported_tags(page, site, "walls") == {}
    page.get_by_role("button", name="Import these").click()
    page.wait_for_url(f"{site.url}/import/")
    row = page.locator("tr[data-status]").first
    expect(row).to_have_attribute("data-status", "completed", timeout=PATIENCE_MS)
    imported = exported_tags(page, site, "walls")
    assert imported == {f"https://walls.example.org/{name}": ["Building/Walls"] for name in ("stones", "mortar")}
    page.goto(preview)
    page.wait_for_url(f"{site.url}/import/")


@pytest.mark.processes
@pytest.mark.usefixtures("running_site")
def test_without_javascript_options_are_applied_and_a_preview_is_imported_or_discarded(
    site: RunningSite, browser: Browser, tmp_path: Path
) -> None:
    page = log_in(browser.new_context(java_script_enabled=False).new_page(), site)
    preview = upload(page, site, tmp_path / "plain.html")

    def wait() -> None:
        page.goto(preview)
        for _ in range(120):
            if page.locator("#preview-confirm").count():
                return
            page.wait_for_timeout(500)
            page.get_by_role("link", name="Look again").click()
        raise AssertionError("there is no preview")

    wait()
    page.get_by_label("Tags for everything imported").fill("plain")
    page.get_by_label("Overwrite").check()
    page.get_by_role("button", name="Apply these options").click()
    wait()
    expect(page.locator("#preview-sample .tag").filter(has_text=re.compile("^plain$"))).to_have_count(2)
    page.get_by_role("button", name="Discard").click()
    page.get_by_role("link", name="Keep it").click()
    page.get_by_role("button", name="Import these").click()
    expect(page.locator("#live")).to_contain_text("The import begins.")
    for _ in range(120):
        if "plain" in exported_tags(page, site, "plain").get("https://plain.example.org/stones", []):
            break
        page.wait_for_timeout(500)
    assert exported_tags(page, site, "plain")["https://plain.example.org/stones"] == ["Building", "Walls", "plain"]
