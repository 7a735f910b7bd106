"""Readwise Reader's export as CSV, in which tags are a Python list and some rows lack a cell."""

from collections.abc import Iterator
from typing import BinaryIO

from imports.formats import dates
from imports.formats.base import Head, Parsed, ParsedItem, RejectedItem
from imports.formats.csv_rows import Row, read_rows, tag_names

NAME = "readwise-reader-csv"
LABEL = "Readwise Reader (CSV)"
EXTENSIONS = (".csv",)
WHERE = "In Readwise Reader, open account settings and choose Export."


def matches(head: Head) -> bool:
    """Tell a Readwise Reader export by its columns."""
    return "url" in head.columns and "document tags" in head.columns


def parse(stream: BinaryIO) -> Iterator[Parsed]:
    """Yield the rows in their order; what came in through a feed was not saved by anyone and is rejected."""
    for row in read_rows(stream):
        yield row if isinstance(row, RejectedItem) else _read(_mended(row))


def _read(row: Row) -> Parsed:
    url, title, location = row.first("url"), row.first("title"), row.first("location").lower()
    if not url:
        return row.without_address(title)
    if location == "feed":
        return RejectedItem(
            reason="An article from a feed that was not saved.", url=url, title=title, source=row.source
        )
    return ParsedItem(
        url=url,
        title=title,
        description=row.first("notes", "document note", "summary"),
        tags=tag_names(row.first("document tags")),
        created=dates.from_any(row.first("saved date")),
        unread=location in ("new", "later", "shortlist"),
        archived=location == "archive",
        source=row.source,
    )


def _mended(row: Row) -> Row:
    """Put the cells back under their columns: a missing ID moves them, and so do unquoted commas in the list."""
    values = row.values
    tags_at = row.index.get("document tags", len(values))
    id_at = row.index.get("id", tags_at)
    if id_at < tags_at and len(values) > id_at and values[id_at].lstrip().startswith("["):
        values = [*values[:id_at], "", *values[id_at:]]
    if len(values) > tags_at and values[tags_at].lstrip().startswith("["):
        last = next((at for at in range(tags_at, len(values)) if values[at].rstrip().endswith("]")), tags_at)
        values = [*values[:tags_at], ",".join(values[tags_at : last + 1]), *values[last + 1 :]]
    return row if values is row.values else Row(row.index, values, row.source)
