"""The supervisor with small services in place of the site."""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from project import supervisor
from tests.project.processes import REPOSITORY, Started, children, eventually, kill, started

pytestmark = pytest.mark.processes

# Each service forks a child, as a web server does, and writes what reaches it to its log.
SERVICE = """
import os, signal, sys, time
from pathlib import Path
from project.lifeline import tie_forks
from project.supervisor import announce_readiness
folder, name, habit = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
def note(what):
    with (folder / name).open("a") as log:
        log.write(f"{what} {os.getpid()}\\n")
def on_signal(number, frame):
    note(signal.Signals(number).name)
    if habit != "stubborn":
        sys.exit(0)
signal.signal(signal.SIGTERM, on_signal)
signal.signal(signal.SIGINT, on_signal)
if habit == "broken":
    sys.exit(3)
if habit == "tied":
    tie_forks()
if os.fork() == 0:
    signal.signal(signal.SIGTERM, signal.SIG_IGN if habit == "stubborn" else signal.SIG_DFL)
    while True:
        time.sleep(60)
note("started")
announce_readiness()
while True:
    time.sleep(60)
"""

SUPERVISOR = """
import sys
from project.supervisor import Service, Supervisor
service, folder, *habits = sys.argv[1:]
def ready(name):
    return lambda: print(name, "is ready", flush=True)
services = [
    Service(name=name, command=[sys.executable, service, folder, name, habit], on_ready=ready(name))
    for name, habit in (habit.split("=") for habit in habits)
]
sys.exit(Supervisor(services, grace_seconds=1.0, first_pause_seconds=0.1).run())
"""


class Pair:
    """A supervisor over two services, and what they noted."""

    def __init__(self, process: Started, folder: Path) -> None:
        self.process = process
        self.folder = folder

    def notes(self, name: str) -> list[tuple[str, int]]:
        path = self.folder / name
        lines = path.read_text().splitlines() if path.exists() else []
        return [(what, int(pid)) for what, pid in (line.split() for line in lines)]

    def leader_pid(self, name: str) -> int:
        return [pid for what, pid in self.notes(name) if what == "started"][-1]

    def leader(self, name: str) -> psutil.Process:
        return psutil.Process(self.leader_pid(name))

    def is_up(self, name: str, *, starts: int = 1) -> bool:
        return self.process.text().count(f"{name} is ready") >= starts


@contextlib.contextmanager
def pair(folder: Path, *, web: str = "good", worker: str = "good") -> Iterator[Pair]:
    service, supervisor = folder / "service.py", folder / "supervise.py"
    service.write_text(SERVICE)
    supervisor.write_text(SUPERVISOR)
    command = [sys.executable, str(supervisor), str(service), str(folder), f"web={web}", f"worker={worker}"]
    environment = {"PYTHONPATH": str(REPOSITORY)}
    with started(command, log=folder / "log", environment=environment) as process:
        yield Pair(process, folder)


