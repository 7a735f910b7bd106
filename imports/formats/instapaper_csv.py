"""Instapaper's export as CSV: a row per article, its place in `Folder`."""

from collections.abc import Iterator
from typing import BinaryIO

from imports.formats import dates
from imports.formats.base import Head, Parsed, ParsedItem, RejectedItem
from imports.formats.csv_rows import Row, read_rows, tag_names

NAME = "instapaper-csv"
LABEL = "Instapaper (CSV)"
EXTENSIONS = (".csv",)
WHERE = "In Instapaper, open settings and choose Download .CSV file."

_PLACES = frozenset(("unread", "archive", "starred", "liked"))


def matches(head: Head) -> bool:
    """Tell an Instapaper export by its columns."""
    return {"url", "selection", "folder"}.issubset(head.columns)


def parse(stream: BinaryIO) -> Iterator[Parsed]:
    """Yield the rows in their order."""
    for row in read_rows(stream):
        yield row if isinstance(row, RejectedItem) else _read(row)


def _read(row: Row) -> Parsed:
    url, title, folder = row.first("url"), row.first("title"), row.first("folder")
    if not url:
        return row.without_address(title)
    place = folder.lower()
    return ParsedItem(
        url=url,
        title=title,
        description=row.first("selection"),
        tags=tag_names(row.first("tags")),
        folders=() if place in _PLACES or not folder else (folder,),
        created=dates.from_any(row.first("timestamp")),
        unread=place == "unread",
        archived=place == "archive",
        favorite=place in ("starred", "liked"),
        source=row.source,
    )
