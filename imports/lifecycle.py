"""The only writer of a job's status, claim and counters.

            retry                          cancel
    failed --------> pending -----------------------------> cancelled
      ^              ^ |  claim                                 ^  |
      |      confirm | v                                        |  | retry
      +------------- | processing ------------------------------+  +-------> pending
        fail         |   | | |                 cancel
                     |   | | +---> completed   complete
       await_decision|   | +-----> undone      finish_undo
                     |   v
                   previewed

A job's *work* says what it is processed for: a preview, the import, or its undo, which any ended job can be sent to
(`undo`: pending again). All three are claimed, fenced, cut into slices, cancelled and recovered alike.

A worker claims a job for a slice of its work. Each claim takes the next number of the job's fence, and holds a lease
that every committed batch renews. All that a worker writes goes through `batch`, which locks the job's row and
refuses when the fence has moved on or the status is no longer *processing*: a worker whose claim was taken over, or
whose job was cancelled, can commit nothing. A slice ends by giving the lease back and sending the message for the
next one, in one transaction. Where a worker dies, the lease runs out and `sweep` sends the message.
"""

import logging
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import NamedTuple

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import DatabaseError, InterfaceError, connection, transaction
from django.db.models import Q
from django.utils import timezone
from django_q.models import OrmQ
from django_q.tasks import async_task

from bookmarks.drafts import BookmarkDraft, printable
from bookmarks.undo import TakenBack
from bookmarks.upsert import Outcome, upsert_bookmarks
from imports.models import (
    ACTIVE,
    Happening,
    Heartbeat,
    ImportJob,
    ImportJobQuerySet,
    JobEvent,
    RejectedItem,
    Status,
    Work,
)
from imports.options import ImportOptions
from imports.prepared import PreparedReject
from imports.survey import Survey

logger = logging.getLogger("imports")

LEASE = timedelta(seconds=15)
# A message that was sent this long ago and woke nobody may be lost; sending it again does no harm.
LOST_AFTER = timedelta(seconds=20)
OVERDUE = timedelta(seconds=15)
SILENT = timedelta(seconds=150)
STUCK = timedelta(seconds=60)
# Bytes per second: on the slowest machine, with the slowest format, and a margin.
SLOWEST_READING = 1_000_000
DEATHS_UNTIL_CAREFUL = 2
DEATHS_UNTIL_REJECTED = 3
DEATHS_UNTIL_FAILED = 5
CAREFUL_ITEMS = 10_000
SHOWN_DETAILS = 100

_TASK = "imports.tasks.process_import_job"
_MAIL = "imports.tasks.send_news"


class Claim(NamedTuple):
    """The right to work on a job until the lease runs out or somebody else claims it."""

    job_id: int
    fence: int


class ClaimLostError(Exception):
    """The claim does not hold any more: the job was cancelled, deleted, or taken over by another worker."""


def start(job: ImportJob, *, queued: bool = True) -> None:
    """Save a new job and, unless it is not `queued`, send the message that wakes a worker, in one transaction."""
    with transaction.atomic():
        job.work = Work.PREVIEW if job.options.preview else Work.IMPORT
        job.save(force_insert=True)
        _note(job, Happening.QUEUED)
        if queued:
            _wake(job)


def _note(job: ImportJob, kind: Happening) -> None:
    """Write an entry of the timeline, inside the transaction of what it tells."""
    JobEvent.objects.create(job_id=job.pk, kind=kind, position=job.done_items)


def _wake(job: ImportJob) -> None:
    """Send the message that the job awaits. Must run inside a transaction, so that both are there or neither.

    Reading a file is not cut into slices, so a worker may take longer over a large one before the queue ends it.
    """
    ImportJob.objects.filter(pk=job.pk).update(woken_at=timezone.now())
    reading = job.file_size // SLOWEST_READING if job.prepared_at is None else 0
    async_task(_TASK, job.pk, job.wake, timeout=settings.TASK_SECONDS + reading)


