"""Bookmarks as OPML 2.0, which feed readers and outliners read."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import format_datetime

import msgspec

from bookmarks.exports.rows import ExportedRow, in_chunks, rows
from bookmarks.models import BookmarkQuerySet

FILE_NAME = "bookmarks.opml"
CONTENT_TYPE = "text/x-opml; charset=utf-8"
LABEL = "OPML"

_HEAD = b"""<?xml version="1.0" encoding="UTF-8"?>
<opml version="2.0" xmlns:cairn="https://cairn.example/ns/">
<head><title>Bookmarks</title></head>
<body>
"""
_TAIL = b"</body>\n</opml>\n"

# What cannot stand in an attribute: delimiters; line ends and tabs, which a reader turns into blanks; and what
# XML 1.0, section 2.2, does not allow at all.
_ESCAPED = re.compile(r"[&<>\"\t\n\r]|[^\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_REFERENCES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\t": "&#9;", "\n": "&#10;", "\r": "&#13;"}
_SEPARATOR = re.compile("[,/]")


def export(bookmarks: BookmarkQuerySet) -> Iterator[bytes]:
    """Yield the file in chunks of UTF-8. Fractions of seconds are lost, as dates are those of RFC 822.

    A bookmark with a feed is an outline of type `rss`, any other of type `link`. What OPML has no attribute
    for is in a namespace of its own; so are, as a JSON array, tags that hold a separator of categories.
    """
    yield _HEAD
    yield from in_chunks(_outline(row).encode() for row in rows(bookmarks))
    yield _TAIL


def _outline(row: ExportedRow) -> str:
    attributes = "".join(f' {name}="{_quoted(value)}"' for name, value in _attributes(row) if value)
    # The specification wants a text, even an empty one.
    return f'<outline text="{_quoted(row.title)}"{attributes}/>\n'


def _attributes(row: ExportedRow) -> Iterator[tuple[str, str]]:
    if row.feed_url:
        yield from (("type", "rss"), ("xmlUrl", row.feed_url), ("htmlUrl", row.url))
    else:
        yield from (("type", "link"), ("url", row.url))
    yield "created", _rfc_822(row.created)
    yield "cairn:updated", _rfc_822(row.updated)
    yield "description", row.description
    yield "category", ",".join(row.tags)
    if any(map(_SEPARATOR.search, row.tags)):
        yield "cairn:tags", msgspec.json.encode(row.tags).decode()
    yield "cairn:image", row.image_url
    for flag in ("unread", "archived", "favorite", "private"):
        yield f"cairn:{flag}", "true" if getattr(row, flag) else ""


def _quoted(text: str) -> str:
    return _ESCAPED.sub(lambda found: _REFERENCES.get(found[0], "\ufffd"), text)


def _rfc_822(moment: datetime) -> str:
    return format_datetime(moment.astimezone(UTC), usegmt=True)
