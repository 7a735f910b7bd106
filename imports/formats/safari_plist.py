"""Safari's Bookmarks.plist, XML or binary: nested dictionaries of folders, bookmarks and the Reading List.

The title of a folder comes after what is in it, so each folder at the top is held in memory until it ends, and
plistlib reads a binary file as a whole; the size of either is limited.
"""

import plistlib
import re
import struct
from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO

import msgspec

from imports.formats import dates
from imports.formats.base import Head, Parsed, ParsedItem, UnreadableFileError
from imports.formats.markup import ItemReader, parse_items
from imports.formats.roots import deeper, is_browser_root
from imports.formats.text import one_line

NAME = "safari-plist"
LABEL = "Safari (Bookmarks.plist)"
EXTENSIONS = (".plist",)
WHERE = "The `~/Library/Safari/Bookmarks.plist` of a Mac, copied to another place."

_BINARY_MARK = b"bplist0"
# Read, either takes about 50 MB of memory at most. Ten thousand bookmarks are some 3 MB binary and 6 MB XML.
_MAX_BINARY_BYTES = 8 << 20
_MAX_XML_BYTES = 32 << 20
_MAX_DEPTH = 1000
_XML = re.compile(r"\s*(?:<\?xml[^>]*>\s*|<!--(?:[^-]|-(?!->))*-->\s*|<!doctype[^>]*>\s*)*+<plist\b", re.IGNORECASE)
_OWN_KEY = "WebBookmark"
_LEAF = "WebBookmarkTypeLeaf"
# What a bookmark or folder is made of; the rest, such as identifiers and the state of synchronisation, is dropped.
_KEPT = frozenset(
    (
        *("Children", "Title", "WebBookmarkType", "URLString", "URIDictionary", "title", "imageURL"),
        *("ReadingList", "ReadingListNonSync", "DateAdded", "DateLastViewed", "PreviewText"),
    )
)


def matches(head: Head) -> bool:
    """Recognise a property list that has Safari's own keys."""
    if head.raw.startswith(_BINARY_MARK):
        return _OWN_KEY.encode() in head.raw or len(head.raw) >= 1 << 16
    return _XML.match(head.text) is not None and _OWN_KEY in head.text


def parse(stream: BinaryIO) -> Iterator[Parsed]:
    """Yield each bookmark; folders that Safari made itself are not among its folders.

    A page of the Reading List is unread until it was viewed. Entities that a document type would define stay
    as they are written. Raises UnreadableFileError where the file breaks off, or is too large.
    """
    start = stream.read(len(_BINARY_MARK))
    if start == _BINARY_MARK:
        yield from _parse_binary(start + stream.read(_MAX_BINARY_BYTES))
        return
    reader = _Reader()
    yield from parse_items(_limited(start, stream), reader, is_xml=True)
    if not reader.has_children:
        raise UnreadableFileError("This property list holds no Safari bookmarks.")


def _parse_binary(data: bytes) -> Iterator[Parsed]:
    if len(data) > _MAX_BINARY_BYTES:
        raise UnreadableFileError(
            f"A binary Safari file can be read up to {_MAX_BINARY_BYTES >> 20} MB; this one is larger. In XML, as"
            " “plutil -convert xml1” writes it, it may be four times as large."
        )
    try:
        root = plistlib.loads(data, fmt=plistlib.FMT_BINARY)
    except (ValueError, TypeError, LookupError, ArithmeticError, RecursionError, struct.error) as error:
        raise UnreadableFileError("The binary property list is damaged or cut short.") from error
    children = root.get("Children") if isinstance(root, dict) else None
    if not isinstance(children, list):
        raise UnreadableFileError("This property list holds no Safari bookmarks.")
    # Each entry takes at least a byte; more entries than bytes means that lists contain themselves or each other.
    yield from _bookmarks(children, max_nodes=len(data))


def _limited(start: bytes, stream: BinaryIO) -> Callable[[int], bytes]:
    """Return a function that reads `start` and then `stream`, up to the limit."""
    pieces, size = [start], 0

    def read(length: int) -> bytes:
        nonlocal size
        piece = pieces.pop() if pieces else stream.read(length)
        size += len(piece)
        if size > _MAX_XML_BYTES:
            raise UnreadableFileError(
                f"A Safari file can be read up to {_MAX_XML_BYTES >> 20} MB; this one is larger."
            )
        return piece

    return read


