"""Every state that imports can be in, made in the database, each for a person of its own: to look at, to examine."""

import csv
import io
import json
import random
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.db.models import F
from django.test import Client
from django.utils import timezone
from django_q.models import OrmQ
from playwright.sync_api import BrowserContext, Page, expect

from bookmarks.drafts import Duplicates
from imports import lifecycle, pipeline, uploads
from imports.models import ACTIVE, Heartbeat, ImportJob, Status, Work
from imports.options import ImportOptions
from tests.benchmarks.data import write_collection
from tests.factories import make_bookmark, make_job, make_user

# Longer than anybody looks at a state: until then nobody takes a job up, or finds it abandoned.
HELD = timedelta(days=1)
AGO = timedelta(hours=2)
TABLE = [
    ("https://drystone.example/beginners", "Building a dry stone wall: the first metre", "walls,howto", "2019-04-06"),
    ("https://uplands.example/cairns", "Why hikers build cairns", "walls,hiking", "2020-08-22"),
    ("https://kitchen.example/rye-sourdough", "Rye sourdough in three days", "bread", "2021-01-17"),
    ("https://hedges.example/laying", "Laying a hedge", "garden,walls", "2024-10-19"),
    ("https://trains.example/night", "Night trains of Europe", "travel", "2025-03-08"),
    ("javascript:void(document.title)", "Bookmarklet: show the title", "", ""),
    ("file:///home/robin/notes.html", "Notes on my disk", "", ""),
    ("/weather/today", "Weather", "", ""),
    ("", "To find again: the talk about hedges", "", ""),
]


def nothing(_page: Page) -> None:
    """Leave the page as it came."""


