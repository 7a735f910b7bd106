"""Makes pictures of the site with made-up bookmarks: `python -m tests.screenshots`.

Those that the documents show go to docs/images, and every state that imports can be in to build/screenshots.
"""

import csv
import html
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from playwright.sync_api import Browser, FloatRect, Page, expect, sync_playwright

from tests.benchmarks.data import write_collection
from tests.e2e.conftest import launch, log_in
from tests.e2e.site import NAME, PASSWORD, Site
from tests.project.processes import REPOSITORY

IMAGES = REPOSITORY / "docs" / "images"
STATES = REPOSITORY / "build" / "screenshots"
# Every window that a page is shown in: the name's ending, and options of Browser.new_context.
WINDOWS: dict[str, dict[str, Any]] = {
    "light": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "dark"},
    "narrow": {"viewport": {"width": 390, "height": 844}, "color_scheme": "light"},
}
PATIENCE_MS = 180_000


class Entry(NamedTuple):
    """A made-up bookmark; `tags` are separated by commas, `day` is ISO 8601."""

    folder: str
    url: str
    title: str
    description: str
    tags: str
    day: str


ENTRIES = [
    Entry(*row)
    for row in (
        ("Walls", "https://drystone.example/beginners", "Building a dry stone wall: the first metre",
         "Foundations, courses, hearting, throughs and coping, with drawings.", "walls,howto", "2019-04-06"),
        ("Walls", "https://drystone.example/tools", "Hammers and chisels for wallers",
         "", "walls,tools", "2019-04-13"),
        ("Walls", "https://uplands.example/cairns", "Why hikers build cairns, and why rangers take them down",
         "A short history of piles of stones as signposts.", "walls,hiking,history", "2020-08-22"),
        ("Recipes", "https://kitchen.example/rye-sourdough", "Rye sourdough in three days",
         "Needs no kneading; the dough rests in a cool place.", "bread,recipes", "2021-01-17"),
        ("Recipes", "https://kitchen.example/plum-cake", "Plum cake from the tray", "", "recipes", "2021-09-05"),
        ("Recipes", "https://mill.example/flour-types", "Flour types compared",
         "What the numbers on the bags mean in different countries.", "bread,reference", "2021-01-18"),
        ("Computing", "https://db.example/write-ahead-log", "How a write-ahead log works",
         "Why a database that is cut off in the middle of a write loses nothing.", "databases,reading", "2022-03-02"),
        ("Computing", "https://db.example/isolation-levels", "Isolation levels, explained with two terminals",
         "", "databases", "2022-03-04"),
        ("Computing", "https://plaintext.example/accounting", "Bookkeeping in text files",
         "Double entry with an editor and version control.", "text,tools,money", "2022-11-12"),
        ("Computing", "https://fonts.example/reading-sizes", "What line length reads best?",
         "A summary of studies from 1929 until today.", "typography,reading", "2023-02-20"),
        ("Garden", "https://garden.example/pruning", "When to prune apple trees", "", "garden,howto", "2023-02-25"),
        ("Garden", "https://garden.example/slugs", "Living with slugs", "What helps, and what does not.",
         "garden", "2023-05-30"),
        ("Music", "https://organ.example/registration", "Registration on small organs",
         "", "music,organ,reading", "2024-01-09"),
        ("Music", "https://scores.example/hymns", "Free hymn settings for four voices",
         "Typeset anew, to print and sing from.", "music,free", "2024-06-01"),
    )
]  # fmt: skip
# What a table from a spreadsheet also holds and no bookmark can be made of.
ODD_ROWS = [
    ("javascript:void(document.title)", "Bookmarklet: show the title"),
    ("file:///home/robin/notes.html", "Notes on my disk"),
    ("/weather/today", "Weather"),
    ("", "To find again: the talk about hedges"),
]


