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
from django.db import connection, connections, transaction

from bookmarks.drafts import Duplicates
from imports import uploads
from imports.models import ImportJob
from imports.options import ImportOptions
from tests.faults.asking import Asking, Submitted
from tests.faults.databases import Database
from tests.faults.files import Kept, Shelf, expected, write_file
from tests.faults.judging import Watched
from tests.faults.pace import Pace
from tests.faults.watching import Watcher

PREVIEW_CHANCE = 0.4
INTERRUPT_CHANCE = 0.35
UNDO_CHANCE = 0.75
_numbers = count(1)
_PAGES = """
    SELECT b.url, b.title, b.description, b.created, t.name
    FROM bookmarks_bookmark b
    LEFT JOIN bookmarks_tagging g ON g.bookmark_id = b.id LEFT JOIN bookmarks_tag t ON t.id = g.tag_id
    WHERE b.owner_id = %s
"""
_TAGS = "SELECT count(*) FROM bookmarks_tag WHERE owner_id = %s"
_FORGET = (
    "DELETE FROM bookmarks_tagging WHERE bookmark_id IN (SELECT id FROM bookmarks_bookmark WHERE owner_id = %s)",
    "DELETE FROM bookmarks_revision WHERE bookmark_id IN (SELECT id FROM bookmarks_bookmark WHERE owner_id = %s)",
    "DELETE FROM bookmarks_bookmark WHERE owner_id = %s",
    "DELETE FROM bookmarks_tag WHERE owner_id = %s",
)


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
        self._watcher, self._report = watcher, report
        self._ask = Asking(database, report)
        self._end = threading.Event()
        self.jobs: list[int] = []
        self.items = self.previews = self.undos = 0

    @property
    def retried(self) -> int:
        """How many jobs failed for want of room and were retried."""
        return self._ask.retried

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
        """Be a new user: import files, and perhaps take them back; then have everything of oneself deleted."""
        name = f"person{next(_numbers)}"
        user = self._ask.stubbornly(lambda: User.objects.get_or_create(username=name)[0])
        jobs: list[Submitted] = []
        if self._import(user, jobs) and not self._end.is_set() and self._chance.random() < UNDO_CHANCE:
            self._take_back(user, jobs)
        self._leave(user, jobs)

    def _import(self, user: User, jobs: list[Submitted]) -> bool:
        """Import a file, perhaps interrupting that, then two more at once; tell whether the bookmarks are known."""
        first = self._submit(user, jobs)
        is_early = self._chance.random() < 0.5
        if is_early:
            self._interrupt(first)
        if not self._decide(first):
            return False
        if not is_early:
            self._interrupt(first)
        if not self._await(first):
            return False
        self._check_counters(first)
        if self._end.is_set():
            return True
        second = self._submit(user, jobs)
        if not self._decide(second):
            return False
        third = self._submit(user, jobs)
        ended = [self._await(second), self._decide(third, after=second) and self._await(third)]
        # A job that failed for want of room lets the other one go first, and then other versions of a page stay.
        if not all(ended) or second.was_retried or third.was_retried:
            return False
        for each in (second, third):
            self._check_counters(each)
        self._check_pages(user, third.expected.pages, f"after job {third.job}")
        return True

    def _submit(self, user: User, jobs: list[Submitted]) -> Submitted:
        """Hand a file in, which the user's `jobs` come before."""
        number = len(jobs)
        path = self._folder / f"{user.username}-{number}.json"
        items = self._chance.randint(*self._pace.file_items) // (1 if number == 0 else 3)
        write_file(path, items=items, chance=self._chance, first_page=self._chance.randrange(items) if number else 0)
        options = ImportOptions(
            duplicate_handling=self._chance.choice([Duplicates.SKIP, Duplicates.OVERWRITE]),
            preview=self._chance.random() < PREVIEW_CHANCE,
        )
        before = jobs[-1].expected.pages if jobs else {}
        wanted = expected(path, duplicates=options.duplicate_handling, before=before)

        job = self._ask.stubbornly(lambda: self._hand_in(user, path, options))
        path.unlink()
        jobs.append(Submitted(user, Watched(job.pk, user.pk), wanted, options.preview))
        self._watcher.watch(jobs[-1].watched)
        self.jobs.append(job.pk)
        self.items += wanted.total
        return jobs[-1]

    def _hand_in(self, user: User, path: Path, options: ImportOptions) -> ImportJob:
        """Create the job of a file, or find the one that was created."""
        # A connection that broke leaves unknown whether the commit came through.
        if there := ImportJob.objects.filter(user=user, file_name=path.name).first():
            return there
        with path.open("rb") as file:
            return uploads.submit(File(file, path.name), user, options)

    def _interrupt(self, submitted: Submitted) -> None:
        """Perhaps cancel a user's first job; then retry it, perhaps after taking back what it has imported."""
        if self._chance.random() > INTERRUPT_CHANCE:
            return
        time.sleep(self._chance.uniform(0, 2.5))
        if not self._ask.cancel(submitted):
            return
        if self._chance.random() < 0.5 and self._undo(submitted):
            self._check_is_empty(submitted.user, f"after the undo of the cancelled job {submitted.job}")
            self._ask.retry(submitted)
            return
        time.sleep(self._chance.uniform(0, 1.5))
        self._ask.retry(submitted, start_over=self._chance.random() < 0.5)

    def _decide(self, submitted: Submitted, *, after: Submitted | None = None) -> bool:
        """Where a preview was asked for, look at it and have it imported; tell whether the job goes on.

        What comes `after` a job that was retried was previewed before that one's end.
        """
        if not submitted.is_previewed:
            return True
        if not self._ask.wait_for(submitted, "previewed"):
            return False
        if self._chance.random() < 0.25:
            self._ask.expire(submitted)
            self._ask.retry(submitted)
            if not self._ask.wait_for(submitted, "previewed"):
                return False
        if not (after and after.was_retried):
            self._check_preview(submitted)
        self._ask.confirm(submitted)
        return True

    def _check_preview(self, submitted: Submitted) -> None:
        preview, want = self._ask.job(submitted).preview, submitted.expected.counters
        self.previews += 1
        found = {name: preview.get(name) for name in want}
        if found != want:
            self._report(f"job {submitted.job}: previewed {found}, expected {want}")

    def _await(self, submitted: Submitted) -> bool:
        """Wait for a job's end and check what is right whichever of a user's jobs came first."""
        if not self._ask.wait_for(submitted, "completed"):
            return False
        job, want = self._ask.job(submitted), submitted.expected
        found = (job.total_bookmarks, job.processed_bookmarks, job.failed_bookmarks)
        if found != (want.total, want.total, want.failed):
            self._report(f"job {job.pk}: ended with {submitted.watched.state}, expected {want.counters}")
        return True

    def _check_counters(self, submitted: Submitted) -> None:
        """Check the counters of a job that read its file once, and before which the user's earlier jobs had ended."""
        job, want = self._ask.job(submitted), submitted.expected
        found = (job.created_bookmarks, job.updated_bookmarks, job.skipped_bookmarks)
        if found != (want.created, want.updated, want.skipped) and not submitted.watched.started_over:
            self._report(f"job {job.pk}: ended with {submitted.watched.state}, expected {want.counters}")

    def _take_back(self, user: User, jobs: list[Submitted]) -> None:
        """Undo a user's jobs in some order, one by one or all at once, and check what is left."""
        shelf = Shelf()
        for each in jobs:
            shelf.put(each.job, each.expected.written)
            each.watched.may_inherit = True
        order = self._chance.sample(jobs, len(jobs))
        if self._chance.random() < 0.5:
            asked = [each for each in order if self._ask.undo(each)]
            if not all(self._ask.wait_for(each, "undone") for each in asked):
                return
            self.undos += len(asked)
        else:
            for each in order:
                self._take_back_one(each, shelf)
        self._check_is_empty(user, f"after the undo of jobs {[each.job for each in order]}")

    def _take_back_one(self, submitted: Submitted, shelf: Shelf) -> None:
        """Undo a job and compare what became of its pages, and all pages, with the `shelf` without it."""
        want = shelf.take_back(submitted.job)
        if not self._undo(submitted):
            return
        job = self._ask.job(submitted)
        found = (job.removed_bookmarks, job.restored_bookmarks, job.kept_bookmarks)
        if found != want:
            self._report(f"job {job.pk}: removed, restored, kept {found} in its undo, expected {want}")
        self._check_pages(submitted.user, shelf.pages, f"after the undo of job {job.pk}")

    def _undo(self, submitted: Submitted) -> bool:
        """Undo a job, perhaps with a pause; tell whether that came to its end, which it does if there is anything."""
        if not self._ask.undo(submitted):
            return False
        if self._chance.random() < 0.25:
            time.sleep(self._chance.uniform(0, 1))
            if self._ask.cancel(submitted):
                self._ask.undo(submitted)
        self.undos += 1
        return self._ask.wait_for(submitted, "undone")

    def _check_pages(self, user: User, want: dict[str, Kept], when: str) -> None:
        found: dict[str, Kept] = {}
        for url, title, description, created, tag in self._ask.read(_PAGES, [user.pk]):
            known = found.get(url)
            tags = (known.tags if known else frozenset()) | ({tag} if tag else set())
            found[url] = Kept(title, description, tags, _moment(created))
        if found != want:
            wrong = [url for url in found.keys() | want.keys() if found.get(url) != want.get(url)]
            self._report(
                f"user {user.pk} {when}: {len(wrong)} pages are wrong, the first: {wrong[0]}: "
                f"{found.get(wrong[0])}, expected {want.get(wrong[0])}"
            )

    def _check_is_empty(self, user: User, when: str) -> None:
        """Check that neither bookmarks nor tags are left, as before the first import."""
        self._check_pages(user, {}, when)
        ((tags,),) = self._ask.read(_TAGS, [user.pk])
        if tags:
            self._report(f"user {user.pk} {when}: {tags} tags are left")

    def _leave(self, user: User, submitted: list[Submitted]) -> None:
        """Take the user's bookmarks away, once their jobs are watched no more."""
        if not all(each.watched.has_ended for each in submitted):
            return
        for each in submitted:
            self._watcher.forget(each.job)
        time.sleep(0.3)

        def forget() -> None:
            with transaction.atomic(), connection.cursor() as cursor:
                for statement in _FORGET:
                    cursor.execute(statement, [user.pk])

        self._ask.stubbornly(forget)


def _moment(stored: object) -> datetime:
    moment = stored if isinstance(stored, datetime) else datetime.fromisoformat(str(stored))
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
