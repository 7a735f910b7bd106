"""The JSON export of wallabag 2: a flat list whose entries carry the pages' full texts."""

from collections.abc import Iterator
from typing import BinaryIO

from imports.formats import dates
from imports.formats.base import Head, Parsed, ParsedItem
from imports.formats.json_events import elements, leading_objects
from imports.formats.json_values import flag_of, note_of, read_each, tags_of, text_of, without_address

NAME = "wallabag-v2"
LABEL = "wallabag"
EXTENSIONS = (".json",)
WHERE = "In wallabag, open the list of all entries, choose the download icon, and take JSON."


def matches(head: Head) -> bool:
    """Tell wallabag 2 by `is_archived`, which linkding has too, but not without its own `tag_names`."""
    entries = leading_objects(head.value)
    return any({"url", "is_archived"} <= entry.keys() and "tag_names" not in entry for entry in entries)


def parse(stream: BinaryIO) -> Iterator[Parsed]:
    """Yield the articles of the list. Their texts are the pages' own; the person's annotations are kept."""
    yield from read_each(elements(stream), _read)


def _read(entry: dict[str, object]) -> Parsed:
    entry.pop("content", None)
    url, title = text_of(entry.get("url")), text_of(entry.get("title"))
    if not url:
        return without_address(entry, title=title, what="An article")
    is_archived = flag_of(entry.get("is_archived"))
    return ParsedItem(
        url=url,
        title=title,
        description=_annotations(entry.get("annotations")),
        tags=tags_of(entry.get("tags")),
        created=dates.from_iso(entry.get("created_at")),
        updated=dates.from_iso(entry.get("updated_at")),
        # wallabag's archive is what has been read.
        unread=not is_archived,
        archived=is_archived,
        favorite=flag_of(entry.get("is_starred")),
        image_url=text_of(entry.get("preview_picture")),
        source=entry,
    )


def _annotations(value: object) -> str:
    """Return what the person marked, as quotations, each with what the person wrote about it."""
    annotations = value if isinstance(value, list) else []
    notes = (_annotation(annotation) for annotation in annotations if isinstance(annotation, dict))
    return "\n\n".join(note for note in notes if note)


def _annotation(annotation: dict[str, object]) -> str:
    quote, text = note_of(annotation.get("quote")), note_of(annotation.get("text"))
    quoted = "\n".join(f"> {line}" for line in quote.splitlines())
    return "\n".join(part for part in (quoted, text) if part)
