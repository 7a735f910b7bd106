"""Pocket's export as CSV, one or many part files in a zip; other services write the same columns."""

from collections.abc import Iterator
from typing import BinaryIO

from imports.formats import dates
from imports.formats.base import Head, Parsed, ParsedItem, RejectedItem
from imports.formats.csv_rows import Row, read_rows, tag_names

NAME = "pocket-csv"
LABEL = "Pocket (CSV)"
EXTENSIONS = (".csv", ".zip")
WHERE = "The zip with part files that Pocket sent by mail, or one of the files in it."


def matches(head: Head) -> bool:
    """Tell a Pocket export by its columns."""
    return "url" in head.columns and "time_added" in head.columns


def parse(stream: BinaryIO) -> Iterator[Parsed]:
    """Yield the rows in their order."""
    for row in read_rows(stream):
        yield row if isinstance(row, RejectedItem) else _read(row)


def _read(row: Row) -> Parsed:
    url, title, status = row.first("url"), row.first("title"), row.first("status").lower()
    if not url:
        return row.without_address(title)
    return ParsedItem(
        url=url,
        # Pocket writes the address where a page had no title.
        title="" if title == url else title,
        description=row.first("excerpt", "description"),
        tags=tag_names(row.first("tags")),
        created=dates.from_any(row.first("time_added")),
        updated=dates.from_any(row.first("time_updated")),
        unread=status in ("unread", "0"),
        archived=status in ("archive", "archived", "read", "1"),
        favorite=row.is_set("favorite", "is_favorite"),
        source=row.source,
    )
