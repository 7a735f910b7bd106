"""From a stored file to bookmarks: read it once, then apply it batch by batch. No HTTP, no queue."""

import logging
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

from django.db import InterfaceError, OperationalError, connection

from bookmarks import turns
from bookmarks.undo import remaining, remove_unused_tags, take_back
from bookmarks.upsert import Batch, Outcome, get_ready, write_batch
from imports import lifecycle, preview, uploads
from imports.courtesy import Courtesy
from imports.formats.base import UnreadableFileError
from imports.judge import read_file
from imports.lifecycle import Claim, ClaimLostError
from imports.models import ImportJob, Work
from imports.options import ImportOptions
from imports.prepared import Frame, PreparedReader, PreparedWriter, is_prepared, prepared_path
from imports.survey import Survey

logger = logging.getLogger("imports")

SLICE_SECONDS = 8.0
# A slice is shorter where somebody waits for a worker: of many imports at once, each soon has its turn.
FAIR_SECONDS = 2.0
# How long a batch's transaction should take: short, as SQLite lets nobody else write meanwhile. PostgreSQL keeps only
# the same person's writers waiting, and each commit waits for its disk.
BATCH_SECONDS = {"sqlite": 0.040, "postgresql": 0.100}
FIRST_BATCH_ITEMS = 500
# Smaller ones would spend their time on what every transaction costs.
MIN_BATCH_ITEMS = 500
MAX_BATCH_ITEMS = 2_500
KEEP_SECONDS = 0.5
LOG_ITEMS = 100
TICK_SECONDS = 1.0
# For no longer does a thread go on in Python while another wants to: 5 ms, as is usual, is much of a batch's time.
TURN_SECONDS = 0.0005
WAIT_SECONDS = 0.2
# After trouble with the database, so that nobody hammers on one that is full or just starting.
TROUBLE_SECONDS = 2.0
# https://sqlite.org/rescode.html and https://www.postgresql.org/docs/current/errcodes-appendix.html: connection,
# read-only transaction, rollback, resources, object in use, operator, system.
_PASSING_SQLITE = ("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_FULL", "SQLITE_IOERR", "SQLITE_CANTOPEN", "SQLITE_READONLY")
_PASSING_SQLSTATES = {"08", "25", "40", "53", "55", "57", "58"}

GONE = "The uploaded file is no longer stored. Please upload it again."
STORAGE = "The server's storage could not be read or written; perhaps it is full. Please retry later."
DATABASE = "The database could not be written. Nothing is lost: retry goes on where the import stopped."
DEADLY = "Reading this item stopped the worker again and again."

type MustStop = Callable[[], bool]
type OnBatch = Callable[[int, int], None]


class FileFailedError(Exception):
    """The job cannot go on; `str(error)` is for the person."""

    def __init__(self, message: str, *, can_import_partly: bool = False) -> None:
        super().__init__(message)
        self.can_import_partly = can_import_partly


class DryRun(NamedTuple):
    """What an import would do. `error` says why it would fail; empty when it would not."""

    format: str
    total: int
    created: int
    updated: int
    skipped: int
    failed: int
    notices: list[str]
    error: str


class Limits:
    """When a slice ends: when `should_stop` says so, after `seconds` (None: never), or sooner when somebody waits."""

    def __init__(self, should_stop: MustStop, seconds: float | None) -> None:
        now = time.monotonic()
        self.should_stop = should_stop
        self._deadline = None if seconds is None else now + seconds
        self._ask_at = now + FAIR_SECONDS

    def is_over(self) -> bool:
        """Whether the slice has to end now. One query a second when it has lasted FAIR_SECONDS."""
        if self.should_stop():
            return True
        now = time.monotonic()
        if self._deadline is None or now > self._deadline:
            return self._deadline is not None
        if now < self._ask_at:
            return False
        self._ask_at = now + TICK_SECONDS
        return lifecycle.somebody_waits()