def write_browser_export(path: Path) -> None:
    """Write the entries as a browser exports them, in folders."""
    lines = ["<!DOCTYPE NETSCAPE-Bookmark-file-1>", "<TITLE>Bookmarks</TITLE>", "<H1>Bookmarks</H1>", "<DL><p>"]
    for folder in dict.fromkeys(entry.folder for entry in ENTRIES):
        lines += [f"<DT><H3>{folder}</H3>", "<DL><p>"]
        for entry in (entry for entry in ENTRIES if entry.folder == folder):
            lines.append(f"<DT><A {_attributes(entry)}>{html.escape(entry.title)}</A>")
            lines += [f"<DD>{html.escape(entry.description)}"] if entry.description else []
        lines.append("</DL><p>")
    path.write_text("\n".join([*lines, "</DL><p>", ""]))


def _attributes(entry: Entry) -> str:
    seconds = int(datetime.fromisoformat(f"{entry.day}T12:00Z").timestamp())
    unread = int("reading" in entry.tags)
    return f'HREF="{entry.url}" ADD_DATE="{seconds}" TAGS="{entry.tags}" TOREAD="{unread}"'


def write_table(path: Path) -> None:
    """Write a spreadsheet's table: some pages that are there already, some new, and the odd rows."""
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(("url", "title", "tags", "created"))
        for entry in ENTRIES[:5]:
            table.writerow((entry.url, entry.title, entry.tags, entry.day))
        table.writerow(("https://hedges.example/laying", "Laying a hedge", "garden,walls", "2024-10-19"))
        table.writerow(("https://trains.example/night", "Night trains of Europe", "travel", "2025-03-08"))
        for url, title in ODD_ROWS:
            table.writerow((url, title, "", ""))


def write_cut_off(path: Path) -> None:
    """Write a collection that ends in the middle of its last item."""
    items = [{"type": "Link", "url": entry.url, "name": entry.title} for entry in ENTRIES]
    text = json.dumps({"type": "Collection", "totalItems": len(items), "items": items}, indent=1)
    path.write_text(text[:-60])


def upload(page: Page, site: Site, path: Path, *, duplicates: str = "Skip") -> str:
    """Upload a file on the import page and return the selector of its row."""
    page.goto(f"{site.url}/import/")
    known = page.locator("tr[data-status]").count()
    page.get_by_label(duplicates).check()
    page.get_by_label("Preview first").uncheck()
    page.get_by_label("Export file").set_input_files(path)
    page.get_by_role("button", name="Upload and Import").click()
    expect(page.locator("tr[data-status]")).to_have_count(known + 1, timeout=PATIENCE_MS)
    return f"#{page.locator('tr[data-status]').first.get_attribute('id')}"


def tidy(page: Page) -> Page:
    """Take away what was just told, as it covers what is to be seen; return the page."""
    page.wait_for_load_state("networkidle")
    page.locator("#live .note").evaluate_all("notes => notes.forEach(note => note.remove())")
    return page


def wait_for(page: Page, row: str, status: str) -> None:
    """Wait until a row on the page has reached a status by itself."""
    expect(page.locator(row)).to_have_attribute("data-status", status, timeout=PATIENCE_MS)


def import_pages(pages: dict[str, Page], site: Site, folder: Path) -> None:
    """Show an import page with a row in each status, and the rows that say more."""
    page = pages["light"]
    write_table(folder / "reading-list.csv")
    rejected = upload(page, site, folder / "reading-list.csv")
    wait_for(page, rejected, "completed")
    page.locator(f"{rejected} details summary").last.click()
    tidy(page).locator(rejected).screenshot(path=folder / "import-rejected.png")
    page.locator("#import-more summary").click()
    page.locator("#import-form").screenshot(path=folder / "import-options.png")

    write_collection(folder / "old-service.json", 100_000, seed=5)
    cancelled = upload(page, site, folder / "old-service.json")
    expect(page.locator(cancelled)).to_contain_text("per second", timeout=PATIENCE_MS)
    page.locator(cancelled).get_by_role("button", name="Cancel").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel the import").click()
    wait_for(page, cancelled, "cancelled")

    write_cut_off(folder / "activitystream.json")
    failed = upload(page, site, folder / "activitystream.json")
    wait_for(page, failed, "failed")
    tidy(page).locator(failed).screenshot(path=folder / "import-cut-off.png")

    write_collection(folder / "everything.json", 120_000, seed=6)
    running = upload(page, site, folder / "everything.json", duplicates="Merge")
    expect(page.locator(running)).to_contain_text(re.compile(r"\([2-9]\d%\)"), timeout=PATIENCE_MS)
    for name, shown in pages.items():
        shown.goto(f"{site.url}/import/")
        expect(shown.locator(running)).to_contain_text("per second", timeout=PATIENCE_MS)
        down_to(shown, failed if name == "narrow" else cancelled, folder / f"import-{name}.png")
        expect(shown.locator(running)).to_have_attribute("data-status", "processing")


