"""Bookmarks as an ActivityStreams 2.0 Collection of Links, in the shape that Pebbling Club introduced."""

from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec
from django.utils import timezone

from bookmarks.exports.rows import ExportedRow, in_chunks, rows
from bookmarks.models import BookmarkQuerySet

FILE_NAME = "activitystream.json"
CONTENT_TYPE = "application/activity+json"
LABEL = "ActivityStreams (JSON)"

CONTEXT = (
    "https://www.w3.org/ns/activitystreams",
    {
        "pebbling": "https://pebbling.club/ns/",
        "feedUrl": "pebbling:feedUrl",
        "cairn": "https://cairn.example/ns/",
    },
)


class _Link(
    msgspec.Struct,
    frozen=True,
    gc=False,
    kw_only=True,
    omit_defaults=True,
    tag="Link",
    tag_field="type",
    rename={
        "feed_url": "feedUrl",
        "unread": "cairn:unread",
        "archived": "cairn:archived",
        "favorite": "cairn:favorite",
        "private": "cairn:private",
    },
):
    """A bookmark. `href` is what the standard calls the address, `url` what Pebbling Club does."""

    url: str
    href: str
    name: str
    published: datetime
    updated: datetime
    summary: str = ""
    tag: list[str] = []
    feed_url: str = ""
    image: str = ""
    unread: bool = False
    archived: bool = False
    favorite: bool = False
    private: bool = False


class _Head(msgspec.Struct, frozen=True, tag="Collection", tag_field="type"):
    """What stands before the items. Their number stands behind: nobody counts a million before the first."""

    published: datetime


def export(bookmarks: BookmarkQuerySet) -> Iterator[bytes]:
    """Yield the collection in chunks of UTF-8, an item a line.

    What is empty or not set is left out, the name alone excepted; dates are in UTC.
    """
    encoder = msgspec.json.Encoder()
    head = encoder.encode(_Head(timezone.now()))
    number = 0

    def items() -> Iterator[bytes]:
        nonlocal number
        for number, row in enumerate(rows(bookmarks), 1):
            yield (b",\n" if number > 1 else b"\n") + encoder.encode(_link(row))

    yield b'{"@context":%s,%s,"items":[' % (encoder.encode(CONTEXT), head[1:-1])
    yield from in_chunks(items())
    yield b'\n],"totalItems":%d}\n' % number


def _link(row: ExportedRow) -> _Link:
    return _Link(
        url=row.url,
        href=row.url,
        name=row.title,
        published=row.created.astimezone(UTC),
        updated=row.updated.astimezone(UTC),
        summary=row.description,
        tag=row.tags,
        feed_url=row.feed_url,
        image=row.image_url,
        unread=row.unread,
        archived=row.archived,
        favorite=row.favorite,
        private=row.private,
    )
