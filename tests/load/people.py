"""The people of the load test, who do what the import page does in their browsers.

In a process of its own, as Locust replaces the sockets of the standard library: `python -m tests.load.people` reads
what to do as JSON from standard input, and writes what it has seen as JSON to standard output.
"""

import json
import random
import re
import statistics
import sys
import time
import urllib.request
import uuid
from collections import defaultdict
from typing import Any, ClassVar

import gevent
import psutil
from locust import FastHttpUser, task
from locust.env import Environment

ROW_SECONDS, SIGN_SECONDS, SIGN_RESTS_SECONDS = 1.0, 2.0, 10.0
SPAWNED_PER_SECOND = 40
# One that runs and one that waits for it, so that there is never a moment without one.
IMPORTS_OF_ONE = 2
TAG = b"@@@@@@@@"

_ROW = re.compile(r'<tr id="job-(\d+)"[^>]* data-status="(\w+)"([^>]*)>')
_ACTIVE_ROW = 'hx-trigger="every 1s"'
_ACTIVE_SIGN = re.compile(r'data-count="(\d+)"[^>]*hx-trigger="every 2s"')
_SIGN = "/import/active/"
_MARK = re.compile(r' data-seen="([^"]*)"')


class Person(FastHttpUser):
    """Somebody with the import page open."""

    abstract = True
    page_seconds: ClassVar[float] = 30.0
    network_timeout = connection_timeout = 30.0
    keys: ClassVar[list[str]] = []

    def on_start(self) -> None:
        """Log in, which is to have a session."""
        token = uuid.uuid4().hex
        self.cookie = {"Cookie": f"sessionid={self.keys.pop()}; csrftoken={token}", "X-CSRFToken": token}
        self.open_rows: dict[str, gevent.Greenlet] = {}
        self.sign: gevent.Greenlet | None = None
        self.marks: dict[str, str] = {}
        self.has_moved = False

    def on_stop(self) -> None:
        """Close the page."""
        self.close()

    def wait_time(self) -> float:
        """Return the seconds until the page is opened anew."""
        return random.uniform(0.5, 1.5) * self.page_seconds

    def close(self) -> None:
        """End what the page does by itself."""
        gevent.killall([*self.open_rows.values(), *([self.sign] if self.sign else [])])
        self.open_rows, self.marks = {}, {}
        self.sign = None

    @task
    def page(self) -> None:
        """Open the page anew. Its active rows ask for themselves, and so does the sign while there are any."""
        self.close()
        self.show(self.ask("page", "/import/", 'id="import-history"'))
        self.sign = gevent.spawn(self.watch_sign)

    def show(self, text: str) -> None:
        """Let each active row of a page or fragment ask for itself."""
        for job, status, rest in _ROW.findall(text):
            if _ACTIVE_ROW in rest and job not in self.open_rows:
                self.remember(_row(job), rest)
                self.open_rows[job] = gevent.spawn(self.watch_row, job, status)

    def watch_row(self, job: str, shown: str) -> None:
        """Ask for a row each second until it has ended."""
        is_active = True
        while is_active:
            gevent.sleep(ROW_SECONDS)
            row = _ROW.search(self.ask("row", _row(job), f'id="job-{job}"'))
            if row is None:
                continue
            self.has_moved = True
            status, is_active = row[2], _ACTIVE_ROW in row[3]
            if status != shown and is_active:
                self.ask_sign()
            shown = status
        del self.open_rows[job]
        self.ended()

    def watch_sign(self) -> None:
        """Ask for the sign at once, and again as long as an import is active; it rests while no row moves."""
        count, asked = self.ask_sign() or 0, time.monotonic()
        while count:
            gevent.sleep(SIGN_SECONDS)
            is_covered = len(self.open_rows) >= count
            if is_covered and not self.has_moved and time.monotonic() - asked < SIGN_RESTS_SECONDS:
                continue
            now_active, asked = self.ask_sign(), time.monotonic()
            count = count if now_active is None else now_active

    def ask_sign(self) -> int | None:
        """Ask for the sign in the navigation; return how many imports are active, or None if it shows that already."""
        self.has_moved = False
        sign = self.ask("active", _SIGN, 'id="imports-active"')
        if not sign:
            return None
        found = _ACTIVE_SIGN.search(sign)
        return int(found[1]) if found else 0

    def ended(self) -> None:
        """Look at the sign once more, as the page does when an import has ended."""
        self.ask_sign()

    def ask(self, kind: str, path: str, expected: str, **sent: Any) -> str:  # those of Locust's request
        """Send a request of a kind; return the answer's text, which is empty if the page shows that already.

        Anything else without `expected` in it is an error.
        """
        headers = {**self.cookie, "HX-Request": "true"} if kind != "page" else {**self.cookie}
        if mark := self.marks.get(path):
            headers["X-Seen"] = mark
        method = "POST" if sent else "GET"
        with self.client.request(
            method, path, name=kind, headers={**headers, **sent.pop("headers", {})}, catch_response=True, **sent
        ) as response:
            text = response.text or ""
            is_kept = response.status_code == 204 and mark is not None
            if not is_kept and (response.status_code != 200 or expected not in text):
                response.failure(f"{response.status_code}: {text[:200]}")
        if kind in {"row", "active"} and text:
            self.remember(path, text)
        return text

    def remember(self, path: str, shown: str) -> None:
        """Remember the mark of what is shown."""
        found = _MARK.search(shown)
        self.marks[path] = found[1] if found else ""


