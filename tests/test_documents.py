"""The documents say what the code does: tables, names, limits, messages, links and pictures are compared with it."""

import re
from math import prod
from pathlib import Path

import pytest
from django.core.management import get_commands

from bookmarks.drafts import TAG_MAX_LENGTH, TITLE_MAX_LENGTH, URL_MAX_LENGTH
from bookmarks.exports import EXPORTS
from imports.formats.registry import format_table
from imports.forms import DUPLICATES, FOLDERS
from imports.models import Status

ROOT = Path(__file__).parents[1]
README, GUIDE = ROOT / "README.md", ROOT / "docs" / "user-guide.md"
DOCUMENTS = [README, *sorted((ROOT / "docs").glob("*.md"))]
LARGEST_PICTURE = 200_000

every_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)


def between(document: Path, start: str, end: str) -> list[str]:
    """Return the lines between each pair of marker comments."""
    blocks = re.findall(rf"<!-- {start}[^>]*-->\n(.*?)\n<!-- {end} -->", document.read_text(), re.DOTALL)
    assert blocks, f"{document.name} has no part that begins with {start}"
    return [line for block in blocks for line in block.split("\n")]


def cells(rows: list[str], column: int) -> list[str]:
    """Return a column of Markdown tables, without their heads."""
    return [
        row.split(" | ")[column].strip("| ")
        for number, row in enumerate(rows)
        if not row.startswith("| --- ") and not "".join(rows[number + 1 : number + 2]).startswith("| --- ")
    ]


def code_in(text: str) -> list[str]:
    """Return what stands as code in a document: fenced, indented, or in backticks."""
    fenced = re.findall(r"^```.*?^```", text, re.DOTALL | re.MULTILINE)
    rest = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    return [*fenced, *re.findall(r"^ {4,}\S.*$", rest, re.MULTILINE), *re.findall(r"`[^`\n]+`", rest)]


def sources() -> dict[Path, str]:
    """Return the code of the site by path."""
    packages = ("project", "bookmarks", "imports")
    return {path: path.read_text() for package in packages for path in (ROOT / package).rglob("*.py")}


def variables() -> set[str]:
    """Return every environment variable that a person may set for the site."""
    pattern = re.compile(r'(?:\bread\(env\.\w+, |\b(?:positive|at_least_zero)\(env, |\benviron\.get\()"([A-Z0-9_]+)"')
    return {name for text in sources().values() for name in pattern.findall(text)}


def default(name: str) -> int:
    """Return the default of a setting that is a number."""
    text = (ROOT / "project" / "settings.py").read_text()
    found = re.search(rf'(?:positive|at_least_zero)\(env, "{name}", ([\d *]+)\)', text)
    assert found, name
    return prod(map(int, found[1].split("*")))


def plain(text: str) -> str:
    """Return code or prose with strings that span lines joined, and white space as single blanks."""
    joined = re.sub(r'"\s*\n\s*[fr]?"', "", text)
    return re.sub(r"\s+", " ", joined)


def slug(heading: str) -> str:
    """Return the anchor that a heading gets."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


@pytest.mark.parametrize("document", [README, GUIDE], ids=lambda path: path.name)
def test_the_table_of_formats_is_that_of_the_registry(document: Path) -> None:
    assert between(document, "formats:", "end of formats") == format_table().split("\n")


def test_the_configuration_table_has_every_variable_and_no_other() -> None:
    documented = [name.strip("`") for name in cells(between(README, "configuration", "end of configuration"), 0)]
    assert sorted(documented) == sorted(variables())


def test_the_configuration_table_has_the_defaults_of_the_settings() -> None:
    rows = between(README, "configuration", "end of configuration")
    documented = dict(zip(cells(rows, 0), cells(rows, 1), strict=True))
    quotas = ("IMPORT_MAX_ACTIVE", "IMPORT_MAX_PER_HOUR", "IMPORT_MAX_STORED_BYTES", "IMPORT_MIN_FREE_BYTES")
    for name in ("WORKERS", "IMPORT_MAX_BYTES", "IMPORT_RETENTION_DAYS", "HSTS_SECONDS", *quotas):
        assert documented[f"`{name}`"] == f"`{default(name)}`"


def test_the_guide_explains_every_status_under_its_name() -> None:
    assert cells(between(GUIDE, "statuses", "end of statuses"), 0) == [str(status.label) for status in Status]


def test_the_guide_names_the_limits_of_the_code() -> None:
    guide = plain(GUIDE.read_text())
    for limit in (
        f"A file may have {default('IMPORT_MAX_BYTES') >> 20} MB",
        f"is kept for {default('IMPORT_RETENTION_DAYS')} days",
        f"A tag has at most {TAG_MAX_LENGTH} characters, a title at most {TITLE_MAX_LENGTH}",
        f"An address has at most {URL_MAX_LENGTH:,} characters",
    ):
        assert limit in guide


def test_the_guide_explains_every_choice_of_the_form_and_every_export() -> None:
    guide = GUIDE.read_text()
    for _value, label in [*DUPLICATES, *FOLDERS]:
        assert f"| *{str(label).partition(':')[0]}* |" in guide
    for export in EXPORTS.values():
        assert f"| {export.label} |" in guide


def test_every_message_in_the_guide_is_one_of_the_code() -> None:
    code = "\n".join(plain(text) for text in sources().values())
    for message in cells(between(GUIDE, "messages", "end of messages"), 0):
        for part in filter(None, map(str.strip, message.split("…"))):
            assert part in code, message


def test_every_name_that_the_guide_emphasises_stands_on_a_page() -> None:
    pages = "\n".join(plain(path.read_text()) for path in (ROOT / "templates").rglob("*.html"))
    shown = "\n".join([pages, *map(plain, sources().values())])
    names = re.findall(r"(?<!\*)\*([^*\n]+)\*(?!\*)", GUIDE.read_text())
    assert names
    for name in names:
        assert all(part.strip() in shown for part in name.split("…")), name


@every_document
def test_every_make_target_and_every_command_that_a_document_names_is_there(document: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    code = "\n".join(code_in(document.read_text()))
    assert set(re.findall(r"\bmake (?:-\S+ )*([a-z][a-z-]*)", code)) <= targets
    assert set(re.findall(r"\bmanage\.py ([a-z_]\w*)", code)) <= get_commands().keys()


@every_document
def test_every_file_that_a_document_links_to_or_names_is_there(document: Path) -> None:
    text = document.read_text()
    linked = re.findall(r'\]\(([^)\s]+)\)|\bsrc="([^"]+)"|\bsrcset="([^"]+)"', text)
    for link in map("".join, linked):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = document.parent / path if path else document
        assert target.exists(), link
        if anchor:
            headings = re.findall(r"^#+ (.+)$", target.read_text(), re.MULTILINE)
            assert anchor in map(slug, headings), link


def test_every_picture_is_small_and_shown_in_some_document() -> None:
    texts = "\n".join(document.read_text() for document in DOCUMENTS)
    pictures = list((ROOT / "docs" / "images").iterdir())
    assert pictures
    for picture in pictures:
        assert picture.stat().st_size < LARGEST_PICTURE, picture.name
        assert f"images/{picture.name}" in texts