def run_slice(
    claimed: Claim,
    *,
    should_stop: MustStop,
    seconds: float | None = SLICE_SECONDS,
    on_batch: OnBatch | None = None,
) -> None:
    """Work on a claimed job for about `seconds`, or to its end when None.

    A slice that does not reach the end sends the message for the next one. A claim that is lost on the way ends the
    slice quietly: whoever took it, or cancelled the job, decides what comes next. Anything unforeseen counts as a
    death of the worker at this position, and is raised on. `on_batch` is told position and total after each batch.
    """
    limits = Limits(should_stop, seconds)
    try:
        job = ImportJob.objects.get(pk=claimed.job_id)
        if not _WORKS[Work(job.work)](job, claimed, limits, on_batch or _progress_log(job)):
            lifecycle.release(claimed)
    except ClaimLostError:
        logger.info("import job %s: claim %s does not hold any more", *claimed)
    except FileFailedError as error:
        with suppress(ClaimLostError):
            lifecycle.fail(claimed, str(error), can_import_partly=error.can_import_partly)
    except uploads.StorageAwayError as error:
        logger.warning("import job %s: goes on when the storage can be reached again: %s", claimed.job_id, error)
        _step_back(claimed, should_stop)
    except (OperationalError, InterfaceError) as error:
        if _will_pass(error):
            _step_back(claimed, should_stop)
        else:
            lifecycle.stumble(claimed, DATABASE)
        raise
    except Exception:
        lifecycle.stumble(claimed)
        raise


def _import(job: ImportJob, claimed: Claim, limits: Limits, on_batch: OnBatch) -> bool:
    """Import until time is up; return whether the job has ended."""
    if not (_is_ready(job, claimed, limits.should_stop) and _apply(claimed, limits.is_over, on_batch)):
        return False
    uploads.delete_upload(lifecycle.complete(claimed))
    prepared_path(job.pk).unlink(missing_ok=True)
    return True


def _preview(job: ImportJob, claimed: Claim, limits: Limits, _on_batch: OnBatch) -> bool:
    """Find out what importing would do; return whether that is known. Like reading, it is not cut into slices."""
    if not _is_ready(job, claimed, limits.should_stop):
        return False
    keep_going = _keeper(claimed, limits.should_stop)
    found = preview.foretell(prepared_path(job.pk), job.user_id, job.options.duplicate_handling, keep_going)
    if found is None:
        return False
    lifecycle.await_decision(claimed, found.as_json())
    return True


def _undo(job: ImportJob, claimed: Claim, limits: Limits, on_batch: OnBatch) -> bool:
    """Take an import back until time is up; return whether the job has ended."""
    if job.prepared_at is None:
        lifecycle.record_undo_total(claimed, remaining(job.pk, after=job.undo_position))
    pace, ticks, courtesy = Pace(), _Ticks(), Courtesy()
    while True:
        start = time.monotonic()
        with lifecycle.batch(claimed) as row:
            taken = take_back(row.user_id, row.pk, after=row.undo_position, limit=pace.items)
            if taken is None:
                remove_unused_tags(row.user_id, row.pk)
                break
            lifecycle.advance_undo(row, taken, is_noted=ticks.is_due())
        pace.correct(pace.items, time.monotonic() - start)
        on_batch(row.done_items, row.undo_total)
        if limits.is_over():
            return False
        courtesy.rest()
        turns.give_way(connection)
    lifecycle.finish_undo(claimed)
    return True


_WORKS = {Work.IMPORT: _import, Work.PREVIEW: _preview, Work.UNDO: _undo}


def _will_pass(error: OperationalError | InterfaceError) -> bool:
    """Whether the database is full, locked, restarting or out of reach: trouble that no item of a file has caused."""
    cause = error.__cause__
    if isinstance(cause, sqlite3.Error):
        return getattr(cause, "sqlite_errorname", "").startswith(_PASSING_SQLITE)
    state = getattr(cause, "sqlstate", None)
    return state is None or state[:2] in _PASSING_SQLSTATES


def _step_back(claimed: Claim, should_stop: MustStop) -> None:
    """Give the claim back as soon as the database takes it, so that the slice is not counted as a death."""
    deadline = time.monotonic() + lifecycle.LEASE.total_seconds()
    while True:
        pause_until = time.monotonic() + TROUBLE_SECONDS
        while time.monotonic() < pause_until and not should_stop():
            time.sleep(0.1)
        if lifecycle.stumble(claimed, is_death=False) or should_stop() or time.monotonic() > deadline:
            return


