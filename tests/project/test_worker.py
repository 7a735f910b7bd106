"""The worker with a real cluster, killed and signalled in every way that leaves the stock command hanging."""

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil
import pytest

from tests.project.processes import REPOSITORY, Started, children, eventually, kill, started

pytestmark = pytest.mark.processes

# What the queue calls in these tests. Each leaves a file behind, by which it is seen.
TASKS = """
import signal, time
from pathlib import Path
from imports.stopping import should_stop

def touch(path):
    Path(path).touch()

def work_until_stopped(path):
    Path(path + ".begun").touch()
    while not should_stop():
        time.sleep(0.02)
    Path(path + ".ended").touch()

def work_on(path):
    Path(path + ".begun").touch()
    time.sleep(60)

def hang(path):
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
    work_on(path)

def always():
    return True

def unreachable():
    raise OSError("the database cannot be reached")
"""

ENQUEUE = """
import json, sys
import django
django.setup()
from django_q.tasks import async_task
for line in sys.stdin:
    options = json.loads(line)
    async_task(*options.pop("call"), **options)
    print("sent", flush=True)
"""


class Queue:
    """The way for a test to send tasks, and to see which were acknowledged."""

    def __init__(self, process: subprocess.Popen[str], environment: Mapping[str, str]) -> None:
        self._process = process
        self.environment = environment

    def send(self, task: str, path: Path, **options: int) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps({"call": [f"tasks_for_tests.{task}", str(path)], **options}) + "\n")
        self._process.stdin.flush()
        assert self._process.stdout.readline() == "sent\n"

    def is_empty(self) -> bool:
        return not self.ask("SELECT 1 FROM django_q_ormq")

    def clear(self) -> None:
        self.ask("DELETE FROM django_q_ormq")

    def ask(self, statement: str) -> list[tuple[object, ...]]:
        file = Path(self.environment["DATA_DIR"]) / "cairn.sqlite3"
        with contextlib.closing(sqlite3.connect(file, timeout=20, isolation_level=None)) as database:
            return database.execute(statement).fetchall()


