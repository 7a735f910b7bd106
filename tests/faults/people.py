"""People who import: several at once, whose jobs are checked against an independent reading of their files."""

import random
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from django.contrib.auth.models import User
from django.core.files.base import File
from django.db import DatabaseError, connection, connections, transaction
from django.db.utils import InterfaceError

from bookmarks.drafts import Duplicates
from imports import lifecycle, uploads
from imports.models import ImportJob
from imports.options import ImportOptions
from imports.pipeline import STORAGE
from tests.faults.databases import UNREACHABLE, Database, Row
from tests.faults.files import Expected, Kept, expected, write_file
from tests.faults.pace import Pace
from tests.faults.watching import Watched, Watcher

JOB_SECONDS = 600.0
_numbers = count(1)
_PAGES = """
    SELECT b.url, b.title, b.description, b.created, t.name
    FROM bookmarks_bookmark b
    LEFT JOIN bookmarks_tagging g ON g.bookmark_id = b.id LEFT JOIN bookmarks_tag t ON t.id = g.tag_id
    WHERE b.owner_id = %s
"""
_END = """
    SELECT status, total_bookmarks, processed_bookmarks, created_bookmarks, updated_bookmarks, skipped_bookmarks,
           failed_bookmarks, error_message
    FROM imports_importjob WHERE id = %s
"""
_FORGET = (
    "DELETE FROM bookmarks_tagging WHERE bookmark_id IN (SELECT id FROM bookmarks_bookmark WHERE owner_id = %s)",
    "DELETE FROM bookmarks_revision WHERE bookmark_id IN (SELECT id FROM bookmarks_bookmark WHERE owner_id = %s)",
    "DELETE FROM bookmarks_bookmark WHERE owner_id = %s",
    "DELETE FROM bookmarks_tag WHERE owner_id = %s",
)


class Submitted:
    """A job, the file it is made from and what has to become of it."""

    def __init__(self, watched: Watched, expected: Expected, duplicates: str) -> None:
        self.watched, self.expected, self.duplicates = watched, expected, duplicates
        self.was_retried = False
        self.row: Row = ()