def down_to(page: Page, row: str, path: Path) -> None:
    """Take a picture of the page from its top to the end of a row, so that it stays small."""
    box = page.locator(row).bounding_box()
    if box is None or page.viewport_size is None:
        raise AssertionError(f"{row} is not shown")
    clip: FloatRect = {"x": 0, "y": 0, "width": page.viewport_size["width"], "height": box["y"] + box["height"]}
    tidy(page).screenshot(path=path, full_page=True, clip=clip)


def first_account(page: Page, site: Site, folder: Path) -> None:
    """Create the first account, as a new site offers it."""
    page.goto(site.url)
    page.screenshot(path=folder / "first-account.png")
    page.get_by_label("Username").fill(NAME)
    for field in page.locator("input[type=password]").all():
        field.fill(PASSWORD)
    page.get_by_role("button", name="Create account").click()
    page.wait_for_url(f"{site.url}/bookmarks/")


def bookmark_pages(pages: dict[str, Page], site: Site, folder: Path) -> None:
    """Fill the site as a person would, from a browser's export, and show the list."""
    page = pages["light"]
    write_browser_export(folder / "bookmarks.html")
    wait_for(page, upload(page, site, folder / "bookmarks.html"), "completed")
    for name, shown in pages.items():
        shown.goto(f"{site.url}/bookmarks/")
        expect(shown.locator(".bookmark")).to_have_count(len(ENTRIES))
        tidy(shown).screenshot(path=folder / f"bookmarks-{name}.png")


def main() -> None:
    """Make every picture anew; nothing of the site remains."""
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        site = Site(folder)
        for variable in ("DJANGO_SUPERUSER_USERNAME", "DJANGO_SUPERUSER_PASSWORD"):
            site.environment[variable] = ""
        with site.running():
            take(launch(playwright, shutil.which("chromium") or sys.exit("Chromium is needed.")), site, folder)
        take_states(Site(folder / "states"), folder)
        IMAGES.mkdir(parents=True, exist_ok=True)
        for picture in folder.glob("*.png"):
            shutil.copy(picture, IMAGES)


def take_states(site: Site, folder: Path) -> None:
    """Show every state of imports, made in a new database, before a web server without a worker."""
    shutil.rmtree(STATES, ignore_errors=True)
    STATES.mkdir(parents=True)
    environment = {**os.environ, **site.environment, "DJANGO_SETTINGS_MODULE": "project.settings"}
    subprocess.run([sys.executable, "manage.py", "prepare"], cwd=REPOSITORY, env=environment, check=True)
    command = [sys.executable, "-m", "tests.state_pictures", str(folder), str(STATES), str(site.port)]
    subprocess.run(command, cwd=REPOSITORY, env=environment, check=True)


def take(browser: Browser, site: Site, folder: Path) -> None:
    """Go through the site and save each picture in the folder."""
    pages = {name: browser.new_context(**options).new_page() for name, options in WINDOWS.items()}
    for page in pages.values():
        page.set_default_timeout(PATIENCE_MS)
    first_account(pages["light"], site, folder)
    for name, page in pages.items():
        if name != "light":
            log_in(page, site)
    bookmark_pages(pages, site, folder)
    import_pages(pages, site, folder)
    browser.close()


if __name__ == "__main__":
    main()
