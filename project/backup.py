"""Makes a backup of the whole site while it runs, in bounded memory."""

import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from itertools import batched
from pathlib import Path
from typing import BinaryIO
from zipfile import ZIP_DEFLATED, ZipFile

import msgspec
from django.conf import settings
from django.core.files.storage import default_storage
from django.db import connection, transaction
from django.db.models import Sum

from imports.models import ImportJob
from project.archive import (
    BLOCK_BYTES,
    FORMAT,
    MANIFEST,
    ROWS_AT_ONCE,
    SECRET_KEY,
    UPLOADS,
    Applied,
    BackupError,
    Content,
    Manifest,
    Shape,
    Table,
    applied_migrations,
    check_space,
    shapes_at,
    site_version,
    table_member,
    unknown_migrations,
)

# Much smaller files take hardly less, and the next step takes twice as long.
_COMPRESSION = 1

_encoder = msgspec.json.Encoder()


def write_backup(path: Path) -> Manifest:
    """Write a backup to `path`, which gets it when it is complete, and return what is in it.

    The tables are those of one moment; people and workers go on meanwhile. Raises BackupError when the database cannot
    be backed up by this version or there is no room, OSError when a file cannot be read or written.
    """
    if path.is_dir():
        raise BackupError(f"{path} is a directory; the backup is one file.")
    applied = applied_migrations()
    if not applied:
        raise BackupError("There is nothing to back up: the database was never used.")
    if unknown_migrations(applied):
        raise BackupError("The database belongs to a newer version; make the backup with that one.")
    check_space(path.parent, _size_at_most(), "The backup")
    with _replacing(path) as file, ZipFile(file, "w", ZIP_DEFLATED, compresslevel=_COMPRESSION) as archive:
        return _write(archive, applied)


def _write(archive: ZipFile, applied: Applied) -> Manifest:
    """Write every member.

    The files go first, and those that came meanwhile within the moment of the tables: a file that an import needs is
    then missing only if it came and went in between, and that import has been completed since.
    """
    uploads: dict[str, Content] = {}
    _write_uploads(archive, uploads)
    with _moment():
        _write_uploads(archive, uploads)
        needed = set(_upload_names())
        tables = {label: _write_table(archive, label, shape) for label, shape in shapes_at(applied).items()}
    manifest = Manifest(
        format=FORMAT,
        version=site_version(),
        made=datetime.now(UTC),
        database=connection.vendor,
        migrations=sorted(applied),
        tables=tables,
        uploads={name: content for name, content in uploads.items() if name in needed},
        secret_key=_write_member(archive, SECRET_KEY, [settings.SECRET_KEY.encode()]),
    )
    _write_member(archive, MANIFEST, [msgspec.json.format(_encoder.encode(manifest), indent=1)])
    return manifest


@contextmanager
def _replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a file that only its owner may read and that takes the place of `path` once all of it is on disk."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


@contextmanager
def _moment() -> Iterator[None]:
    """Read the database as it is at one moment, while others write."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            # Django's own transactions take the one lock for writing (SQLITE_OPTIONS): nobody else could work.
            cursor.execute("BEGIN DEFERRED")
            try:
                yield
            finally:
                cursor.execute("ROLLBACK")
        return
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        # The server would end a transaction that waits for a slow disk.
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        yield


def _size_at_most() -> int:
    """Return more bytes than a backup should take: rows take less without their indexes, and compressed."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")
        else:
            cursor.execute("SELECT pg_database_size(current_database())")
        database = int(cursor.fetchone()[0])
    uploads = ImportJob.objects.filter(has_upload=True).aggregate(total=Sum("file_size"))["total"] or 0
    return database // 2 + uploads


def _upload_names() -> list[str]:
    return list(ImportJob.objects.filter(has_upload=True).order_by("pk").values_list("file_path", flat=True))


def _write_uploads(archive: ZipFile, written: dict[str, Content]) -> None:
    """Write the stored files that are not among those `written`, and add them; one that goes meanwhile is left out."""
    for name in _upload_names():
        if name not in written:
            with suppress(FileNotFoundError), default_storage.open(name) as file:
                written[name] = _write_member(archive, UPLOADS + name, file.chunks(BLOCK_BYTES))


def _write_table(archive: ZipFile, label: str, shape: Shape) -> Table:
    rows = 0

    def blocks() -> Iterator[bytes]:
        nonlocal rows
        values = shape.rows.values_list(*(field.attname for field in shape.fields.values()))
        for chunk in batched(values.iterator(chunk_size=ROWS_AT_ONCE), ROWS_AT_ONCE):
            rows += len(chunk)
            yield _encoder.encode_lines(chunk)

    content = _write_member(archive, table_member(label), blocks())
    return Table(rows, list(shape.fields), _last_number(shape), content)


def _last_number(shape: Shape) -> int:
    """Return the last number that the database gave out as a primary key of this table: it must not come again."""
    if shape.counter is None:
        return 0
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = %s", [shape.name])
        else:
            sequence = "SELECT pg_sequence_last_value(pg_get_serial_sequence(%s, %s)::regclass)"
            cursor.execute(sequence, [connection.ops.quote_name(shape.name), shape.counter])
        row = cursor.fetchone()
    return int(row[0] or 0) if row else 0


def _write_member(archive: ZipFile, name: str, blocks: Iterable[bytes]) -> Content:
    size, digest = 0, hashlib.sha256()
    with archive.open(name, "w", force_zip64=True) as member:
        for block in blocks:
            member.write(block)
            digest.update(block)
            size += len(block)
    return Content(size, digest.hexdigest())
