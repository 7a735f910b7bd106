"""Runs Django-Q2's cluster so that any of its processes may die at any moment, and so that it stops in time.

What is added to `manage.py qcluster`, each for an event that leaves that command hanging or its processes
orphaned: queues and locks that nobody can take to the grave, forks that die with the process that made them,
handlers that only take a note, a bound on every wait, and a watchdog that ends a cluster in which nothing moves.
"""

import contextlib
import fcntl
import logging
import multiprocessing
import os
import select
import signal
import socket
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from multiprocessing.process import BaseProcess
from multiprocessing.reduction import ForkingPickler
from multiprocessing.synchronize import RLock
from types import FrameType

from django.db import connections
from django_q.cluster import Sentinel, get_mp_context
from django_q.tasks import async_task
from django_q.worker import worker

from imports.stopping import request_stop
from imports.tasks import sweep
from project.lifeline import tie_forks
from project.supervisor import announce_readiness

DRAIN_SECONDS = 7.0
"""From the request to stop until the cluster is killed. Less than the supervisor's grace period."""
WATCHDOG_PATIENCE_SECONDS = 60.0
"""A cluster that has just started may find a queue that is long overdue."""
WATCHDOG_PAUSES = 12
"""So many times within its patience does the watchdog ask."""
TIMEOUT_EXIT_SECONDS = 1.0
ROOM_SECONDS = 0.02
"""How often the pusher looks whether the task that waits was fetched."""
PACKET_BYTES = 200_000
"""A task names a job and no more."""

logger = logging.getLogger(__name__)


class KernelLock:
    """A lock between processes that the kernel releases when its holder dies; its holder may take it again.

    multiprocessing's own locks are semaphores: a process that is killed while it holds one takes it to its
    grave. flock(2) belongs to an open file description, so each forked process opens its own.
    """

    def __init__(self) -> None:
        self._descriptor = os.memfd_create("lock")
        self._owner = os.getpid()
        self._depth = 0

    def acquire(self) -> bool:
        """Wait for the lock and take it."""
        if self._owner != os.getpid():
            self._descriptor = os.open(f"/proc/self/fd/{self._descriptor}", os.O_RDWR | os.O_CLOEXEC)
            self._owner = os.getpid()
            self._depth = 0
        if self._depth == 0:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        self._depth += 1
        return True

    def release(self) -> None:
        """Give the lock back."""
        self._depth -= 1
        if self._depth == 0:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_exception: object) -> None:
        self.release()


def _lock() -> KernelLock | RLock:
    return KernelLock() if sys.platform == "linux" else multiprocessing.RLock()


class OneWayFlag:
    """What the cluster uses of multiprocessing.Event, without a lock in it: once set, it stays so."""

    def __init__(self) -> None:
        self._reading, self._writing = os.pipe()

    def set(self) -> None:
        """Raise the flag for every process that shares it."""
        os.write(self._writing, b"\n")

    def is_set(self) -> bool:
        """Tell whether the flag was raised."""
        return self.wait(0)

    def wait(self, seconds: float) -> bool:
        """Wait so long at most for the flag to be raised; tell whether it was."""
        return bool(select.select([self._reading], [], [], seconds)[0])


class SturdySentinel(Sentinel):  # type: ignore[misc]  # Django-Q2 has no types
    """The process that keeps a cluster's others alive, with locks that survive their holders."""

    def __init__(self, stop_flag: OneWayFlag, start_flag: OneWayFlag, cluster_id: uuid.UUID) -> None:
        super().__init__(stop_flag, start_flag, cluster_id, start=False)
        # Only the worker's main process answers signals. A SIGTERM to the whole group must not break the
        # chain by which the others hand back what they hold.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        self.task_queue = PacketQueue(has_room_for_one=True)
        self.result_queue = PacketQueue()
        self.start()

    def spawn_worker(self) -> None:
        """Fork a worker whose timer stays readable when the worker dies."""
        timer = multiprocessing.Value("f", -1, lock=_lock())  # type: ignore[arg-type]  # any lock will do
        self.spawn_process(worker, self.task_queue, self.result_queue, timer, self.timeout)

    def reincarnate(self, process: BaseProcess) -> None:
        """Replace a process; one that overran its time and still lives is killed, as it ignores SIGTERM."""
        super().reincarnate(process)
        process.join(TIMEOUT_EXIT_SECONDS)
        if process.is_alive():
            process.kill()
            process.join()

    def stop(self) -> None:
        """Stop the cluster; who died since the last look is replaced, or nobody would take what is left for it."""
        for process in [*self.pool, self.monitor]:
            if not process.is_alive():
                self.reincarnate(process)
        super().stop()


