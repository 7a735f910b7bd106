"""A backup, made while an import runs, becomes the same site elsewhere, on the same database or the other one."""

import json
import re
import stat
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.postgres import new_database
from tests.project.places import Place
from tests.project.processes import eventually

ITEMS = 3_000
SUBMIT = """
from pathlib import Path
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.core.files.base import File
from imports import lifecycle, uploads
from imports.options import ImportOptions
ada = User.objects.create_superuser("ada", "", "lovelace")
session = SessionStore()
session["for"] = "ada"
session.create()
path = Path(sys.argv[1])
def submit():
    with path.open("rb") as file:
        return uploads.submit(File(file, path.name), ada, ImportOptions(), queued=False)
running, cancelled, gone = submit(), submit(), submit()
lifecycle.cancel(ada, cancelled.pk)
gone.delete()
print(json.dumps(running.pk))
"""
# Imports while the backup is made: some batches before it begins, more while it runs, the rest when it has ended.
IMPORT = """
import django; django.setup()
import sys, time
from pathlib import Path
from imports import lifecycle, pipeline
begun, done = map(Path, sys.argv[2:4])
pipeline.FIRST_BATCH_ITEMS = pipeline.MIN_BATCH_ITEMS = pipeline.MAX_BATCH_ITEMS = 100
def on_batch(position, total):
    begun.touch()
    while position > total - 500 and not done.exists():
        time.sleep(0.01)
    time.sleep(0.03)
pipeline.run_slice(lifecycle.claim(int(sys.argv[1])), should_stop=lambda: False, seconds=None, on_batch=on_batch)
"""
# All that people could tell apart, as far as it does not depend on the moment.
LOOK = """
import tempfile
from pathlib import Path
from django.apps import apps
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core.management import call_command
from imports.models import ImportJob
def export(name):
    with tempfile.NamedTemporaryFile() as file:
        call_command("export_bookmarks", user="ada", format=name, output=file.name)
        return Path(file.name).read_text()
tables = [model for model in apps.get_models(include_auto_created=True)
          if model._meta.app_label not in {"django_q", "imports", "bookmarks"}]
jobs = ("pk", "status", "file_path", "file_size", "content_hash", "import_options", "years", "total_bookmarks",
        "processed_bookmarks", "created_bookmarks", "failed_bookmarks", "failed_bookmark_details", "created", "deaths")
job = ImportJob.objects.get(pk=int(sys.argv[1]))
print(json.dumps({
    "tables": {model._meta.label: list(model.objects.order_by("pk").values()) for model in tables},
    "jobs": list(ImportJob.objects.values(*jobs)),
    "rejected": list(job.rejected_items.values_list("position", "title", "url", "reason", "fragment")),
    "exports": [export(name) for name in ("activitystreams", "netscape", "opml")],
    "password": User.objects.get(username="ada").check_password("lovelace"),
    "session": Session.objects.get().get_decoded(),
    "counters": [job.status, job.total_bookmarks, job.processed_bookmarks, job.created_bookmarks,
                 job.failed_bookmarks, job.events.filter(kind="died").count()],
}, default=str))
"""


def items() -> list[dict[str, object]]:
    """Return what each import of these tests imports: texts of many kinds, tags, dates, and every 100th rejected."""
    return [
        {
            "url": f"https://example.com/{number}" if number % 100 else f"ftp://example.com/{number}",
            "title": f"Nº {number} \u2028 \\ \t 🦔",
            "description": "one\ntwo",
            "tags": [f"tag {number % 50}", "ÄÖ"],
            "created": datetime.fromtimestamp(1_000_000_000 + number / 8, UTC).isoformat(),
        }
        for number in range(ITEMS)
    ]


class Source(NamedTuple):
    """A site that was backed up in the middle of an import, and how it looked when the import had ended."""

    backup: Path
    job: int
    look: dict[str, Any]


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory, postgres_server_url: str) -> Callable[[str], Source]:
    """Return what makes the source on a kind of database, once."""

    @cache
    def source(kind: str) -> Source:
        url = new_database(postgres_server_url) if kind == "postgresql" else ""
        return make_source(Place(tmp_path_factory.mktemp(kind), url))

    return source


def make_source(place: Place) -> Source:
    place.manage("migrate", "--verbosity", "0")
    file = place.folder / "bookmarks.json"
    file.write_text(json.dumps(items()))
    job = place.ask(SUBMIT, file)
    begun, done, backup = place.folder / "begun", place.folder / "done", place.folder / "backup.zip"
    with place.start("-c", IMPORT, str(job), begun, done) as importing:
        assert eventually(begun.exists, seconds=20), importing.text()
        said = place.manage("backup", backup).stdout
        done.touch()
        assert importing.wait(seconds=20) == 0, importing.text()
    assert re.fullmatch(r"Backed up 1 accounts, [\d,]+ bookmarks, 2 imports, 2 stored files to .*\n", said)
    return Source(backup, job, place.ask(LOOK, str(job)))


def unchanging(look: dict[str, Any]) -> dict[str, Any]:
    """Return how a site looked without the moment of its export."""
    house, *others = look["exports"]
    return {**look, "exports": [re.sub(r'"published": ?"[^"]+"', "", house, count=1), *others]}


@pytest.mark.processes
@pytest.mark.parametrize("target", ["sqlite", "postgresql"])
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_an_import_that_was_running_ends_elsewhere_as_it_did_here(
    sources: Callable[[str], Source], postgres_url: str, tmp_path: Path, kind: str, target: str
) -> None:
    source = sources(kind)
    place = Place(tmp_path / "restored", postgres_url if target == "postgresql" else "")
    said = place.manage("restore", source.backup).stdout
    assert said.startswith("Restored: 1 accounts, ")
    assert stat.S_IMODE((place.folder / "secret_key").stat().st_mode) == 0o600
    status, total, processed, *_rest = place.ask(LOOK, str(source.job))["counters"]
    assert (status, total) == ("processing", ITEMS)
    assert 0 < processed < ITEMS
    with place.start("manage.py", "worker") as worker:
        assert eventually(lambda: f"import job {source.job}: completed" in worker.text(), seconds=30), worker.text()
    look = place.ask(LOOK, str(source.job))
    assert look["counters"] == ["completed", ITEMS, ITEMS, ITEMS - ITEMS // 100, ITEMS // 100, 0]
    assert look["password"]
    assert look["session"] == {"for": "ada"}
    assert unchanging(look) == unchanging(source.look)
    new = "from imports.models import ImportJob; print(ImportJob.objects.create(user_id=1, file_path='x').pk)"
    assert place.ask(new) == 4, "the number of an import that was deleted was given out again"
