"""Raindrop.io's export as CSV; a person's note and the page's own excerpt both go into the description."""

from collections.abc import Iterator
from typing import BinaryIO

from imports.formats import dates
from imports.formats.base import Head, Parsed, ParsedItem, RejectedItem
from imports.formats.csv_rows import Row, read_rows, tag_names
from imports.formats.text import decode_entities, html_to_text

NAME = "raindrop-csv"
LABEL = "Raindrop.io (CSV)"
EXTENSIONS = (".csv",)
WHERE = "In Raindrop.io, open settings, then export or backups, and choose CSV."


def matches(head: Head) -> bool:
    """Tell a Raindrop export by its columns."""
    return {"url", "excerpt"}.issubset(head.columns) and ("cover" in head.columns or "highlights" in head.columns)


def parse(stream: BinaryIO) -> Iterator[Parsed]:
    """Yield the rows in their order."""
    for row in read_rows(stream):
        yield row if isinstance(row, RejectedItem) else _read(row)


def _read(row: Row) -> Parsed:
    url, title, folder = row.first("url"), decode_entities(row.first("title")), row.first("folder")
    if not url:
        return row.without_address(title)
    return ParsedItem(
        url=url,
        title=title,
        description=_description(row),
        tags=tag_names(row.first("tags"), separators=","),
        folders=() if folder.casefold() == "unsorted" else _path(folder),
        created=dates.from_any(row.first("created")),
        updated=dates.from_any(row.first("lastupdate", "updated")),
        favorite=row.is_set("favorite", "important"),
        image_url=row.first("cover"),
        source=row.source,
    )


def _description(row: Row) -> str:
    texts: list[str] = []
    for name in ("note", "excerpt", "highlights"):
        text = html_to_text(row.first(name).removeprefix("Highlight:"))
        if text and not any(text in other for other in texts):
            texts.append(text)
    return "\n\n".join(texts)


def _path(folder: str) -> tuple[str, ...]:
    return tuple(name for part in folder.split("/") if (name := part.strip()))
