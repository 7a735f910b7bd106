"""A connection to PostgreSQL that stays open: whether it lives is found out, mostly without asking the server."""

import time
from collections.abc import Iterator

import psycopg
import pytest
from django.db import DatabaseError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import ConnectionHandler
from environs import Env

from project.environment import database
from project.postgresql.base import TRUSTED_SECONDS

pytestmark = pytest.mark.django_db


@pytest.fixture
def connection(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[BaseDatabaseWrapper]:
    monkeypatch.setenv("DATABASE_URL", postgres_url)
    handler = ConnectionHandler({"default": database(Env(), tmp_path_factory.mktemp("data"))})
    made = handler["default"]
    begin_request(made)
    yield made
    made.close()


def begin_request(connection: BaseDatabaseWrapper) -> None:
    """Do what Django does with a connection before each request, and ask for a connection as its first query does."""
    connection.close_if_unusable_or_obsolete()
    connection.ensure_connection()
    connection.close_if_health_check_failed()
    connection.ensure_connection()


def server_process(connection: BaseDatabaseWrapper) -> int:
    pid: int = connection.connection.info.backend_pid
    return pid


def last_statement(postgres_url: str, pid: int) -> str:
    with psycopg.connect(postgres_url) as other:
        found = other.execute("SELECT query FROM pg_stat_activity WHERE pid = %s", [pid]).fetchone()
    return str(found and found[0])


def test_a_connection_that_has_just_answered_is_not_asked_again(
    connection: BaseDatabaseWrapper, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin_request(connection)
    connection.cursor().execute("SELECT 'of the person'")
    begin_request(connection)
    assert "of the person" in last_statement(postgres_url, server_process(connection))
    later = time.monotonic() + TRUSTED_SECONDS
    monkeypatch.setattr(time, "monotonic", lambda: later)
    begin_request(connection)
    assert last_statement(postgres_url, server_process(connection)) == "SELECT 1"


def test_a_connection_that_the_server_has_ended_is_replaced_before_the_next_query(
    connection: BaseDatabaseWrapper, postgres_url: str
) -> None:
    begin_request(connection)
    dead = server_process(connection)
    with psycopg.connect(postgres_url) as other:
        # Waits until the process has gone.
        other.execute("SELECT pg_terminate_backend(%s, 10000)", [dead])
    begin_request(connection)
    connection.cursor().execute("SELECT 1")
    assert server_process(connection) != dead


def test_a_connection_after_an_error_is_asked(connection: BaseDatabaseWrapper, postgres_url: str) -> None:
    begin_request(connection)
    with pytest.raises(DatabaseError):
        connection.cursor().execute("no statement")
    assert connection.errors_occurred
    begin_request(connection)
    assert last_statement(postgres_url, server_process(connection)) == "SELECT 1"
    assert not connection.errors_occurred
