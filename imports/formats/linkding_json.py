"""linkding's bookmarks as its REST API lists them; its own export is a Netscape file."""

from collections.abc import Iterator
from typing import BinaryIO

from imports.formats import dates
from imports.formats.base import Head, Parsed, ParsedItem
from imports.formats.json_events import elements, leading_objects
from imports.formats.json_values import flag_of, note_of, read_each, tags_of, text_of, without_address

NAME = "linkding-json"
LABEL = "linkding (JSON)"
EXTENSIONS = (".json",)
WHERE = "From linkding, save what its API answers at /api/bookmarks/ as a file."


def matches(head: Head) -> bool:
    """Tell linkding by `tag_names`, in a list or in a page of the API's `results`."""
    entries = leading_objects(head.value) or leading_objects(head.value, under="results")
    return any({"url", "tag_names"} <= entry.keys() for entry in entries)


def parse(stream: BinaryIO) -> Iterator[Parsed]:
    """Yield the bookmarks of the list, or of the list under `results`."""
    yield from read_each(elements(stream, under=("results",)), _read)


def _read(entry: dict[str, object]) -> Parsed:
    url = text_of(entry.get("url"))
    title = text_of(entry.get("title")) or text_of(entry.get("website_title"))
    if not url:
        return without_address(entry, title=title)
    notes = (note_of(entry.get("description")), note_of(entry.get("notes")))
    return ParsedItem(
        url=url,
        title=title,
        description="\n\n".join(note for note in notes if note),
        tags=tags_of(entry.get("tag_names")),
        created=dates.from_iso(entry.get("date_added")),
        updated=dates.from_iso(entry.get("date_modified")),
        unread=flag_of(entry.get("unread")),
        archived=flag_of(entry.get("is_archived")),
        # linkding shares nothing by itself, and its Netscape export calls that private as well.
        private="shared" in entry and not flag_of(entry["shared"]),
        image_url=text_of(entry.get("preview_image_url")),
        source=entry,
    )
