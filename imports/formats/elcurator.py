"""The JSON export of elCurator, a shared reading list: a flat list."""

from collections.abc import Iterator
from typing import BinaryIO

from imports.formats import dates
from imports.formats.base import Head, Parsed, ParsedItem
from imports.formats.json_events import elements, leading_objects
from imports.formats.json_values import flag_of, note_of, read_each, tags_of, text_of, without_address

NAME = "elcurator-json"
LABEL = "elCurator"
EXTENSIONS = (".json",)
WHERE = "In elCurator, open your account's page and download your articles as JSON."


def matches(head: Head) -> bool:
    """Tell an elCurator export by `is_saved`."""
    return any({"url", "created_at", "is_saved"} <= entry.keys() for entry in leading_objects(head.value))


def parse(stream: BinaryIO) -> Iterator[Parsed]:
    """Yield the articles of the list."""
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
        created=dates.from_iso(entry.get("created_at")),
        # All articles of one's group are listed; these are the ones a person has put aside.
        favorite=flag_of(entry.get("is_saved")),
        source=entry,
    )