def _wake_first(jobs: ImportJobQuerySet) -> None:
    if job := jobs.order_by("pk").first():
        _wake(job)


def hand_back(job_id: int) -> None:
    """Send the message of an active job again, as this worker will not heed the one it has."""
    with transaction.atomic():
        job = ImportJob.objects.select_for_update().active().filter(pk=job_id).first()
        if job is not None:
            _wake(job)


def claim(job_id: int, wake: int | None = None) -> Claim | None:
    """Claim a job for a slice of work, or return None when there is nothing to do for it.

    `wake` is the number of the message that woke this worker: a message that was sent twice is heeded once. Without
    it the claim is taken whenever it is free. A user's jobs run one after another, oldest first.
    """
    now = timezone.now()
    with transaction.atomic():
        job = ImportJob.objects.select_for_update().filter(pk=job_id).first()
        if job is None or job.status not in ACTIVE or (wake is not None and wake != job.wake):
            return None
        if job.lease_expires_at is not None and job.lease_expires_at > now:
            return None
        others = ImportJob.objects.active().filter(user_id=job.user_id).exclude(pk=job.pk)
        # An older job that is retried waits for the slice of a younger one to end.
        if others.filter(Q(pk__lt=job.pk) | Q(lease_expires_at__gt=now)).exists():
            return None
        if job.lease_expires_at is not None:
            _count_death(job)
        if job.deaths >= DEATHS_UNTIL_FAILED:
            _end(job, Status.FAILED, _given_up(job))
            return None
        job.wake += 1
        job.fence += 1
        job.claimed_by = f"{socket.gethostname()}:{os.getpid()}"
        job.lease_expires_at = now + LEASE
        job.started_at = job.started_at or now
        job.status = Status.PROCESSING
        job.updated = now
        job.save(
            update_fields=[
                *("wake", "fence", "claimed_by", "lease_expires_at", "started_at", "status", "updated"),
                *("deaths", "careful_until"),
            ]
        )
        _note(job, Happening.STARTED)
    note_alive()
    if job.fence == 1:
        logger.info("import job %s: started (%s, %s bytes)", job.pk, job.file_path, job.file_size)
    return Claim(job.pk, job.fence)


def _given_up(job: ImportJob, trouble: str = "") -> str:
    """Return the sentence for a job that died too often. `trouble` is what is known of the reason."""
    reason = trouble or f"The server's log tells more under import job {job.pk}."
    return f"The import stopped {job.deaths} times at the same place, after item {job.processed_bookmarks:,}. {reason}"


def _count_death(job: ImportJob) -> None:
    job.deaths += 1
    _note(job, Happening.DIED)
    if job.deaths >= DEATHS_UNTIL_CAREFUL and job.careful_until <= job.processed_bookmarks:
        job.careful_until = job.processed_bookmarks + CAREFUL_ITEMS
    logger.warning(
        "import job %s: worker %s died at position %s (death %s)",
        *(job.pk, job.claimed_by, job.processed_bookmarks, job.deaths),
    )


@contextmanager
def batch(claimed: Claim) -> Iterator[ImportJob]:
    """Open the transaction of one batch and yield the job's row, locked.

    Raises ClaimLostError, and commits nothing, when the claim does not hold any more.
    """
    with transaction.atomic():
        job = (
            ImportJob.objects.select_for_update()
            .filter(pk=claimed.job_id, fence=claimed.fence, status=Status.PROCESSING)
            .first()
        )
        if job is None:
            raise ClaimLostError
        yield job


def renew(claimed: Claim) -> None:
    """Renew the lease while no batch does. Raises ClaimLostError when there is none to renew."""
    held = ImportJob.objects.filter(
        pk=claimed.job_id, fence=claimed.fence, status=Status.PROCESSING, lease_expires_at__isnull=False
    )
    if not held.update(lease_expires_at=timezone.now() + LEASE):
        raise ClaimLostError