@pytest.fixture(autouse=True)
def hangups_are_heeded() -> Iterator[None]:
    """As from a terminal: whoever runs the suite with nohup has them ignored by all that it starts."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Pair]:
    with pair(tmp_path) as services:
        assert eventually(lambda: services.is_up("web") and services.is_up("worker"), seconds=10)
        yield services


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_to_the_whole_group_reaches_only_the_leaders_and_as_sigterm(
    two: Pair, signum: signal.Signals
) -> None:
    leaders = {name: two.leader_pid(name) for name in ("web", "worker")}
    two.process.send_to_group(signum)
    assert two.process.wait(seconds=5) == 0
    two.process.assert_gone(within=2)
    for name, leader in leaders.items():
        assert two.notes(name)[1:] == [("SIGTERM", leader)]


def test_killing_the_supervisor_ends_its_services_in_good_order(tmp_path: Path) -> None:
    with pair(tmp_path, web="tied", worker="tied") as services:
        assert eventually(lambda: services.is_up("web") and services.is_up("worker"), seconds=10)
        assert len(services.process.alive()) == 5
        services.process.send(signal.SIGKILL)
        services.process.assert_gone(within=5)
        for name in ("web", "worker"):
            assert [what for what, _ in services.notes(name)] == ["started", "SIGTERM"]


def test_a_service_that_dies_is_cleared_away_and_started_again_without_disturbing_the_other(two: Pair) -> None:
    worker = two.leader_pid("worker")
    first = two.leader("web")
    left_behind = children(first)
    kill(first)
    assert eventually(lambda: two.is_up("web", starts=2), seconds=5)
    assert two.leader_pid("web") != first.pid
    assert left_behind
    assert not any(process.is_running() and process.status() != "zombie" for process in left_behind)
    assert [pid for _, pid in two.notes("worker")] == [worker]
    two.process.send(signal.SIGTERM)
    assert two.process.wait(seconds=5) == 0
    two.process.assert_gone(within=2)


def test_a_service_that_ignores_sigterm_is_killed_with_its_children_after_the_grace_period(tmp_path: Path) -> None:
    with pair(tmp_path, worker="stubborn") as services:
        assert eventually(lambda: services.is_up("web") and services.is_up("worker"), seconds=10)
        asked_at = time.monotonic()
        services.process.send(signal.SIGTERM)
        services.process.wait(seconds=5)
        assert time.monotonic() - asked_at >= 1.0
        services.process.assert_gone(within=2)
        assert ("SIGTERM", services.leader_pid("worker")) in services.notes("worker")


def test_a_service_that_never_comes_up_ends_everything_with_status_1(tmp_path: Path) -> None:
    with pair(tmp_path, worker="broken") as services:
        assert services.process.wait(seconds=20) == 1
        assert "worker does not start; giving up after 5 attempts" in services.process.text()
        services.process.assert_gone(within=2)


def test_a_second_ctrl_c_does_not_wait_for_the_grace_period_to_end(tmp_path: Path) -> None:
    service, script = tmp_path / "service.py", tmp_path / "supervise.py"
    service.write_text(SERVICE)
    script.write_text(SUPERVISOR.replace("grace_seconds=1.0", "grace_seconds=60.0"))
    command = [sys.executable, str(script), str(service), str(tmp_path), "web=stubborn"]
    with started(command, log=tmp_path / "log", environment={"PYTHONPATH": str(REPOSITORY)}) as process:
        assert eventually(lambda: "web is ready" in process.text(), seconds=10)
        process.send(signal.SIGINT)
        process.send(signal.SIGTERM)
        time.sleep(1.2)
        assert process.alive()
        process.send(signal.SIGINT)
        process.wait(seconds=5)
        process.assert_gone(within=2)


def test_with_nohup_a_closed_terminal_ends_nothing(tmp_path: Path) -> None:
    service, script = tmp_path / "service.py", tmp_path / "supervise.py"
    service.write_text(SERVICE)
    script.write_text(SUPERVISOR)
    command = ["nohup", sys.executable, str(script), str(service), str(tmp_path), "web=good"]
    with started(command, log=tmp_path / "log", environment={"PYTHONPATH": str(REPOSITORY)}) as process:
        assert eventually(lambda: "web is ready" in process.text(), seconds=10)
        process.send(signal.SIGHUP)
        time.sleep(0.3)
        assert len(process.alive()) == 3


def test_imports_give_way_to_pages(tmp_path: Path) -> None:
    with contextlib.closing(supervisor.listen("127.0.0.1", 0)) as listener:
        web, worker = supervisor.site_services(listener)
    assert web.niceness == 0 < worker.niceness
    said = "import os, pathlib; print(os.nice(0)); group = pathlib.Path('/proc/self/autogroup'); "
    said += "print(group.read_text() if group.exists() else 'nice 5', flush=True)"
    runner = supervisor.Runner(
        supervisor.Service(name="polite", command=[sys.executable, "-c", said], niceness=5),
        first_pause_seconds=0.1,
    )
    log = tmp_path / "log"
    with log.open("wb") as output, redirected(output.fileno()):
        runner.start()
        assert eventually(lambda: runner.has_ended, seconds=20)
    runner.clear_away()
    said_niceness, group = log.read_text().split("\n", 1)
    assert said_niceness == "5"
    assert "nice 5" in group


@contextlib.contextmanager
def redirected(descriptor: int) -> Iterator[None]:
    """Have what this process starts write to an open file."""
    kept = os.dup(1)
    os.dup2(descriptor, 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