@pytest.fixture(scope="module")
def queue(site: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Queue]:
    folder = tmp_path_factory.mktemp("tasks")
    (folder / "tasks_for_tests.py").write_text(TASKS)
    environment = {**site, "PYTHONPATH": f"{folder}{os.pathsep}{REPOSITORY}"}
    with subprocess.Popen(
        [sys.executable, "-c", ENQUEUE],
        env={**os.environ, **environment, "DJANGO_SETTINGS_MODULE": "project.settings"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield Queue(process, environment)


class Cluster:
    """A running worker command and its processes by their part."""

    def __init__(self, process: Started) -> None:
        self.process = process
        self.main = psutil.Process(process.pid)

    @property
    def sentinel(self) -> psutil.Process:
        return children(self.main)[0]

    @property
    def workers(self) -> list[psutil.Process]:
        return self._parts()[:2]

    @property
    def monitor(self) -> psutil.Process:
        return self._parts()[2]

    @property
    def pusher(self) -> psutil.Process:
        return self._parts()[3]

    def _parts(self) -> list[psutil.Process]:
        # In the order in which the sentinel first forks them.
        return children(self.sentinel)

    def is_whole(self) -> bool:
        with contextlib.suppress(psutil.NoSuchProcess, IndexError):
            return len(self._parts()) == 4
        return False


@contextlib.contextmanager
def running(queue: Queue, log: Path, *options: str, command: str = "worker") -> Iterator[Cluster]:
    queue.clear()
    whole_command = [sys.executable, "manage.py", command, *options]
    with started(whole_command, log=log, environment=queue.environment) as process:
        cluster = Cluster(process)
        assert eventually(cluster.is_whole, seconds=30), process.text()
        yield cluster


@pytest.fixture
def cluster(queue: Queue, tmp_path: Path) -> Iterator[Cluster]:
    with running(queue, tmp_path / "log") as cluster:
        yield cluster


def assert_works(queue: Queue, path: Path) -> None:
    """Four tasks are done and acknowledged, so that every worker and the monitor had its part."""
    for number in range(4):
        queue.send("touch", path.with_name(f"{path.name}{number}"))
    for number in range(4):
        assert eventually(path.with_name(f"{path.name}{number}").exists, seconds=10)
    assert eventually(queue.is_empty, seconds=10)


@pytest.mark.parametrize("part", ["workers", "monitor", "pusher"])
def test_work_goes_on_after_an_idle_part_was_killed(cluster: Cluster, queue: Queue, tmp_path: Path, part: str) -> None:
    assert_works(queue, tmp_path / "before")
    parts = {"workers": cluster.workers, "monitor": [cluster.monitor], "pusher": [cluster.pusher]}
    for victim in parts[part]:
        kill(victim)
    assert eventually(lambda: not any(victim.is_running() for victim in parts[part]), seconds=5)
    assert eventually(cluster.is_whole, seconds=5)
    assert_works(queue, tmp_path / "after")
    cluster.process.send(signal.SIGTERM)
    assert cluster.process.wait(seconds=10) == 0


def test_what_dies_with_a_process_leaves_a_queue_as_it_was(site: Mapping[str, str]) -> None:
    script = """
import os, signal
import django
django.setup()
from project.worker import PacketQueue

def in_a_fork(deed):
    if os.fork() == 0:
        deed()
        os.kill(os.getpid(), signal.SIGKILL)
    os.wait()

queue = PacketQueue(has_room_for_one=True)
for number in range(3):
    in_a_fork(lambda: queue.put(number))
    in_a_fork(lambda: queue._reading.recv(1))
in_a_fork(lambda: queue.put("last"))
print(queue.qsize(), queue.get(), queue.empty())
"""
    environment = {**os.environ, **site, "PYTHONPATH": str(REPOSITORY), "DJANGO_SETTINGS_MODULE": "project.settings"}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stdout == "1 last True\n"


def test_a_worker_sweeps_as_soon_as_it_starts(queue: Queue, tmp_path: Path) -> None:
    queue.ask("DELETE FROM imports_heartbeat")
    with running(queue, tmp_path / "log"):
        assert eventually(lambda: queue.ask("SELECT seen FROM imports_heartbeat"), seconds=10)


def test_a_killed_sentinel_ends_the_worker_with_status_1(cluster: Cluster, queue: Queue, tmp_path: Path) -> None:
    queue.send("work_on", tmp_path / "task")
    assert eventually((tmp_path / "task.begun").exists, seconds=5)
    kill(cluster.sentinel)
    assert cluster.process.wait(seconds=5) == 1
    cluster.process.assert_gone(within=1)


def test_a_killed_main_process_takes_the_whole_tree_with_it(cluster: Cluster, queue: Queue, tmp_path: Path) -> None:
    queue.send("work_on", tmp_path / "task")
    assert eventually((tmp_path / "task.begun").exists, seconds=5)
    kill(cluster.main)
    cluster.process.assert_gone(within=2)


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("to_group", [False, True])
def test_a_signal_lets_running_slices_come_to_their_end(
    cluster: Cluster, queue: Queue, tmp_path: Path, signum: signal.Signals, to_group: bool
) -> None:
    for name in ("one", "two", "three"):
        queue.send("work_until_stopped", tmp_path / name)
    assert eventually((tmp_path / "one.begun").exists, seconds=5)
    assert eventually((tmp_path / "two.begun").exists, seconds=5)
    (cluster.process.send_to_group if to_group else cluster.process.send)(signum)
    assert cluster.process.wait(seconds=10) == 0
    cluster.process.assert_gone(within=0.5)
    assert (tmp_path / "one.ended").exists()
    assert (tmp_path / "two.ended").exists()
    assert queue.is_empty()


def test_workers_killed_just_before_a_stop_do_not_hold_it_up(cluster: Cluster) -> None:
    for victim in [*cluster.workers, cluster.monitor]:
        kill(victim)
    cluster.process.send(signal.SIGTERM)
    assert cluster.process.wait(seconds=6) == 0
    cluster.process.assert_gone(within=0.5)


def test_a_task_that_does_not_stop_is_killed_within_ten_seconds(
    cluster: Cluster, queue: Queue, tmp_path: Path
) -> None:
    queue.send("work_on", tmp_path / "task")
    assert eventually((tmp_path / "task.begun").exists, seconds=5)
    cluster.process.send(signal.SIGTERM)
    assert cluster.process.wait(seconds=10) == 1
    cluster.process.assert_gone(within=0.5)
    assert not queue.is_empty()


def test_a_worker_that_overruns_its_time_is_killed_and_replaced(
    cluster: Cluster, queue: Queue, tmp_path: Path
) -> None:
    first = cluster.workers
    queue.send("hang", tmp_path / "task", timeout=1)
    assert eventually((tmp_path / "task.begun").exists, seconds=5)
    assert eventually(lambda: not all(worker.is_running() for worker in first), seconds=10)
    assert eventually(cluster.is_whole, seconds=5)


def test_the_watchdog_ends_a_cluster_in_which_nothing_moves(queue: Queue, tmp_path: Path) -> None:
    options = ["--watchdog", "tasks_for_tests.always", "--watchdog-patience", "1"]
    with running(queue, tmp_path / "log", *options) as cluster:
        assert cluster.process.wait(seconds=15) == 1
        cluster.process.assert_gone(within=1)
        assert "Nothing has moved in the queue" in cluster.process.text()


def test_a_database_that_cannot_be_asked_does_not_look_like_a_stuck_queue(queue: Queue, tmp_path: Path) -> None:
    options = ["--watchdog", "tasks_for_tests.unreachable", "--watchdog-patience", "1"]
    with running(queue, tmp_path / "log", *options) as cluster:
        assert eventually(lambda: cluster.process.text().count("Could not tell whether") >= 2, seconds=15)
        assert cluster.process.process.poll() is None


def test_the_stock_command_works_too(queue: Queue, tmp_path: Path) -> None:
    with running(queue, tmp_path / "log", command="qcluster") as cluster:
        assert_works(queue, tmp_path / "task")
        cluster.process.send(signal.SIGTERM)
        cluster.process.wait(seconds=10)
        cluster.process.assert_gone(within=0.5)