def record_prepared(claimed: Claim, survey: Survey) -> None:
    """Record what reading the file has shown."""
    with batch(claimed) as job:
        job.total_bookmarks = survey.total
        job.detected_format = survey.format_name
        job.notices = survey.notices
        job.years = dict(survey.years)
        if job.work == Work.PREVIEW:
            # Under a choice of members the others were not looked at: what is known of them stays.
            members = dict(job.preview.get("members", ())) | dict(survey.members)
            job.preview = {"sample": survey.sample, "members": list(members.items())}
        job.prepared_at = timezone.now()
        job.resumed_from = job.processed_bookmarks
        job.deaths = 0
        job.save(
            update_fields=[
                *("total_bookmarks", "detected_format", "notices", "years", "preview"),
                *("prepared_at", "resumed_from", "deaths"),
            ]
        )
        _note(job, Happening.READ)


def await_decision(claimed: Claim, found: dict[str, object]) -> None:
    """End a preview with what it has `found`: the job now waits for the person's decision."""
    with batch(claimed) as job:
        job.preview = {**job.preview, **found}
        job.save(update_fields=["preview"])
        _end(job, Status.PREVIEWED)


def confirm(owner: AbstractBaseUser, job_id: int) -> bool:
    """Begin the import that a preview was shown of; return whether one was waiting."""
    with transaction.atomic():
        job = _locked(owner).filter(pk=job_id, status=Status.PREVIEWED, has_upload=True).first()
        if job is None:
            return False
        job.work = Work.IMPORT
        _send(job, Happening.CONFIRMED)
    return True


def preview_again(owner: AbstractBaseUser, job_id: int, options: ImportOptions) -> bool:
    """Make the preview of a waiting job again under other options; return whether one was waiting.

    The file is read again only when the options change what is read.
    """
    with transaction.atomic():
        job = _locked(owner).filter(pk=job_id, status=Status.PREVIEWED, has_upload=True).first()
        if job is None:
            return False
        if not job.options.reads_like(options):
            job.prepared_at = None
        job.import_options = options.as_json()
        _send(job, Happening.QUEUED)
    return True


def _send(job: ImportJob, why: Happening) -> None:
    """Make a job that had ended, or was waiting, pending again, and wake a worker for it."""
    job.status = Status.PENDING
    job.error_message = ""
    job.can_import_partly = False
    job.completed_at = None
    job.deaths = job.careful_until = 0
    job.wake += 1
    job.updated = timezone.now()
    job.save()
    _note(job, why)
    _wake(job)


def advance(
    job: ImportJob, items: int, outcome: Outcome, rejects: list[PreparedReject], *, is_noted: bool = False
) -> None:
    """Record a batch of `items` inside its transaction: rejected items, counters, position, and a fresh lease.

    `is_noted` writes an entry of the timeline too.
    """
    if is_noted:
        JobEvent.objects.create(job_id=job.pk, kind=Happening.PROGRESS, position=job.processed_bookmarks + items)
    if rejects:
        _keep_rejects(job, rejects)
    job.update_progress(
        items,
        len(rejects),
        created=outcome.created,
        updated=outcome.updated,
        skipped=outcome.skipped,
        lease_expires_at=timezone.now() + LEASE,
    )


def _keep_rejects(job: ImportJob, rejects: list[PreparedReject]) -> None:
    RejectedItem.objects.bulk_create(
        RejectedItem(
            job=job,
            position=reject.position + 1,
            member=printable(reject.member)[:255],
            title=printable(reject.title),
            url=printable(reject.url),
            reason=reject.reason,
            fragment=printable(reject.fragment),
        )
        for reject in rejects
    )
    room = SHOWN_DETAILS - len(job.failed_bookmark_details)
    if room > 0:
        job.failed_bookmark_details += [
            {
                "position": reject.position + 1,
                "title": printable(reject.title)[:200],
                "url": printable(reject.url)[:500],
                "reason": reject.reason,
            }
            for reject in rejects[:room]
        ]
        job.save(update_fields=["failed_bookmark_details"])


