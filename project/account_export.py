"""Everything that an account has, as one ZIP archive that is made while it is sent, in constant memory."""

import io
import zipfile
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import PurePosixPath
from typing import Any

import msgspec
from django.contrib.auth.models import User
from django.core.files.storage import default_storage
from django.db.models import F, QuerySet
from django.utils import timezone

from bookmarks.exports.activitystreams import export
from bookmarks.models import Bookmark, Revision
from imports.models import ImportJob, JobEvent, RejectedItem

FILE_NAME = "cairn-account.zip"
_ROWS_PER_READ = 1_000
_BYTES_PER_READ = 64 * 1024
_JOB_FIELDS = (
    *("id", "file_name", "file_size", "detected_format", "content_hash", "import_options", "work", "status"),
    *("error_message", "notices", "total_bookmarks", "processed_bookmarks", "created_bookmarks", "updated_bookmarks"),
    *("skipped_bookmarks", "failed_bookmarks", "created", "started_at", "completed_at"),
)
_REJECTED_FIELDS = ("position", "member", "title", "url", "reason", "fragment")


class _Pipe(io.RawIOBase):
    """What `zipfile` writes to: it keeps the bytes only until somebody takes them."""

    def __init__(self) -> None:
        super().__init__()
        self._pending = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        self._pending += memoryview(data)  # type: ignore[arg-type]  # whatever holds bytes
        return memoryview(data).nbytes  # type: ignore[arg-type]  # as above

    def take(self) -> bytes:
        """Return what was written since the last time."""
        data = bytes(self._pending)
        self._pending.clear()
        return data


def account_archive(user: User) -> Iterator[bytes]:
    """Yield the archive: profile, bookmarks, imports and what they rejected, revisions, and uploads still stored."""
    pipe = _Pipe()
    encoder = msgspec.json.Encoder()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, chunks in _members(user, encoder):
            info = zipfile.ZipInfo(name, timezone.now().timetuple()[:6])
            info.compress_type = zipfile.ZIP_DEFLATED
            # The size is not known before the end, and may be beyond what the older format can say.
            with archive.open(info, "w", force_zip64=True) as member:
                for chunk in chunks:
                    member.write(chunk)
                    if data := pipe.take():
                        yield data
    yield pipe.take()


def _members(user: User, encoder: msgspec.json.Encoder) -> Iterator[tuple[str, Iterable[bytes]]]:
    yield "profile.json", [encoder.encode(_profile(user))]
    yield "bookmarks.json", export(Bookmark.objects.owned_by(user))
    yield "imports.json", _array(_jobs(user, encoder))
    yield "revisions.json", _array(_revisions(user, encoder))
    for job in _by_key(ImportJob.objects.filter(user=user, has_upload=True), ("id", "file_path")):
        # A worker may have ended the import, and deleted its file, by now.
        if default_storage.exists(job["file_path"]):
            yield f"uploads/{job['id']}{PurePosixPath(job['file_path']).suffix}", _file(job["file_path"])


def _profile(user: User) -> dict[str, object]:
    fields = ("username", "first_name", "last_name", "email", "date_joined", "last_login", "is_staff", "is_superuser")
    return {name: getattr(user, name) for name in fields}


def _array(rows: Iterable[Iterable[bytes]]) -> Iterator[bytes]:
    """Yield a JSON array of rows that each come in pieces."""
    separator = b"[\n"
    for row in rows:
        yield separator
        yield from row
        separator = b",\n"
    yield b"\n]\n" if separator == b",\n" else b"[]\n"


def _jobs(user: User, encoder: msgspec.json.Encoder) -> Iterator[Iterable[bytes]]:
    """Yield the imports, oldest first, each with its timeline and the items that it rejected."""
    for job in _by_key(ImportJob.objects.filter(user=user), _JOB_FIELDS):
        events = _by_key(JobEvent.objects.filter(job=job["id"]), ("at", "kind", "position"))
        head = encoder.encode(job | {"timeline": list(events)})
        rejected = _by_key(RejectedItem.objects.filter(job=job["id"]), _REJECTED_FIELDS)
        items = _array([encoder.encode(item)] for item in rejected)
        yield chain([head[:-1], b',"rejected":'], items, [b"}"])


def _revisions(user: User, encoder: msgspec.json.Encoder) -> Iterator[Iterable[bytes]]:
    """Yield what bookmarks were before an import changed them."""
    for row in _by_key(Revision.objects.filter(bookmark__owner=user), ("import_id", "bookmark__url", "before")):
        yield [encoder.encode({"import": row["import_id"], "url": row["bookmark__url"], "before": row["before"]})]


def _by_key(rows: QuerySet[Any], fields: tuple[str, ...]) -> Iterator[dict[str, Any]]:  # rows of several models
    """Yield `fields` of the rows by primary key. No query is held open while somebody's line is slow."""
    last = 0
    while part := list(rows.filter(pk__gt=last).order_by("pk").values(*fields, key=F("pk"))[:_ROWS_PER_READ]):
        last = part[-1]["key"]
        for row in part:
            del row["key"]
            yield row


def _file(name: str) -> Iterator[bytes]:
    with default_storage.open(name) as file:
        while chunk := file.read(_BYTES_PER_READ):
            yield chunk
