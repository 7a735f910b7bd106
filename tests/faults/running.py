"""The site's processes: started, found by their part, and started again."""

import contextlib
import re
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import psutil

from tests.faults.site import WORKER
from tests.project.processes import Started, eventually

STOP_SECONDS = 10.0


class Site:
    """The supervisor and all below it, one after the other."""

    def __init__(self, folder: Path, environment: Mapping[str, str], *, workers: int) -> None:
        self._folder, self._environment, self._workers = folder, environment, workers
        self._starts = 0
        self.ended: list[Started] = []
        self.run: Started | None = None

    def start(self) -> None:
        """Start the site."""
        self._starts += 1
        log = self._folder / f"site-{self._starts:04}.log"
        self.run = Started([sys.executable, "-m", "tests.faults.site"], log=log, environment=self._environment)

    def processes(self) -> list[psutil.Process]:
        """Return all living processes of the site."""
        return self.run.alive() if self.run else []

    @property
    def supervisor(self) -> psutil.Process:
        if self.run is None:
            raise psutil.NoSuchProcess(0)
        return psutil.Process(self.run.pid)

    @property
    def main(self) -> psutil.Process:
        """The worker's main process. Raises psutil.NoSuchProcess while there is none."""
        for child in self.supervisor.children():
            if child.cmdline()[-len(WORKER) + 1 :] == list(WORKER[1:]):
                return child
        raise psutil.NoSuchProcess(0)

    @property
    def sentinel(self) -> psutil.Process:
        """The queue's sentinel. Raises psutil.NoSuchProcess while there is none."""
        for child in self.main.children():
            return child
        raise psutil.NoSuchProcess(0)

    def parts(self, name: str) -> list[psutil.Process]:
        """Return the living processes of the queue called worker, monitor or pusher."""
        with contextlib.suppress(psutil.NoSuchProcess):
            return [child for child in self.sentinel.children() if _is(child, f"q-{name}")]
        return []

    def is_whole(self) -> bool:
        """Tell whether each part that belongs to a running site is there."""
        counts = [len(self.parts(name)) for name in ("worker", "monitor", "pusher")]
        return counts == [self._workers, 1, 1]

    def strays(self) -> list[psutil.Process]:
        """Return processes of this run or of earlier ones that no running site has as descendants."""
        mine = set()
        if self.run is not None:
            with contextlib.suppress(psutil.NoSuchProcess):
                mine = {self.run.pid, *(child.pid for child in self.supervisor.children(recursive=True))}
        runs = [*self.ended[-3:], *([self.run] if self.run else [])]
        return [process for run in runs for process in run.alive() if process.pid not in mine]

    def address(self) -> str:
        """Return where the web server answers; empty while that is not known."""
        found = re.search(r"ready at (http://\S+)/", self.run.text()) if self.run else None
        return found[1] if found else ""

    def kill_tree(self) -> None:
        """Kill every process of the site at once."""
        if self.run is None:
            return
        processes = self.run.alive()
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.suspend()
        self._kill_what_is_left()

    def terminate(self) -> tuple[float, int]:
        """Ask the site to end; return the seconds it took, and how many processes were left then."""
        if self.run is None:
            return 0, 0
        begun = time.monotonic()
        self.run.send(signal.SIGTERM)
        with contextlib.suppress(Exception):
            self.run.wait(seconds=3 * STOP_SECONDS)
        took = time.monotonic() - begun
        left = len(self.run.alive())
        self._kill_what_is_left()
        return took, left

    def _kill_what_is_left(self) -> None:
        if self.run is None:
            return
        for process in self.run.alive():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self.run.process.wait(10)
        self.ended.append(self.run)
        self.run = None

    def note_end(self) -> None:
        """Take note that the supervisor is dead, once all that it had started is gone."""
        if self.run is not None:
            self.run.process.wait(STOP_SECONDS)
            eventually(lambda: self.run is None or not self.run.alive(), seconds=STOP_SECONDS)
            self._kill_what_is_left()

    def logs(self) -> str:
        """Return everything that was logged in all starts."""
        return "".join(path.read_text(errors="replace") for path in sorted(self._folder.glob("site-*.log")))


def _is(process: psutil.Process, name: str) -> bool:
    try:
        return Path(f"/proc/{process.pid}/comm").read_text().strip() == name
    except OSError:
        return False
