"""Faults in short: twenty real ones over both databases, and what a batch makes of trouble with the database."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.db import DatabaseError, OperationalError, connection

from imports import lifecycle, pipeline, uploads
from imports.models import ImportJob, Status
from imports.options import ImportOptions
from tests.factories import make_user
from tests.faults.files import Kept, Shelf
from tests.faults.judging import Held, State, Watched, compare, judge
from tests.project.processes import REPOSITORY

FAULTS = 10
RUN_SECONDS = 300


def faults(database: str, result: Path) -> subprocess.Popen[str]:
    """Start a short run; every run has a seed of its own, which it tells when something is wrong."""
    command = [sys.executable, "-m", "tests.faults", "--database", database, "--json", str(result)]
    return subprocess.Popen(
        [*command, "--faults", str(FAULTS), "--people", "2"],
        cwd=REPOSITORY,
        env={name: value for name, value in os.environ.items() if not name.startswith("CAIRN_")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.processes
def test_no_fault_on_either_database_breaks_a_promise(tmp_path: Path, postgres_url: str) -> None:
    results = {name: tmp_path / f"{name}.json" for name in ("sqlite", "postgresql")}
    # Both at once: a run spends most of its time waiting for leases to run out.
    with contextlib.ExitStack() as stack:
        runs = {name: stack.enter_context(faults(name, result)) for name, result in results.items()}
        for run in runs.values():
            stack.callback(run.terminate)
        for name, run in runs.items():
            told, _ = run.communicate(timeout=RUN_SECONDS)
            assert run.returncode == 0, told
            shown = json.loads(results[name].read_text())
            assert len(shown["faults"]) == FAULTS
            assert shown["states"] > 50
            assert shown["items"] > 1000


IMPORTED = State("completed", "import", 3, 9, 9, 4, 2, 2, 1, 0, 0, 0, 0, 0)
UNDOING = replace(IMPORTED, status="processing", work="undo", fence=5, undo_total=6, removed=2, undo_position=20)
HELD = Held("processing", "undo", created=4, failed=1, undo_total=6, undone=2, added=2, changed=2, rejected=1)


@pytest.mark.parametrize(
    ("after", "wrong"),
    [
        (replace(UNDOING, removed=3, undo_position=30), ""),
        (replace(UNDOING, status="undone", undo_total=2), ""),
        (replace(UNDOING, status="undone"), "undone before its end"),
        (replace(UNDOING, removed=7, undo_position=30), "more undone than there is"),
        (replace(UNDOING, status="completed"), "ended with another work"),
        (replace(UNDOING, work="import"), "the work changed"),
        (replace(UNDOING, fence=4), "the fence fell"),
        (replace(UNDOING, removed=1), "the position fell"),
        (replace(UNDOING, undo_position=10), "the position fell"),
        (replace(UNDOING, fence=6, kept=1, undo_position=30), "progress outside a claim"),
        (replace(UNDOING, kept=1), "an undo's position and counters disagree"),
        (replace(UNDOING, created=3, skipped=3), "an undo changed what was imported"),
        (replace(UNDOING, status="cancelled"), "an impossible step"),
        (replace(UNDOING, status="previewed", work="preview"), "the work changed"),
    ],
)
def test_the_watcher_tells_what_no_undo_may_do(after: State, wrong: str) -> None:
    told = judge(Watched(1, 1, state=UNDOING), after)
    assert any(sentence.startswith(wrong) for sentence in told) if wrong else not told


def test_the_watcher_lets_nothing_happen_that_was_not_asked_for() -> None:
    asked_for = replace(IMPORTED, status="pending", work="undo")
    assert judge(Watched(1, 1, state=IMPORTED), asked_for)
    assert judge(Watched(1, 1, state=IMPORTED, asked=["import"]), asked_for)
    assert not judge(Watched(1, 1, state=IMPORTED, asked=["undo"]), asked_for)


def test_the_watcher_tells_when_the_tables_hold_something_else_than_is_counted() -> None:
    assert not compare(Watched(1, 1), HELD)
    for wrong in (replace(HELD, added=3), replace(HELD, changed=1), replace(HELD, rejected=0)):
        assert compare(Watched(1, 1), wrong)
    watched, held = Watched(1, 1, may_inherit=True), replace(HELD, status="completed", work="import", added=4)
    assert not compare(watched, held)
    assert not compare(watched, replace(held, added=5, changed=1))
    assert compare(watched, replace(held, added=5))


def test_pages_are_expected_as_without_what_was_taken_back() -> None:
    kept = {name: Kept(name, "", frozenset(), datetime(2020, 1, 1, tzinfo=UTC)) for name in "abcd"}
    shelf = Shelf()
    shelf.put(1, {"x": kept["a"], "y": kept["b"]})
    shelf.put(2, {"y": kept["c"], "z": kept["d"]})
    assert shelf.pages == {"x": kept["a"], "y": kept["c"], "z": kept["d"]}
    assert shelf.take_back(1) == (1, 0, 1)
    assert shelf.take_back(2) == (2, 0, 0)
    assert shelf.pages == {}


def submit(items: int) -> ImportJob:
    links = [{"type": "Link", "url": f"https://example.com/{n}", "name": "A page " * 40} for n in range(items)]
    data = json.dumps({"@context": "https://www.w3.org/ns/activitystreams", "type": "Collection", "items": links})
    return uploads.submit(ContentFile(data.encode(), "export.json"), make_user(), ImportOptions(), queued=False)


@contextlib.contextmanager
def raising(sqlstate: str) -> Iterator[None]:
    """Have PostgreSQL answer each new bookmark with an error."""
    function = (
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no' USING ERRCODE = '{}'; "
    )
    with connection.cursor() as cursor:
        cursor.execute(function.format(sqlstate) + "END $$")
        cursor.execute("CREATE TRIGGER refuse BEFORE INSERT ON bookmarks_bookmark EXECUTE FUNCTION refuse()")
        try:
            yield
        finally:
            cursor.execute("DROP FUNCTION refuse CASCADE")


@contextlib.contextmanager
def full_database() -> Iterator[None]:
    """Leave room for messages and the timeline, but not for a batch."""
    if connection.vendor == "postgresql":
        with raising("53100"):
            yield
        return
    with connection.cursor() as cursor:
        # What earlier tests deleted would be room for more.
        cursor.execute("VACUUM")
        cursor.execute("PRAGMA page_count")
        (pages,) = cursor.fetchone()
        cursor.execute("PRAGMA max_page_count")
        (limit,) = cursor.fetchone()
        cursor.execute(f"PRAGMA max_page_count = {pages + 16}")
        try:
            yield
        finally:
            cursor.execute(f"PRAGMA max_page_count = {limit}")


@contextlib.contextmanager
def refusing_database() -> Iterator[None]:
    """Answer each new bookmark with an error that is the item's own."""
    if connection.vendor == "postgresql":
        with raising("22000"):
            yield
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TRIGGER refuse BEFORE INSERT ON bookmarks_bookmark BEGIN SELECT RAISE(ABORT, 'refused'); END"
        )
        try:
            yield
        finally:
            cursor.execute("DROP TRIGGER refuse")


@pytest.mark.django_db(transaction=True)
def test_a_full_database_is_no_items_fault_however_long_it_stays_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "TROUBLE_SECONDS", 0)
    job = submit(1000)
    with full_database():
        for _ in range(lifecycle.DEATHS_UNTIL_FAILED + 1):
            claimed = lifecycle.claim(job.pk)
            assert claimed is not None
            with pytest.raises(OperationalError):
                pipeline.run_slice(claimed, should_stop=lambda: False)
    job.refresh_from_db()
    assert (job.status, job.deaths, job.processed_bookmarks, job.lease_expires_at) == (Status.PROCESSING, 0, 0, None)
    job = pipeline.run_to_end(job)
    assert (job.status, job.created_bookmarks, job.failed_bookmarks) == (Status.COMPLETED, 1000, 0)


@pytest.mark.django_db(transaction=True)
def test_an_error_that_an_item_causes_counts_as_a_death() -> None:
    job = submit(1)
    claimed = lifecycle.claim(job.pk)
    assert claimed is not None
    with refusing_database(), pytest.raises(DatabaseError):
        pipeline.run_slice(claimed, should_stop=lambda: False)
    job.refresh_from_db()
    assert (job.deaths, job.lease_expires_at) == (1, None)