class Person(threading.Thread):
    """Imports file after file, each time as a new user, until told to end."""

    def __init__(
        self,
        *,
        folder: Path,
        seed: int,
        pace: Pace,
        database: Database,
        watcher: Watcher,
        report: Callable[[str], None],
    ) -> None:
        super().__init__(daemon=True)
        self._folder, self._chance, self._pace = folder, random.Random(seed), pace
        self._database, self._watcher, self._report = database, watcher, report
        self._end = threading.Event()
        self.jobs: list[int] = []
        self.items = 0
        self.retried = 0

    def end(self) -> None:
        """Submit nothing more."""
        self._end.set()

    def run(self) -> None:
        try:
            while not self._end.is_set():
                self._one_life()
        except Exception as error:  # noqa: BLE001 - a fault of the harness must end the run, not the thread
            self._report(f"a person failed: {error!r}")
        finally:
            connections.close_all()

    def _one_life(self) -> None:
        """Be a new user: import a file, perhaps cancelling it on the way, then two more at once."""
        name = f"person{next(_numbers)}"
        user = self._stubborn(lambda: User.objects.get_or_create(username=name)[0])
        first = self._submit(user, name, pages={}, number=0)
        if self._chance.random() < 0.35:
            self._cancel_and_retry(user, first)
        if not self._await(user, first):
            return self._leave(user, [first])
        self._check_counters(first)
        if self._end.is_set():
            return self._leave(user, [first])
        second = self._submit(user, name, pages=first.expected.pages, number=1)
        third = self._submit(user, name, pages=second.expected.pages, number=2)
        ended = [self._await(user, job) for job in (second, third)]
        # A job that failed for want of room lets the other one go first, and then other versions of a page stay.
        if all(ended) and not (second.was_retried or third.was_retried):
            for each in (second, third):
                self._check_counters(each)
            self._check_pages(user, third)
        return self._leave(user, [first, second, third])

    def _submit(self, user: User, name: str, *, pages: dict[str, Kept], number: int) -> Submitted:
        path = self._folder / f"{name}-{number}.json"
        items = self._chance.randint(*self._pace.file_items) // (1 if number == 0 else 3)
        write_file(path, items=items, chance=self._chance, first_page=self._chance.randrange(items) if number else 0)
        duplicates = self._chance.choice(["skip", "overwrite"])
        wanted = expected(path, duplicates=duplicates, before=pages)

        job = self._stubborn(lambda: self._hand_in(user, path, duplicates))
        path.unlink()
        watched = Watched(job.pk, user.pk)
        self._watcher.watch(watched)
        self.jobs.append(job.pk)
        self.items += wanted.total
        return Submitted(watched, wanted, duplicates)

    def _hand_in(self, user: User, path: Path, duplicates: str) -> ImportJob:
        """Create the job of a file, or find the one that was created."""
        # A connection that broke leaves unknown whether the commit came through.
        if there := ImportJob.objects.filter(user=user, file_name=path.name).first():
            return there
        with path.open("rb") as file:
            options = ImportOptions(duplicate_handling=Duplicates(duplicates))
            return uploads.submit(File(file, path.name), user, options)

    def _cancel_and_retry(self, user: User, submitted: Submitted) -> None:
        watched = submitted.watched
        time.sleep(self._chance.uniform(0, 2.5))
        start_over = self._chance.random() < 0.5
        watched.may_cancel = True
        if not self._stubborn(lambda: lifecycle.cancel(user, watched.job)) and not self._is_cancelled(watched):
            return
        time.sleep(self._chance.uniform(0, 1.5))
        watched.may_retry += 1
        watched.started_over = watched.started_over or start_over
        self._stubborn(lambda: lifecycle.retry(user, watched.job, start_over=start_over))

    def _is_cancelled(self, watched: Watched) -> bool:
        return self._stubborn(lambda: ImportJob.objects.get(pk=watched.job)).status == "cancelled"

    def _await(self, user: User, submitted: Submitted) -> bool:
        """Wait for a job's end and check it; one that failed where it may is retried, as a person would."""
        watched = submitted.watched
        deadline = time.monotonic() + JOB_SECONDS
        while time.monotonic() < deadline:
            if watched.has_ended:
                row = self._stubborn(lambda: self._read(_END, watched.job))[0]
                if row[0] == "failed" and watched.may_fail and row[-1] == STORAGE:
                    submitted.was_retried = True
                    self._retry_failed(user, watched)
                elif row[0] in {"completed", "failed"}:
                    submitted.row = row
                    return self._check_end(submitted)
            time.sleep(0.1)
        self._report(f"job {watched.job}: not ended after {JOB_SECONDS:.0f} s: {watched.state}")
        return False

    def _retry_failed(self, user: User, watched: Watched) -> None:
        time.sleep(1)
        watched.may_retry += 1
        self.retried += 1
        if self._stubborn(lambda: lifecycle.retry(user, watched.job)):
            deadline = time.monotonic() + 10
            while watched.has_ended and time.monotonic() < deadline:
                time.sleep(0.05)

    def _check_end(self, submitted: Submitted) -> bool:
        """Check what is right whichever of a user's jobs came first; tell whether the job completed."""
        status, total, processed, *_, failed, error = submitted.row
        want = submitted.expected
        if status != "completed":
            self._report(f"job {submitted.watched.job}: ended {status}: {error}")
        elif (total, processed, failed) != (want.total, want.total, want.failed):
            self._report(f"job {submitted.watched.job}: ended with {submitted.row}, expected {want.counters}")
        return bool(status == "completed")

    def _check_counters(self, submitted: Submitted) -> None:
        """Check the counters of a job that read its file once, and before which the user's earlier jobs had ended."""
        _, _, _, created, updated, skipped, _, _ = submitted.row
        want = submitted.expected
        is_right = (created, updated, skipped) == (want.created, want.updated, want.skipped)
        if not is_right and not submitted.watched.started_over:
            self._report(f"job {submitted.watched.job}: ended with {submitted.row}, expected {want.counters}")

    def _check_pages(self, user: User, last: Submitted) -> None:
        found: dict[str, Kept] = {}
        for url, title, description, created, tag in self._stubborn(lambda: self._read(_PAGES, user.pk)):
            known = found.get(url)
            tags = (known.tags if known else frozenset()) | ({tag} if tag else set())
            found[url] = Kept(title, description, tags, _moment(created))
        if found != last.expected.pages:
            want = last.expected.pages
            wrong = [url for url in found.keys() | want.keys() if found.get(url) != want.get(url)]
            self._report(
                f"user {user.pk} (last job {last.watched.job}): {len(wrong)} pages are wrong, the first: {wrong[0]}: "
                f"{found.get(wrong[0])}, expected {want.get(wrong[0])}"
            )

    def _read(self, statement: str, parameter: int) -> list[Row]:
        reader = self._database.reader()
        try:
            return reader.read(statement, [parameter])
        finally:
            reader.close()

    def _leave(self, user: User, submitted: list[Submitted]) -> None:
        """Take the user's bookmarks away, once their jobs are watched no more."""
        if not all(each.watched.has_ended for each in submitted):
            return
        for each in submitted:
            self._watcher.forget(each.watched.job)
        time.sleep(0.3)

        def forget() -> None:
            with transaction.atomic(), connection.cursor() as cursor:
                for statement in _FORGET:
                    cursor.execute(statement, [user.pk])

        self._stubborn(forget)

    def _stubborn[Result](self, action: Callable[[], Result]) -> Result:
        """Do something that a fault may prevent for a while."""
        deadline = time.monotonic() + JOB_SECONDS
        while True:
            try:
                return action()
            except (DatabaseError, InterfaceError, *UNREACHABLE):
                connections.close_all()
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.3)


def _moment(stored: object) -> datetime:
    moment = stored if isinstance(stored, datetime) else datetime.fromisoformat(str(stored))
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