class PacketQueue:
    """The way of tasks to the workers, and of their results to the monitor.

    multiprocessing's own queue reads a message in two steps and counts what waits in a semaphore: a process that is
    killed in between leaves half a message, or no room for any other, and the cluster stands still. Here a message is
    one packet, which a process gets whole or not at all, and the socket itself tells whether one waits. What dies
    with the process that had it in hand comes again, as its message is not acknowledged.
    """

    def __init__(self, *, has_room_for_one: bool = False) -> None:
        self._has_room_for_one = has_room_for_one
        self._reading, self._writing = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._writing.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, PACKET_BYTES)

    def put(self, message: object) -> None:
        """Send a message; where there is room for one, after the one before it was fetched."""
        while self._has_room_for_one and not self.empty():
            time.sleep(ROOM_SECONDS)
        self._writing.send(ForkingPickler.dumps(message))

    def get(self) -> object:
        """Wait for a message."""
        return ForkingPickler.loads(self._reading.recv(PACKET_BYTES))

    def empty(self) -> bool:
        """Tell whether no message waits."""
        return not select.select([self._reading], [], [], 0)[0]

    def qsize(self) -> int:
        """Return 1 where messages wait, else 0: the cluster only shows it."""
        return int(not self.empty())

    def close(self) -> None:
        """Do nothing: the sockets close with the process."""

    def join_thread(self) -> None:
        """Do nothing: what is put was sent."""


class Worker:
    """The main process of a cluster: it only watches, so that it can always answer."""

    def __init__(self, *, is_stuck: Callable[[], bool], patience_seconds: float = WATCHDOG_PATIENCE_SECONDS) -> None:
        self._is_stuck = is_stuck
        self._patience_seconds = patience_seconds
        self._stop_flag = OneWayFlag()
        self._start_flag = OneWayFlag()
        self._stop_requested = False
        self._found_stuck = threading.Event()

    def run(self) -> int:
        """Run a cluster until a signal to stop; return 0 when it stopped as asked, 1 when it broke down."""
        multiprocessing.set_start_method("fork", force=True)  # what the flags and locks above are shared by
        tie_forks()
        for signum in (signal.SIGTERM, signal.SIGINT):
            signal.signal(signum, self._take_note)
        connections.close_all()
        sentinel = get_mp_context().Process(
            target=SturdySentinel, args=(self._stop_flag, self._start_flag, uuid.uuid4())
        )
        sentinel.start()
        threading.Thread(target=self._watch_queue, daemon=True).start()
        try:
            return self._watch(sentinel)
        finally:
            # Its own forks die with it, and theirs with them.
            sentinel.kill()
            sentinel.join()

    def _take_note(self, _signum: int, _frame: FrameType | None) -> None:
        self._stop_requested = True
        request_stop()

    def _watch(self, sentinel: BaseProcess) -> int:
        is_announced = False
        while not self._stop_requested:
            sentinel.join(0.2)
            if not sentinel.is_alive():
                logger.error("The queue's sentinel ended with status %s.", sentinel.exitcode)
                return 1
            if self._found_stuck.is_set():
                logger.error("Nothing has moved in the queue although work is due; ending this cluster.")
                return 1
            if not is_announced and self._start_flag.is_set():
                is_announced = True
                announce_readiness()
        self._stop_flag.set()
        sentinel.join(DRAIN_SECONDS)
        if sentinel.is_alive():
            logger.error("The queue did not stop within %s s; killing it.", DRAIN_SECONDS)
            return 1
        return 0

    def _watch_queue(self) -> None:
        """Send for a sweep, then ask again and again whether the queue is stuck; twice yes in a row counts.

        In a thread, so that a locked or unreachable database delays nothing else.
        """
        with _database("send for a sweep"):
            async_task(sweep)
        patient_until = time.monotonic() + self._patience_seconds
        was_stuck = False
        while not self._found_stuck.wait(self._patience_seconds / WATCHDOG_PAUSES):
            is_stuck = False
            with _database("tell whether the queue is stuck"):
                is_stuck = self._is_stuck()
            if is_stuck and was_stuck and time.monotonic() > patient_until:
                self._found_stuck.set()
            was_stuck = is_stuck


@contextlib.contextmanager
def _database(purpose: str) -> Iterator[None]:
    """Use a connection for a moment only; whatever is wrong with the database is logged and nothing more."""
    try:
        yield
    except Exception:
        logger.warning("Could not %s.", purpose, exc_info=True)
    finally:
        with contextlib.suppress(Exception):
            connections.close_all()
