"""Pocket as its API listed it, which is what people's own backups hold: `{"list": {id: item}}`."""

from collections.abc import Iterator
from typing import BinaryIO

from imports.formats import dates
from imports.formats.base import Head, Parsed, ParsedItem, RejectedItem
from imports.formats.json_events import elements, leading_objects
from imports.formats.json_values import flag_of, note_of, read_each, tags_of, text_of, without_address

NAME = "pocket-api-json"
LABEL = "Pocket (API backup)"
EXTENSIONS = (".json",)
WHERE = "A backup made with Pocket's API, for example by a script, as a JSON file."

_ARCHIVED, _DELETED = "1", "2"


def matches(head: Head) -> bool:
    """Tell Pocket's answer by the addresses of the items under `list`."""
    entries = leading_objects(head.value, under="list")
    return any(entry.keys() & {"given_url", "resolved_url"} for entry in entries)


def parse(stream: BinaryIO) -> Iterator[Parsed]:
    """Yield the items under `list`, which is an object, or an array where it was empty or sorted."""
    yield from read_each(elements(stream, under=("list",)), _read)


def _read(entry: dict[str, object]) -> Parsed:
    url = text_of(entry.get("resolved_url")) or text_of(entry.get("given_url"))
    title = text_of(entry.get("resolved_title")) or text_of(entry.get("given_title"))
    status = text_of(entry.get("status"))
    if status == _DELETED:
        return RejectedItem(reason="An item that was deleted in Pocket.", url=url, title=title, source=entry)
    if not url:
        return without_address(entry, title=title, what="An item")
    return ParsedItem(
        url=url,
        title=title,
        description=note_of(entry.get("excerpt")),
        tags=tags_of(entry.get("tags")),
        created=dates.from_unix(entry.get("time_added")),
        updated=dates.from_unix(entry.get("time_updated")),
        unread=status == "0",
        archived=status == _ARCHIVED,
        favorite=flag_of(entry.get("favorite")),
        image_url=text_of(entry.get("top_image_url")),
        source=entry,
    )
