"""Pinboard's and Delicious's XML backup: one `<post>` per bookmark, `description` its title, `extended` its note.

Source: https://pinboard.in/api/#posts_all, which returns the same elements.
"""

import re
from collections.abc import Iterator
from typing import BinaryIO

from imports.formats import dates
from imports.formats.base import Head, Parsed, ParsedItem
from imports.formats.markup import ItemReader, parse_items
from imports.formats.text import one_line

NAME = "pinboard-xml"
LABEL = "Pinboard (XML)"
EXTENSIONS = (".xml",)
WHERE = "In Pinboard, open settings, then backup, and choose XML."

_POSTS = re.compile(
    r"\s*(?:<\?xml[^>]*>\s*|<!--(?:[^-]|-(?!->))*-->\s*|<!doctype[^>]*>\s*)*+<posts[\s/>]", re.IGNORECASE
)


def matches(head: Head) -> bool:
    """Recognise the root element `posts`."""
    return _POSTS.match(head.text) is not None


def parse(stream: BinaryIO) -> Iterator[Parsed]:
    """Yield each post. Raises UnreadableFileError where the file breaks off.

    It is read as HTML is: entities that a document type would define stay as they are written.
    """
    return parse_items(stream.read, _Reader(), is_xml=True)


class _Reader(ItemReader):
    """Makes a bookmark of each post; all of it is in the attributes."""

    is_whole = False

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "post":
            self.items.append(_item(attributes))

    def end(self, tag: str) -> None:
        self.is_whole |= tag == "posts"


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
