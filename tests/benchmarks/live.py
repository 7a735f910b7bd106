"""What people notice while an import runs at full speed: measured through HTTP, before a whole site."""

import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from statistics import median, quantiles
from typing import NamedTuple
from urllib.parse import urlencode

import psutil

from tests.benchmarks.browsing import Person
from tests.benchmarks.data import write_collection
from tests.e2e.site import Site
from tests.postgres import postgres_server

ITEMS = 100_000
CANCELS = 5


class LiveFigures(NamedTuple):
    """Times in milliseconds, as a person at the browser has them, and seconds where the name says so."""

    adding_a_bookmark_p50: float
    adding_a_bookmark_p99: float
    row_poll_p50: float
    row_poll_p99: float
    cancel_p50: float
    cancel_max: float
    recovery_after_kill_seconds: float


def live_figures(vendor: str) -> LiveFigures:
    """Start a site, import into it, and measure beside that."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = stack.enter_context(postgres_server()) if vendor == "postgresql" else ""
        path = folder / "export.json"
        write_collection(path, ITEMS)
        site = Site(folder, url)
        stack.enter_context(site.running())
        person = Person(site)
        adding, polling = [], []
        for add, poll in _beside_an_import(person, path):
            adding.append(add)
            polling.append(poll)
        cancels = [_cancel(person, path) for _ in range(CANCELS)]
        return LiveFigures(
            *_p50_and_p99(adding), *_p50_and_p99(polling), median(cancels), max(cancels), _recovery(person, site, path)
        )


def _p50_and_p99(times: list[float]) -> tuple[float, float]:
    return median(times), quantiles(times, n=100)[98]


def _timed(person: Person, method: str, path: str, **fields: str) -> float:
    start = time.perf_counter()
    person.open(method, path, urlencode(fields).encode())
    return (time.perf_counter() - start) * 1000


def _beside_an_import(person: Person, path: Path) -> Iterator[tuple[float, float]]:
    """Yield the time of adding a bookmark and of a row's poll, again and again until the import has ended."""
    job = person.upload(path)
    number = 0
    while person.status(job) in {"pending", "processing"}:
        number += 1
        add = _timed(person, "POST", "/bookmarks/new", url=f"https://mine.example/{number}", title="Mine")
        yield add, _timed(person, "GET", f"/import/{job}/row/")
        time.sleep(0.01)


def _cancel(person: Person, path: Path) -> float:
    """Return the milliseconds from the request to cancel until nothing is written any more."""
    job = person.upload(path)
    while person.status(job) == "pending":
        time.sleep(0.05)
    took = _timed(person, "POST", "/import/cancel/", import_job_id=str(job))
    if person.status(job) != "cancelled":
        raise RuntimeError("the job was not cancelled")
    return took


def _recovery(person: Person, site: Site, path: Path) -> float:
    """Return the seconds from the death of all worker processes until the position moves again."""
    job = person.upload(path)
    while not (position := _position(person, job)):
        time.sleep(0.05)
    workers = site.workers()
    for process in workers:
        process.kill()
    psutil.wait_procs(workers, timeout=1)
    killed = time.perf_counter()
    position = _position(person, job)
    while _position(person, job) == position:
        time.sleep(0.1)
    return time.perf_counter() - killed


def _position(person: Person, job: int) -> int:
    found = re.search(r"([\d,]+)\s+of\s+[\d,]+\s+\(", person.open("GET", f"/import/{job}/row/"))
    return int(found[1].replace(",", "")) if found else 0
