"""Any JSON list of objects with an address and a text or a date, under the names that people give to members."""

from collections.abc import Iterator
from typing import BinaryIO

from imports.formats import dates
from imports.formats.base import Head, Parsed, ParsedItem
from imports.formats.csv_rows import URL_COLUMNS
from imports.formats.json_events import elements, leading_objects
from imports.formats.json_values import flag_of, note_of, read_each, tags_of, text_of, without_address
from imports.formats.url_csv import COLUMNS

NAME = "url-json"
LABEL = "Any list of objects with a “url” (JSON)"
EXTENSIONS = (".json",)
WHERE = "Any service: members for title, description, tags, date and folder are recognised as in a table."

# The names under which the list is found where the file is an object.
_LISTS = (
    "bookmarks", "items", "links", "posts", "results", "data", "articles", "entries", "saves", "saved", "favorites",
    "favourites", "urls", "pages", "list", "records", "documents", "raindrops", "readinglist", "reading_list",
)  # fmt: skip
_TELLING = frozenset(name for key in ("title", "description", "tags", "created") for name in COLUMNS[key])
_ARCHIVED = frozenset(("archive", "archived", "read"))


def matches(head: Head) -> bool:
    """Tell such a list by an address on the web beside a text or a date; with a context it is other linked data."""
    if isinstance(head.value, dict) and "@context" in head.value:
        return False
    lists = (leading_objects(head.value, under=key) for key in ("", *_LISTS))
    return any(_is_bookmark(entry) for entries in lists for entry in entries)


def parse(stream: BinaryIO) -> Iterator[Parsed]:
    """Yield the objects of the list in their order."""
    yield from read_each(elements(stream, under=_LISTS), _read)


def _is_bookmark(entry: dict[str, object]) -> bool:
    fields = _fields(entry)
    url = text_of(_first(fields, *URL_COLUMNS))
    return url[:8].lower().startswith(("http://", "https://")) and not _TELLING.isdisjoint(fields)


def _read(entry: dict[str, object]) -> Parsed:
    fields = _fields(entry)
    url, title = text_of(_first(fields, *URL_COLUMNS)), text_of(_first(fields, *COLUMNS["title"]))
    if not url:
        return without_address(entry, title=title)
    status = text_of(_first(fields, *COLUMNS["status"])).lower()
    shared = _first(fields, *COLUMNS["shared"])
    return ParsedItem(
        url=url,
        title=title,
        description=note_of(_first(fields, *COLUMNS["description"])),
        tags=tags_of(_first(fields, *COLUMNS["tags"])),
        folders=_path(_first(fields, *COLUMNS["folder"])),
        created=dates.from_any(_first(fields, *COLUMNS["created"])),
        updated=dates.from_any(_first(fields, *COLUMNS["updated"])),
        unread=status == "unread" or flag_of(_first(fields, *COLUMNS["unread"])),
        archived=status in _ARCHIVED or flag_of(_first(fields, *COLUMNS["archived"])),
        favorite=flag_of(_first(fields, *COLUMNS["favorite"])),
        private=flag_of(_first(fields, *COLUMNS["private"])) or (shared is not None and not flag_of(shared)),
        feed_url=text_of(_first(fields, *COLUMNS["feed"])),
        image_url=text_of(_first(fields, *COLUMNS["image"])),
        source=entry,
    )


def _fields(entry: dict[str, object]) -> dict[str, object]:
    """Return the members that say anything, by their names in lower case."""
    return {key.strip().lower(): value for key, value in entry.items() if value not in (None, "", [], {})}


def _first(fields: dict[str, object], *names: str) -> object:
    return next((fields[name] for name in names if name in fields), None)


def _path(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return tags_of(value, separator="/")
    return tags_of(value if isinstance(value, list) else [value])
