"""Uploaded files: where they are stored, how they become jobs, and when they go."""

import hashlib
import logging
import re
import secrets
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import batched
from pathlib import PurePosixPath
from typing import Protocol, runtime_checkable

from django.contrib.auth.models import AbstractBaseUser
from django.core.files.base import File
from django.core.files.storage import default_storage, storages
from django.utils import timezone

from bookmarks.models import Revision
from imports import lifecycle
from imports.models import ACTIVE, ImportJob, Status
from imports.options import ImportOptions

logger = logging.getLogger("imports")

ROOT = "imports"
# A file is stored before its job is; a file that has had no job for this long never gets one.
ORPHAN_AGE = timedelta(hours=24)
# Short transactions, as others want to write too.
ROWS_AT_ONCE = 1_000
# What a storage raises that cannot be reached just now, or has no time: each further request would only wait for it.
_AWAY = (ConnectionError, TimeoutError)


class StorageAwayError(Exception):
    """The storage cannot be reached just now, which no file and no item has caused."""


@runtime_checkable
class Listing(Protocol):
    """A storage that tells of many files at once, where others have to be asked about each."""

    def files(self, folder: str) -> Iterator[tuple[str, datetime]]:
        """Yield the name of every file below `folder` with the time since when it is there."""

    def delete_unfinished(self, folder: str, before: datetime) -> int:
        """Delete what is left of uploads that were begun before a moment and broke off; return of how many."""


def save_import_file(file: "File[bytes]", user: AbstractBaseUser) -> str:
    """Store an uploaded file in chunks and return its name in Django's default storage.

    Of the name the person gave it only the extension is kept. Raises OSError when the storage cannot take it.
    """
    extension = PurePosixPath(file.name or "").suffix.lower().lstrip(".")
    if not re.fullmatch(r"[a-z0-9]{1,10}", extension):
        extension = "bin"
    moment = timezone.now().strftime("%Y-%m-%d-%H%M")
    return default_storage.save(f"{ROOT}/{user.pk}/{moment}-{secrets.token_hex(4)}.{extension}", file)


def submit(file: "File[bytes]", user: AbstractBaseUser, options: ImportOptions, *, queued: bool = True) -> ImportJob:
    """Store `file` and create the job that imports it, which `queued` wakes a worker for."""
    content_hash = _content_hash(file)
    job = ImportJob(
        user_id=user.pk,
        file_path=save_import_file(file, user),
        file_name=PurePosixPath(file.name or "").name[:255],
        file_size=file.size,
        content_hash=content_hash,
        same_file_as=ImportJob.objects.owned_by(user).filter(content_hash=content_hash).order_by("-pk").first(),
        import_options=options.as_json(),
    )
    lifecycle.start(job, queued=queued)
    return job


def _content_hash(file: "File[bytes]") -> str:
    digest = hashlib.sha256()
    for chunk in file.chunks():
        digest.update(chunk)
    file.seek(0)
    return digest.hexdigest()


def open_upload(job: ImportJob) -> "File[bytes]":
    """Open the stored file of a job: to be read from anywhere, and never wholly in memory.

    Raises FileNotFoundError when it is gone, another OSError when it must not be read, and StorageAwayError, as
    reading it does, when the storage cannot be reached.
    """
    try:
        return default_storage.open(job.file_path)
    except _AWAY as error:
        raise StorageAwayError(str(error)) from error


def delete_upload(job: ImportJob) -> bool:
    """Delete the stored file of a job that needs it no more; return whether it is gone.

    A file that cannot be deleted now is deleted by a later sweep, once its job has ended.
    """
    try:
        _delete(job)
    except OSError as error:
        logger.warning("import job %s: its file could not be deleted yet: %s", job.pk, error)
        return False
    return True


def _delete(job: ImportJob) -> None:
    default_storage.delete(job.file_path)
    ImportJob.objects.filter(pk=job.pk).update(has_upload=False)


def delete_files_of(user_id: int) -> None:
    """Delete every file of a user, also those that a crash has left, and the folder. Raises OSError."""
    folder = f"{ROOT}/{user_id}"
    for name in [name for name, _since in _stored_files(folder)]:
        default_storage.delete(name)
    with suppress(FileNotFoundError):
        default_storage.delete(folder)


def delete_expired() -> int:
    """Delete the files of completed jobs that a crash left, and of jobs past their retention; return how many."""
    gone = 0
    for job in ImportJob.objects.filter(has_upload=True).exclude(status__in=ACTIVE).iterator(chunk_size=500):
        is_needless = job.status == Status.COMPLETED or job.is_forgotten
        if is_needless or (job.upload_expires_at and job.upload_expires_at < timezone.now()):
            lifecycle.expire(job.pk)
            try:
                _delete(job)
            except _AWAY as error:
                logger.warning("expired files stay until the storage can be reached: %s", error)
                break
            except OSError:
                logger.exception("import job %s: its expired file cannot be deleted", job.pk)
            else:
                gone += 1
    return gone


def delete_orphans() -> int:
    """Delete stored files that have had no job for ORPHAN_AGE, and parts of uploads; return how many files."""
    before = timezone.now() - ORPHAN_AGE
    gone = 0
    try:
        old = (name for name, since in _stored_files(ROOT) if since < before)
        for names in batched(old, ROWS_AT_ONCE):
            for name in _without_job(names):
                default_storage.delete(name)
                gone += 1
        storage = storages["default"]
        if isinstance(storage, Listing):
            storage.delete_unfinished(ROOT, before)
    except OSError as error:
        logger.warning("files without a job stay until the storage takes it: %s", error)
    return gone


def _without_job(names: Iterable[str]) -> list[str]:
    names = list(names)
    # By user, as that is what jobs are found by.
    owners = {int(owner) for name in names if (owner := name.split("/")[1]).isdecimal()}
    jobs = ImportJob.objects.filter(user__in=owners, file_path__in=names)
    kept = set(jobs.values_list("file_path", flat=True))
    return [name for name in names if name not in kept]


def delete_forgotten() -> int:
    """Delete the jobs that were removed from the history, with all that hangs on them; return how many."""
    gone = 0
    for job in ImportJob.objects.filter(is_forgotten=True, has_upload=False):
        for rows in (job.rejected_items.all(), job.events.all(), Revision.objects.filter(import_id=job.pk)):
            while pks := list(rows.order_by("pk").values_list("pk", flat=True)[:ROWS_AT_ONCE]):
                rows.model._default_manager.filter(pk__in=pks).delete()
        job.delete()
        gone += 1
    return gone


def _stored_files(folder: str) -> Iterator[tuple[str, datetime]]:
    """Yield every file below a folder with the time since when it is there; nothing where there is no folder."""
    storage = storages["default"]
    if isinstance(storage, Listing):
        yield from storage.files(folder)
        return
    try:
        folders, names = storage.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return
    for name in names:
        # Its import may have come to its end in the meantime.
        with suppress(FileNotFoundError):
            yield f"{folder}/{name}", storage.get_modified_time(f"{folder}/{name}")
    for below in folders:
        yield from _stored_files(f"{folder}/{below}")
