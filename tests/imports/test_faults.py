"""Faults in short: twenty real ones over both databases, and what a batch makes of trouble with the database."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.db import DatabaseError, OperationalError, connection

from imports import lifecycle, pipeline, uploads
from imports.models import ImportJob, Status
from imports.options import ImportOptions
from tests.factories import make_user
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
