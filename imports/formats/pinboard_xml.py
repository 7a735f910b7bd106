"""Pinboard's and Delicious's XML backup: one `<post>` per bookmark, `description` its title, `extended` its note.

Source: https://pinboard.in/api/#posts_all, which returns the same elements.
"""

import re
from collections.abc import Iterator
from typing import BinaryIO

from imports.formats import dates
from imports.formats.base import Head, Parsed, ParsedItem
from imports.formats.markup import chunks_of, parse_html_items
from imports.formats.text import one_line

NAME = "pinboard-xml"
LABEL = "Pinboard (XML)"
EXTENSIONS = (".xml",)
WHERE = "Pinboard: Settings, Backup, XML. Also the XML of the Delicious interface"

_POSTS = re.compile(
    r"\s*(?:<\?xml[^>]*>\s*|<!--(?:[^-]|-(?!->))*-->\s*|<!doctype[^>]*>\s*)*+<posts[\s/>]", re.IGNORECASE
)
_END = re.compile(rb"</posts\s*>|<posts\b[^<>]*/>", re.IGNORECASE)


def matches(head: Head) -> bool:
    """Recognise the root element `posts`."""
    return _POSTS.match(head.text) is not None


def parse(stream: BinaryIO) -> Iterator[Parsed]:
    """Yield each post. Raises UnreadableFileError where the file breaks off.

    It is read as HTML is: entities that a document type would define stay as they are written.
    """
    return parse_html_items(chunks_of(stream), _Reader(), end=_END)


class _Reader:
    """Makes a bookmark of each post; all of it is in the attributes."""

    def __init__(self) -> None:
        self.depth = 0
        self._items: list[Parsed] = []

    def take(self) -> list[Parsed]:
        """Return the items finished since the last call."""
        items, self._items = self._items, []
        return items

    def start(self, tag: str, attrib: dict[str, str]) -> None:
        self.depth += 1
        if tag == "post":
            self._items.append(_item(attrib))

    def end(self, tag: str) -> None:  # noqa: ARG002 - the parser's signature
        self.depth -= 1

    def data(self, data: str) -> None:
        """There is no text."""

    def close(self) -> None:
        """Nothing is open at the end."""


def _item(post: dict[str, str]) -> ParsedItem:
    return ParsedItem(
        url=post.get("href", "").strip(),
        title=one_line(post.get("description", "")),
        description=post.get("extended", "").strip(),
        tags=post.get("tag", post.get("tags", "")).split(),
        created=dates.from_any(post.get("time")),
        unread=post.get("toread") == "yes",
        private=post.get("shared") == "no" or post.get("private") == "yes",
        source=post,
    )
