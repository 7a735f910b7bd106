"""Lists of links as plain text: OneTab's `URL | Title` lines, and addresses one a line as people paste them."""

import re
from collections.abc import Iterator
from typing import BinaryIO

from imports.formats.base import Head, Parsed, ParsedItem, RejectedItem
from imports.formats.csv_rows import text_lines

NAME = "link-lines"
LABEL = "List of links (OneTab, text)"
EXTENSIONS = (".txt", ".md")
WHERE = "OneTab: Export / Import URLs. Or any text with one address a line."

_MAX_LINE_CHARACTERS = 1 << 20
_LINES_LOOKED_AT = 30
_BULLET = r"\s*+(?:(?:[-*+•]|\d{1,6}[.)])\s++(?:\[[ xX]?\]\s++)?)?"
_ADDRESS = r"(?:[a-z][a-z0-9+.-]{1,30}+://|(?:about|data|javascript|mailto|place|urn|magnet|view-source):)"
_LINE = re.compile(
    rf"{_BULLET}<?(?P<url>{_ADDRESS}[^\s<>]++)>?(?:\s++(?:[|–—-](?:\s++|\Z))?(?P<title>.*+))?", re.IGNORECASE
)
_MARKDOWN = re.compile(
    rf"{_BULLET}\[(?P<title>(?:[^\[\]\\]|\\.)*+)\]"
    rf"\(<?(?P<url>{_ADDRESS}[^\s<>()]*+(?:\([^\s<>()]*+\)[^\s<>()]*+)*+)[>\s)]",
    re.IGNORECASE,
)


def matches(head: Head) -> bool:
    """Tell a list by its first lines: nearly all of them are links."""
    lines = [line for line in head.text.splitlines() if line.strip()][:_LINES_LOOKED_AT]
    links = sum(_link(line) is not None for line in lines)
    return links > 0 and links >= 0.8 * len(lines)


def parse(stream: BinaryIO) -> Iterator[Parsed]:
    """Yield a link for each line that is not blank; a line that holds none is a rejected item."""
    for line in text_lines(stream, limit=_MAX_LINE_CHARACTERS):
        if len(line) > _MAX_LINE_CHARACTERS:
            yield RejectedItem(reason="The line is longer than a million characters.", source=line[:2000])
        elif text := line.strip():
            yield _link(text) or RejectedItem(reason="The line is not a link.", source=text)


def _link(line: str) -> ParsedItem | None:
    match = _LINE.match(line) or _MARKDOWN.match(line)
    if match is None:
        return None
    return ParsedItem(url=match["url"], title=(match["title"] or "").strip(), source=line)
