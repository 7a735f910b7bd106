"""Uploaded files: where they are stored, how they become jobs, and when they go."""

import hashlib
import re
import secrets
from collections.abc import Iterator
from datetime import timedelta
from pathlib import PurePosixPath

from django.contrib.auth.models import AbstractBaseUser
from django.core.files.base import File
from django.core.files.storage import default_storage
from django.utils import timezone

from bookmarks.models import Revision
from imports import lifecycle
from imports.models import ACTIVE, ImportJob, Status
from imports.options import ImportOptions

ROOT = "imports"
# A file is stored before its job is; a file that has had no job for this long never gets one.
ORPHAN_AGE = timedelta(hours=24)
# Short transactions, as others want to write too.
ROWS_AT_ONCE = 1_000


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
    """Open the stored file of a job. Raises FileNotFoundError when it is gone."""
    return default_storage.open(job.file_path)


def delete_upload(job: ImportJob) -> None:
    """Delete the stored file of a job that needs it no more."""
    default_storage.delete(job.file_path)
    ImportJob.objects.filter(pk=job.pk).update(has_upload=False)


def delete_expired() -> int:
    """Delete the files of completed jobs that a crash left, and of jobs past their retention; return how many."""
    gone = 0
    for job in ImportJob.objects.filter(has_upload=True).exclude(status__in=ACTIVE).iterator(chunk_size=500):
        is_needless = job.status == Status.COMPLETED or job.is_forgotten
        if is_needless or (job.upload_expires_at and job.upload_expires_at < timezone.now()):
            lifecycle.expire(job.pk)
            delete_upload(job)
            gone += 1
    return gone


def delete_orphans() -> int:
    """Delete stored files that have had no job for ORPHAN_AGE; return how many."""
    gone = 0
    for name in _stored_files():
        old = default_storage.get_modified_time(name) < timezone.now() - ORPHAN_AGE
        if old and not ImportJob.objects.filter(file_path=name).exists():
            default_storage.delete(name)
            gone += 1
    return gone


def delete_forgotten() -> int:
    """Delete the jobs that were removed from the history, with all that hangs on them; return how many."""
    gone = 0
    for job in ImportJob.objects.filter(is_forgotten=True, has_upload=False):
        for rows in (job.rejected_items.all(), job.events.all(), Revision.objects.filter(import_id=job.pk)):
            while pks := list(rows.order_by("pk").values_list("pk", flat=True)[:ROWS_AT_ONCE]):
                rows.model._default_manager.filter(pk__in=pks).delete()  # noqa: SLF001 - Django's documented name
        job.delete()
        gone += 1
    return gone


def _stored_files() -> Iterator[str]:
    if not default_storage.exists(ROOT):
        return
    directories, _ = default_storage.listdir(ROOT)
    for directory in directories:
        _, names = default_storage.listdir(f"{ROOT}/{directory}")
        yield from (f"{ROOT}/{directory}/{name}" for name in names)
