"""Reads bookmarks for an export: in one order everywhere, a part at a time, however many there are."""

from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

import msgspec
from django.db.models import F, Func

from bookmarks.models import Bookmark, BookmarkQuerySet, Tagging

ROWS_PER_READ = 1_000
# The first part is small, so that a download begins at once.
_ROWS_IN_FIRST_WINDOW = 1_000
_ROWS_PER_WINDOW = 20_000
_BYTES_PER_CHUNK = 64 * 1024


class ExportedRow(msgspec.Struct, frozen=True, gc=False):
    """A bookmark as an export writes it: dates aware, names of tags in order of their comparison form."""

    url: str
    title: str
    description: str
    feed_url: str
    image_url: str
    created: datetime
    updated: datetime
    unread: bool
    archived: bool
    favorite: bool
    private: bool
    tags: list[str]


_FIELDS = ExportedRow.__struct_fields__[:-1]


class _Second(Func):
    """The second of a date, to sort by; Django's own truncation calls Python for each row of SQLite."""

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:  # Django's types for SQL are opaque
        return self.as_sql(compiler, connection, template="substr(%(expressions)s, 1, 19)", **context)

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:  # as above
        return self.as_sql(compiler, connection, template="date_trunc('second', %(expressions)s)", **context)


def rows(bookmarks: BookmarkQuerySet) -> Iterator[ExportedRow]:
    """Yield the bookmarks by the second they were saved in, oldest first, then by their hash.

    The order depends on nothing that an export in whole seconds, or an import, would change: exported again
    from another account, the same bookmarks come in the same order. No transaction is held between reads, so
    a slow download stops nobody; what changes meanwhile may or may not show.
    """
    for window in _windows(bookmarks):
        for start in range(0, len(window), ROWS_PER_READ):
            yield from _read(window[start : start + ROWS_PER_READ])


def _windows(bookmarks: BookmarkQuerySet) -> Iterator[Sequence[int]]:
    """Yield primary keys in order of export, in parts of whole seconds.

    A part is no longer than _ROWS_PER_WINDOW and the bookmarks of its last second, of which an import without
    dates makes many: hence the array, with eight bytes for each.
    """
    rest = bookmarks.order_by("created")
    size = _ROWS_IN_FIRST_WINDOW
    while True:
        edges = rest.values_list("created", flat=True)[size : size + 1]
        last = next((edge.replace(microsecond=999_999) for edge in edges), None)
        window = rest if last is None else rest.filter(created__lte=last)
        in_order = window.order_by(_Second(F("created")), "unique_hash")
        yield array("q", in_order.values_list("pk", flat=True).iterator())
        if last is None:
            return
        rest = rest.filter(created__gt=last)
        size = _ROWS_PER_WINDOW


def _read(keys: Sequence[int]) -> Iterator[ExportedRow]:
    tags: dict[int, list[tuple[str, str]]] = defaultdict(list)
    taggings = Tagging.objects.filter(bookmark__in=keys)
    for bookmark, form, name in taggings.values_list("bookmark_id", "tag__key", "tag__name"):
        tags[bookmark].append((form, name))
    found: Iterable[Sequence[Any]]  # a row holds several types
    # By their keys alone: with the owner among the conditions, SQLite would walk through all of the owner's bookmarks.
    found = Bookmark.objects.order_by().filter(pk__in=keys).values_list(*_FIELDS, "pk")
    values = {row[-1]: row[:-1] for row in found}
    for key in keys:
        if key in values:
            names = [name for _, name in sorted(tags[key])]
            yield ExportedRow(*(*values[key], names))


def in_chunks(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Join small pieces to chunks of some 64 KB, as a socket likes them."""
    pending = bytearray()
    for piece in pieces:
        pending += piece
        if len(pending) >= _BYTES_PER_CHUNK:
            yield bytes(pending)
            pending.clear()
    if pending:
        yield bytes(pending)
