"""What goes wrong in a run: each kind of fault, and how it is brought about."""

import contextlib
import http.client
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import psutil
from django.contrib.auth.models import User
from django.db import connections

from imports.models import ImportJob
from tests.faults.browser import Browser
from tests.faults.databases import UNREACHABLE, Postgres, Sqlite
from tests.faults.disk import Disk
from tests.faults.pace import Pace
from tests.faults.running import STOP_SECONDS, Site
from tests.faults.watching import Watcher
from tests.faults.worker import POINTS, armed
from tests.project.processes import eventually

TAKE_SECONDS = 20.0
DISK_SECONDS = 2.0
UPLOAD_BYTES = 12_000_000
_COLLECTION = (
    b'{"@context": "https://www.w3.org/ns/activitystreams", "type": "Collection", "items": ['
    b'{"type": "Link", "url": "https://example.com/", "name": "A page"}%s]}'
)
BOTH = ("sqlite", "postgresql")


@dataclass
class Arena:
    """Where faults happen. `pending` is what a fault still has to set right while recovery is waited for."""

    site: Site
    database: Sqlite | Postgres
    watcher: Watcher
    disk: Disk
    pace: Pace
    chance: random.Random
    report: Callable[[str], None]
    pending: list[threading.Thread] = field(default_factory=list)
    notes: dict[str, int] = field(default_factory=dict)

    def note(self, what: str) -> None:
        """Count something worth knowing that is no violation."""
        self.notes[what] = self.notes.get(what, 0) + 1


@dataclass(frozen=True)
class Kind:
    """A kind of fault. `bring` returns since when recovery counts (monotonic), or None when nothing was to hit."""

    name: str
    bring: Callable[[Arena], float | None]
    databases: tuple[str, ...] = BOTH


def busy_pids(arena: Arena) -> set[int]:
    """Return the processes that hold a job."""
    try:
        reader = arena.database.reader()
    except UNREACHABLE:
        return set()
    try:
        with contextlib.suppress(*UNREACHABLE):
            rows = reader.read(
                "SELECT claimed_by FROM imports_importjob WHERE status = 'processing' AND lease_expires_at IS NOT NULL"
            )
            return {int(claimed_by.rpartition(":")[2]) for (claimed_by,) in rows}
    finally:
        reader.close()
    return set()


def _worker(arena: Arena, *, busy: bool) -> psutil.Process | None:
    deadline = time.monotonic() + TAKE_SECONDS
    while time.monotonic() < deadline:
        pids = busy_pids(arena)
        found = [process for process in arena.site.parts("worker") if (process.pid in pids) is busy]
        if found:
            return arena.chance.choice(found)
        time.sleep(0.01)
    return None


def _killed(process: psutil.Process | None) -> float | None:
    if process is None:
        return None
    with contextlib.suppress(psutil.NoSuchProcess):
        process.kill()
        return time.monotonic()
    return None


def _kill_busy(arena: Arena) -> float | None:
    return _killed(_worker(arena, busy=True))


def _kill_idle(arena: Arena) -> float | None:
    return _killed(_worker(arena, busy=False))


def _kill_part(name: str) -> Callable[[Arena], float | None]:
    def bring(arena: Arena) -> float | None:
        return _killed(next(iter(arena.site.parts(name)), None))

    return bring


def _kill_sentinel(arena: Arena) -> float | None:
    return _killed(arena.site.sentinel)


def _kill_main(arena: Arena) -> float | None:
    return _killed(arena.site.main)


def _kill_supervisor(arena: Arena) -> float | None:
    killed = _killed(arena.site.supervisor)
    arena.site.note_end()
    arena.site.start()
    return killed


def _kill_tree(arena: Arena) -> float | None:
    killed = time.monotonic()
    arena.site.kill_tree()
    arena.site.start()
    return killed


def _terminate(arena: Arena) -> float | None:
    """Stop the site as a deploy does: it ends in time, and leaves neither a process nor a claimed job."""
    alive = {process.pid for process in arena.site.parts("worker")}
    took, left = arena.site.terminate()
    if took > STOP_SECONDS or left:
        arena.report(f"a graceful stop took {took:.1f} s and left {left} processes")
    # A worker that was stopped just before, and not by this, cannot end in time.
    if busy_pids(arena) & alive and not arena.pending:
        arena.report(f"a graceful stop left jobs to be recovered: {busy_pids(arena) & alive}")
    arena.site.start()
    return time.monotonic()


def _kill_at(point: str) -> Callable[[Arena], float | None]:
    def bring(arena: Arena) -> float | None:
        file = armed(point)
        file.touch()
        if eventually(lambda: not file.exists(), seconds=TAKE_SECONDS):
            return time.monotonic()
        with contextlib.suppress(FileNotFoundError):
            file.unlink()
            return None
        return time.monotonic()

    return bring


def _later(arena: Arena, seconds: float, action: Callable[[], None]) -> None:
    thread = threading.Timer(seconds, action)
    thread.start()
    arena.pending.append(thread)


