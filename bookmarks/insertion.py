"""Many new rows at the driver's own speed: SQLite's statements of many rows, PostgreSQL's COPY. Knows no table."""

from collections.abc import Callable, Sequence
from itertools import batched, chain
from typing import Any

from django.db import connection
from django.db.backends.utils import CursorWrapper

# A statement per row would go back to Python at each. More at once are no faster, and take megabytes.
VALUES_AT_ONCE = 250


def insert_rows(cursor: CursorWrapper, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Insert rows that clash with nothing: for each a value for each of `columns`. Must run inside a transaction.

    Takes values as the drivers do, without Django's conversions. Raises Django's database errors.
    """
    # Django wraps what its own cursors raise; these are the driver's.
    with connection.wrap_database_errors:
        _INSERT[connection.vendor](cursor, table, columns, rows)


def _insert_sqlite(_cursor: CursorWrapper, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    marks = f"({', '.join('?' * len(columns))})"
    start = f"INSERT INTO {table} ({', '.join(columns)}) VALUES "
    at_once = VALUES_AT_ONCE // len(columns)
    whole = len(rows) - len(rows) % at_once
    statement = start + ", ".join([marks] * at_once)
    for some in batched(rows[:whole], at_once):
        connection.connection.execute(statement, list(chain.from_iterable(some)))
    # The driver keeps statements that it has compiled: one for each number of rows would crowd out all others.
    connection.connection.executemany(start + marks, rows[whole:])


def _insert_postgresql(
    cursor: CursorWrapper, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]
) -> None:
    with cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


type _Insert = Callable[[CursorWrapper, str, Sequence[str], Sequence[Sequence[Any]]], None]

_INSERT: dict[str, _Insert] = {"sqlite": _insert_sqlite, "postgresql": _insert_postgresql}
