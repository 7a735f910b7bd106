"""The rejected items of a job to download, as a table or as ActivityStreams: all of them, in constant memory."""

import csv
from collections.abc import Iterator

import msgspec
from django.utils import timezone

from bookmarks.drafts import InvalidDraftError, clean_url
from bookmarks.exports.activitystreams import CONTEXT
from bookmarks.exports.rows import in_chunks
from imports.models import ImportJob

COLUMNS = ("position", "member", "title", "url", "reason", "fragment")
# Without it, spreadsheets take UTF-8 for an encoding of their own.
_BYTE_ORDER_MARK = "\ufeff"
_ROWS_PER_READ = 1_000
# What makes a spreadsheet calculate a cell instead of showing it.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


class _Line:
    """A file for `csv.writer` that hands each line on instead of keeping it."""

    def write(self, line: str) -> str:
        return line


def rejected_csv(job: ImportJob) -> Iterator[bytes]:
    """Yield the table in chunks of UTF-8, in the order of the file. One query, made when the first chunk is asked for.

    A text that a spreadsheet would take for a formula gets an apostrophe before it.
    """
    found = job.rejected_items.order_by("position").values_list(*COLUMNS)
    yield from in_chunks(line.encode() for line in _lines(found.iterator(chunk_size=_ROWS_PER_READ)))


def _lines(rows: Iterator[tuple[int | str, ...]]) -> Iterator[str]:
    writer = csv.writer(_Line())
    yield _BYTE_ORDER_MARK + writer.writerow(COLUMNS)
    for row in rows:
        yield writer.writerow([_defused(value) for value in row])


def _defused(value: int | str) -> int | str:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA_STARTS) else value


def undefused(text: str) -> str:
    """Return what a cell of the table said before it was made safe."""
    return text[1:] if text.startswith("'") and text[1:].startswith(_FORMULA_STARTS) else text


def rejected_activitystreams(job: ImportJob) -> Iterator[bytes]:
    """Yield the rejected items as a Collection in chunks of UTF-8, an item a line, in the order of the file.

    An item with the address of a web page is a Link, any other a Note; `cairn:rejected` says why it was rejected.
    """
    encoder = msgspec.json.Encoder()
    head = {"type": "Collection", "published": timezone.now(), "totalItems": job.rejected_items.count()}
    yield b'{"@context":%s,%s,"items":[' % (encoder.encode(CONTEXT), encoder.encode(head)[1:-1])
    found = job.rejected_items.order_by("position").values_list(*COLUMNS)
    yield from in_chunks(_objects(found.iterator(chunk_size=_ROWS_PER_READ), encoder))
    yield b"\n]}\n"


def _objects(rows: Iterator[tuple[int | str, ...]], encoder: msgspec.json.Encoder) -> Iterator[bytes]:
    separator = b"\n"
    for row in rows:
        yield separator + encoder.encode(_object(dict(zip(COLUMNS, row, strict=True))))
        separator = b",\n"


def _object(item: dict[str, int | str]) -> dict[str, int | str]:
    url = str(item["url"])
    links = _is_web_url(url)
    made = {
        "type": "Link" if links else "Note",
        "url": url,
        "href": url if links else "",
        "name": item["title"],
        "content": item["fragment"],
        "cairn:rejected": item["reason"],
        "cairn:position": item["position"],
        "cairn:member": item["member"],
    }
    return {name: value for name, value in made.items() if value or name == "name"}


def _is_web_url(url: str) -> bool:
    try:
        clean_url(url)
    except InvalidDraftError:
        return False
    return True