def run_to_end(job: ImportJob, on_batch: OnBatch | None = None, *, should_stop: MustStop = lambda: False) -> ImportJob:
    """Run a job in this process, in its turn, until it has ended or is told to stop; return it as it then is."""
    while job.is_active and not should_stop():
        claimed = lifecycle.claim(job.pk)
        if claimed is None:
            time.sleep(WAIT_SECONDS)
        else:
            run_slice(claimed, should_stop=should_stop, seconds=None, on_batch=on_batch)
        job.refresh_from_db()
    return job


def dry_run(stream: BinaryIO, user_id: int, options: ImportOptions) -> DryRun:
    """Return what importing an export would do, writing nothing to the database.

    Raises UnreadableFileError as reading the file does.
    """
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "dry-run.frames"
        with PreparedWriter(path) as writer:
            survey = read_file(stream, options, writer, lambda: True)
        if survey is None:
            raise AssertionError("a dry run is never told to stop")
        if refused := _why_refused(survey, options):
            return DryRun(survey.format_name, survey.total, 0, 0, 0, 0, survey.notices, refused)
        found = preview.foretell(path, user_id, options.duplicate_handling, lambda: True)
    if found is None:
        raise AssertionError("a dry run is never told to stop")
    counts = (found.total, found.created, found.updated, found.skipped, found.failed)
    return DryRun(survey.format_name, *counts, survey.notices, "")


def _is_ready(job: ImportJob, claimed: Claim, should_stop: MustStop) -> bool:
    """Read the uploaded file into the prepared file, unless that was done; return whether it is done.

    Reading is not cut into slices: a format's parser cannot be taken up in the middle. Raises FileFailedError when
    the file cannot be read, or breaks off and the person has not agreed to import a part.
    """
    path, key = prepared_path(job.pk), job.options.reading_key()
    if job.prepared_at is not None and is_prepared(path, key):
        return True
    keep_going = _keeper(claimed, should_stop)
    try:
        with uploads.open_upload(job) as file, PreparedWriter(path, claimed.fence, key) as writer:
            survey = read_file(cast("BinaryIO", file), job.options, writer, keep_going)
    except FileNotFoundError as error:
        raise FileFailedError(GONE) from error
    except UnreadableFileError as error:
        raise FileFailedError(str(error)) from error
    except OSError as error:
        logger.exception("import job %s: the storage failed", job.pk)
        raise FileFailedError(STORAGE) from error
    if survey is None:
        return False
    lifecycle.record_prepared(claimed, survey)
    if refused := _why_refused(survey, job.options):
        raise FileFailedError(refused, can_import_partly=survey.total > 0)
    return True


def _why_refused(survey: Survey, options: ImportOptions) -> str:
    """Return why nothing of a file is imported that breaks off; empty when it is whole or its part is wanted."""
    if not survey.broken or options.partial:
        return ""
    return f"{survey.broken} {survey.total:,} {'item' if survey.total == 1 else 'items'} before that could be read."


def _keeper(claimed: Claim, should_stop: MustStop) -> Callable[[], bool]:
    """Return what to ask while reading: it keeps the lease, raises when that was lost, and says whether to go on."""
    due = time.monotonic() + KEEP_SECONDS

    def keep_going() -> bool:
        nonlocal due
        if time.monotonic() > due:
            lifecycle.renew(claimed)
            due = time.monotonic() + KEEP_SECONDS
        return not should_stop()

    return keep_going


def _apply(claimed: Claim, is_over: MustStop, on_batch: OnBatch) -> bool:
    """Apply what is prepared from the job's position on until time is up; return whether the end was reached."""
    job = ImportJob.objects.get(pk=claimed.job_id)
    path = prepared_path(job.pk)
    pace, ticks, courtesy = Pace(), _Ticks(), Courtesy()
    try:
        sys.setswitchinterval(TURN_SECONDS)
        with PreparedReader(path, job.processed_bookmarks) as reader, ThreadPoolExecutor(1) as thread:
            if job.deaths >= lifecycle.DEATHS_UNTIL_REJECTED and (frame := reader.take(1)):
                apply_batch(claimed, portion_of(job, frame.all_rejected(DEADLY)))
            supply = _Supply(job, reader, pace, thread)
            while portion := supply.next():
                turns.give_way(connection)
                start = time.monotonic()
                apply_batch(claimed, portion, is_noted=ticks.is_due(), before_commit=supply.begin_next)
                pace.correct(len(portion.frame), time.monotonic() - start)
                on_batch(portion.frame.end, job.total_bookmarks)
                if is_over():
                    return False
                courtesy.rest()
    except EOFError:
        logger.warning("import job %s: the prepared file is damaged and will be made again", job.pk)
        path.unlink(missing_ok=True)
        return False
    return True


