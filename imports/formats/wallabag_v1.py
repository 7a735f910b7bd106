"""The JSON export of wallabag 1: rows of its table, each column twice, by number and by name."""

from collections.abc import Iterator
from typing import BinaryIO

from imports.formats.base import Head, Parsed, ParsedItem
from imports.formats.json_events import elements, leading_objects
from imports.formats.json_values import flag_of, read_each, tags_of, text_of, without_address

NAME = "wallabag-v1"
LABEL = "wallabag 1"
EXTENSIONS = (".json",)
WHERE = "In wallabag 1, open Config and choose the link of the section about exporting your data."

_TITLE, _URL, _IS_READ, _IS_FAVORITE, _CONTENT = "1", "2", "3", "4", "5"


def matches(head: Head) -> bool:
    """Tell wallabag 1 by its numbered columns; the content between them may go beyond the head."""
    return any({"0", _TITLE, _URL, _IS_READ} <= entry.keys() for entry in leading_objects(head.value))


def parse(stream: BinaryIO) -> Iterator[Parsed]:
    """Yield the articles of the list. Their texts are the pages' own and are not kept."""
    yield from read_each(elements(stream), _read)


def _read(entry: dict[str, object]) -> Parsed:
    entry.pop("content", None)
    entry.pop(_CONTENT, None)
    url, title = text_of(entry.get("url", entry.get(_URL))), text_of(entry.get("title", entry.get(_TITLE)))
    if not url:
        return without_address(entry, title=title, what="An article")
    is_read = flag_of(entry.get("is_read", entry.get(_IS_READ)))
    return ParsedItem(
        url=url,
        title=title,
        tags=tags_of(entry.get("tags")),
        # wallabag's archive is what has been read.
        unread=not is_read,
        archived=is_read,
        favorite=flag_of(entry.get("is_fav", entry.get(_IS_FAVORITE))),
        source=entry,
    )
