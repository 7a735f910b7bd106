"""Bookmarks as Netscape bookmark HTML, which every browser and bookmark service reads.

Attributes are those of other services: TAGS, PRIVATE and TOREAD as Pinboard and linkding have them,
DATA-COVER and DATA-IMPORTANT as Raindrop does, FEEDURL as Firefox did. Nobody has one for archived.
"""

from collections.abc import Iterator
from datetime import datetime
from html import escape

import msgspec

from bookmarks.exports.rows import ExportedRow, in_chunks, rows
from bookmarks.models import BookmarkQuerySet

FILE_NAME = "netscape.html"
CONTENT_TYPE = "text/html; charset=utf-8"
LABEL = "Netscape bookmarks (HTML)"

_HEAD = b"""<!DOCTYPE NETSCAPE-Bookmark-file-1>
<META HTTP-EQUIV="Content-Type" CONTENT="text/html; charset=UTF-8">
<TITLE>Bookmarks</TITLE>
<H1>Bookmarks</H1>
<DL><p>
"""
_TAIL = b"</DL><p>\n"

# Nine digits below this, the start of 1996, are seconds since 2001 to readers that know Safari.
_EARLIEST_UNIX_TIME = 820_454_400
_LINKDING_NOTES = "[linkding-notes]"
# Pinboard and linkding have these tags for flags, and readers take them so.
_FLAG_TAGS = frozenset(("toread", "linkding:bookmarks.archived"))


def export(bookmarks: BookmarkQuerySet) -> Iterator[bytes]:
    """Yield the file in chunks of UTF-8. Fractions of seconds are lost, as dates are Unix times.

    Tags that TAGS cannot hold without doubt are also given as a JSON array in DATA-TAGS.
    """
    yield _HEAD
    yield from in_chunks(_item(row).encode() for row in rows(bookmarks))
    yield _TAIL


def _item(row: ExportedRow) -> str:
    attributes = "".join(f' {name}="{escape(value)}"' for name, value in _attributes(row) if value)
    description = "" if _LINKDING_NOTES in row.description else escape(row.description, quote=False)
    return f"<DT><A{attributes}>{escape(row.title, quote=False)}</A>\n" + (
        f"<DD>{description}\n" if description else ""
    )


def _attributes(row: ExportedRow) -> Iterator[tuple[str, str]]:
    yield "HREF", row.url
    yield "ADD_DATE", _unix_time(row.created)
    yield "LAST_MODIFIED", _unix_time(row.updated)
    yield "PRIVATE", "1" if row.private else "0"
    yield "TOREAD", "1" if row.unread else "0"
    yield "ARCHIVED", "1" if row.archived else ""
    yield "DATA-IMPORTANT", "true" if row.favorite else ""
    yield "TAGS", ",".join(row.tags)
    if _is_ambiguous(row.tags):
        yield "DATA-TAGS", msgspec.json.encode(row.tags).decode()
    yield "FEEDURL", row.feed_url
    yield "DATA-COVER", row.image_url
    # Where notes begin for linkding, text would be taken apart: such a description goes where Vivaldi has it.
    yield "DESCRIPTION", row.description if _LINKDING_NOTES in row.description else ""


def _is_ambiguous(tags: list[str]) -> bool:
    if len(tags) == 1 and " " in tags[0]:
        return True  # Without a comma, readers split at blanks.
    return any("," in tag or tag.casefold() in _FLAG_TAGS for tag in tags)


def _unix_time(moment: datetime) -> str:
    seconds = int(moment.timestamp() // 1)
    return str(seconds if seconds >= _EARLIEST_UNIX_TIME else seconds * 1_000)