def stumble(claimed: Claim, trouble: str = "", *, is_death: bool = True) -> bool:
    """End a slice that failed for a reason nobody foresaw: like a worker's death, but without waiting for the lease.

    Unless it `is_death`, no item is suspected. `trouble` is a sentence about the reason, where that is known. Where
    not even this can be written, it returns False and the lease runs out by itself.
    """
    # A connection that the server has ended takes no statement any more; within a transaction nothing can be done.
    if not connection.in_atomic_block:
        connection.close_if_unusable_or_obsolete()
    try:
        with batch(claimed) as job:
            if is_death:
                _count_death(job)
            if job.deaths >= DEATHS_UNTIL_FAILED:
                _end(job, Status.FAILED, _given_up(job, trouble))
                return True
            job.lease_expires_at = None
            job.save(update_fields=["lease_expires_at", "deaths", "careful_until"])
            _wake(job)
    except ClaimLostError:
        logger.info("import job %s: claim %s does not hold any more", *claimed)
    except (DatabaseError, InterfaceError):
        logger.exception("import job %s: a failed slice could not be recorded", claimed.job_id)
        return False
    return True


def release(claimed: Claim) -> None:
    """End a slice: give the lease back and send the message for the next slice, or for an older job of the user."""
    with batch(claimed) as job:
        job.lease_expires_at = None
        job.save(update_fields=["lease_expires_at"])
        _note(job, Happening.PAUSED)
        # One that is just being cancelled is not waited for, as that may be waiting for this one.
        _wake_first(ImportJob.objects.active().filter(user_id=job.user_id).select_for_update(skip_locked=True))


def complete(claimed: Claim) -> ImportJob:
    """End a job all of whose items were applied."""
    with batch(claimed) as job:
        _end(job, Status.COMPLETED)
    return job


def fail(claimed: Claim, message: str, *, can_import_partly: bool = False) -> ImportJob:
    """End a job that cannot go on; `message` is for the person."""
    with batch(claimed) as job:
        job.can_import_partly = can_import_partly
        _end(job, Status.FAILED, message)
    return job


def _end(job: ImportJob, status: Status, message: str = "") -> None:
    job.status = status
    job.error_message = message
    job.lease_expires_at = None
    job.completed_at = job.updated = timezone.now()
    job.save(
        update_fields=[
            *("status", "error_message", "can_import_partly", "lease_expires_at", "completed_at", "updated"),
            *("deaths", "careful_until"),
        ]
    )
    _note(job, Happening(status.value))
    _wake_first(ImportJob.objects.active().filter(user_id=job.user_id))
    if job.options.notify and status in {Status.COMPLETED, Status.FAILED, Status.PREVIEWED}:
        async_task(_MAIL, job.pk)
    logger.info(
        "import job %s: %s after %s of %s (%s new, %s updated, %s skipped, %s failed)%s",
        *(job.pk, job.status, job.processed_bookmarks, job.total_bookmarks, job.created_bookmarks),
        *(
            job.updated_bookmarks,
            job.skipped_bookmarks,
            job.failed_bookmarks,
            f": {message}" if message else "",
        ),
    )


def cancel(owner: AbstractBaseUser, job_id: int) -> bool:
    """Cancel a job that is active; return whether it was. What was imported stays."""
    with transaction.atomic():
        job = _locked(owner).filter(pk=job_id, status__in=ACTIVE).first()
        if job is None:
            return False
        _end(job, Status.CANCELLED)
    return True


def retry(owner: AbstractBaseUser, job_id: int, *, start_over: bool = False, partial: bool = False) -> bool:
    """Send a failed or cancelled job to work again; return whether it could be.

    It resumes where it stopped, or starts over from the first item: what it applied already is then met as
    duplicates and not applied again. `partial` agrees to import a file that breaks off up to its break.
    """
    with transaction.atomic():
        job = _locked(owner).filter(pk=job_id).first()
        if job is None or not job.can_retry:
            return False
        if partial:
            job.import_options = {**job.import_options, "partial": True}
        if start_over or job.is_undo:
            _reset(job)
        job.notices = []
        job.prepared_at = None
        _send(job, Happening.RETRIED)
    return True


