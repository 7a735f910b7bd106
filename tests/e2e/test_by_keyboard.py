"""Every flow by keyboard alone: what is used is reached with the Tab key, from the login to the undo of an import."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.benchmarks.data import write_collection
from tests.e2e.site import NAME, PASSWORD, Site

pytestmark = [
    pytest.mark.browser,
    pytest.mark.processes,
    pytest.mark.usefixtures("running_site"),
    pytest.mark.parametrize("site", ["sqlite"], indirect=True, scope="module"),
]

PATIENCE_MS = 60_000
MANY_STEPS = 120
LARGE = 60_000


@dataclass
class Typist:
    """Somebody who has a keyboard and nothing else."""

    page: Page

    def reach(self, target: Locator) -> None:
        """Press Tab until `target` has the focus."""
        expect(target).to_be_visible(timeout=PATIENCE_MS)
        for _ in range(MANY_STEPS):
            if target.evaluate("element => element === document.activeElement"):
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"the Tab key does not lead to {target}")

    def press(self, target: Locator, key: str = "Enter") -> None:
        """Reach `target` and press a key on it."""
        self.reach(target)
        self.page.keyboard.press(key)

    def type(self, target: Locator, text: str) -> None:
        """Reach a field and write `text` in place of what it holds."""
        self.reach(target)
        self.page.keyboard.press("Control+A")
        self.page.keyboard.type(text)

    def upload(self, path: Path, *, preview: bool) -> None:
        """Choose a file on the import page, in the browser's own dialog, and send it."""
        page = self.page
        with page.expect_file_chooser() as chooser:
            self.press(page.get_by_label("Export files"))
        chooser.value.set_files(path)
        box = page.get_by_label("Preview first")
        if box.is_checked() is not preview:
            self.press(box, "Space")
        self.press(page.get_by_role("button", name="Upload and Import"))

    def row(self, name: str) -> Locator:
        return self.page.locator("tr[data-status]").filter(has=self.page.get_by_role("link", name=name, exact=True))

    def status(self, name: str, status: str) -> None:
        expect(self.row(name)).to_have_attribute("data-status", status, timeout=PATIENCE_MS)


@pytest.fixture
def typist(site: Site, browser: Browser) -> Typist:
    """Have somebody log in."""
    page = browser.new_page(base_url=site.url)
    typist = Typist(page)
    page.goto("/accounts/login/")
    typist.type(page.get_by_label("Username"), NAME)
    typist.type(page.get_by_label("Password"), PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/bookmarks/")
    return typist


def links(folder: Path, name: str, urls: list[str]) -> Path:
    path = folder / name
    items = [{"type": "Link", "url": url, "name": f"Page {number}"} for number, url in enumerate(urls)]
    path.write_text(
        json.dumps({"@context": "https://www.w3.org/ns/activitystreams", "type": "Collection", "items": items})
    )
    return path


def test_a_preview_an_import_its_rejected_item_and_its_undo(typist: Typist, tmp_path: Path) -> None:
    page = typist.page
    typist.press(page.get_by_role("navigation", name="Main").get_by_role("link", name="Import"))
    expect(page.get_by_role("heading", name="Import Bookmarks")).to_be_visible()
    typist.upload(links(tmp_path, "few.json", ["https://one.example/", "javascript:void(0)"]), preview=True)
    typist.status("few.json", "previewed")
    typist.press(page.get_by_role("link", name="Look at the preview"))
    typist.type(page.get_by_label("Tags for everything imported"), "typed")
    typist.press(page.get_by_role("button", name="Apply these options"))
    expect(page.locator("#preview-tags + .preview-tags .tag")).to_have_text(["typed"], timeout=PATIENCE_MS)
    typist.press(page.get_by_role("button", name="Import these"))
    typist.status("few.json", "completed")
    typist.press(typist.row("few.json").get_by_role("link", name="few.json", exact=True))
    typist.press(page.get_by_role("link", name="1 rejected", exact=True))
    typist.press(page.get_by_role("link", name="Fix"))
    typist.type(page.get_by_label("Address (URL)"), "https://two.example/")
    page.keyboard.press("Enter")
    expect(page.locator("#live")).to_contain_text("Imported:")
    typist.press(page.get_by_role("navigation", name="Way back").get_by_role("link", name="few.json"))
    typist.press(page.get_by_role("link", name="2 new", exact=True))
    expect(page.locator(".bookmark .tag")).to_have_text(["typed", "typed"])
    typist.press(page.get_by_role("navigation", name="Main").get_by_role("link", name="Import"))
    typist.press(typist.row("few.json").get_by_role("link", name="Undo…"))
    typist.press(page.get_by_role("button", name="Undo the import"))
    expect(page.locator("#import-head")).to_have_attribute("data-status", "undone", timeout=PATIENCE_MS)
    typist.press(page.get_by_role("button", name="Remove from history"))
    typist.press(page.get_by_role("dialog").get_by_role("button", name="Remove"))
    page.wait_for_url("**/import/")
    expect(typist.row("few.json")).to_have_count(0)


def test_cancelling_a_running_import_and_going_on_with_it(typist: Typist, tmp_path: Path) -> None:
    page = typist.page
    large = tmp_path / "large.json"
    write_collection(large, LARGE)
    page.goto("/import/")
    typist.upload(large, preview=False)
    typist.status("large.json", "processing")
    typist.press(typist.row("large.json").get_by_role("button", name="Cancel"))
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("button", name="Keep importing")).to_be_focused()
    typist.press(dialog.get_by_role("button", name="Cancel the import"))
    typist.status("large.json", "cancelled")
    typist.press(typist.row("large.json").get_by_role("button", name="Retry"))
    typist.status("large.json", "completed")
    expect(typist.row("large.json")).to_contain_text(f"{LARGE:,} of {LARGE:,}")


def test_a_bookmark_is_added_found_changed_and_deleted(typist: Typist) -> None:
    page = typist.page
    typist.press(page.locator("#user-menu summary"))
    typist.press(page.locator("#user-menu").get_by_role("link", name="New"))
    typist.type(page.get_by_label("Address (URL)"), "https://keys.example/")
    typist.type(page.get_by_label("Title"), "Ivory and ebony")
    page.keyboard.press("Enter")
    page.wait_for_url("**/bookmarks/")
    typist.type(page.locator("#q"), "ebony")
    page.keyboard.press("Enter")
    expect(page.locator(".bookmark-title")).to_have_text(["Ivory and ebony"])
    typist.press(page.locator(".bookmark").get_by_role("link", name="Edit"))
    typist.type(page.get_by_label("Title"), "Black and white")
    page.keyboard.press("Enter")
    expect(page.locator("#live")).to_contain_text("saved")
    page.goto("/bookmarks/?q=keys.example")
    typist.press(page.locator(".bookmark").get_by_role("link", name="Delete"))
    typist.press(page.get_by_role("dialog").get_by_role("button", name="Delete"))
    expect(page.locator("#live")).to_contain_text("The bookmark was deleted.")
    expect(page.locator(".bookmark")).to_have_count(0)
