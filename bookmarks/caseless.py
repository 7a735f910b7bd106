"""Finds a word in a text whatever its case, also on SQLite, which by itself knows the letters A to Z only."""

from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.lookups import IContains


class Mentions(IContains):
    """`Mentions(F("title"), "größe")`: `title__icontains="größe"` for the letters of every script.

    SQLite compares ASCII by itself, and much faster; for any other word it calls `mentions`, once for each row.
    """

    def as_sqlite(self, compiler: Any, connection: Any, **_context: Any) -> Any:  # Django's types for SQL are opaque
        """Return the comparison as SQLite knows it."""
        if self.rhs.isascii():
            return self.as_sql(compiler, connection)
        text, params = self.process_lhs(compiler, connection)
        return f"cairn_mentions({text}, %s)", [*params, self.rhs.casefold()]


def mentions(text: str, folded: str) -> bool:
    """Return whether `folded`, a case-folded word, occurs in `text`."""
    return folded in text.casefold()


def add_functions(connection: BaseDatabaseWrapper, **_signal: Any) -> None:  # as Django calls it
    """Make `mentions` known to a new connection to SQLite."""
    if connection.vendor == "sqlite":
        connection.connection.create_function("cairn_mentions", 2, mentions, deterministic=True)