def _stop_busy(arena: Arena) -> float | None:
    """Stop a worker until its job was taken over; what it does when it goes on is what the watcher looks for.

    One that was stopped within a transaction may keep all others waiting, and then goes on as well.
    """
    process = _worker(arena, busy=True)
    if process is None:
        return None
    fences = {watched.job: watched.last_fence for watched in arena.watcher.jobs()}

    def is_taken_over() -> bool:
        jobs = arena.watcher.jobs()
        return process.pid not in busy_pids(arena) and any(w.last_fence > fences.get(w.job, 0) for w in jobs)

    def go_on() -> None:
        if eventually(is_taken_over, seconds=3 * arena.pace.lease):
            arena.note("a stopped worker went on after its job was taken over")
        time.sleep(arena.chance.uniform(0, 0.3))
        with contextlib.suppress(psutil.NoSuchProcess):
            process.resume()

    with contextlib.suppress(psutil.NoSuchProcess):
        process.suspend()
        _later(arena, arena.pace.lease, go_on)
        return time.monotonic()
    return None


def _stop_all(arena: Arena) -> float | None:
    """Stop the whole site for longer than a lease, as when a machine sleeps."""
    processes = arena.site.processes()
    for signum in (signal.SIGSTOP, signal.SIGCONT):
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(signum)
        if signum == signal.SIGSTOP:
            time.sleep(1.3 * arena.pace.lease)
    return time.monotonic()


def _lock(arena: Arena) -> float | None:
    if not isinstance(arena.database, Sqlite):
        return None
    arena.database.lock(1.3 * arena.pace.busy_timeout)
    return time.monotonic()


def _terminate_connections(arena: Arena) -> float | None:
    if not isinstance(arena.database, Postgres):
        return None
    arena.database.terminate_connections()
    return time.monotonic()


def _restart_server(arena: Arena) -> float | None:
    if not isinstance(arena.database, Postgres):
        return None
    arena.database.stop_at_once()
    time.sleep(arena.chance.uniform(0, 3))
    arena.database.start()
    return time.monotonic()


def _let_fail(arena: Arena) -> None:
    for watched in arena.watcher.jobs():
        watched.may_fail = True


def _fill_disk(arena: Arena) -> float | None:
    """Leave no room on the disk for some seconds; a job may say so and fail, and is then retried."""
    with _full_disk(arena):
        time.sleep(DISK_SECONDS)
    return time.monotonic()


@contextlib.contextmanager
def _full_disk(arena: Arena) -> Iterator[None]:
    """Take every byte that is or becomes free; a server that did not survive that is started again at the end."""
    is_over = threading.Event()

    def keep_full() -> None:
        while not is_over.wait(0.02):
            _let_fail(arena)
            arena.disk.fill()

    arena.disk.fill()
    filling = threading.Thread(target=keep_full)
    filling.start()
    try:
        yield
    finally:
        is_over.set()
        filling.join()
        arena.disk.clear()
        _let_fail(arena)
        if isinstance(arena.database, Postgres):
            arena.database.start()


def _fill_disk_at_upload(arena: Arena) -> float | None:
    """Fill the disk while a person uploads: they are told, there is no job, and no piece of a file stays."""
    name = f"uploader{time.monotonic_ns()}"
    try:
        user = User.objects.create_user(name, password="a password")
        browser = Browser(arena.site.address())
        browser.sign_in(name)
        with _full_disk(arena):
            status = browser.upload("big.json", _COLLECTION % (b" " * UPLOAD_BYTES))
    except (*UNREACHABLE, http.client.HTTPException, LookupError):
        return None
    finally:
        connections.close_all()
    arena.note(f"an upload to a full disk was answered with {status}")
    if ImportJob.objects.filter(user=user).exists() != (status == 200):
        arena.report(f"an upload to a full disk was answered with {status}")
    connections.close_all()
    return time.monotonic()


KINDS = (
    Kind("SIGKILL busy worker", _kill_busy),
    Kind("SIGKILL idle worker", _kill_idle),
    Kind("SIGKILL monitor", _kill_part("monitor")),
    Kind("SIGKILL pusher", _kill_part("pusher")),
    Kind("SIGKILL sentinel", _kill_sentinel),
    Kind("SIGKILL main process", _kill_main),
    Kind("SIGKILL supervisor", _kill_supervisor),
    Kind("SIGKILL whole tree", _kill_tree),
    Kind("SIGTERM (deploy)", _terminate),
    Kind("SIGSTOP busy worker past lease", _stop_busy),
    Kind("SIGSTOP whole site past lease", _stop_all),
    Kind("database locked past timeout", _lock, ("sqlite",)),
    Kind("connections terminated", _terminate_connections, ("postgresql",)),
    Kind("server restarted", _restart_server, ("postgresql",)),
    Kind("full disk during a batch", _fill_disk),
    Kind("full disk during upload", _fill_disk_at_upload),
    *(Kind(f"SIGKILL {words}", _kill_at(point)) for point, words in POINTS.items()),
)