def _row(job: str) -> str:
    return f"/import/{job}/row/"


class Watcher(Person):
    """Somebody whose import waits."""


class Importer(Person):
    """Somebody who uploads one file after another."""

    file = b""
    everybody: ClassVar[list["Importer"]] = []

    def on_start(self) -> None:
        """Begin."""
        super().on_start()
        self.everybody.append(self)

    def show(self, text: str) -> None:
        """See to it that there is always one import that runs."""
        super().show(text)
        while len(self.open_rows) < IMPORTS_OF_ONE:
            before = len(self.open_rows)
            super().show(self.upload())
            if len(self.open_rows) == before:
                return

    def ended(self) -> None:
        """Upload the next file."""
        super().ended()
        self.show("")

    def upload(self) -> str:
        """Upload a file with bookmarks that nobody has yet; return the rows that the page gets."""
        boundary = uuid.uuid4().hex
        tag = uuid.uuid4().hex[: len(TAG)].encode()
        body = b"".join(
            (
                f'--{boundary}\r\nContent-Disposition: form-data; name="duplicate_handling"\r\n\r\nskip\r\n'.encode(),
                f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="load.html"\r\n\r\n'.encode(),
                self.file.replace(TAG, tag),
                f"\r\n--{boundary}--\r\n".encode(),
            )
        )
        kind = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        return self.ask("upload", "/import/submit/", 'id="import-form"', data=body, headers=kind)


def bookmarks(count: int) -> bytes:
    """Return a file of so many bookmarks, each with TAG in its address."""
    items = "".join(
        f'<DT><A HREF="https://{TAG.decode()}.example/pages/{n}" ADD_DATE="{1_500_000_000 + n}" '
        f'TAGS="tag-{n % 50},tag-{n % 7}">A page about number {n}</A>\n'
        for n in range(count)
    )
    return f"<!DOCTYPE NETSCAPE-Bookmark-file-1>\n<TITLE>Bookmarks</TITLE>\n<DL><p>\n{items}</DL><p>\n".encode()


