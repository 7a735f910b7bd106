"""How long the smallest import waits for large ones that came before it. Nothing goes wrong here on purpose."""

import random
import statistics
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from django.contrib.auth.models import User
from django.db import connections
from rich import box
from rich.console import Console
from rich.table import Table

from imports.models import ImportJob
from tests.faults.browser import Browser
from tests.faults.files import write_file
from tests.hosts.machines import Machine
from tests.project.processes import eventually

SMALL_ITEMS = 20
BOUND_SECONDS = 30.0
UP_SECONDS = 60.0
END_SECONDS = 900.0


def play_fair(machines: Sequence[Machine], folder: Path, *, people: int, items: int, seed: int) -> int:
    """Upload large files of many people at once, then a small one; print how long each took. Return what was wrong."""
    chance = random.Random(seed)
    try:
        for machine in machines:
            machine.start()
        webs = [machine for machine in machines if machine.is_web]
        if not eventually(lambda: all(web.address() for web in webs), seconds=UP_SECONDS):
            raise RuntimeError("the web hosts do not come up")
        large = _files(folder, [items] * people, chance)
        threads = [threading.Thread(target=_import, args=(web_of(webs, n), path)) for n, path in enumerate(large)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        [small] = _files(folder, [SMALL_ITEMS], chance)
        asked = time.monotonic()
        _import(web_of(webs, people), small)
        wrong = _await(small, asked, BOUND_SECONDS)
        done = eventually(lambda: not ImportJob.objects.active().exists(), seconds=END_SECONDS)
    finally:
        for machine in machines:
            machine.kill()
    return _tell(small.name) + wrong + (not done)


def web_of(webs: Sequence[Machine], number: int) -> str:
    """Return the address of one of the web hosts, in turns."""
    return webs[number % len(webs)].address()


def _files(folder: Path, sizes: Sequence[int], chance: random.Random) -> list[Path]:
    paths = []
    for size in sizes:
        path = folder / f"export-{User.objects.count() + 1}.json"
        write_file(path, items=size, chance=chance, first_page=0)
        User.objects.create_user(path.stem, password="a password")
        paths.append(path)
    return paths


def _import(address: str, path: Path) -> None:
    browser = Browser(address)
    browser.sign_in(path.stem)
    status = browser.upload(path.name, path.read_bytes())
    connections.close_all()
    if status != 200:
        raise RuntimeError(f"an upload was answered with {status}")


def _await(path: Path, asked: float, seconds: float) -> int:
    ended = eventually(lambda: ImportJob.objects.filter(file_name=path.name, status="completed").exists(), seconds=300)
    took = time.monotonic() - asked
    Console().print(f"the smallest import ({SMALL_ITEMS} items) ended {took:.1f} s after its upload began")
    return int(not ended or took > seconds)


def _tell(small: str) -> int:
    """Print a table; return how many imports did not come to a good end."""
    jobs = [job for job in ImportJob.objects.order_by("pk") if job.file_name != small]
    took = [(job.completed_at - job.created).total_seconds() for job in jobs if job.completed_at]
    total = sum(job.processed_bookmarks for job in jobs)
    table = Table(box=box.SIMPLE)
    for name in ("large imports", "items in each", "median", "longest", "items/s of all"):
        table.add_column(name, justify="right")
    longest = max(took, default=0.0)
    table.add_row(
        *(str(len(jobs)), f"{jobs[0].total_bookmarks:,}", f"{statistics.median(took):.1f} s", f"{longest:.1f} s"),
        f"{total / longest:,.0f}",
    )
    Console().print(table)
    return sum(job.status != "completed" for job in jobs)
