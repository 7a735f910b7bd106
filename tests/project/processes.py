"""Real processes for tests: started with a mark in their environment, by which each descendant is found again."""

import contextlib
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import psutil

REPOSITORY = Path(__file__).parents[2]
MARK = "CAIRN_TEST_MARK"


class Started:
    """A process in a session of its own, and what it has started."""

    def __init__(self, command: Sequence[str], *, log: Path, environment: Mapping[str, str]) -> None:
        self.mark = uuid.uuid4().hex
        self.log = log
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                command,
                cwd=REPOSITORY,
                env={**os.environ, "PYTHONWARNINGS": "default", **environment, MARK: self.mark},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self.process.pid

    def send(self, signum: int) -> None:
        os.kill(self.pid, signum)

    def send_to_group(self, signum: int) -> None:
        os.killpg(self.pid, signum)

    def wait(self, *, seconds: float) -> int:
        return self.process.wait(seconds)

    def text(self) -> str:
        return self.log.read_text()

    def alive(self) -> list[psutil.Process]:
        """Return every living process with the mark, wherever it hangs in the tree by now."""
        return [process for process in psutil.process_iter() if self._is_alive(process)]

    def _is_alive(self, process: psutil.Process) -> bool:
        try:
            return process.status() != psutil.STATUS_ZOMBIE and process.environ().get(MARK) == self.mark
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            return False

    def assert_gone(self, *, within: float) -> None:
        assert eventually(lambda: not self.alive(), seconds=within), [p.cmdline() for p in self.alive()]


@contextlib.contextmanager
def started(command: Sequence[str], *, log: Path, environment: Mapping[str, str]) -> Iterator[Started]:
    """Run a command for the time of a test; nothing of it outlives the test."""
    process = Started(command, log=log, environment=environment)
    try:
        yield process
    finally:
        for left in process.alive():
            with contextlib.suppress(psutil.NoSuchProcess):
                left.kill()
        process.process.wait(10)


def eventually(condition: Callable[[], object], *, seconds: float) -> bool:
    """Tell whether a condition came true within some seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def children(process: psutil.Process) -> list[psutil.Process]:
    """Return the living children, the eldest first."""
    found = [child for child in process.children() if child.status() != psutil.STATUS_ZOMBIE]
    return sorted(found, key=lambda child: (child.create_time(), child.pid))


def kill(process: psutil.Process) -> None:
    process.send_signal(signal.SIGKILL)


def python(script: Path) -> list[str]:
    return [sys.executable, str(script)]
