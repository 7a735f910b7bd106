"""The JSON export of Delicious: a flat list; the HTML export is a Netscape file."""

from collections.abc import Iterator
from typing import BinaryIO

from imports.formats import dates
from imports.formats.base import Head, Parsed, ParsedItem
from imports.formats.json_events import elements, leading_objects
from imports.formats.json_values import flag_of, note_of, read_each, tags_of, text_of, without_address

NAME = "delicious-json"
LABEL = "Delicious (JSON)"
EXTENSIONS = (".json",)
WHERE = "In Delicious, open settings, then export, and choose JSON."


def matches(head: Head) -> bool:
    """Tell a Delicious export by `created` and `private` beside the address."""
    return any({"url", "created", "private"} <= entry.keys() for entry in leading_objects(head.value))


def parse(stream: BinaryIO) -> Iterator[Parsed]:
    """Yield the bookmarks of the list."""
    yield from read_each(elements(stream), _read)


def _read(entry: dict[str, object]) -> Parsed:
    url, title = text_of(entry.get("url")), text_of(entry.get("title"))
    if not url:
        return without_address(entry, title=title)
    return ParsedItem(
        url=url,
        title=title,
        description=note_of(entry.get("description")),
        tags=tags_of(entry.get("tags")),
        created=dates.from_unix(entry.get("created")),
        private=flag_of(entry.get("private")),
        source=entry,
    )
