"""Reads HTML, and XML as leniently, as a stream of tags: in flat memory and linear time; knows no dialect.

Tags are told apart as https://html.spec.whatwg.org/multipage/parsing.html#tokenization does, and that is all that
bookmark files need: they close few of their elements. Parsers that build or balance elements on top of that lose
what they hold back: lxml's push parser for HTML keeps all input until the end, and takes time by depth.
"""

import codecs
import html
import io
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from html.entities import html5
from itertools import islice

from imports.formats.base import Parsed, UnreadableFileError
from imports.formats.text import decode_entities

_CHUNK_BYTES = 1 << 16
# Icons are written into attributes, whole, but no attribute or comment is as long as this.
_MAX_TOKEN_LENGTH = 32 << 20
_MAX_ATTRIBUTES = 256

# Text, of which a "<" that begins no tag is a part; a tag's name; its attributes, in which ">" may stand in quotes.
_TEXT = r"((?:[^<]++|<(?=[^a-zA-Z/!?]))*+)"
_NAME = r"<(/?[a-zA-Z][^ \t\n\f/>]*+)"
_EQUALS = r"[ \t\n\f]*+=[ \t\n\f]*+"
_ATTRIBUTE_NAME = r"[^ \t\n\f/>][^ \t\n\f/>=]*+"
_VALUE = rf"""{_EQUALS}(?:"[^"]*+"|'[^']*+'|(?!["'])[^ \t\n\f>]*+)"""
_ATTRIBUTES = rf"((?:[ \t\n\f/]++|{_ATTRIBUTE_NAME}(?:{_VALUE}|(?!{_EQUALS})))*+)"
_TAG = re.compile(f"{_TEXT}{_NAME}{_ATTRIBUTES}>")
_TAG_WITH_STRAY_QUOTE = re.compile(f"{_TEXT}{_NAME}([^>]*+)>")
# A value that runs on, for want of its closing quote, to the quote that opens a value in a later tag. The tag it is in
# ends at its first ">"; browsers do not see that, but they would lose the tags in between.
_QUOTE_OR_SPACE = "\"' \t\n\f"
_RUNAWAY_QUOTE = re.compile(
    rf"""{_EQUALS}(?:"([^"<>]*)>[^"]*<[a-zA-Z][^"<>]*=[ \t\n\f]*"|'([^'<>]*)>[^']*<[a-zA-Z][^'<>]*=[ \t\n\f]*')"""
)
_PLAIN_TEXT = re.compile(_TEXT)
_TAG_START = re.compile(r"</?[a-zA-Z]")
_ATTRIBUTE = re.compile(rf"""({_ATTRIBUTE_NAME})(?:{_EQUALS}(?:"([^"]*+)"?+|'([^']*+)'?+|([^ \t\n\f>]*+)))?+""")
_REFERENCE = re.compile(r"&(?:#(?:[0-9]+|[xX][0-9a-fA-F]+);?|([a-zA-Z][a-zA-Z0-9]*+(?:;|(?![=a-zA-Z0-9]))))")