def _reset(job: ImportJob) -> None:
    """Put a job back to before its first item."""
    job.has_written = job.has_written or job.created_bookmarks + job.updated_bookmarks > 0
    job.rejected_items.all().delete()
    job.failed_bookmark_details = []
    for name in ("total", "processed", "created", "updated", "skipped", "failed", "removed", "restored", "kept"):
        setattr(job, f"{name}_bookmarks", 0)
    job.undo_total = job.undo_position = 0
    job.started_at = None
    if job.is_undo:
        job.work = Work.IMPORT


def undo(owner: AbstractBaseUser, job_id: int) -> bool:
    """Send an ended import to be taken back, or an undo that stopped to go on; return whether it was."""
    with transaction.atomic():
        job = _locked(owner).filter(pk=job_id).first()
        if job is None or not job.can_undo:
            return False
        job.work = Work.UNDO
        job.prepared_at = None
        _send(job, Happening.UNDO)
    return True


def record_undo_total(claimed: Claim, remaining: int) -> None:
    """Record how many bookmarks an undo still has to look at."""
    with batch(claimed) as job:
        job.undo_total = job.done_items + remaining
        job.resumed_from = job.done_items
        job.prepared_at = timezone.now()
        job.save(update_fields=["undo_total", "resumed_from", "prepared_at"])


def advance_undo(job: ImportJob, taken: TakenBack, *, is_noted: bool = False) -> None:
    """Record a batch of an undo inside its transaction: counters, position, and a fresh lease."""
    job.removed_bookmarks += taken.removed
    job.restored_bookmarks += taken.restored
    job.kept_bookmarks += taken.kept
    job.undo_position = taken.last
    job.lease_expires_at = timezone.now() + LEASE
    job.deaths = 0
    job.updated = timezone.now()
    job.save(
        update_fields=[
            *("removed_bookmarks", "restored_bookmarks", "kept_bookmarks", "undo_position"),
            *("lease_expires_at", "deaths", "updated"),
        ]
    )
    if is_noted:
        _note(job, Happening.PROGRESS)


def finish_undo(claimed: Claim) -> None:
    """End an undo that has looked at everything. What a person deleted in the meantime was not there to be counted."""
    with batch(claimed) as job:
        job.undo_total = job.done_items
        job.save(update_fields=["undo_total"])
        _end(job, Status.UNDONE)


def expire(job_id: int) -> None:
    """End a job that has waited for a decision until its file expired."""
    with transaction.atomic():
        job = ImportJob.objects.select_for_update().filter(pk=job_id, status=Status.PREVIEWED).first()
        if job is not None:
            _end(job, Status.CANCELLED)


def forget(owner: AbstractBaseUser, job_id: int) -> bool:
    """Remove a job that is not active from the history; return whether it was. Its bookmarks stay.

    What hangs on it may be much: `sweep` deletes it.
    """
    with transaction.atomic():
        job = _locked(owner).filter(pk=job_id).first()
        if job is None or not job.can_forget:
            return False
        job.is_forgotten = True
        job.save(update_fields=["is_forgotten"])
    return True


def resolve(owner: AbstractBaseUser, job_id: int, fixed: Mapping[int, BookmarkDraft]) -> int:
    """Make bookmarks of rejected items that a person has fixed; return how many. The counters of the job follow.

    `fixed` holds the drafts by the position of the item, from 1. Positions that are not, or no longer, among the
    rejected items are left out, so that what is sent twice counts once. An active job is left alone.
    """
    with transaction.atomic():
        job = _locked(owner).filter(pk=job_id).exclude(status__in=ACTIVE).first()
        if job is None or job.is_undo:
            return 0
        items = job.rejected_items.filter(position__in=fixed)
        positions = set(items.values_list("position", flat=True))
        if not positions:
            return 0
        outcome = upsert_bookmarks(
            job.user_id,
            [fixed[position] for position in sorted(positions)],
            duplicates=job.options.duplicate_handling,
            import_id=job.pk,
            now=job.created,
        )
        items.delete()
        job.created_bookmarks += outcome.created
        job.updated_bookmarks += outcome.updated
        job.skipped_bookmarks += outcome.skipped
        job.failed_bookmarks -= len(positions)
        job.failed_bookmark_details = [d for d in job.failed_bookmark_details if d["position"] not in positions]
        job.save(
            update_fields=[
                *("created_bookmarks", "updated_bookmarks", "skipped_bookmarks", "failed_bookmarks"),
                "failed_bookmark_details",
            ]
        )
        _note(job, Happening.FIXED)
    return len(positions)


