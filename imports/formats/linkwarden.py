"""Linkwarden's export: an account, with its collections and in each of them its links."""

from collections.abc import Iterator
from contextlib import suppress
from typing import BinaryIO

from imports.formats import dates
from imports.formats.base import Head, Parsed, ParsedItem, UnreadableFileError
from imports.formats.json_events import JsonReader, leading_objects, no_bookmarks, rewindable
from imports.formats.json_lists import MAX_LISTS, Lists
from imports.formats.json_values import not_an_entry, note_of, tags_of, text_of, without_address

NAME = "linkwarden"
LABEL = "Linkwarden"
EXTENSIONS = (".json",)
WHERE = "In Linkwarden, open Settings, then Account, and choose Export Data."

_DEFAULT_COLLECTION = "Unorganized"


def matches(head: Head) -> bool:
    """Tell Linkwarden by collections that have links."""
    return any("links" in entry for entry in leading_objects(head.value, under="collections"))


def parse(stream: BinaryIO) -> Iterator[Parsed]:
    """Yield the links of all collections.

    The file is read twice: collections name their parents by id, wherever these are, and pinned links are
    listed behind the collections.
    """
    with rewindable(stream) as file:
        collections, pinned = _read_collections(file)
        file.seek(0)
        yield from collections.notices()
        number = 0
        for key, reader in _members(file):
            if key != "collections" or reader.peek() != "[":
                reader.skip()
                continue
            reader.enter()
            while reader.has_element():
                number += 1
                yield from _links(reader, collections.path_of(number), pinned)


def _members(file: BinaryIO) -> Iterator[tuple[str, JsonReader]]:
    """Yield the keys of the file's object, each with the reader standing before its value."""
    reader = JsonReader(file)
    if (start := reader.peek()) != "{":
        raise no_bookmarks(start)
    for key in reader.object_keys():
        yield key, reader
    reader.finish()


def _read_collections(file: BinaryIO) -> tuple[Lists, set[str]]:
    """Return the collections, numbered from 1 as they come, and the ids of the pinned links."""
    collections, pinned = Lists(), set[str]()
    with suppress(UnreadableFileError):
        for key, reader in _members(file):
            if key == "collections" and reader.peek() == "[":
                reader.enter()
                while reader.has_element():
                    _read_collection(reader, collections)
            elif key == "pinnedLinks":
                for link in reader.members():
                    if isinstance(link, dict) and len(pinned) < MAX_LISTS:
                        pinned.add(text_of(link.get("id")))
            else:
                reader.skip()
    pinned.discard("")
    return collections, pinned


def _read_collection(reader: JsonReader, collections: Lists) -> None:
    fields: dict[str, object] = {}
    if reader.peek() == "{":
        for key in reader.object_keys():
            if key in {"id", "name", "parentId"}:
                fields[key] = reader.value()
            else:
                reader.skip()
    else:
        reader.value()
    name, parent = text_of(fields.get("name")), text_of(fields.get("parentId"))
    # What belongs to no collection is in one by this name: it says nothing about the bookmark.
    is_default = name == _DEFAULT_COLLECTION and not parent
    collections.add(text_of(fields.get("id")), name="" if is_default else name, parent=parent)


def _links(reader: JsonReader, folders: tuple[str, ...], pinned: set[str]) -> Iterator[Parsed]:
    if reader.peek() != "{":
        yield not_an_entry(reader.value())
        return
    for key in reader.object_keys():
        if key == "links" and reader.peek() == "[":
            for link in reader.elements():
                yield _read(link, folders, pinned) if isinstance(link, dict) else not_an_entry(link)
        else:
            reader.skip()


def _read(link: dict[str, object], folders: tuple[str, ...], pinned: set[str]) -> Parsed:
    # The archived page's text, where it is in the file, is the page's own.
    link.pop("textContent", None)
    url, title = text_of(link.get("url")), text_of(link.get("name"))
    if not url:
        return without_address(link, title=title, what="An uploaded file or a link")
    created = dates.from_iso(link.get("importDate")) or dates.from_iso(link.get("createdAt"))
    return ParsedItem(
        url=url,
        title=title,
        description=note_of(link.get("description")),
        tags=tags_of(link.get("tags")),
        folders=folders,
        created=created,
        updated=dates.from_iso(link.get("updatedAt")),
        favorite=text_of(link.get("id")) in pinned,
        source=link,
    )
