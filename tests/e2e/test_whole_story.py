"""The whole story of imports in one test, from the first file to the undo: real site, real worker, real Chromium."""

import csv
import io
import json
import re
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.e2e.conftest import log_in
from tests.e2e.site import Site
from tests.e2e.test_uploads import drop

pytestmark = [pytest.mark.browser, pytest.mark.processes, pytest.mark.usefixtures("running_site")]

PATIENCE_MS = 120_000
FROM_BROWSER = """<!DOCTYPE NETSCAPE-Bookmark-file-1>
<TITLE>Bookmarks</TITLE>
<DL><p>
  <DT><H3>Building</H3>
  <DL><p>
    <DT><H3>Walls</H3>
    <DL><p>
      <DT><A HREF="https://drystone.example/beginners" ADD_DATE="1083844800">The first metre</A>
      <DT><A HREF="https://drystone.example/tools" ADD_DATE="1186844800">Hammers and chisels</A>
    </DL><p>
  </DL><p>
  <DT><H3>Recipes</H3>
  <DL><p>
    <DT><A HREF="https://kitchen.example/rye" ADD_DATE="1286844800">Rye sourdough</A>
  </DL><p>
</DL><p>
"""
SAVED = 20_000
ODD = [("javascript:void(0)", "A bookmarklet"), ("/weather/today", "Weather"), ("", "The talk about hedges")]


@dataclass
class Person:
    """Somebody who is logged in, at a browser's window."""

    page: Page
    site: Site

    def go(self, path: str) -> None:
        self.page.goto(f"{self.site.url}{path}")

    def row(self, file_name: str) -> Locator:
        """Return the row of the import of a file, which stands on the import page."""
        return self.page.locator("tr[data-status]").filter(
            has=self.page.get_by_role("link", name=file_name, exact=True)
        )

    def bookmarks(self) -> dict[str, dict[str, object]]:
        """Return all bookmarks by their addresses, as the export has them."""
        whole = json.loads(self.page.request.get(f"{self.site.url}/bookmarks/export/activitystream.json").text())
        return {item["url"]: item for item in whole["items"]}

    def toast(self, text: str) -> Locator:
        return self.page.locator("#live .note", has_text=text)


def saved_pages() -> str:
    """Return a service's table: many pages, enough to be still on their way while somebody leaves, and odd rows."""
    file = io.StringIO()
    table = csv.writer(file)
    table.writerow(("url", "title", "tags", "created"))
    for number in range(SAVED):
        table.writerow((f"https://saved.example/{number}", f"Saved page {number}", "saved", "2019-04-06"))
        if number < len(ODD):
            table.writerow((*ODD[number], "", ""))
    return file.getvalue()


def see_and_confirm_the_first(robin: Person) -> None:
    """Look at what the browser's export would do, choose what becomes of its folders, and import it."""
    page = robin.page
    robin.row("browser.html").get_by_role("link", name="Look at the preview").click()
    expect(page.get_by_role("heading", name="Preview of browser.html")).to_be_visible()
    expect(page.locator("#preview-created")).to_have_text("3")
    expect(page.locator("#preview-span")).to_contain_text("From 2004 to 2010")
    sample = page.locator(".preview-list .bookmark", has_text="The first metre")
    expect(sample.locator(".tag")).to_have_text(["Building", "Walls"])
    page.get_by_label("Folders in the file").select_option("path")
    expect(sample.locator(".tag")).to_have_text(["Building/Walls"])
    page.get_by_role("button", name="Apply these options").click()
    expect(robin.toast("The preview is made again with these options.")).to_be_visible()
    expect(page.locator("#preview-tags + .preview-tags .tag")).to_have_text(
        ["Building/Walls", "Recipes"], timeout=PATIENCE_MS
    )
    assert robin.bookmarks() == {}
    page.get_by_role("button", name="Import these").click()
    page.wait_for_url(f"{robin.site.url}/import/")
    expect(robin.row("browser.html")).to_have_attribute("data-status", "completed", timeout=PATIENCE_MS)
    expect(robin.toast("browser.html was imported: 3 new.")).to_be_visible()
    imported = robin.bookmarks()
    assert imported["https://drystone.example/tools"]["tag"] == ["Building/Walls"]
    assert len(imported) == 3


def import_the_copy(robin: Person) -> None:
    """See that a preview from before the first import tells so, and have it made again."""
    page = robin.page
    robin.row("copy.html").get_by_role("link", name="Look at the preview").click()
    expect(page.locator("main")).to_contain_text("You have uploaded this very file before")
    expect(page.locator("#preview-created")).to_have_text("3")
    page.get_by_role("button", name="Make the preview again").click()
    expect(page.locator("#preview-skipped")).to_have_text("3", timeout=PATIENCE_MS)
    expect(page.locator("#preview-created")).to_have_text("0")
    expect(page.locator("main")).to_contain_text("3 pages are already bookmarked")
    page.get_by_role("button", name="Import these").click()
    page.wait_for_url(f"{robin.site.url}/import/")
    expect(robin.toast("copy.html was imported: 0 new, 3 skipped.")).to_be_visible(timeout=PATIENCE_MS)
    expect(robin.row("copy.html")).to_contain_text("Same file as the import of")


