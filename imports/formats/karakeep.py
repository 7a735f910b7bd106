"""Karakeep's export (formerly Hoarder): bookmarks, and the lists they are in."""

from collections.abc import Iterator
from contextlib import suppress
from typing import BinaryIO

from imports.formats import dates
from imports.formats.base import Head, Parsed, ParsedItem, RejectedItem, UnreadableFileError
from imports.formats.json_events import elements, leading_objects, rewindable
from imports.formats.json_lists import Lists
from imports.formats.json_values import flag_of, not_an_entry, note_of, tags_of, text_of, without_address

NAME = "karakeep"
LABEL = "Karakeep (Hoarder)"
EXTENSIONS = (".json",)
WHERE = "In Karakeep, open User Settings, then Import / Export, and choose Export Links and Notes."


def matches(head: Head) -> bool:
    """Tell Karakeep by bookmarks that have a content, if only an empty one, or by its lists' own keys."""
    bookmarks = leading_objects(head.value, under="bookmarks")
    lists = leading_objects(head.value, under="lists")
    is_own = any({"id", "name", "icon", "parentId"} <= entry.keys() for entry in lists)
    return is_own or any("content" in entry for entry in bookmarks)


def parse(stream: BinaryIO) -> Iterator[Parsed]:
    """Yield the bookmarks; text notes and uploads have no address and are rejected items.

    The file is read twice, for the lists may be behind the bookmarks. Of several lists a bookmark is in, the
    first is its folder and the others are tags; lists of type `smart` are queries and neither.
    """
    with rewindable(stream) as file:
        lists = _read_lists(file)
        file.seek(0)
        yield from lists.notices()
        for entry in elements(file, under=("bookmarks",)):
            yield _read(entry, lists) if isinstance(entry, dict) else not_an_entry(entry)


def _read_lists(file: BinaryIO) -> Lists:
    lists = Lists()
    with suppress(UnreadableFileError):
        for entry in elements(file, under=("lists",)):
            if isinstance(entry, dict) and entry.get("type") != "smart":
                lists.add(
                    text_of(entry.get("id")),
                    name=text_of(entry.get("name")),
                    parent=text_of(entry.get("parentId")),
                )
    return lists


def _read(entry: dict[str, object], lists: Lists) -> Parsed:
    content, title = entry.get("content"), text_of(entry.get("title"))
    fields = content if isinstance(content, dict) else {}
    url = text_of(fields.get("url"))
    if not url and fields.get("type") == "text":
        reason = "A text note without an address."
        return RejectedItem(reason=reason, title=title or text_of(fields.get("text")), source=entry)
    if not url:
        return without_address(entry, title=title, what="An uploaded file or a bookmark")
    folders, *others = _paths(entry.get("lists"), lists) or [()]
    return ParsedItem(
        url=url,
        title=title,
        description=note_of(entry.get("note")),
        tags=(*tags_of(entry.get("tags")), *(path[-1] for path in others)),
        folders=folders,
        created=dates.from_unix(entry.get("createdAt")) or dates.from_iso(entry.get("createdAt")),
        archived=flag_of(entry.get("archived")),
        favorite=flag_of(entry.get("favourited")),
        source=entry,
    )


def _paths(ids: object, lists: Lists) -> list[tuple[str, ...]]:
    numbers = (lists.number_of(text_of(list_id)) for list_id in (ids if isinstance(ids, list) else ()))
    return [path for number in numbers if (path := lists.path_of(number))]
