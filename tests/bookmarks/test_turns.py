"""Turns at writing to SQLite: who waits says so, and a series of transactions lets them write first."""

import fcntl
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import ConnectionHandler
from pytest_django import DjangoDbBlocker

from bookmarks import turns
from tests.project.processes import eventually


@pytest.fixture(autouse=True)
def databases_of_the_tests(django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Let the tests connect to databases that they make."""
    with django_db_blocker.unblock():
        yield


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "turns.sqlite3"
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE words (word TEXT)")
    return path


@contextmanager
def connected(path: Path) -> Iterator[BaseDatabaseWrapper]:
    """Connect as the site does, in the thread that asks."""
    options = {"transaction_mode": "IMMEDIATE", "timeout": 20}
    databases = ConnectionHandler(
        {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": str(path), "OPTIONS": options}}
    )
    connection = databases["default"]
    turns.announce_waiting(connection=connection)
    try:
        yield connection
    finally:
        connection.close()


def write(path: Path, word: str, *, in_a_series: bool = False) -> None:
    with connected(path) as connection:
        if in_a_series:
            turns.give_way(connection)
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO words VALUES (%s)", [word])


def words(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as database:
        return [word for (word,) in database.execute("SELECT word FROM words ORDER BY rowid")]


def somebody_waits(path: Path) -> bool:
    with Path(f"{path}-turns").open("ab") as queue:
        try:
            fcntl.flock(queue, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


@contextmanager
def locked(path: Path) -> Iterator[None]:
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("BEGIN IMMEDIATE")
        yield
        database.execute("COMMIT")


def test_a_series_of_transactions_lets_whoever_waits_write_first(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "LONGEST_SECONDS", 30)
    with locked(path):
        person = threading.Thread(target=write, args=(path, "of a person"))
        person.start()
        assert eventually(lambda: somebody_waits(path), seconds=10)
        series = threading.Thread(target=write, args=(path, "of a series"), kwargs={"in_a_series": True})
        series.start()
        series.join(0.2)
        assert series.is_alive()
    person.join(20)
    series.join(20)
    assert words(path) == ["of a person", "of a series"]
    assert not somebody_waits(path)


def test_nobody_is_waited_for_longer_than_a_moment(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "LONGEST_SECONDS", 0.05)
    with Path(f"{path}-turns").open("ab") as queue, connected(path) as connection:
        fcntl.flock(queue, fcntl.LOCK_SH)
        turns.give_way(connection)
        assert somebody_waits(path)


@pytest.mark.parametrize("in_a_transaction", [True, False])
def test_whoever_writes_is_not_waiting_any_more(path: Path, *, in_a_transaction: bool) -> None:
    with connected(path) as connection, connection.cursor() as cursor:
        if in_a_transaction:
            cursor.execute("BEGIN IMMEDIATE")
        cursor.execute("INSERT INTO words VALUES ('one')")
        assert not somebody_waits(path)
        if in_a_transaction:
            cursor.execute("COMMIT")
    assert words(path) == ["one"]


def test_writing_goes_on_where_no_queue_can_be_kept(path: Path) -> None:
    Path(f"{path}-turns").mkdir()
    write(path, "all the same", in_a_series=True)
    assert words(path) == ["all the same"]


def test_reading_says_nothing(path: Path) -> None:
    with connected(path) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT word FROM words")
    assert not Path(f"{path}-turns").exists()
    write(path, "one")
    assert Path(f"{path}-turns").exists()