def import_the_table_and_leave(robin: Person) -> None:
    """Import what a service has saved, and do not wait for it."""
    page = robin.page
    robin.row("saved.csv").get_by_role("link", name="Look at the preview").click()
    expect(page.locator("#preview-created")).to_have_text(f"{SAVED:,}")
    expect(page.locator("#preview-failed")).to_have_text("3")
    page.get_by_role("button", name="Import these").click()
    page.wait_for_url(f"{robin.site.url}/import/")
    page.get_by_role("link", name="Bookmarks", exact=True).click()
    expect(page.locator(".imports-sign")).to_have_text(re.compile(r"1 import,\s+\d+ %"))
    expect(page).to_have_title(re.compile(r"^\d+ % · Bookmarks"))
    expect(robin.toast(f"saved.csv was imported: {SAVED:,} new, 3 failed.")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.locator(".imports-sign")).to_have_count(0)
    assert page.url == f"{robin.site.url}/bookmarks/"
    assert len(robin.bookmarks()) == SAVED + 3


def fix(robin: Person, position: int, url: str, *, left: str) -> None:
    """Correct a rejected item in its place; `left` is what the page then says of the others."""
    row = robin.page.locator(f"#rejected-{position}")
    row.get_by_role("link", name="Fix").click()
    robin.page.get_by_label("Address (URL)").fill(url)
    robin.page.get_by_label("Tags").fill("repaired")
    row.get_by_role("button", name="Import").click()
    expect(row).to_have_count(0)
    expect(robin.page.locator("#rejected-summary")).to_contain_text(left)


def look_at_the_rejected_and_fix_two(robin: Person) -> None:
    """Go from the toast to the import, from there to what it could not take, and repair what can be."""
    page = robin.page
    robin.toast("saved.csv").get_by_role("link", name="Show saved.csv").click()
    expect(page.locator("#import-head")).to_contain_text(f"{SAVED:,} new")
    page.get_by_role("link", name="3 rejected", exact=True).click()
    expect(page.locator("#rejected-summary")).to_contain_text("3 items could not become bookmarks.")
    expect(page.locator("tr[id^=rejected-]")).to_have_count(3)
    fix(robin, 4, "https://weather.example/today", left="2 items could not become bookmarks.")
    fix(robin, 6, "https://hedges.example/talk", left="1 item could not become a bookmark.")
    page.get_by_role("link", name="saved.csv").click()
    expect(page.locator("#figure-new")).to_have_text(f"{SAVED + 2:,} new")
    expect(page.locator("#figure-rejected")).to_have_text("1 rejected")
    fixed = robin.bookmarks()["https://weather.example/today"]
    assert (fixed["name"], fixed["tag"]) == ("Weather", ["repaired"])
    page.locator("#figure-new").click()
    expect(page.locator(".pill-on")).to_contain_text("From one import")
    expect(page.locator(".bookmark-title").first).to_have_text("The talk about hedges")


def edit_one(robin: Person) -> None:
    """Change one of the imported bookmarks by hand."""
    page = robin.page
    robin.go("/bookmarks/?q=saved.example/4711")
    page.locator(".bookmark", has_text="Saved page 4711").get_by_role("link", name="Edit").click()
    page.get_by_label("Title").fill("Mine now")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".bookmark-title", has_text="Mine now")).to_be_visible()


def undo_the_table(robin: Person) -> None:
    """Take the import back, and see that all is as before but what was edited since."""
    page = robin.page
    robin.go("/import/")
    robin.row("saved.csv").get_by_role("link", name="Undo…").click()
    expect(page.locator(".foreseen li")).to_have_text(
        [
            re.compile(rf"^\s*{SAVED + 1:,} bookmarks"),
            re.compile(r"^\s*0 bookmarks"),
            re.compile(r"^\s*1 bookmark stays"),
        ]
    )
    assert len(robin.bookmarks()) == SAVED + 5
    page.get_by_role("button", name="Undo the import").click()
    expect(robin.toast("The import is being taken back.")).to_be_visible()
    expect(page.locator("#import-head")).to_have_attribute("data-status", "undone", timeout=PATIENCE_MS)
    expect(page.locator("#import-head .figures b")).to_have_text([f"{SAVED + 1:,}", "0", "1", "1"])
    expect(robin.toast("The import of saved.csv was undone.")).to_be_visible()
    left = robin.bookmarks()
    assert {item["name"] for item in left.values()} == {
        "The first metre",
        "Hammers and chisels",
        "Rye sourdough",
        "Mine now",
    }
    page.get_by_role("link", name="Bookmarks", exact=True).click()
    expect(page.locator(".bookmark")).to_have_count(4)


def test_from_three_dropped_files_to_an_undo_that_leaves_nothing_behind(site: Site, browser: Browser) -> None:
    robin = Person(log_in(browser.new_page(), site), site)
    complaints: list[str] = []
    robin.page.on("pageerror", lambda error: complaints.append(str(error)))
    robin.go("/import/")
    expect(robin.page.get_by_label("Preview first")).to_be_checked()
    drop(robin.page, {"browser.html": FROM_BROWSER, "saved.csv": saved_pages(), "copy.html": FROM_BROWSER})
    for name in ("browser.html", "saved.csv", "copy.html"):
        expect(robin.row(name)).to_have_attribute("data-status", "previewed", timeout=PATIENCE_MS)
    assert robin.bookmarks() == {}
    see_and_confirm_the_first(robin)
    import_the_copy(robin)
    import_the_table_and_leave(robin)
    look_at_the_rejected_and_fix_two(robin)
    edit_one(robin)
    undo_the_table(robin)
    assert complaints == []
