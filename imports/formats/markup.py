"""Feeds HTML to lxml's event parser in bounded memory and linear time; knows no dialect."""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO, Protocol

from lxml import etree

from imports.formats.base import Parsed, UnreadableFileError

CHUNK_BYTES = 1 << 16
# libxml2 looks an end tag up in its stack of open elements, so deep nesting makes end tags dear. Real files
# stay under a thousandth of this; what goes over it would take time that grows with the square of its length.
_MAX_STACK_STEPS = 1_000_000_000


# Where the end of the root element must be; after it come blanks and perhaps a comment.
_TAIL_BYTES = 4096
_TAG_START = re.compile(rb"<[a-zA-Z/!]?")


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

    def close(self) -> None:
        """Take the end of the input."""
        ...


class ItemTarget(EventTarget, Protocol):
    """An event target that turns events into items."""

    def take(self) -> list[Parsed]:
        """Return the items finished since the last call, and forget them."""
        ...


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


def chunks_of(stream: BinaryIO) -> Iterator[bytes]:
    """Yield what is left of a stream in chunks of CHUNK_BYTES."""
    while chunk := stream.read(CHUNK_BYTES):
        yield chunk


def parse_html_items(
    chunks: Iterable[bytes],
    target: ItemTarget,
    *,
    end: re.Pattern[bytes] | None = None,
    on_break: Callable[[], None] | None = None,
) -> Iterator[Parsed]:
    """Yield the items `target` makes of UTF-8 chunks of HTML, or of XML, which is read as leniently.

    XML read so has no document type: what it declares is not looked at, and a reference to it stays as it is.
    Raises UnreadableFileError, after the items before, where the file breaks off: inside a tag, or without `end`
    among its last few kilobytes. `on_break` is called then, before the parser ends the elements that are open.
    """
    ending = _Ending(end, on_break)
    count = 0
    try:
        for _ in feed_html(ending.watch(chunks), target):
            items = target.take()
            count += len(items)
            yield from items
    except MarkupTooDeepError as error:
        raise UnreadableFileError(
            f"After item {count} the file is nested too deeply to be read on; no program writes such a file."
        ) from error
    if ending.is_broken:
        raise UnreadableFileError(f"The file breaks off after item {count}; it was probably cut short.")


class _Ending:
    """Watches how a stream ends: the parser drops an incomplete tag without a word."""

    def __init__(self, end: re.Pattern[bytes] | None, on_break: Callable[[], None] | None) -> None:
        self.is_broken = False
        self._end = end
        self._on_break = on_break
        self._tail = b""
        self._open_tag = b""

    def watch(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            start, end = chunk.rfind(b"<"), chunk.rfind(b">")
            if start > end:
                self._open_tag = chunk[start : start + 2]
            elif end >= 0:
                self._open_tag = b""
            elif len(self._open_tag) == 1:
                self._open_tag += chunk[:1]
            self._tail = (self._tail + chunk)[-_TAIL_BYTES:]
            yield chunk
        self.is_broken = _TAG_START.fullmatch(self._open_tag) is not None or not self._has_end()
        if self.is_broken and self._on_break:
            self._on_break()

    def _has_end(self) -> bool:
        return self._end is None or self._end.search(self._tail) is not None
