"""Reads HTML, and XML as leniently, by lxml's events: bounded memory, linear time; knows no dialect."""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO, Protocol

from lxml import etree

from imports.formats.base import Parsed, UnreadableFileError

CHUNK_BYTES = 1 << 16
# libxml2 looks an end tag up in its stack of open elements, so deep nesting makes end tags dear. Real files
# stay under a thousandth of this; what goes over it would take time that grows with the square of its length.
_MAX_STACK_STEPS = 500_000_000
# Elements whose content a browser takes as it is up to the end tag. Written without escaping into a title or note,
# such a tag would swallow all bookmarks that follow; under another name it is a tag like any other.
_RAW_TEXT = re.compile(
    rb"<(?=(?:iframe|noembed|noframes|plaintext|script|style|textarea|title|xmp)[\s/>])", re.IGNORECASE
)
_LONGEST_RAW_TEXT = len(b"<plaintext>")
_TAG_START = re.compile(rb"<[a-zA-Z/!]?")
_TAIL_BYTES = 4096
# Put behind the input: it arrives as a comment unless the input ends within quotes or a comment.
_END_MARK = "end of input"


class MarkupTooDeepError(Exception):
    """The elements nest so deeply that reading on would not end in reasonable time."""


class EventTarget(Protocol):
    """What lxml calls for each event. `depth` is the number of open elements. No method may raise."""

    depth: int

    def start(self, tag: str, attrib: dict[str, str]) -> None:
        """Take a start tag; lxml also makes one for an element that is implied."""
        ...

    def end(self, tag: str) -> None:
        """Take the end of an element, written or implied."""
        ...

    def data(self, data: str) -> None:
        """Take a piece of text; one run of text may come in many pieces."""
        ...

    def comment(self, text: str) -> None:
        """Take a comment, or what HTML treats as one: a processing instruction, a damaged declaration."""
        ...

    def close(self) -> None:
        """Take the end of the input."""
        ...


class ItemReader(EventTarget):
    """Turns events into items: the base of every format's own reader, which puts them in `items`."""

    def __init__(self) -> None:
        self.depth = 0
        self.items: list[Parsed] = []
        self.is_whole = False

    def end(self, tag: str) -> None:  # noqa: ARG002 - for those who override it
        """Count an element that is no longer open; whoever overrides it counts too."""
        self.depth -= 1

    def data(self, data: str) -> None:
        """Text is ignored unless a format says otherwise."""

    def comment(self, text: str) -> None:
        """Notice the mark behind the input."""
        self.is_whole = text == _END_MARK

    def close(self) -> None:
        """Nothing is open at the end unless a format says otherwise."""

    def take(self) -> list[Parsed]:
        """Return the items finished since the last call."""
        items, self.items = self.items, []
        return items


def chunks_of(stream: BinaryIO) -> Iterator[bytes]:
    """Yield what is left of a stream in chunks of CHUNK_BYTES."""
    while chunk := stream.read(CHUNK_BYTES):
        yield chunk


def feed_html(chunks: Iterable[bytes], target: EventTarget) -> Iterator[None]:
    """Feed UTF-8 chunks to `target`, pausing after each; names of tags and attributes arrive in lower case.

    Entities are decoded once, of a repeated attribute the first wins, NUL and invalid bytes become U+FFFD,
    and a `<meta>` cannot change the encoding. Raises MarkupTooDeepError.
    """
    parser = etree.HTMLParser(
        target=target,  # type: ignore[arg-type]  # the stubs ask for bytes too, which lxml never gives
        encoding="utf-8",
        huge_tree=True,
    )
    # A start tag ahead keeps the parser from seeing an empty document, which it reports as an error.
    parser.feed(b"<html>")
    steps = 0
    for chunk in chunks:
        steps += chunk.count(b"</") * target.depth
        if steps > _MAX_STACK_STEPS:
            raise MarkupTooDeepError
        parser.feed(chunk)
        yield
    parser.close()
    yield


def parse_html_items(
    chunks: Iterable[bytes],
    reader: ItemReader,
    *,
    end: re.Pattern[bytes] | None = None,
    on_break: Callable[[], None] | None = None,
) -> Iterator[Parsed]:
    """Yield the items `reader` makes of UTF-8 chunks of HTML, or of XML, which is read as leniently.

    XML read so has no document type: what it declares is not looked at, and a reference to it stays as it is.
    Raises UnreadableFileError, after the items before, where the file breaks off: inside a tag, a quotation or a
    comment, or without `end` among its last few kilobytes. `on_break` is called then, if the break can be told
    before the parser ends the elements that are open.
    """
    count = 0
    try:
        for _ in feed_html(_watched(chunks, end, on_break), reader):
            items = reader.take()
            count += len(items)
            yield from items
    except MarkupTooDeepError as error:
        raise UnreadableFileError(
            f"After item {count} the file is nested too deeply to be read on; no program writes such a file."
        ) from error
    if not reader.is_whole:
        raise UnreadableFileError(f"The file breaks off after item {count}; it was probably cut short.")


def _watched(
    chunks: Iterable[bytes], end: re.Pattern[bytes] | None, on_break: Callable[[], None] | None
) -> Iterator[bytes]:
    """Pass chunks on, and behind them a mark by which the reader knows that the input is whole."""
    tail = open_tag = b""
    for chunk in _without_raw_text(chunks):
        less, greater = chunk.rfind(b"<"), chunk.rfind(b">")
        if less > greater:
            open_tag = chunk[less : less + 2]
        elif greater >= 0:
            open_tag = b""
        tail = (tail + chunk)[-_TAIL_BYTES:]
        yield chunk
    if _TAG_START.fullmatch(open_tag) is None and (end is None or end.search(tail)):
        yield f"<!--{_END_MARK}-->".encode()
    elif on_break is not None:
        on_break()


def _without_raw_text(chunks: Iterable[bytes]) -> Iterator[bytes]:
    held = b""
    for chunk in chunks:
        whole = held + chunk if held else chunk
        cut = whole.rfind(b"<", max(0, len(whole) - _LONGEST_RAW_TEXT))
        held = whole[cut:] if cut >= 0 else b""
        yield _RAW_TEXT.sub(b"<x-", whole[:cut] if cut >= 0 else whole)
    yield _RAW_TEXT.sub(b"<x-", held)
