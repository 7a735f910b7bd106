"""Misskey's export of favourites: a flat list of notes, each with the moment it was marked."""

from collections.abc import Iterator
from typing import BinaryIO

from imports.formats import dates
from imports.formats.base import Head, Parsed, ParsedItem, RejectedItem
from imports.formats.json_events import elements, leading_objects
from imports.formats.json_values import not_an_entry, read_each, text_of

NAME = "misskey-favorites"
LABEL = "Misskey (favourites)"
EXTENSIONS = (".json",)
WHERE = "In Misskey, open Settings, then Import and export, export the favourites, and find the file in Drive."

_LONGEST_TITLE = 100


def matches(head: Head) -> bool:
    """Tell Misskey's favourites by a `note` that is an object, beside `createdAt`."""
    entries = leading_objects(head.value)
    return any("createdAt" in entry and isinstance(entry.get("note"), dict) for entry in entries)


def parse(stream: BinaryIO) -> Iterator[Parsed]:
    """Yield the notes. Those written on the exporting server itself have no address in the file."""
    yield from read_each(elements(stream), _read)


def _read(entry: dict[str, object]) -> Parsed:
    note = entry.get("note")
    if not isinstance(note, dict):
        return not_an_entry(entry)
    text = text_of(note.get("text"))
    title = _title(text_of(note.get("cw")) or text)
    # `url` is the page people see, `uri` the note's name among servers; often only one of them is there.
    url = text_of(note.get("url")) or text_of(note.get("uri"))
    if not url:
        reason = "A note of the server that made the export: the file does not hold its address."
        return RejectedItem(reason=reason, title=title, source=entry)
    return ParsedItem(
        url=url, title=title, description=text, created=dates.from_iso(entry.get("createdAt")), source=entry
    )


def _title(text: str) -> str:
    """Return the first line, shortened at a word if it is long; the whole is in the description."""
    line = text.partition("\n")[0].strip()
    if len(line) <= _LONGEST_TITLE:
        return line
    return f"{line[:_LONGEST_TITLE].rpartition(' ')[0] or line[:_LONGEST_TITLE]}\N{HORIZONTAL ELLIPSIS}"
