"""Hosts: started, killed with everything on them, cut off, and moved to another release."""

import contextlib
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import psutil

from tests.hosts.machine import WEB
from tests.hosts.networks import Place
from tests.project.processes import REPOSITORY, Started

STOP_SECONDS = 10.0
PORT = 8000
# Python imports a module of this name at every start.
_SKEW = """
from datetime import timedelta
from django.utils import timezone

_now = timezone.now


def now():
    return _now() + timedelta(seconds={seconds})


timezone.now = now
"""


class Machine:
    """One host with a data directory, a network and processes of its own."""

    def __init__(self, name: str, role: str, place: Place, folder: Path, environment: Mapping[str, str]) -> None:
        self.name, self.role, self.place = name, role, place
        self.data_dir = folder / name
        self.data_dir.mkdir()
        self.code = REPOSITORY
        self._logs = folder
        self._environment = {**environment, "DATA_DIR": str(self.data_dir)}
        self._starts = 0
        self._port = PORT if place.link else 0
        self.is_cut = False
        self.run: Started | None = None

    @property
    def is_web(self) -> bool:
        return self.role == WEB

    @property
    def is_up(self) -> bool:
        """Whether its service has come up and not gone down."""
        return self.run is not None and bool(self.run.alive())

    def start(self) -> None:
        """Start what runs on the host, of the release it has."""
        self._starts += 1
        command = [
            *(*self.place.prefix, "env", "-C", str(self.code), sys.executable, "-m", "tests.hosts.machine"),
            *(self.role, "--address", self.place.address, "--port", str(self._port)),
        ]
        log = self._logs / f"{self.name}-{self._starts:03}.log"
        self.run = Started(command, log=log, environment=self._environment)

    def address(self) -> str:
        """Return where the web server answers; empty while that is not known."""
        if self.run is None:
            return ""
        _, found, rest = self.run.text().partition("ready at ")
        return rest.split("/ ")[0] if found else ""

    def parts(self) -> Counter[str]:
        """Return how many living processes of each name there are."""
        found: Counter[str] = Counter()
        for process in self.run.alive() if self.run else []:
            with contextlib.suppress(psutil.NoSuchProcess, OSError):
                found[Path(f"/proc/{process.pid}/comm").read_text().strip()] += 1
        return found

    def strays(self) -> list[psutil.Process]:
        """Return living processes of the host that hang on nothing."""
        if self.run is None:
            return []
        own = {self.run.pid}
        with contextlib.suppress(psutil.NoSuchProcess):
            own |= {child.pid for child in psutil.Process(self.run.pid).children(recursive=True)}
        return [process for process in self.run.alive() if process.pid not in own]

    def cut(self) -> None:
        """Cut the host off."""
        self.is_cut = True
        self.place.cut()

    def join(self) -> None:
        """Have the host back."""
        self.place.join()
        self.is_cut = False

    def kill(self) -> None:
        """Kill every process of the host at once, as when somebody pulls its plug."""
        if self.run is None:
            return
        for action in (psutil.Process.suspend, psutil.Process.kill):
            for process in self.run.alive():
                with contextlib.suppress(psutil.NoSuchProcess):
                    action(process)
        self.run.process.wait(STOP_SECONDS)
        self.run = None

    def terminate(self) -> tuple[float, int]:
        """Ask the host's processes to end; return the seconds it took, and how many were left then."""
        if self.run is None:
            return 0, 0
        begun = time.monotonic()
        self.run.send(signal.SIGTERM)
        with contextlib.suppress(Exception):
            self.run.wait(seconds=3 * STOP_SECONDS)
        took, left = time.monotonic() - begun, len(self.run.alive())
        self.kill()
        return took, left

    def logs(self) -> str:
        """Return what was logged in all starts."""
        return "".join(path.read_text(errors="replace") for path in sorted(self._logs.glob(f"{self.name}-*.log")))


def skewed(folder: Path, seconds: float) -> dict[str, str]:
    """Return what makes Django's clock be ahead by so much in every process of a host."""
    customized = folder / "skewed"
    customized.mkdir(exist_ok=True)
    (customized / "sitecustomize.py").write_text(_SKEW.format(seconds=seconds))
    return {"PYTHONPATH": str(customized)}


def host_environment(place: Place, storage: Mapping[str, str], database: str, *, workers: int) -> dict[str, str]:
    """Return what all hosts are told, but for the ways that are each one's own."""
    own = place.address.rpartition(".")
    gateway = f"{own[0]}.{int(own[2]) - 1}" if place.link else "127.0.0.1"
    return {
        **storage,
        "S3_ENDPOINT_URL": f"http://{gateway}:{place.storage.port}",
        "DATABASE_URL": f"postgresql://postgres@{gateway}:{place.database.port}/{database}",
        "DJANGO_SETTINGS_MODULE": "project.settings",
        "SECRET_KEY": "the same on every host",
        "ALLOWED_HOSTS": "*",
        "WORKERS": str(workers),
        "PYTHONPATH": "",
        "PATH": os.environ.get("PATH", ""),
    }