class Recorder:
    """What was asked and answered while it is on."""

    def __init__(self, environment: Environment) -> None:
        self.is_on = False
        self.times: dict[str, list[float]] = defaultdict(list)
        self.errors: dict[str, list[str]] = defaultdict(list)
        environment.events.request.add_listener(self.take)  # type: ignore[no-untyped-call]  # Locust's own

    def take(self, *, name: str, response_time: float, exception: Exception | None, **_more: object) -> None:
        """Take a request note of; `response_time` is in milliseconds."""
        if self.is_on:
            self.times[name].append(response_time)
            if exception is not None:
                self.errors[name].append(str(exception)[:300])

    def figures(self) -> dict[str, dict[str, Any]]:
        """Return for each kind how many there were, and the spread in milliseconds."""
        found = {}
        for kind, times in sorted(self.times.items()):
            ordered = sorted(times)
            spread = {name: round(ordered[int(part * (len(ordered) - 1))], 1) for name, part in _PARTS}
            errors = self.errors[kind]
            found[kind] = {"requests": len(times), "errors": len(errors), **spread, "first_errors": errors[:3]}
        return found


_PARTS = (("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("max", 1.0))


class Usage:
    """How much of the processors each part of the test takes."""

    def __init__(self, roots: dict[str, int]) -> None:
        self._roots = roots
        self._begun = self._now()

    def cores(self, seconds: float) -> dict[str, float]:
        """Return how many cores each part has kept busy since the beginning."""
        now = self._now()
        used = {part: now[part] - self._begun.get(part, 0) for part in now}
        used["everything else"] = used.pop("machine") - sum(used.values())
        return {part: round(max(0.0, spent) / seconds, 2) for part, spent in used.items()}

    def _now(self) -> dict[str, float]:
        times = psutil.cpu_times()
        spent: dict[str, float] = defaultdict(float)
        spent["machine"] = sum(times) - times.idle - getattr(times, "iowait", 0) - getattr(times, "guest", 0)
        spent["people"] = _seconds(psutil.Process())
        for part, pid in self._roots.items():
            root = psutil.Process(pid)
            for process in (root, *root.children(recursive=True)):
                spent[_part(part, process)] += _seconds(process)
        return dict(spent)


def _part(part: str, process: psutil.Process) -> str:
    try:
        return "web" if part == "worker" and "gunicorn" in " ".join(process.cmdline()) else part
    except psutil.NoSuchProcess:
        return part


def _seconds(process: psutil.Process) -> float:
    try:
        return sum(process.cpu_times()[:2])
    except psutil.NoSuchProcess:
        return 0.0


def items_done(host: str, token: str) -> float:
    """Return how many items all imports have got done."""
    request = urllib.request.Request(f"{host}/metrics", headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request) as answer:
        figures = re.findall(r'^cairn_items\{outcome="\w+"\} (\S+)$', answer.read().decode(), re.MULTILINE)
    return sum(map(float, figures))


def run(plan: dict[str, Any]) -> dict[str, Any]:  # JSON both
    """Let everybody come, warm up, and return what the time after that has shown."""
    Watcher.keys, Importer.keys = list(plan["watchers"]), list(plan["importers"])
    Watcher.fixed_count, Importer.fixed_count = len(Watcher.keys), len(Importer.keys)
    Importer.file, Person.page_seconds = bookmarks(plan["items"]), plan["page_seconds"]
    environment = Environment(user_classes=[Watcher, Importer], host=plan["host"])
    recorder = Recorder(environment)
    runner = environment.create_local_runner()
    people = len(Watcher.keys) + len(Importer.keys)
    runner.start(people, SPAWNED_PER_SECOND)
    while runner.user_count < people:
        gevent.sleep(0.1)
    gevent.sleep(plan["warm_up"])
    usage, before = Usage(plan["processes"]), items_done(plan["host"], plan["token"])
    recorder.is_on = True
    active = []
    for _ in range(plan["seconds"]):
        gevent.sleep(1)
        active.append(sum(bool(person.open_rows) for person in Importer.everybody))
    recorder.is_on = False
    cores = usage.cores(plan["seconds"])
    items = items_done(plan["host"], plan["token"]) - before
    runner.quit()
    return {
        "kinds": recorder.figures(),
        "cores": cores,
        "items_per_second": round(items / plan["seconds"]),
        "active_imports": {"least": min(active), "median": statistics.median(active)},
    }


if __name__ == "__main__":
    json.dump(run(json.load(sys.stdin)), sys.stdout)
