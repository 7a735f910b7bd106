"""Pinboard's and Delicious's XML backup: one `<post>` per bookmark, `description` its title, `extended` its note.

Source: https://pinboard.in/api/#posts_all, which returns the same elements.
"""

import re
from collections.abc import Iterator
from typing import BinaryIO

from imports.formats import dates
from imports.formats.base import Head, Parsed, ParsedItem
from imports.formats.markup import ItemReader, chunks_of, parse_html_items
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


class _Reader(ItemReader):
    """Makes a bookmark of each post; all of it is in the attributes."""

    def start(self, tag: str, attrib: dict[str, str]) -> None:
        self.depth += 1
        if tag == "post":
            self.items.append(_item(attrib))


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
