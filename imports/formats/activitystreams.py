"""ActivityStreams 2.0: the house format, and what fediverse services export.

A file is a collection, a page of one, a list, one object or activity, or several of these in a row; see
https://www.w3.org/TR/activitystreams-core/#collections. Its lists are read as they come, whatever their length.
"""

import json
from collections.abc import Generator, Iterator, Mapping
from typing import BinaryIO, Final

from imports.formats.activitystreams_objects import (
    KNOWN,
    NAMESPACE,
    PAGES,
    decoded_leniently,
    failure_in,
    failure_sentence,
    kinds_of,
    read,
    remote_page,
)
from imports.formats.base import Head, ItemRejectedError, Notice, Parsed, UnreadableFileError
from imports.formats.json_stream import LARGEST_VALUE, JsonStream

NAME: Final = "activitystreams"
LABEL: Final = "ActivityStreams (Cairn, Pebbling Club, Mastodon, fediverse)"
EXTENSIONS: Final = (".json", ".jsonld", ".jsonl", ".ndjson")
WHERE: Final = (
    "In Cairn, choose Export above the list of bookmarks. In Mastodon, open Preferences, then Import and export,"
    " request your archive, and upload it as it is."
)

type Counted = Generator[Parsed, None, int]

_LISTS = ("items", "orderedItems")
_PAGE_KEYS = ("first", "next")
_REMOTE_KEYS = ("first", "next", "prev")
_TELLING_KEYS = frozenset(
    ("actor", "content", "href", "id", "items", "name", "object", "orderedItems", "summary", "totalItems", "url")
)
# Of these, what has a type of its own and no context has two or more: such are BookWyrm's quotations and reviews.
_FEDERATED_KEYS = frozenset(
    ("actor", "attributedTo", "audience", "cc", "inReplyTo", "object", "partOf", "replies", "to", "totalItems")
)
_ELEMENTS_LOOKED_AT = 10
_DEEPEST_PAGE = 20
_LARGEST_DESCRIPTION = 64 * 1024
_MEMBER_OVERHEAD = 200
_NO_COLLECTION = "The file is JSON, but neither an ActivityStreams collection nor anything else that holds bookmarks."


def matches(head: Head) -> bool:
    """Tell ActivityStreams by its context, or by the types of its objects beside a telling key."""
    value = head.value
    if isinstance(value, list):
        return _is_list_of_objects(value) or _is_address(next(iter(value), None))
    if not isinstance(value, dict):
        return False
    lists = [each for key in (*_LISTS, "data") if isinstance(each := value.get(key), list)]
    return _is_known(value) or any(_is_list_of_objects(each) or _is_address(next(iter(each), None)) for each in lists)


def parse(stream: BinaryIO) -> Iterator[Parsed]:
    """Yield what the file holds, in its order; what is no bookmark is yielded as rejected, with the reason.

    Pages that are elsewhere are not fetched, which a notice says.
    """
    reader = JsonStream(stream)
    start = reader.peek()
    if start not in (b"{", b"["):
        raise UnreadableFileError(_NO_COLLECTION) if start else UnreadableFileError("The file is empty.")
    is_first = True
    while start := reader.peek():
        if start == b"[":
            yield from _list(reader)
        elif start == b"{" and is_first:
            yield from _document(reader)
        elif texts := reader.values():
            for text in texts:
                yield from read(text)
        elif start == b"{":
            yield from _document(reader, is_first=False)
        else:
            yield from read(reader.value())
        is_first = False


def _is_list_of_objects(values: list[object]) -> bool:
    return any(isinstance(value, dict) and _is_known(value) for value in values[:_ELEMENTS_LOOKED_AT])


def _is_known(value: Mapping[str, object]) -> bool:
    if isinstance(value.get("@context"), bool | int | float):
        return False
    if _is_activitystreams(value.get("@context")):
        return True
    kinds = kinds_of(value.get("type"))
    if kinds & KNOWN:
        return bool(value.keys() & _TELLING_KEYS)
    is_own = bool(kinds) and _is_address(value.get("id")) and "@context" not in value
    return is_own and len(value.keys() & _FEDERATED_KEYS) > 1


def _is_activitystreams(context: object) -> bool:
    """Tell whether a context mentions the namespace: as a string, in a list, or as the meaning of a prefix."""
    if isinstance(context, str):
        return NAMESPACE in context
    if isinstance(context, dict):
        context = list(context.values())
    return isinstance(context, list) and any(isinstance(each, str) and NAMESPACE in each for each in context)


def _is_address(value: object) -> bool:
    return isinstance(value, str) and value.startswith(("http://", "https://"))


