"""Puts a backup into a place that is empty, whatever database it was made from: all rows or none."""

import base64
import hashlib
import os
import zlib
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from itertools import batched
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

import msgspec
from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import FileSystemStorage, default_storage
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Field, ForeignKey

from bookmarks import search
from bookmarks.insertion import insert_rows
from imports import lifecycle
from imports.models import ImportJob
from project.archive import (
    BLOCK_BYTES,
    FORMAT,
    MANIFEST,
    ROWS_AT_ONCE,
    SECRET_KEY,
    UPLOADS,
    BackupError,
    Content,
    Manifest,
    Shape,
    Table,
    applied_migrations,
    check_space,
    last_migrations,
    shapes_at,
    table_member,
    unknown_migrations,
)

# Rows that a site has before anybody has used it.
_MADE_BY_MIGRATE = ("auth.permission", "contenttypes.contenttype")
# The values of these stand in JSON as a database takes them.
_PLAIN = {
    *("AutoField", "BigAutoField", "SmallAutoField", "IntegerField", "BigIntegerField", "SmallIntegerField"),
    *("PositiveIntegerField", "PositiveBigIntegerField", "PositiveSmallIntegerField", "FloatField", "BooleanField"),
    *("CharField", "TextField", "SlugField", "FileField", "GenericIPAddressField"),
}

type Convert = Callable[[Any], object]  # a column's values are of any JSON type

_row_decoder = msgspec.json.Decoder(list[Any])


def check(path: Path) -> Manifest:
    """Return what a backup says of itself after comparing every member with its checksum; nothing is written.

    Raises BackupError when it is damaged, no backup, or one of a newer version.
    """
    try:
        with ZipFile(path) as archive:
            manifest = _manifest(archive)
            for name, content in manifest.contents().items():
                if _content(archive, name) != content:
                    raise BackupError(f"The backup is damaged: {name} is not what was written.")
    except (BadZipFile, zlib.error, EOFError, KeyError, msgspec.MsgspecError) as error:
        raise BackupError(f"{path} is damaged, or not a backup of this program.") from error
    return manifest


def _manifest(archive: ZipFile) -> Manifest:
    text = archive.read(MANIFEST)
    is_newer = msgspec.json.decode(text, type=dict[str, Any])["format"] > FORMAT
    manifest = None if is_newer else msgspec.json.decode(text, type=Manifest)
    if manifest is None or unknown_migrations(manifest.migrations):
        raise BackupError("The backup was made by a newer version of this program.")
    return manifest


def _content(archive: ZipFile, name: str) -> Content:
    with archive.open(name) as member:
        return _content_of(iter(lambda: member.read(BLOCK_BYTES), b""))


def _content_of(blocks: Iterator[bytes]) -> Content:
    size, digest = 0, hashlib.sha256()
    for block in blocks:
        size += len(block)
        digest.update(block)
    return Content(size, digest.hexdigest())


def restore(path: Path) -> Manifest:
    """Restore a backup into the database, the storage and the data directory that the settings name.

    The database gets the state of the migrations that the backup has, the rows in one transaction, and then the
    migrations since. Imports that were under way go on where the backup has them as soon as a worker runs. Raises
    BackupError, and has written nothing that matters, when the backup is not whole or the place not empty.
    """
    manifest = check(path)
    _check_room(manifest)
    shapes = shapes_at(manifest.migrations)
    _check_empty(manifest, shapes)
    MigrationExecutor(connection).migrate(last_migrations(manifest.migrations))
    with ZipFile(path) as archive:
        for name, content in manifest.uploads.items():
            _restore_upload(archive, name, content)
        _restore_tables(archive, manifest, shapes)
        _restore_secret_key(archive.read(SECRET_KEY))
    call_command("migrate", interactive=False, verbosity=0)
    # Made from the bookmarks, by each database in its own way, and so in no backup.
    search.rebuild(lambda _number: None)
    search.tidy()
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")  # a planner that knows nothing of new tables chooses badly
    _send_imports_on(manifest)
    return manifest


def _check_room(manifest: Manifest) -> None:
    needed = 0
    if isinstance(default_storage, FileSystemStorage):
        needed += sum(content.size for content in manifest.uploads.values())
    if connection.vendor == "sqlite":
        needed += 2 * sum(table.content.size for table in manifest.tables.values())  # indexes, and the log
    Path(settings.DATA_DIR).mkdir(parents=True, exist_ok=True)
    check_space(settings.DATA_DIR, needed, "Restoring")


