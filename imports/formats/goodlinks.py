"""The JSON export of GoodLinks, a read-later app for Apple's systems: a flat list."""

from collections.abc import Iterator
from typing import BinaryIO

from imports.formats import dates
from imports.formats.base import Head, Parsed, ParsedItem
from imports.formats.json_events import elements, leading_objects
from imports.formats.json_values import flag_of, note_of, read_each, tags_of, text_of, without_address

NAME = "goodlinks-json"
LABEL = "GoodLinks"
EXTENSIONS = (".json",)
WHERE = "In GoodLinks, open Settings, then Export, and export all links."


def matches(head: Head) -> bool:
    """Tell a GoodLinks export by `addedAt`."""
    return any({"url", "addedAt"} <= entry.keys() for entry in leading_objects(head.value))


def parse(stream: BinaryIO) -> Iterator[Parsed]:
    """Yield the links of the list."""
    yield from read_each(elements(stream), _read)


def _read(entry: dict[str, object]) -> Parsed:
    title = text_of(entry.get("title"))
    url = text_of(entry.get("url")) or text_of(entry.get("originalURL"))
    if not url:
        return without_address(entry, title=title)
    return ParsedItem(
        url=url,
        title=title,
        description=note_of(entry.get("summary")),
        tags=tags_of(entry.get("tags")),
        created=dates.from_unix(entry.get("addedAt")),
        updated=dates.from_unix(entry.get("modifiedAt")),
        # What has been read leaves the list of unread links; the older exports do not say when.
        archived=dates.from_unix(entry.get("readAt")) is not None,
        favorite=flag_of(entry.get("starred")),
        image_url=text_of(entry.get("preview")),
        source=entry,
    )