class Portion(NamedTuple):
    """A part of a file, and what there is to write of it."""

    frame: Frame
    batch: Batch


def portion_of(job: ImportJob, frame: Frame, *, are_new: bool = True) -> Portion:
    """Get a part of the job's file ready to be applied; `are_new` is as in `bookmarks.upsert.get_ready`."""
    duplicates = job.options.duplicate_handling
    return Portion(
        frame, get_ready(job.user_id, frame.drafts, duplicates=duplicates, now=job.created, are_new=are_new)
    )


class _Supply:
    """Takes portions from a prepared file, each while the one before it is committed.

    A commit is long, and the database's work alone; Python has the next portion ready by its end.
    """

    def __init__(self, job: ImportJob, reader: PreparedReader, pace: "Pace", thread: ThreadPoolExecutor) -> None:
        self._job, self._reader, self._pace, self._thread = job, reader, pace, thread
        self._begun: Future[Portion | None] | None = None
        # Where workers have died, batches begin with one item and double as long as nothing happens.
        self._careful_items = 1

    def begin_next(self, outcome: Outcome) -> None:
        """Begin to get the next portion ready, in a thread; `outcome` is what became of the one before it."""
        are_new = outcome.created >= outcome.updated + outcome.skipped
        self._begun = self._thread.submit(self._take, are_new=are_new)

    def next(self) -> Portion | None:
        """Return the next portion, or None at the end. Raises EOFError as `PreparedReader.take` does."""
        portion = self._begun.result() if self._begun else self._take(are_new=True)
        self._begun = None
        return portion

    def _take(self, *, are_new: bool) -> Portion | None:
        items = self._pace.items
        if self._reader.position < self._job.careful_until:
            items, self._careful_items = self._careful_items, min(2 * self._careful_items, items)
        frame = self._reader.take(items)
        return portion_of(self._job, frame, are_new=are_new) if frame else None


def apply_batch(
    claimed: Claim,
    portion: Portion,
    *,
    is_noted: bool = False,
    before_commit: Callable[[Outcome], None] = lambda _outcome: None,
) -> None:
    """Commit one batch: bookmarks, tags, revisions, rejected items, counters, position and lease, or nothing.

    `is_noted` also writes an entry of the job's timeline, and `before_commit` is told what will have become of the
    items. Raises ClaimLostError when the job is not this worker's any more.
    """
    frame = portion.frame
    with lifecycle.batch(claimed) as job:
        outcome = Outcome(0, 0, 0)
        if frame.drafts:
            outcome = write_batch(portion.batch, import_id=job.pk)
        lifecycle.advance(job, len(frame), outcome, frame.rejects, is_noted=is_noted)
        before_commit(outcome)


class _Ticks:
    """Says once a second that a second has passed."""

    def __init__(self) -> None:
        self._due = time.monotonic() + TICK_SECONDS

    def is_due(self) -> bool:
        """Whether a second has passed since it last said so."""
        if time.monotonic() < self._due:
            return False
        self._due = time.monotonic() + TICK_SECONDS
        return True


class Pace:
    """Steers the size of batches so that each takes about BATCH_SECONDS."""

    def __init__(self) -> None:
        self.items = FIRST_BATCH_ITEMS

    def correct(self, count: int, seconds: float) -> None:
        """Take a batch of `count` items into account that took `seconds`.

        The next is at most twice, and at least half, as large as this one was to be.
        """
        fitting = count * BATCH_SECONDS[connection.vendor] / max(seconds, 0.001)
        bounded = min(max(fitting, self.items / 2), self.items * 2)
        self.items = int(min(max(bounded, MIN_BATCH_ITEMS), MAX_BATCH_ITEMS))


def _progress_log(job: ImportJob) -> OnBatch:
    """Return what writes a line for every LOG_ITEMS items of an import, and no more than one a second."""
    logged, ticks = job.done_items, _Ticks()

    def log(position: int, total: int) -> None:
        nonlocal logged
        if position - logged >= LOG_ITEMS and ticks.is_due():
            logger.info("import job %s: %s of %s items", job.pk, position, total)
            logged = position

    return log