def _check_empty(manifest: Manifest, shapes: dict[str, Shape]) -> None:
    """Raise BackupError unless the database was never used, or was made ready by the same version and not used."""
    applied = applied_migrations()
    if not applied:
        return
    if applied != set(manifest.migrations):
        raise BackupError("The database was made by another version than the backup; restore into an empty one.")
    for label, shape in shapes.items():
        if label not in _MADE_BY_MIGRATE and shape.rows.exists():
            raise BackupError("The database is in use; restore into an empty one.")


def _restore_upload(archive: ZipFile, name: str, content: Content) -> None:
    """Store a file under its name; one that is there already with the same content may stay."""
    if default_storage.exists(name):
        with default_storage.open(name) as file:
            if _content_of(file.chunks(BLOCK_BYTES)) != content:
                raise BackupError(f"The storage has another file as {name}; restore into an empty one.")
        return
    with archive.open(UPLOADS + name) as member:
        stored = default_storage.save(name, File(member, name))
    if stored != name:
        raise BackupError(f"The storage calls {name} {stored}.")


def _restore_tables(archive: ZipFile, manifest: Manifest, shapes: dict[str, Shape]) -> None:
    with transaction.atomic():
        for label in _MADE_BY_MIGRATE:
            shapes[label].rows.delete()
        for label, table in manifest.tables.items():
            try:
                with closing(_rows_of(archive, label)) as chunks:
                    _insert(shapes[label], table, chunks)
            except DatabaseError as error:
                raise BackupError(f"The database does not take the rows of {label}: {error}") from error
            _count_on(shapes[label], table.last_number)


def _rows_of(archive: ZipFile, label: str) -> Generator[list[list[Any]]]:
    with archive.open(table_member(label)) as member:
        for lines in batched(member, ROWS_AT_ONCE):
            yield _row_decoder.decode_lines(b"".join(lines))


def _insert(shape: Shape, table: Table, chunks: Iterator[list[list[Any]]]) -> None:
    converters = [(at, _converter(shape.fields[column])) for at, column in enumerate(table.columns)]
    quoted = connection.ops.quote_name
    columns = [quoted(column) for column in table.columns]
    with connection.cursor() as cursor:
        for rows in chunks:
            for at, convert in converters:
                if convert is not None:
                    _convert(rows, at, convert)
            insert_rows(cursor, quoted(shape.name), columns, rows)


def _convert(rows: list[list[Any]], at: int, convert: Convert) -> None:
    for row in rows:
        if row[at] is not None:
            row[at] = convert(row[at])


def _converter(field: Field[Any, Any]) -> Convert | None:
    """Return what makes a value of JSON one of the database; None where there is nothing to be made."""
    target = field.target_field if isinstance(field, ForeignKey) else field
    match target.get_internal_type():
        case kind if kind in _PLAIN:
            return None
        case "JSONField":
            return lambda value: msgspec.json.encode(value).decode()
        case "DateTimeField" if connection.vendor == "sqlite":
            # As Django writes it there: without the zone, which is always UTC.
            return lambda value: f"{value[:10]} {value[11:].removesuffix('Z')}"
        case "DateTimeField":
            return None
        case "BinaryField":
            return base64.b64decode
        case _:
            return lambda value: target.get_db_prep_save(target.to_python(value), connection)


def _count_on(shape: Shape, last_number: int) -> None:
    """Have the next primary key be one that was never given out, where it is the database that counts."""
    if shape.counter is None or not last_number:
        return
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("DELETE FROM sqlite_sequence WHERE name = %s", [shape.name])
            cursor.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (%s, %s)", [shape.name, last_number])
        else:
            sequence = "SELECT setval(pg_get_serial_sequence(%s, %s), %s)"
            cursor.execute(sequence, [connection.ops.quote_name(shape.name), shape.counter, last_number])


def _restore_secret_key(key: bytes) -> None:
    """Keep the backup's key in the data directory; one that the environment names goes before it anyway."""
    path = Path(settings.DATA_DIR) / SECRET_KEY
    draft = path.with_name(f"{SECRET_KEY}.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_bytes(key)
    draft.replace(path)


def _send_imports_on(manifest: Manifest) -> None:
    """Let workers take up what was under way: none of the old ones holds a job, and none of its files is prepared.

    An import whose file the backup does not have was completed while the backup was made: a worker ends it with a
    sentence that says so, and it may be uploaded again without doubling anything.
    """
    lifecycle.take_over()
    for job in ImportJob.objects.filter(has_upload=True).iterator():
        if job.file_path not in manifest.uploads:
            ImportJob.objects.filter(pk=job.pk).update(has_upload=False)
            lifecycle.expire(job.pk)
    lifecycle.wake_lost()
