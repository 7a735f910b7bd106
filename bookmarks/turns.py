"""Turns at writing to SQLite: a long series of transactions lets whoever waits write before its next one.

SQLite has one writer at a time and no queue: whoever waits asks again and again, and would miss the short moments
between two transactions of a series. So every connection shares a lock on a file beside the database for as long as
it waits, and a series asks before each transaction whether anybody does. Other databases queue their writers.
"""

import fcntl
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

# SQLite has those who wait ask every 25 ms at most, until they have been passed over several times.
LONGEST_SECONDS = 0.1
_ASK_AGAIN_SECONDS = 0.001
_WRITES = re.compile(r"\s*(?:BEGIN IMMEDIATE|INSERT|UPDATE|DELETE|REPLACE)\b", re.IGNORECASE)


def announce_waiting(*, connection: BaseDatabaseWrapper, **_kwargs: object) -> None:
    """Have a new connection say when it waits to write; receives Django's `connection_created`."""
    if _is_a_file(connection) and _run_announced not in connection.execute_wrappers:
        connection.execute_wrappers.append(_run_announced)


def give_way(connection: BaseDatabaseWrapper) -> None:
    """Return when nobody waits to write any more, but after LONGEST_SECONDS in any case."""
    if not _is_a_file(connection):
        return
    deadline = time.monotonic() + LONGEST_SECONDS
    with _queue(connection) as queue:
        while not _lock(queue, fcntl.LOCK_EX | fcntl.LOCK_NB) and time.monotonic() < deadline:
            time.sleep(_ASK_AGAIN_SECONDS)


def _is_a_file(connection: BaseDatabaseWrapper) -> bool:
    return connection.vendor == "sqlite" and not connection.is_in_memory_db()  # type: ignore[attr-defined] # SQLite's


def _run_announced(execute: Callable[..., Any], sql: str, params: Any, many: Any, context: dict[str, Any]) -> Any:
    """Run a statement; where it may have to wait for the right to write, say so meanwhile."""
    connection = context["connection"]
    # Within a transaction that right is held already.
    if connection.in_atomic_block or not _WRITES.match(sql):
        return execute(sql, params, many, context)
    with _queue(connection) as queue:
        _lock(queue, fcntl.LOCK_SH)
        return execute(sql, params, many, context)


@contextmanager
def _queue(connection: BaseDatabaseWrapper) -> Iterator[int | None]:
    """Open the file whose lock those who wait share. None where it cannot be had: turns are a courtesy."""
    try:
        # Opened each time, as a forked process would share the lock of an open file with its parent.
        queue = os.open(f"{connection.settings_dict['NAME']}-turns", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        yield None
        return
    try:
        yield queue
    finally:
        os.close(queue)


def _lock(queue: int | None, operation: int) -> bool:
    """Lock an open queue; return whether that was possible. A queue that could not be opened is no hindrance."""
    if queue is None:
        return True
    try:
        fcntl.flock(queue, operation)
    except BlockingIOError:
        return False
    return True
