"""Watches the database at every instant: each committed state of each job, and what the tables hold at one moment."""

import contextlib
import threading
from collections.abc import Callable

from tests.faults.databases import UNREACHABLE, Database, Reader
from tests.faults.judging import Held, State, Watched, compare, judge

PAUSE_SECONDS = 0.06
_HISTORY = """
    SELECT id, status, work, fence, total_bookmarks, processed_bookmarks, created_bookmarks, updated_bookmarks,
           skipped_bookmarks, failed_bookmarks, undo_total, removed_bookmarks, restored_bookmarks, kept_bookmarks,
           undo_position
    FROM faults_history WHERE job = %s AND id > %s ORDER BY id
"""
_HELD = """
    SELECT j.status, j.work, j.created_bookmarks, j.failed_bookmarks, j.undo_total,
           j.removed_bookmarks + j.restored_bookmarks + j.kept_bookmarks,
           (SELECT count(*) FROM bookmarks_bookmark b WHERE b.owner_id = j.user_id AND b.added_by_import = j.id),
           (SELECT count(*) FROM bookmarks_revision v JOIN bookmarks_bookmark b ON b.id = v.bookmark_id
            WHERE v.import_id = j.id AND (b.added_by_import IS NULL OR b.added_by_import <> j.id)),
           (SELECT count(*) FROM imports_rejecteditem r WHERE r.job_id = j.id)
    FROM imports_importjob j WHERE j.id = %s
"""


class Watcher(threading.Thread):
    """Samples the database through a connection of its own, and collects what must not be."""

    def __init__(self, database: Database, report: Callable[[str], None]) -> None:
        super().__init__(daemon=True)
        self._database, self._report = database, report
        self._lock = threading.Lock()
        self._jobs: dict[int, Watched] = {}
        self._stop = threading.Event()
        self.samples = 0
        self.states = 0

    def watch(self, watched: Watched) -> None:
        """Begin to watch a job."""
        with self._lock:
            self._jobs[watched.job] = watched

    def forget(self, job: int) -> None:
        """Watch a job no more, after everything committed of it so far was looked at."""
        with self._lock:
            self._jobs.pop(job, None)

    def jobs(self) -> list[Watched]:
        """Return the jobs under watch."""
        with self._lock:
            return list(self._jobs.values())

    def end(self) -> None:
        """Stop watching."""
        self._stop.set()
        self.join(30)

    def run(self) -> None:
        """Sample until the end; an unreachable database is waited for."""
        reader: Reader | None = None
        while not self._stop.wait(PAUSE_SECONDS):
            try:
                reader = reader or self._database.reader()
                with reader.snapshot():
                    for watched in self.jobs():
                        self._look(reader, watched)
                self.samples += 1
            except UNREACHABLE:
                if reader is not None:
                    with contextlib.suppress(*UNREACHABLE):
                        reader.close()
                reader = None
            except Exception as error:  # noqa: BLE001 - a fault of the harness must end the run, not the thread
                self._report(f"the watcher failed: {error!r}")
                return

    def _look(self, reader: Reader, watched: Watched) -> None:
        for number, *state in reader.read(_HISTORY, [watched.job, watched.last_history]):
            watched.last_history = number
            self._tell(watched, judge(watched, State(*state)))
            self.states += 1
        for number, fence, start in reader.read(
            "SELECT id, fence, start FROM faults_batch WHERE job = %s AND id > %s ORDER BY id",
            [watched.job, watched.last_batch],
        ):
            watched.last_batch = number
            if fence < watched.last_fence:
                told = f"a batch at {start} was committed under fence {fence} after {watched.last_fence}"
                self._tell(watched, [told])
            watched.last_fence = fence
        for row in reader.read(_HELD, [watched.job]):
            self._tell(watched, compare(watched, Held(*row)))

    def _tell(self, watched: Watched, wrong: list[str]) -> None:
        for what in wrong:
            self._report(f"job {watched.job}: {what}")
