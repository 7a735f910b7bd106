"""Omnivore's export: the `metadata_N_to_M.json` members of its zip, each a flat list."""

from collections.abc import Iterator
from typing import BinaryIO

from imports.formats import dates
from imports.formats.base import Head, Parsed, ParsedItem
from imports.formats.json_events import elements, leading_objects
from imports.formats.json_values import note_of, read_each, tags_of, text_of, without_address

NAME = "omnivore"
LABEL = "Omnivore"
EXTENSIONS = (".zip", ".json")
WHERE = "In Omnivore, open Settings, then Account, choose Export Data, and take the zip file of the e-mail."


def matches(head: Head) -> bool:
    """Tell an Omnivore export by `savedAt` beside labels, a slug or a state."""
    entries = leading_objects(head.value)
    return any("savedAt" in entry and entry.keys() & {"labels", "slug", "state"} for entry in entries)


def parse(stream: BinaryIO) -> Iterator[Parsed]:
    """Yield the pages of the list."""
    yield from read_each(elements(stream), _read)


def _read(entry: dict[str, object]) -> Parsed:
    url, title = text_of(entry.get("url")), text_of(entry.get("title"))
    if not url:
        return without_address(entry, title=title, what="A page")
    return ParsedItem(
        url=url,
        title=title,
        description=note_of(entry.get("description")),
        tags=tags_of(entry.get("labels")),
        created=dates.from_iso(entry.get("savedAt")),
        updated=dates.from_iso(entry.get("updatedAt")),
        archived=text_of(entry.get("state")).lower() == "archived",
        image_url=text_of(entry.get("thumbnail")),
        source=entry,
    )
