"""What a backup is: one zip file that knows neither SQLite nor PostgreSQL, and that describes itself.

tables/<app>.<model>.jsonl  the rows of a table, one JSON array a line
uploads/<name>              the stored files of imports
secret_key                  the key that sessions are signed with
manifest.json               what there is, in which state of the migrations, with counts and checksums; written last
"""

import shutil
import tomllib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
from django.conf import settings
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import AutoField, Field, Model, QuerySet
from django.db.models.options import Options

FORMAT = 1
MANIFEST = "manifest.json"
SECRET_KEY = "secret_key"  # noqa: S105 - the name of a file
UPLOADS = "uploads/"
BLOCK_BYTES = 1 << 20
ROWS_AT_ONCE = 1_000
# Messages and results of the queue, and what workers say of themselves: all of it is about running processes.
_PASSING = ("django_q.", "imports.heartbeat")

type Applied = Collection[tuple[str, str]]


class BackupError(Exception):
    """A backup cannot be made or restored; `str(error)` is for the operator."""


class Content(msgspec.Struct, frozen=True):
    """The size in bytes and the SHA-256 of a member, as it is unpacked."""

    size: int
    sha256: str


class Table(msgspec.Struct, frozen=True):
    """A table. `last_number` is the last primary key that was given out, also to a row that is gone; 0 without any."""

    rows: int
    columns: list[str]
    last_number: int
    content: Content


class Manifest(msgspec.Struct, frozen=True):
    """What a backup says of itself: tables by the label of their model, uploads by their name in the storage."""

    format: int
    version: str
    made: datetime
    database: str
    migrations: list[tuple[str, str]]
    tables: dict[str, Table]
    uploads: dict[str, Content]
    secret_key: Content

    def contents(self) -> dict[str, Content]:
        """Return the members that have to be there."""
        tables = {table_member(label): table.content for label, table in self.tables.items()}
        uploads = {UPLOADS + name: content for name, content in self.uploads.items()}
        return {**tables, **uploads, SECRET_KEY: self.secret_key}

    def summary(self) -> str:
        """Return what there is in a few words."""
        return (
            f"{self._rows('auth.user'):,} accounts, {self._rows('bookmarks.bookmark'):,} bookmarks, "
            f"{self._rows('imports.importjob'):,} imports, {len(self.uploads):,} stored files"
        )

    def _rows(self, label: str) -> int:
        return self.tables[label].rows if label in self.tables else 0


def table_member(label: str) -> str:
    """Return the name of a table's member."""
    return f"tables/{label}.jsonl"


def site_version() -> str:
    """Return the version of the site."""
    project = tomllib.loads((settings.BASE_DIR / "pyproject.toml").read_text())["project"]
    return str(project["version"])


def applied_migrations() -> set[tuple[str, str]]:
    """Return the migrations that the database has had; none when it was never used."""
    return set(MigrationRecorder(connection).applied_migrations())


def unknown_migrations(applied: Applied) -> set[tuple[str, str]]:
    """Return those that this version of the site does not have."""
    return set(applied) - MigrationLoader(None).disk_migrations.keys()


def last_migrations(applied: Applied) -> list[tuple[str, str]]:
    """Return of each app those after which none of the same app was applied: what to migrate to."""
    graph = MigrationLoader(None).graph
    followed = {
        (app, name)
        for app, name in applied
        for follower in graph.node_map[app, name].children
        if follower.key in applied and follower.key[0] == app
    }
    return sorted(set(applied) - followed)


@dataclass(frozen=True)
class Shape:
    """A table as the migrations up to some state left it: its fields by their columns, and the column it counts by."""

    name: str
    fields: dict[str, Field[Any, Any]]
    counter: str | None
    rows: QuerySet[Model]


def shapes_at(applied: Applied) -> dict[str, Shape]:
    """Return every table that a backup has, by the label of its model, as these migrations left it."""
    state = MigrationLoader(None).project_state(sorted(applied))
    models = (model._meta for model in state.apps.get_models(include_auto_created=True))
    shapes = {options.label_lower: _shape(options) for options in models if not options.proxy}
    return {label: shape for label, shape in sorted(shapes.items()) if not label.startswith(_PASSING)}


def _shape(options: "Options[Model]") -> Shape:
    stored = (field for field in options.local_concrete_fields if not field.generated)
    fields = {field.column: field for field in stored if field.column}
    counter = options.pk.column if isinstance(options.pk, AutoField) else None
    return Shape(options.db_table, fields, counter, options.model._default_manager.order_by("pk"))


def check_space(directory: Path, needed: int, purpose: str) -> None:
    """Raise BackupError unless so many bytes are free in `directory`."""
    free = shutil.disk_usage(directory).free
    if free < needed:
        raise BackupError(f"{purpose} may take {needed:,} bytes in {directory}, but only {free:,} are free.")