class ItemReader(ABC):
    """Turns tags and text into items: the base of every format's own reader, which puts them in `items`."""

    # Whether the root element was closed, for formats that have one and are cut short without its end.
    is_whole = True

    def __init__(self) -> None:
        self.items: list[Parsed] = []
        # Takes the text that comes next, in pieces; text is dropped while there is none.
        self.text: list[str] | None = None

    @abstractmethod
    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Take a start tag. Names are in lower case; of a repeated attribute the first counts."""

    def end(self, tag: str) -> None:  # noqa: B027 - not every format has need of it
        """Take an end tag, which may be missing or stand alone."""

    def close(self) -> None:  # noqa: B027 - as above
        """Take the end of the input, be the file whole or cut short."""


def parse_items(read: Callable[[int], bytes], reader: ItemReader, *, is_xml: bool = False) -> Iterator[Parsed]:
    """Yield the items `reader` makes of UTF-8; `read`, as a stream's, returns at most so many bytes, none at the end.

    Entities are decoded once. In XML a tag that ends in `/>` is also its end tag. A document type is passed over:
    what it declares is not looked at, and a reference to it stays as it is written. Raises UnreadableFileError, after
    the items before, where the file breaks off: inside a tag or a comment, or before its root element ended.
    """
    count = 0
    is_broken = False
    try:
        for text, name, attributes in _tags(read):
            if reader.text is not None:
                reader.text.append(decode_entities(text) if "&" in text else text)
            tag = name.lower()
            if tag.startswith("/"):
                reader.end(tag[1:])
            elif tag:
                reader.start(tag, _attributes(attributes) if attributes else {})
                if is_xml and attributes.endswith("/"):
                    reader.end(tag)
            if reader.items:
                items, reader.items = reader.items, []
                count += len(items)
                yield from items
    except _BrokenOffError:
        is_broken = True
    reader.close()
    yield from reader.items
    count += len(reader.items)
    if is_broken or not reader.is_whole:
        raise UnreadableFileError(f"The file breaks off after item {count}; it was probably cut short.")


class _BrokenOffError(Exception):
    """The input ends inside a tag or a comment."""


def _tags(read: Callable[[int], bytes]) -> Iterator[tuple[str, str, str]]:
    """Yield each tag as the text before it, its name with a slash ahead in an end tag, and its attributes.

    The name is empty where nothing but text is given. Raises _BrokenOffError at the end of an incomplete tag.
    """
    source = _Source(read)
    while True:
        while match := _TAG.match(source.text, source.at):
            source.at, attributes = match.end(), match[3]
            if "<" in attributes and (runaway := _RUNAWAY_QUOTE.search(attributes)):
                end = max(runaway.end(1), runaway.end(2))
                source.at, attributes = match.start(3) + end + 1, attributes[:end].rstrip(_QUOTE_OR_SPACE)
            yield match[1], match[2], attributes
        # What is left is text alone, something that is no tag, or incomplete.
        end = _PLAIN_TEXT.match(source.text, source.at).end()  # type: ignore[union-attr]  # it matches nothing too
        if end > source.at:
            yield source.text[source.at : end], "", ""
            source.at = end
        if source.at < len(source.text) and (text := source.skip()) is not None:
            yield text, "", ""
        elif not source.grow():
            if source.at == len(source.text):
                return
            match = _TAG_WITH_STRAY_QUOTE.match(source.text, source.at)
            if match is None:
                raise _BrokenOffError
            source.at = match.end()
            yield match[1], match[2], match[3]


class _Source:
    """As much of the input as is needed to see a tag as a whole, with the place that is reached."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self.text = ""
        self.at = 0
        self._read = read
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._decoder = io.IncrementalNewlineDecoder(decoder, translate=True)
        self._has_ended = False

    def grow(self) -> bool:
        """Read on, at least as much again as is unread, so that a long tag is not looked at too often."""
        if self._has_ended:
            return False
        unread = self.text[self.at :]
        if len(unread) > _MAX_TOKEN_LENGTH:
            raise UnreadableFileError("The file has a tag or a comment that does not end; it cannot be read on.")
        chunks = [unread]
        wanted = max(_CHUNK_BYTES, len(unread))
        while wanted > 0 and not self._has_ended:
            chunk = self._read(min(wanted, _CHUNK_BYTES))
            self._has_ended = not chunk
            wanted -= len(chunk)
            chunks.append(self._decoder.decode(chunk, final=self._has_ended))
        self.text, self.at = "".join(chunks), 0
        return True

    def skip(self) -> str | None:
        """Pass over a comment, a declaration or an instruction; return the text it holds, None if it is incomplete."""
        text, at = self.text, self.at
        if _TAG_START.match(text, at) or (len(text) - at < len("<![CDATA[") and not self._has_ended):
            return None
        start, close = (4, "-->") if text.startswith("<!--", at) else (1, ">")
        if is_quoted := text.startswith("<![CDATA[", at):
            start, close = 9, "]]>"
        # A comment may be as short as "<!-->".
        end = text.find(close, at + min(start, 2) if close == "-->" else at + start)
        if end < 0:
            return None
        self.at = end + len(close)
        return html.escape(text[at + start : end]) if is_quoted else ""


def _attributes(text: str) -> dict[str, str]:
    found = _ATTRIBUTE.findall(text) if len(text) < 1 << 12 else _first_attributes(text)
    # From the last to the first, since of a repeated attribute the first counts.
    found.reverse()
    if "&" not in text:
        return {name.lower(): double or single or bare for name, double, single, bare in found}
    return {
        name.lower(): _REFERENCE.sub(_character, value) if "&" in (value := double or single or bare) else value
        for name, double, single, bare in found
    }


def _first_attributes(text: str) -> list[tuple[str, ...]]:
    """Find as many attributes as any tag has need of: a million of them would take a hundred times their length."""
    return [match.groups(default="") for match in islice(_ATTRIBUTE.finditer(text), _MAX_ATTRIBUTES)]


def _character(reference: re.Match[str]) -> str:
    """Decode a reference in an attribute, where `&copy=` and `&notit` are no references but parts of an address."""
    name = reference[1]
    return decode_entities(reference[0]) if name is None else html5.get(name, reference[0])
