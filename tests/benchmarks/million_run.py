"""Fills the database that the environment names, measures, and prints JSON: started by `tests.benchmarks.million`."""

import argparse
import json
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from html import unescape
from itertools import count, islice
from pathlib import Path
from statistics import median, quantiles

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
django.setup()

import psutil
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext

from bookmarks.exports import EXPORTS
from bookmarks.listing import PAGE_SIZE
from bookmarks.models import Bookmark, Tag
from tests.benchmarks.million_data import Sizes, fill, word

PLAIN_FILES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
type Addresses = Iterator[str]


class Browser:
    """Somebody who is logged in and whose requests are timed."""

    def __init__(self, user: User) -> None:
        self._client = Client(SERVER_NAME="localhost")
        self._client.force_login(user)

    def get(self, path: str) -> float:
        """Return the milliseconds until the page is there, or the first part of a download."""
        started = time.perf_counter()
        response = self._client.get(path)
        if response.streaming:
            parts = iter(response)
            next(parts), next(parts)
        seconds = time.perf_counter() - started
        assert response.status_code == 200, (path, response.status_code)
        return seconds * 1_000

    def post(self, path: str, **fields: str) -> float:
        """Return the milliseconds until it is done."""
        started = time.perf_counter()
        response = self._client.post(path, fields)
        seconds = time.perf_counter() - started
        assert response.status_code == 303, (path, response.status_code)
        return seconds * 1_000

    def next_of(self, path: str) -> str:
        """Return the address to which a list's page leads on; empty at the end."""
        found = re.search(r'rel="next" href="([^"]+)"', self._client.get(path).content.decode())
        return unescape(found[1]) if found else ""


def deep_pages(browser: Browser, middle: str) -> Addresses:
    """Yield addresses of pages on and on from the middle of the list, by going on."""
    first = path = f"/bookmarks/?page=9999&after={middle}"
    while True:
        yield path
        path = browser.next_of(path) or first


def each(template: str, ranks: list[int]) -> Addresses:
    """Yield addresses with one word of a rank after another."""
    for number in count():
        yield template.format(*(word(ranks[(number + step) % len(ranks)]) for step in range(3)))


def reads(browser: Browser, user: User) -> dict[str, Addresses]:
    """Return what is looked at, by the name of its row in the table."""
    dates = Bookmark.objects.filter(owner=user).order_by("created")
    place = Bookmark.objects.filter(owner=user, created__gte="2016-01-01").order_by("created").first() or dates[0]
    middle = f"{place.pk}.{place.created:%Y-%m-%d %H:%M:%S}"
    own = Tag.objects.filter(owner=user).order_by("pk").values_list("name", flat=True)
    tags = [name for rank in (0, 1, 5, 20, 100, 1_000, 10_000) for name in own[rank : rank + 1]]
    frequent, middling, rare = list(range(10)), list(range(200, 400)), list(range(20_000, 20_400))
    flags = (
        "unread=1",
        "favorite=1",
        "archived=0",
        "private=1&archived=1",
        "unread=1&favorite=1",
        "unread=0&archived=0",
    )

    def cycled(paths: list[str]) -> Addresses:
        return (paths[number % len(paths)] for number in count())

    return {
        "list": cycled(["/bookmarks/"]),
        "list, page 200": cycled(["/bookmarks/?page=200"]),
        "list, half a million deep": cycled(list(islice(deep_pages(browser, middle), 20))),
        "list, last page": cycled(["/bookmarks/?page=last"]),
        "list, oldest first": cycled(["/bookmarks/?sort=oldest"]),
        "list, by title": cycled(["/bookmarks/?sort=title", "/bookmarks/?sort=title&page=200"]),
        "list, by flags": cycled([f"/bookmarks/?{flag}" for flag in flags]),
        "tag": cycled([f"/bookmarks/?tag={tag}" for tag in tags]),
        "tag and flags, by title": cycled([f"/bookmarks/?tag={tag}&archived=0&sort=title" for tag in tags]),
        "tags": cycled(["/tags/", "/tags/?after=ka", "/tags/?page=last"]),
        "tags, searched": cycled(["/tags/?q=wi", "/tags/?q=zaza", "/tags/?q=999"]),
        "search, frequent word": each("/bookmarks/?q={0}", frequent),
        "search, middling word": each("/bookmarks/?q={0}", middling),
        "search, rare word": each("/bookmarks/?q={0}", rare),
        "search, beginning of words": (path[:-5] for path in each("/bookmarks/?q={0}", middling)),
        "search, two letters": (path[:-6] for path in each("/bookmarks/?q={0}", middling)),
        "search, two frequent words": each("/bookmarks/?q={0}+{1}", frequent),
        "search, three words": each("/bookmarks/?q={0}+{1}+{2}", [0, 210, 300, 3]),
        "search, newest first": each("/bookmarks/?q={0}&sort=newest", [0, 300, 20_000]),
        "search and flags": each("/bookmarks/?q={0}&favorite=1", [0, 300, 20_000]),
        "export, first bytes": cycled([f"/bookmarks/export/{export.file_name}" for export in EXPORTS.values()]),
    }


