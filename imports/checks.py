"""Checks at start: what is set up in a way that could not work is said at once."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags
from django.core.checks import register as register_check
from django.db import connections

OLDEST_POSTGRESQL = 150_000


def register() -> None:
    """Register the checks of this app."""
    register_check(check_database, Tags.database)
    register_check()(check_queue)


def check_database(*, databases: Sequence[str] | None, **_kwargs: Any) -> list[CheckMessage]:  # as Django calls it
    """PostgreSQL must be a supported version and hold its texts in UTF-8."""
    if "default" not in (databases or []) or connections["default"].vendor != "postgresql":
        return []
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version_num')::int, current_setting('server_encoding')")
        version, encoding = cursor.fetchone()
    problems: list[CheckMessage] = []
    if version < OLDEST_POSTGRESQL:
        problems.append(
            Error(f"PostgreSQL 15 or newer is needed; the server is {version // 10_000}.", id="imports.E001")
        )
    if encoding != "UTF8":
        problems.append(Error(f"The database must be encoded in UTF8, but is in {encoding}.", id="imports.E002"))
    return problems


def check_queue(**_kwargs: Any) -> list[CheckMessage]:  # as Django calls it
    """Only in the database of the jobs does a message commit together with its job."""
    if settings.Q_CLUSTER.get("orm") != "default" or settings.Q_CLUSTER.get("sync"):
        return [Error("Q_CLUSTER must use the default database as its broker, and not be sync.", id="imports.E003")]
    return []
