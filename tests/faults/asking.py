"""What a person asks for of an import, and waits for, however often a fault is in the way."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db import DatabaseError, connections
from django.db.utils import InterfaceError

from imports import lifecycle
from imports.models import ImportJob
from imports.pipeline import STORAGE
from tests.faults.databases import UNREACHABLE, Database, Row
from tests.faults.files import Expected
from tests.faults.judging import Watched

WAIT_SECONDS = 600.0


@dataclass
class Submitted:
    """A job, whose it is, and what has to become of it."""

    user: User
    watched: Watched
    expected: Expected
    is_previewed: bool
    was_retried: bool = False

    @property
    def job(self) -> int:
        """The job's number."""
        return self.watched.job


class Asking:
    """Asks until the database has taken it, having told the watcher before that it may now happen."""

    def __init__(self, database: Database, report: Callable[[str], None]) -> None:
        self._database, self._report = database, report
        self.retried = 0

    def stubbornly[Result](self, action: Callable[[], Result]) -> Result:
        """Do something that a fault may prevent for a while."""
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            try:
                return action()
            except (DatabaseError, InterfaceError, *UNREACHABLE):
                connections.close_all()
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.3)

    def read(self, statement: str, parameters: list[object]) -> list[Row]:
        """Return rows, read without the product."""

        def read_once() -> list[Row]:
            reader = self._database.reader()
            try:
                return reader.read(statement, parameters)
            finally:
                reader.close()

        return self.stubbornly(read_once)

    def job(self, submitted: Submitted) -> ImportJob:
        """Return the job as it now is."""
        return self.stubbornly(lambda: ImportJob.objects.get(pk=submitted.job))

    def cancel(self, submitted: Submitted) -> bool:
        """Cancel a job; return whether it was still active."""
        submitted.watched.may_cancel = True
        # An answer that was lost leaves the job cancelled, too.
        return (
            self.stubbornly(lambda: lifecycle.cancel(submitted.user, submitted.job))
            or self.job(submitted).status == "cancelled"
        )

    def expire(self, submitted: Submitted) -> None:
        """End a job that waits for a decision, as when its file expires."""
        submitted.watched.may_cancel = True
        self.stubbornly(lambda: lifecycle.expire(submitted.job))

    def confirm(self, submitted: Submitted) -> None:
        """Decide for the import that was previewed."""
        submitted.watched.asked.append("import")
        self.stubbornly(lambda: lifecycle.confirm(submitted.user, submitted.job))

    def retry(self, submitted: Submitted, *, start_over: bool = False) -> None:
        """Send a job to work again that failed, was cancelled, or undone."""
        watched, job = submitted.watched, self.job(submitted)
        watched.asked.append("import" if job.is_undo else job.work)
        watched.may_start_over += start_over or job.is_undo
        watched.started_over |= start_over
        self.stubbornly(lambda: lifecycle.retry(submitted.user, submitted.job, start_over=start_over))

    def undo(self, submitted: Submitted) -> bool:
        """Have a job taken back, or go on with that; return whether it has written anything."""
        submitted.watched.asked.append("undo")
        if self.stubbornly(lambda: lifecycle.undo(submitted.user, submitted.job)):
            return True
        job = self.job(submitted)
        if not job.is_undo and job.created_bookmarks + job.updated_bookmarks:
            self._report(f"job {submitted.job}: cannot be undone, though it is {job.status} and has written")
        return job.is_undo

    def wait_for(self, submitted: Submitted, status: str) -> bool:
        """Wait until a job has ended so; one that failed for want of room is retried, as a person would."""
        watched = submitted.watched
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            if watched.has_ended:
                job = self.job(submitted)
                if job.status == status:
                    return True
                if job.status == "failed":
                    if not (watched.may_fail and job.error_message == STORAGE):
                        self._report(f"job {submitted.job}: ended failed: {job.error_message}")
                        return False
                    self._retry_failed(submitted)
            time.sleep(0.1)
        self._report(f"job {submitted.job}: not {status} after {WAIT_SECONDS:.0f} s: {watched.state}")
        return False

    def _retry_failed(self, submitted: Submitted) -> None:
        submitted.was_retried = True
        self.retried += 1
        time.sleep(1)
        self.retry(submitted)