def writes(browser: Browser, user: User) -> dict[str, Callable[[int], float]]:
    """Return what is changed, by the name of its row; each takes the number of the run."""
    pks = list(Bookmark.objects.filter(owner=user).order_by("pk").values_list("pk", flat=True)[:500])

    def add(number: int) -> float:
        url = f"https://new.example/{number}"
        return browser.post("/bookmarks/new", url=url, title=f"{word(3)} {number}", tags=f"new, {word(9)}")

    def edit(number: int) -> float:
        url = f"https://edited.example/{number}"
        return browser.post(f"/bookmarks/{pks[number]}/edit", url=url, title=f"{word(7)} {number}", tags="new")

    def delete(number: int) -> float:
        return browser.post(f"/bookmarks/{pks[250 + number]}/delete")

    return {"add": add, "edit": edit, "delete": delete}


def busy() -> float:
    """Return the milliseconds for which this process and its PostgreSQL backend have had a processor."""
    nanoseconds = time.process_time_ns()
    if connection.vendor == "postgresql":
        connection.ensure_connection()
        backend = Path(f"/proc/{connection.connection.info.backend_pid}/schedstat")
        nanoseconds += int(backend.read_text().split()[0])
    return nanoseconds / 1e6


def measured(once: Callable[[int], float], runs: int) -> dict[str, float]:
    """Run something some times, after two that do not count, and return its figures in milliseconds.

    `busy` does not depend on what else the machine does, as the others do.
    """
    once(0)
    with CaptureQueriesContext(connection) as captured:
        once(1)
    queries = len(captured)  # The next request forgets them.
    taken, worked = [], []
    for number in range(2, runs + 2):
        before = busy()
        taken.append(once(number))
        worked.append(busy() - before)
    p95, busy_p95 = (quantiles(column, n=20, method="inclusive")[-1] for column in (taken, worked))
    return {"p50": median(taken), "p95": p95, "busy p50": median(worked), "busy p95": busy_p95, "queries": queries}


def _visit(browser: Browser, addresses: Addresses, _number: int) -> float:
    return browser.get(next(addresses))


def measure(user: User, runs: int, title: str) -> dict[str, dict[str, float]]:
    """Measure all of it for one account."""
    browser = Browser(user)
    rows: dict[str, dict[str, float]] = {}
    for name, addresses in reads(browser, user).items():
        rows[name] = measured(partial(_visit, browser, addresses), runs)
        _say(f"{title}: {name}: {rows[name]}")
    for name, write in writes(browser, user).items():
        rows[name] = measured(write, runs)
        _say(f"{title}: {name}: {rows[name]}")
    return rows


def resident_after(user: User, runs: int, rounds: int) -> list[int]:
    """Go on reading, and return the megabytes that this process has after each round."""
    browser, process = Browser(user), psutil.Process()
    found = []
    for _ in range(rounds):
        for addresses in reads(browser, user).values():
            for path in islice(addresses, runs):
                browser.get(path)
        found.append(round(process.memory_info().rss / 1e6))
    return found


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    """Fill, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("bookmarks", "tags", "others", "runs"):
        parser.add_argument(f"--{name}", type=int, required=True)
    options = parser.parse_args()
    user = User.objects.filter(username="large").first()
    if user is None:
        user = fill(Sizes(options.bookmarks, options.tags, options.others), _say)
    process = psutil.Process()
    with override_settings(STORAGES=PLAIN_FILES):
        Browser(user).get("/bookmarks/")
        idle = process.memory_info().rss / 1e6
        result = {"large account": measure(user, options.runs, "large account")}
        small = User.objects.filter(username="small 7").first()
        if small is not None and Bookmark.objects.filter(owner=small).count() > PAGE_SIZE:
            result["small account"] = measure(small, options.runs, "small account")
    memory: dict[str, int | list[int]] = {"before": round(idle), "after": round(process.memory_info().rss / 1e6)}
    with override_settings(STORAGES=PLAIN_FILES):
        memory["on and on"] = resident_after(user, options.runs, 3)
    print(json.dumps({"milliseconds": result, "resident MB": memory}))


if __name__ == "__main__":
    main()
