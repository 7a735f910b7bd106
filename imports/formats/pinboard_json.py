"""Pinboard's JSON backup: a flat list, in which `description` is the title and `extended` the note."""

from collections.abc import Iterator
from typing import BinaryIO

from imports.formats import dates
from imports.formats.base import Head, Parsed, ParsedItem
from imports.formats.json_events import elements, leading_objects
from imports.formats.json_values import flag_of, note_of, read_each, tags_of, text_of, without_address

NAME = "pinboard-json"
LABEL = "Pinboard (JSON)"
EXTENSIONS = (".json",)
WHERE = "In Pinboard, open settings, then backup, and choose JSON."


def matches(head: Head) -> bool:
    """Tell a Pinboard backup by `href` beside another key of its own; as the API answers, in `posts`."""
    entries = leading_objects(head.value) or leading_objects(head.value, under="posts")
    return any("href" in entry and entry.keys() & {"time", "extended", "toread"} for entry in entries)


def parse(stream: BinaryIO) -> Iterator[Parsed]:
    """Yield the bookmarks of the list, or of the list under `posts`."""
    yield from read_each(elements(stream, under=("posts",)), _read)


def _read(entry: dict[str, object]) -> Parsed:
    url, title = text_of(entry.get("href")), text_of(entry.get("description"))
    if not url:
        return without_address(entry, title=title)
    return ParsedItem(
        url=url,
        title=title,
        description=note_of(entry.get("extended")),
        tags=tags_of(entry.get("tags"), separator=None),
        created=dates.from_iso(entry.get("time")),
        unread=flag_of(entry.get("toread")),
        # A bookmark that says nothing about sharing is not made private: that is said by "no" alone.
        private=text_of(entry.get("shared")).lower() == "no",
        source=entry,
    )
