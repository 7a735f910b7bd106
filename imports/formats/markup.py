"""Feeds HTML to lxml's event parser in bounded memory and linear time; knows no dialect."""

from collections.abc import Iterable, Iterator
from typing import BinaryIO, Protocol

from lxml import etree

from imports.formats.base import Parsed, UnreadableFileError

CHUNK_BYTES = 1 << 16
# libxml2 looks an end tag up in its stack of open elements, so deep nesting makes end tags dear. Real files
# stay under a thousandth of this; what goes over it would take time that grows with the square of its length.
_MAX_STACK_STEPS = 1_000_000_000


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


def parse_html_items(stream: BinaryIO, target: ItemTarget) -> Iterator[Parsed]:
    """Yield the items `target` makes of a stream of HTML. Raises UnreadableFileError."""
    chunks = iter(lambda: stream.read(CHUNK_BYTES), b"")
    try:
        for _ in feed_html(chunks, target):
            yield from target.take()
    except MarkupTooDeepError as error:
        raise UnreadableFileError(
            "The file's folders and tags are nested too deeply to be read; no browser writes such a file."
        ) from error