def _locked(owner: AbstractBaseUser) -> ImportJobQuerySet:
    return ImportJob.objects.select_for_update().owned_by(owner)


def wake_if_lost(job: ImportJob) -> bool:
    """Send a job's message again when it seems lost or its worker dead; return whether it was sent."""
    return bool(_wake_lost(ImportJob.objects.filter(pk=job.pk)))


def wake_lost() -> int:
    """Send again the messages of all jobs that nobody works on although there is work; return how many."""
    return _wake_lost(ImportJob.objects.all())


def _wake_lost(jobs: ImportJobQuerySet) -> int:
    now = timezone.now()
    lost = jobs.unattended(now).first_in_line().filter(woken_at__lt=now - LOST_AFTER)
    if not lost.exists():
        return 0
    with transaction.atomic():
        locked = list(lost.select_for_update(skip_locked=True))
        for job in locked:
            _wake(job)
    return len(locked)


def take_over() -> None:
    """Have no job held by a worker, or its file prepared, where the database was moved to a site of its own."""
    active = ImportJob.objects.active()
    active.update(lease_expires_at=None, claimed_by="", woken_at=timezone.now() - 2 * LOST_AFTER)
    reading = ImportJob.objects.filter(status__in=[*ACTIVE, Status.PREVIEWED])
    reading.exclude(work=Work.UNDO).update(prepared_at=None)


def somebody_waits() -> bool:
    """Whether a job has work before it, is the next one of its user, and has no worker."""
    return ImportJob.objects.unattended(timezone.now()).first_in_line().exists()


def note_alive() -> None:
    """Record that a worker is at work."""
    Heartbeat.objects.update_or_create(pk=1, defaults={"seen": timezone.now()})


def idle_since() -> datetime | None:
    """Return since when nothing has been processing the queue, or None when something is, or has just begun to.

    Messages that wait for OVERDUE although no worker holds a job, or SILENT without the sweep that comes each minute.
    """
    now = timezone.now()
    seen = Heartbeat.objects.values_list("seen", flat=True).first()
    if seen is not None and seen < now - SILENT:
        return seen
    oldest: datetime | None = (
        OrmQ.objects.filter(lock__lt=now - OVERDUE).order_by("lock").values_list("lock", flat=True).first()
    )
    if oldest is None or ImportJob.objects.held(now).exists():
        return None
    return max(seen, oldest) if seen is not None else oldest


def attend() -> bool:
    """Wake jobs that are lost, and return whether the queue is stuck: what a worker's main process asks regularly."""
    wake_lost()
    return queue_is_stuck()


def queue_is_stuck() -> bool:
    """Whether messages have been overdue for STUCK although no worker has shown a sign of life in that time.

    A message that a worker has fetched is locked for the queue's retry time: it counts from when it was fetched.
    """
    now = timezone.now()
    long_ago = now - STUCK
    fetched_long_ago = Q(lock__gt=now, lock__lt=long_ago + timedelta(seconds=settings.RETRY_SECONDS))
    return (
        OrmQ.objects.filter(Q(lock__lt=long_ago) | fetched_long_ago).exists()
        and not Heartbeat.objects.filter(seen__gt=long_ago).exists()
        and not ImportJob.objects.held(long_ago + LEASE).exists()
    )