def _bookmarks(nodes: Iterable[object], *, max_nodes: int) -> Iterator[ParsedItem]:
    """Yield what is in a list of bookmarks, which may be made already, and of folders, with its path."""
    open_lists: list[tuple[Iterator[object], tuple[str, ...]]] = [(iter(nodes), ())]
    count = 0
    while open_lists:
        rest, folders = open_lists[-1]
        for node in rest:
            count += 1
            if count > max_nodes:
                raise UnreadableFileError("The property list contains itself.")
            if isinstance(node, dict) and not _is_bookmark(node):
                children = node.get("Children")
                if isinstance(children, list):
                    open_lists.append((iter(children), _within(folders, node)))
                    break
            elif isinstance(node, ParsedItem | dict):
                item = node if isinstance(node, ParsedItem) else _bookmark(node)
                yield msgspec.structs.replace(item, folders=folders)
        else:
            open_lists.pop()


def _within(folders: tuple[str, ...], folder: dict[str, object]) -> tuple[str, ...]:
    name = one_line(_text(folder.get("Title")))
    return folders if not folders and is_browser_root(name) else deeper(folders, name)


def _is_bookmark(node: dict[str, object]) -> bool:
    return "URLString" in node or node.get("WebBookmarkType") == _LEAF


def _bookmark(node: dict[str, object]) -> ParsedItem:
    reading = _dict(node.get("ReadingList"))
    unsynced = _dict(node.get("ReadingListNonSync"))
    title = _text(_dict(node.get("URIDictionary")).get("title")) or _text(node.get("Title"))
    url = _text(node.get("URLString")).strip()
    return ParsedItem(
        url=url,
        title=one_line(title),
        description=(_text(reading.get("PreviewText")) or _text(unsynced.get("PreviewText"))).strip(),
        created=dates.from_any(reading.get("DateAdded")),
        unread="ReadingList" in node and "DateLastViewed" not in reading,
        image_url=_text(node.get("imageURL")).strip(),
        # What is surely no bookmark will be shown; for the rest, of which many are held, title and address do.
        source=None if url.startswith("http") else {"URLString": url, "title": title},
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _dict(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}


class _Reader(ItemReader):
    """Builds the dictionaries and lists of an XML property list, and hands out each folder at the top."""

    is_whole = False

    def __init__(self) -> None:
        super().__init__()
        self.has_children = False
        self._open: list[dict[str, object] | list[object]] = []
        # The key of each open dictionary that waits for its value.
        self._keys: list[str] = []

    def start(self, tag: str, attributes: dict[str, str]) -> None:  # noqa: ARG002 - the parser's signature
        if tag in _CONTAINERS:
            if len(self._open) >= _MAX_DEPTH:
                raise UnreadableFileError("The property list is nested too deeply to be one of Safari's.")
            self._open.append(_CONTAINERS[tag]())
            self._keys.append("")
        elif tag in _SCALARS:
            self.text = []

    def end(self, tag: str) -> None:
        if tag in _SCALARS:
            text, self.text = "".join(self.text or ()), None
            if tag != "key":
                self._put(text)
            elif self._keys:
                self._keys[-1] = text
                self.has_children |= text == "Children"
        elif tag == "plist":
            self.is_whole = True
        elif self._open and isinstance(self._open[-1], _CONTAINERS.get(tag, ())):
            self._keys.pop()
            value = self._open.pop()
            self._put(_bookmark(value) if isinstance(value, dict) and _is_bookmark(value) else value)

    def close(self) -> None:
        """Hand out what is complete in a file cut short; the folders it is in have no title yet."""
        for container in self._open:
            if isinstance(container, list):
                self.items.extend(_bookmarks(container, max_nodes=_MAX_XML_BYTES))

    def _put(self, value: object) -> None:
        if not self._open:
            return
        container = self._open[-1]
        if len(self._open) == 2 and isinstance(container, list) and self._keys[0] == "Children":
            self.items.extend(_bookmarks([value], max_nodes=_MAX_XML_BYTES))
        elif isinstance(container, list):
            if isinstance(value, ParsedItem) or (isinstance(value, dict) and "Children" in value):
                container.append(value)
        elif self._keys[-1] in _KEPT:
            container[self._keys[-1]] = value


_CONTAINERS: dict[str, type[dict[str, object] | list[object]]] = {"dict": dict, "array": list}
_SCALARS = frozenset(("key", "string", "date"))
