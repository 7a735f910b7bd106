"""One measurement of tests.hosts.scaling, in a process of its own. Prints JSON.

The environment names an empty, migrated PostgreSQL database and DATA_DIR.
"""

import argparse
import contextlib
import http.client
import json
import random
import socket
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import django
import psutil

django.setup()

from django.contrib.auth.models import User
from django.core.files.base import File
from django.db import connection
from django.test import Client

from imports import uploads
from imports.models import Heartbeat, ImportJob
from imports.options import ImportOptions
from tests.faults.files import write_file
from tests.project.processes import Started, eventually, started

UP_SECONDS, END_SECONDS = 180.0, 900.0
TABLES = ("bookmark", "tag", "tagging", "revision")


def main() -> None:
    """Measure imports, and with --web also requests; print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, required=True)
    parser.add_argument("--imports", type=int, required=True)
    parser.add_argument("--requests", type=int, required=True)
    parser.add_argument("--web", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cairn-measure-") as folder:
        figures = measure_imports(Path(folder), options.imports, options.items)
        if options.web:
            figures |= measure_requests(Path(folder), options.requests) | disk()
    sys.stdout.write(json.dumps(figures))


def measure_imports(folder: Path, count: int, items: int) -> dict[str, float]:
    """Have so many people import at once; return items a second, and who was busy for how many cores' time."""
    path = folder / "export.json"
    write_file(path, items=items, chance=random.Random(1), first_page=0)
    with started([sys.executable, "manage.py", "worker"], log=folder / "worker.log", environment={}) as worker:
        if not eventually(Heartbeat.objects.exists, seconds=UP_SECONDS):
            raise RuntimeError(worker.text())
        meter = Meter(worker)
        for number in range(count):
            user = User.objects.create(username=f"person {number}")
            with path.open("rb") as file:
                uploads.submit(File(file, path.name), user, ImportOptions())
        if not eventually(lambda: not ImportJob.objects.active().exists(), seconds=END_SECONDS):
            raise RuntimeError(worker.text())
        read = meter.read()
    done = sum(ImportJob.objects.filter(status="completed").values_list("processed_bookmarks", flat=True))
    busy = read.process + read.database
    return {
        "rate": done / read.seconds,
        "worker_cores": read.process / read.seconds,
        "database_cores": read.database / read.seconds,
        "idle_cores": read.idle / read.seconds,
        "items_per_core_second": done / busy,
    }


class Reading:
    """Seconds that passed, and seconds of processor time that went to whom."""

    def __init__(self, *, seconds: float, process: float, database: float, idle: float) -> None:
        self.seconds, self.process, self.database, self.idle = seconds, process, database, idle


class Meter:
    """Measures from its making on."""

    def __init__(self, process: Started) -> None:
        self._process = process
        with connection.cursor() as cursor:
            cursor.execute("SHOW data_directory")
            (directory,) = cursor.fetchone()
        self._postmaster = int(Path(directory, "postmaster.pid").read_text().split()[0])
        self._start = self._now()

    def _now(self) -> tuple[float, float, float, float]:
        tree = _tree_seconds(self._process.pid)
        return time.monotonic(), tree, _tree_seconds(self._postmaster), psutil.cpu_times().idle

    def read(self) -> Reading:
        """Return what went since the start."""
        now = self._now()
        seconds, process, database, idle = (then - before for then, before in zip(now, self._start, strict=True))
        return Reading(seconds=seconds, process=process, database=database, idle=idle)


def _tree_seconds(pid: int) -> float:
    """Return the processor time of a process and all below it, those that have ended included."""
    top = psutil.Process(pid)
    total = 0.0
    for process in (top, *top.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):
            total += sum(process.cpu_times()[:4])
    return total


def measure_requests(folder: Path, count: int) -> dict[str, float]:
    """Ask one web process for a page of bookmarks and for the row of an import; return milliseconds of a core each."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "gunicorn", "--config", "python:project.web_server", "project.wsgi"]
    command += ["--workers", "1", "--bind", f"127.0.0.1:{port}"]
    with started(command, log=folder / "web.log", environment={}) as web:
        cookie = _session(User.objects.filter(import_jobs__isnull=False).order_by("pk")[0])
        job = ImportJob.objects.order_by("pk").values_list("pk", flat=True)[0]
        ask = _asker(port, cookie)
        if not eventually(lambda: ask("/healthz") == 200, seconds=UP_SECONDS):
            raise RuntimeError(web.text())
        found = {}
        for name, path in (("list_ms", "/bookmarks/"), ("row_ms", f"/import/{job}/row/")):
            for _ in range(20):
                ask(path)
            meter = Meter(web)
            if {ask(path) for _ in range(count)} != {200}:
                raise RuntimeError(f"{path} is not answered as it should be")
            read = meter.read()
            found[name] = 1000 * (read.process + read.database) / count
    return found


def _session(user: User) -> str:
    """Return the cookie of somebody who is signed in."""
    client = Client()
    client.force_login(user)
    return client.cookies["sessionid"].value


def _asker(port: int, cookie: str) -> Callable[[str], int]:
    def ask(path: str) -> int:
        server = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        with contextlib.suppress(OSError), contextlib.closing(server):
            server.request("GET", path, headers={"Cookie": f"sessionid={cookie}"})
            answer = server.getresponse()
            answer.read()
            return answer.status
        return 0

    return ask


def disk() -> dict[str, float]:
    """Return the bytes that a bookmark takes with its tags and all indexes."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM")
        sizes = " + ".join(f"pg_total_relation_size('bookmarks_{name}')" for name in TABLES)
        cursor.execute(f"SELECT ({sizes})::float / (SELECT count(*) FROM bookmarks_bookmark)")
        (size,) = cursor.fetchone()
    return {"bytes_per_bookmark": float(size)}


if __name__ == "__main__":
    main()
