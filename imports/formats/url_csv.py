"""Any table with a column of addresses, under the names that services and people give to columns."""

from collections.abc import Iterator
from typing import BinaryIO

from imports.formats import dates
from imports.formats.base import Head, Parsed, ParsedItem, RejectedItem
from imports.formats.csv_rows import URL_COLUMNS, Row, read_rows, tag_names
from imports.formats.text import html_to_text

NAME = "url-csv"
LABEL = "Any table with a “url” column (CSV)"
EXTENSIONS = (".csv", ".tsv")
WHERE = (
    "A spreadsheet or any service: save as CSV. Columns for title, description, tags, date and folder are recognised."
)

_TITLE = ("title", "name", "page title", "bookmark title", "link title", "page_title", "headline", "text")
_NOTE = (
    "description", "note", "notes", "comment", "comments", "extended", "selection", "annotation", "excerpt",
    "summary", "desc",
)  # fmt: skip
_TAGS = ("tags", "tag", "labels", "label", "keywords", "tag names", "tag_names", "categories", "category", "topics")
_FOLDER = ("folder", "folders", "collection", "collections", "folder path", "path", "directory", "list")
_CREATED = (
    "created", "created_at", "createdat", "created at", "created on", "created_on", "creation date", "creation_date",
    "date_added", "dateadded", "date added", "date created", "date_created", "date saved", "date_saved", "added",
    "added_at", "addedat", "added on", "add_date", "time_added", "saved", "saved_at", "savedat", "saved date",
    "saved at", "saved on", "bookmarked at", "timestamp", "date", "time", "datetime", "published",
)  # fmt: skip
_UPDATED = (
    "updated", "updated_at", "updatedat", "updated at", "modified", "last_modified", "last modified", "modified_at",
    "date_modified", "date modified", "lastmodified",
)  # fmt: skip
_IMAGE = ("cover", "image", "image_url", "image url", "thumbnail", "preview image", "preview_image")
_FEED = ("feed_url", "feed url", "feedurl", "feed", "rss", "xmlurl")
_ARCHIVED = frozenset(("archive", "archived", "read"))


def matches(head: Head) -> bool:
    """Tell such a table by its header; a header of one column must have an address below it, or nothing."""
    if not any(name in head.columns for name in URL_COLUMNS):
        return False
    below = head.text.strip().split("\n", 2)[1:2]
    return len(head.columns) > 1 or not below or "://" in below[0] or ":" in below[0].split(" ")[0]


def parse(stream: BinaryIO) -> Iterator[Parsed]:
    """Yield the rows in their order."""
    for row in read_rows(stream):
        yield row if isinstance(row, RejectedItem) else _read(row)


def _read(row: Row) -> Parsed:
    url, title, status = row.first(*URL_COLUMNS), row.first(*_TITLE), row.first("status", "state").lower()
    if not url:
        return row.without_address(title)
    return ParsedItem(
        url=url,
        title=title,
        description=html_to_text(row.first(*_NOTE)),
        tags=tag_names(row.first(*_TAGS)),
        folders=[name for part in row.first(*_FOLDER).split("/") if (name := part.strip())],
        created=dates.from_any(row.first(*_CREATED)),
        updated=dates.from_any(row.first(*_UPDATED)),
        unread=status == "unread" or row.is_set("unread", "is_unread", "toread", "to read", "to_read", "read later"),
        archived=status in _ARCHIVED or row.is_set("archived", "is_archived"),
        favorite=row.is_set("favorite", "favourite", "is_favorite", "starred", "is_starred", "important", "fav"),
        private=row.is_set("private", "is_private")
        or row.first("shared", "public", "is_public").lower() in ("no", "0", "false"),
        feed_url=row.first(*_FEED),
        image_url=row.first(*_IMAGE),
        source=row.source,
    )