@dataclass(frozen=True, kw_only=True)
class State:
    """One thing that a person may see: where, what is done there first, and how long ago a worker was at work."""

    name: str
    owner: User
    path: str = "/import/"
    begin: Callable[[Page], None] = field(default=nothing)
    idle: timedelta = timedelta()

    def show(self, context: BrowserContext, url: str) -> Page:
        """Open the state in a new page of the browser, where `url` is the site's."""
        Heartbeat.objects.update_or_create(pk=1, defaults={"seen": timezone.now() - self.idle})
        client = Client()
        client.force_login(self.owner)
        session = {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": url}
        context.add_cookies([session])  # type: ignore[list-item]  # a plain dict is what it takes
        page = context.new_page()
        page.goto(f"{url}{self.path}")
        self.begin(page)
        return page


def make_states(*, items: int = 2_000) -> list[State]:
    """Make every state; the import whose page is shown has so many `items`."""
    made = [*_in_the_history(), *_before(), *_after(items), *_in_trouble()]
    # What ended a while ago is not told any more, and would cover what is to be seen.
    ended = ImportJob.objects.exclude(status__in=ACTIVE)
    ended.update(created=F("created") - AGO, completed_at=F("completed_at") - AGO, prepared_at=F("prepared_at") - AGO)
    _completed(told := make_user())
    # Nobody works here, and nobody shall be missed.
    OrmQ.objects.all().delete()
    return [*made, State(name="toast", owner=told, path="/bookmarks/", begin=_see_the_toast)]


def _in_the_history() -> list[State]:
    """Return a history for each status, one with all of them, and the empty one."""
    rows = {
        "previewed": lambda owner: _imported(owner, preview=True),
        "completed": _completed,
        "completed-with-rejects": _imported,
        "failed": _failed,
        "cancelled": _cancelled,
        "undone": _undone,
        # A worker takes up nothing else of somebody who has one of these.
        "undoing": _undoing,
        "processing": _processing,
        "reading": _reading,
        "pending": _waiting,
    }
    states = [State(name="empty", owner=make_user())]
    for name, make in rows.items():
        owner = make_user()
        make(owner)
        states.append(State(name=name, owner=owner, begin=_open_details))
    everything = make_user()
    for make in rows.values():
        make(everything)
    return [*states, State(name="history", owner=everything)]


def _before() -> list[State]:
    """Return the preview: on its way, there, and about to be discarded."""
    owner = _with_bookmarks("robin")
    options = ImportOptions(preview=True, duplicate_handling=Duplicates.OVERWRITE, tags=("old",))
    ready = _run(owner, "reading-list.csv", _table(), options)
    waiting = _waiting(waiter := make_user(), work=Work.PREVIEW)
    discard = f"/import/{ready.pk}/preview/discard/"
    return [
        State(name="preview", owner=owner, path=f"/import/{ready.pk}/preview/", begin=_open_details),
        State(name="preview-waiting", owner=waiter, path=f"/import/{waiting.pk}/preview/"),
        State(name="preview-discard", owner=owner, path=discard),
    ]


def _after(items: int) -> list[State]:
    """Return the pages of ended imports, and what can be done about them."""
    owner = _with_bookmarks("ada")
    small = _imported(owner)
    large = _run(owner, "activitystream.json", _collection(items), ImportOptions())
    undone, running = _undone(owner), _processing(busy := make_user())
    rejected = f"/import/{small.pk}/rejected/"
    return [
        State(name="detail", owner=owner, path=f"/import/{large.pk}/"),
        State(name="detail-changes", owner=owner, path=f"/import/{small.pk}/"),
        State(name="detail-running", owner=busy, path=f"/import/{running.pk}/"),
        State(name="detail-undone", owner=owner, path=f"/import/{undone.pk}/"),
        State(name="rejected", owner=owner, path=rejected),
        State(name="rejected-fix", owner=owner, path=rejected, begin=_begin_to_fix),
        State(name="rejected-fix-page", owner=owner, path=f"/import/{small.pk}/rejected/6/fix"),
        State(name="undo", owner=owner, path=f"/import/{small.pk}/undo/"),
    ]


def _in_trouble() -> list[State]:
    """Return what keeps people from watching an import, and the question before one is cancelled."""
    owner, waiter = make_user(), make_user()
    _processing(owner)
    _waiting(waiter)
    return [
        State(name="worker-down", owner=waiter, idle=timedelta(hours=2)),
        State(name="offline", owner=owner, begin=_lose_the_server),
        State(name="session-expired", owner=owner, begin=_lose_the_session),
        State(name="cancel", owner=owner, begin=_ask_to_cancel),
    ]


def _table() -> bytes:
    file = io.StringIO()
    csv.writer(file).writerows([("url", "title", "tags", "created"), *TABLE])
    return file.getvalue().encode()


def _collection(items: int) -> bytes:
    """Return an export of somebody who saved more in some years than in others."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "activitystream.json"
        write_collection(path, items, seed=5)
        whole = json.loads(path.read_bytes())
    years = random.Random(5).choices(
        range(2009, 2026), [2, 3, 7, 9, 8, 4, 1, 0, 2, 5, 6, 11, 14, 12, 7, 8, 3], k=items
    )
    for item, year in zip(whole["items"], years, strict=True):
        item["published"] = f"{year}{item['published'][4:]}"
    return json.dumps(whole, indent=1).encode()


def _with_bookmarks(name: str) -> User:
    """Return a person who has some of the table's pages already, under other titles."""
    owner = make_user(name)
    for url, title, _tags, _day in TABLE[:3]:
        make_bookmark(owner, url, title=title.partition(":")[0], tags=["walls"], description="Kept by hand.")
    return owner


def _run(owner: User, name: str, content: bytes, options: ImportOptions) -> ImportJob:
    """Import a file from its upload to its end."""
    return pipeline.run_to_end(uploads.submit(ContentFile(content, name=name), owner, options, queued=False))


def _imported(owner: User, *, preview: bool = False) -> ImportJob:
    options = ImportOptions(preview=preview, duplicate_handling=Duplicates.OVERWRITE)
    return _run(owner, "reading-list.csv", _table(), options)


def _completed(owner: User, name: str = "bookmarks.json") -> ImportJob:
    urls = [f"https://{name.partition('.')[0]}.example/{number}" for number in range(40)]
    items = [{"type": "Link", "url": url, "name": f"Page {number}"} for number, url in enumerate(urls, 1)]
    content = json.dumps({"type": "Collection", "items": items}).encode()
    return _run(owner, name, content, ImportOptions())


def _failed(owner: User) -> ImportJob:
    return _run(owner, "old-service.json", _collection(200)[:-700], ImportOptions())


def _undone(owner: User) -> ImportJob:
    job = _completed(owner, "by-mistake.json")
    lifecycle.undo(owner, job.pk)
    job.refresh_from_db()
    return pipeline.run_to_end(job)


def _waiting(owner: User, **fields: Any) -> ImportJob:
    return make_job(owner, file_name="bookmarks.html", woken_at=timezone.now() + HELD, **fields)


def _held(owner: User, name: str, seconds: int, **fields: Any) -> ImportJob:
    """Make a job that a worker has been at for some seconds."""
    now = timezone.now()
    begun = {"started_at": now - timedelta(seconds=seconds), "lease_expires_at": now + HELD}
    known = {"file_name": name, "file_size": 31_400_000, "status": Status.PROCESSING, "detected_format": "netscape"}
    return make_job(owner, **{**known, **begun, **fields})


def _reading(owner: User) -> ImportJob:
    return _held(owner, "everything.html", 3)


def _processing(owner: User) -> ImportJob:
    counts = {"total_bookmarks": 98_764, "processed_bookmarks": 41_230, "created_bookmarks": 39_800}
    counts |= {"updated_bookmarks": 430, "skipped_bookmarks": 1_000}
    return _held(owner, "everything.html", 9, prepared_at=timezone.now() - timedelta(seconds=8), **counts)


def _cancelled(owner: User) -> ImportJob:
    counts = {"total_bookmarks": 100_000, "processed_bookmarks": 51_900, "created_bookmarks": 51_630}
    now = timezone.now()
    times = {"prepared_at": now - timedelta(seconds=12), "completed_at": now, "lease_expires_at": None}
    return _held(owner, "links.html", 14, status=Status.CANCELLED, skipped_bookmarks=270, **counts, **times)


def _undoing(owner: User) -> ImportJob:
    counts = {"undo_total": 51_630, "removed_bookmarks": 20_100, "restored_bookmarks": 7, "kept_bookmarks": 3}
    prepared = timezone.now() - timedelta(seconds=4)
    return _held(owner, "links.html", 5, work=Work.UNDO, prepared_at=prepared, **counts)


def _open_details(page: Page) -> None:
    for summary in page.locator("main details > summary").all():
        if summary.is_visible() and not summary.evaluate("summary => summary.closest('#import-form') !== null"):
            summary.click()
    page.evaluate("scrollTo(0, 0)")


def _see_the_toast(page: Page) -> None:
    expect(page.locator("#live .note")).to_contain_text("bookmarks.json was imported: 40 new.")


def _begin_to_fix(page: Page) -> None:
    page.locator("#rejected-8").get_by_role("link", name="Fix").click()
    expect(page.locator("#fix-8-url")).to_be_focused()


def _lose_the_server(page: Page) -> None:
    page.context.set_offline(offline=True)
    expect(page.locator("#live .note")).to_contain_text("The server does not answer")


def _lose_the_session(page: Page) -> None:
    page.context.clear_cookies()
    expect(page.locator("#live .note")).to_contain_text("You are logged out.")


def _ask_to_cancel(page: Page) -> None:
    page.get_by_role("button", name="Cancel").first.click()
    expect(page.locator("#confirm")).to_be_visible()
