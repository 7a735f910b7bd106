"""The rejected items of a job as a table to download: all of them, in constant memory."""

import csv
from collections.abc import Iterator

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
