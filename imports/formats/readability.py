"""The JSON export of Readability, a read-later service until 2016: `{"bookmarks": [...]}`."""

from collections.abc import Iterator
from typing import BinaryIO

from imports.formats import dates
from imports.formats.base import Head, Parsed, ParsedItem
from imports.formats.json_events import elements, leading_objects
from imports.formats.json_values import flag_of, note_of, read_each, tags_of, text_of, without_address

NAME = "readability-json"
LABEL = "Readability"
EXTENSIONS = (".json",)
WHERE = "In Readability, the tools page offered to export your data as JSON."


def matches(head: Head) -> bool:
    """Tell a Readability export by `article__url`."""
    return any("article__url" in entry for entry in leading_objects(head.value, under="bookmarks"))


def parse(stream: BinaryIO) -> Iterator[Parsed]:
    """Yield the reading list; Readability's own recommendations beside it are nobody's bookmarks."""
    yield from read_each(elements(stream, under=("bookmarks",)), _read)


def _read(entry: dict[str, object]) -> Parsed:
    url, title = text_of(entry.get("article__url")), text_of(entry.get("article__title"))
    if not url:
        return without_address(entry, title=title)
    return ParsedItem(
        url=url,
        title=title,
        description=note_of(entry.get("article__excerpt")),
        tags=tags_of(entry.get("tags")),
        created=dates.from_iso(entry.get("date_added")),
        archived=flag_of(entry.get("archive")),
        favorite=flag_of(entry.get("favorite")),
        source=entry,
    )
