"""Watches the database at every instant: each committed state of each job, and what the tables hold at one moment."""

import contextlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.faults.databases import UNREACHABLE, Database, Reader, Row

PAUSE_SECONDS = 0.06
_TERMINAL = {"completed", "failed", "cancelled"}
_STEPS = {
    "pending": {"pending", "processing", "cancelled", "failed"},
    "processing": {"processing", "completed", "cancelled", "failed"},
    "completed": {"completed"},
    "failed": {"failed", "pending"},
    "cancelled": {"cancelled", "pending"},
}
_HISTORY = """
    SELECT id, status, fence, total_bookmarks, processed_bookmarks, created_bookmarks, updated_bookmarks,
           skipped_bookmarks, failed_bookmarks
    FROM faults_history WHERE job = %s AND id > %s ORDER BY id
"""
_COUNTS = """
    SELECT j.status, j.processed_bookmarks, j.created_bookmarks, j.failed_bookmarks, j.lease_expires_at,
           (SELECT count(*) FROM bookmarks_bookmark b WHERE b.owner_id = j.user_id AND b.added_by_import = j.id),
           (SELECT count(*) FROM imports_rejecteditem r WHERE r.job_id = j.id)
    FROM imports_importjob j WHERE j.id = %s
"""


@dataclass(frozen=True)
class State:
    """A committed state of a job."""

    status: str
    fence: int
    total: int
    processed: int
    created: int
    updated: int
    skipped: int
    failed: int


@dataclass
class Watched:
    """A job under watch, and what the harness has asked for, which alone makes some steps right."""

    job: int
    user: int
    last_history: int = 0
    last_batch: int = 0
    last_fence: int = 0
    state: State | None = None
    changed_at: float = field(default_factory=time.monotonic)
    completions: int = 0
    ends: int = 0
    may_cancel: bool = False
    may_retry: int = 0
    may_fail: bool = False
    restarts: int = 0
    started_over: bool = False

    @property
    def has_ended(self) -> bool:
        return self.state is not None and self.state.status in _TERMINAL


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
        for row in reader.read(_HISTORY, [watched.job, watched.last_history]):
            watched.last_history = row[0]
            self._step(watched, State(*row[1:]))
            self.states += 1
        for number, fence, start in reader.read(
            "SELECT id, fence, start FROM faults_batch WHERE job = %s AND id > %s ORDER BY id",
            [watched.job, watched.last_batch],
        ):
            watched.last_batch = number
            if fence < watched.last_fence:
                self._wrong(
                    watched, f"a batch at {start} was committed under fence {fence} after {watched.last_fence}"
                )
            watched.last_fence = fence
        for row in reader.read(_COUNTS, [watched.job]):
            self._count(watched, row)

    def _step(self, watched: Watched, new: State) -> None:
        """Judge one committed state by the one before it."""
        old, watched.state = watched.state, new
        if old is None or new != old:
            watched.changed_at = time.monotonic()
        if new.processed != new.created + new.updated + new.skipped + new.failed:
            self._wrong(watched, f"the counters do not add up: {new}")
        if new.total and new.processed > new.total:
            self._wrong(watched, f"more items than there are: {new}")
        if new.status == "completed" and new.processed != new.total:
            self._wrong(watched, f"completed before its end: {new}")
        if old is None:
            return
        if new.status not in _STEPS[old.status] or not self._is_asked_for(watched, old, new):
            self._wrong(watched, f"an impossible step: {old} to {new}")
        if new.fence < old.fence:
            self._wrong(watched, f"the fence fell: {old} to {new}")
        if new.processed < old.processed and not self._starts_over(watched, old, new):
            self._wrong(watched, f"the position fell: {old} to {new}")
        if new.processed > old.processed and (old.status, new.status, new.fence) != (*["processing"] * 2, old.fence):
            self._wrong(watched, f"progress outside a claim: {old} to {new}")

    def _is_asked_for(self, watched: Watched, old: State, new: State) -> bool:
        if old.status == new.status:
            return old.status not in _TERMINAL or old == new
        watched.ends += new.status in _TERMINAL
        match new.status:
            case "completed":
                watched.completions += 1
                return watched.completions == 1
            case "cancelled":
                return watched.may_cancel
            case "failed":
                return watched.may_fail
            case "pending":
                watched.may_retry -= 1
                return watched.may_retry >= 0
        return True

    def _starts_over(self, watched: Watched, old: State, new: State) -> bool:
        watched.restarts += 1
        return watched.started_over and watched.restarts == 1 and old.status in _TERMINAL and new.processed == 0

    def _count(self, watched: Watched, row: Row) -> None:
        """Compare the counters with what the tables hold at the same moment."""
        _, processed, created, failed, _, bookmarks, rejected = row
        is_right = bookmarks >= created if watched.started_over else bookmarks == created
        if not is_right or rejected != failed or bookmarks > processed + (10**9 if watched.started_over else 0):
            self._wrong(
                watched, f"{bookmarks} bookmarks and {rejected} rejected items in the tables, counters say {row[1:4]}"
            )

    def _wrong(self, watched: Watched, what: str) -> None:
        self._report(f"job {watched.job}: {what}")