def _list(reader: JsonStream) -> Counted:
    """Yield what the elements of a list are, and return how many these were.

    An element that is an exporter's last words explains why the file ends there.
    """
    failure, count = None, 0
    try:
        for text in reader.elements():
            count += 1
            if failure:
                yield failure
            failure = failure_in(text) if text and b'"error"' in text else None
            if not failure:
                yield from read(text)
    except UnreadableFileError as error:
        raise UnreadableFileError(f"{failure.reason} {error}" if failure else str(error)) from None
    if failure:
        yield failure
    return count


class _Members:
    """The members of an object besides its lists and pages, as texts, together no larger than one item may be."""

    def __init__(self) -> None:
        self._texts: dict[str, bytes] = {}
        self._room = LARGEST_VALUE
        self._is_whole = True

    def add(self, key: str, text: bytes | None) -> None:
        size = len(key) + len(text or b"") + _MEMBER_OVERHEAD
        if text is None or size > self._room:
            self._is_whole = False
            return
        self._room -= size
        self._texts[key] = text

    def text(self, key: str) -> bytes | None:
        return self._texts.get(key)

    def values(self) -> dict[str, object]:
        """Return the values of what is small enough to describe a document, None for the rest."""
        return {key: _small_value(text) for key, text in self._texts.items()}

    def whole(self) -> bytes | None:
        """Return the text of the object; None if it is too large."""
        if not self._is_whole:
            return None
        return b"{%b}" % b",".join([b"%b:%b" % (json.dumps(key).encode(), text) for key, text in self._texts.items()])


def _document(reader: JsonStream, *, is_first: bool = True) -> Iterator[Parsed]:
    """Yield what is in the object that comes next: a collection's items and pages, or else the object itself."""
    members = _Members()
    is_collection, count = False, 0
    for key in reader.members():
        if parts := _parts(reader, key):
            is_collection = True
            count += yield from parts
        else:
            members.add(key, reader.value())
            if key == "@context":
                _check_context(members)
    values = members.values()
    if is_collection or kinds_of(values.get("type")) & PAGES:
        count += yield from _single_items(members)
        yield from _remarks(values, count=count)
    elif is_first and not _is_known(values):
        raise UnreadableFileError(_reported(values) or _NO_COLLECTION)
    else:
        yield from read(members.whole())


def _parts(reader: JsonStream, key: str, *, depth: int = 0) -> Counted | None:
    """Return what yields the collection's list or page under `key`; None if there is neither."""
    start = reader.peek()
    if start == b"[" and (key in _LISTS or (key == "data" and not depth)):
        return _list(reader)
    if start == b"{" and key in _PAGE_KEYS and depth < _DEEPEST_PAGE:
        return _page(reader, depth=depth + 1)
    return None


def _page(reader: JsonStream, *, depth: int) -> Counted:
    """Yield the items of a page that is embedded in its collection, or in the page before it.

    Return how much there is to say about the page.
    """
    members = _Members()
    has_items, count = False, 0
    for key in reader.members():
        if parts := _parts(reader, key, depth=depth):
            has_items = True
            count += yield from parts
        else:
            members.add(key, reader.value())
    values = members.values()
    kinds = kinds_of(values.get("type"))
    if has_items or kinds & PAGES:
        count += yield from _single_items(members)
        yield from _remarks(values, count=1)
        return count
    address = values.get("href") if "Link" in kinds else None
    is_remote = isinstance(address, str)
    yield Notice(remote_page(str(address)) if is_remote else "What the collection calls one of its pages is none.")
    return 1


def _single_items(members: _Members) -> Counted:
    """Yield the item of a list that has one and is written without brackets; return how many there were."""
    texts = [text for key in _LISTS if (text := members.text(key)) and text != b"null"]
    for text in texts:
        yield from read(text)
    return len(texts)


def _remarks(members: Mapping[str, object], *, count: int) -> Iterator[Parsed]:
    """Yield what is to be said about a collection besides its items, of which there were `count`."""
    is_remote = False
    for key in _REMOTE_KEYS:
        page = members.get(key)
        address = page.get("href") if isinstance(page, dict) else page
        if isinstance(address, str):
            is_remote = True
            yield Notice(remote_page(address))
    total = members.get("totalItems")
    if not count and not is_remote and isinstance(total, int) and total > 0:
        yield Notice(f"The collection is said to have {total:,} items, but none of them is in the file.")
    if reported := _reported(members):
        if not count:
            raise UnreadableFileError(reported)
        yield Notice(reported)


def _reported(members: Mapping[str, object]) -> str:
    error = members.get("error")
    return failure_sentence(error) if isinstance(error, str) else ""


def _check_context(members: _Members) -> None:
    if isinstance(_small_value(members.text("@context")), int | float):
        raise UnreadableFileError("The file is no ActivityStreams collection: its “@context” is a number.")


def _small_value(text: bytes | None) -> object:
    if text is None or len(text) > _LARGEST_DESCRIPTION:
        return None
    try:
        return decoded_leniently(text)
    except ItemRejectedError:
        return None
