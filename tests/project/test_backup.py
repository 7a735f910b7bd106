"""A backup, made while an import runs, becomes the same site elsewhere, on the same database or the other one."""

import hashlib
import json
import re
import shutil
import stat
import tracemalloc
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zipfile import ZipFile

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage, storages
from django.core.management import CommandError, call_command
from django.utils import timezone
from environs import Env
from moto.server import ThreadedMotoServer
from pytest_django import Settings

from imports.models import ImportJob, RejectedItem
from project.archive import MANIFEST, table_member
from project.backup import write_backup
from project.environment import upload_storage
from project.object_storage import ObjectStorage
from project.restoration import _restore_upload
from tests.exported import without_moment
from tests.factories import make_bookmark, make_job, make_user
from tests.postgres import new_database
from tests.project.places import Place
from tests.project.processes import eventually

ITEMS = 3_000
# Imports while the backup is made: some batches before it begins, more while it runs, the rest when it has ended.
IMPORT = """
import json, sys, time
import django; django.setup()
from pathlib import Path
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.core.files.base import File
from django.core.management import call_command
from imports import lifecycle, pipeline, uploads
from imports.options import ImportOptions
call_command("migrate", verbosity=0)
ada = User.objects.create_superuser("ada", "", "lovelace")
session = SessionStore()
session["for"] = "ada"
session.create()
path, begun, done = map(Path, sys.argv[1:])
def submit():
    with path.open("rb") as file:
        return uploads.submit(File(file, path.name), ada, ImportOptions(), queued=False)
running, cancelled, gone = submit(), submit(), submit()
lifecycle.cancel(ada, cancelled.pk)
gone.delete()
def on_batch(position, total):
    begun.touch()
    while position > total - 500 and not done.exists():
        time.sleep(0.01)
    time.sleep(0.02)
pipeline.FIRST_BATCH_ITEMS = pipeline.MIN_BATCH_ITEMS = pipeline.MAX_BATCH_ITEMS = 100
pipeline.run_slice(lifecycle.claim(running.pk), should_stop=lambda: False, seconds=None, on_batch=on_batch)
"""
# All that people could tell apart, as far as it does not depend on the moment.
LOOK = """
import tempfile
from pathlib import Path
from django.apps import apps
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core.management import call_command
from bookmarks import search
from bookmarks.finding import ORDERS, find
from bookmarks.models import Bookmark
from imports.models import ImportJob
def export(name):
    with tempfile.NamedTemporaryFile() as file:
        call_command("export_bookmarks", user="ada", format=name, output=file.name)
        return Path(file.name).read_text()
jobs = ("pk", "status", "file_path", "file_size", "content_hash", "import_options", "years", "total_bookmarks",
        "processed_bookmarks", "created_bookmarks", "failed_bookmarks", "failed_bookmark_details", "created", "deaths")
def look():
    tables = [model for model in apps.get_models(include_auto_created=True)
              if model._meta.app_label not in {"django_q", "imports", "bookmarks"}]
    job = ImportJob.objects.get(pk=1)
    ada = User.objects.get(username="ada")
    wanted = search.conditions(ada.pk, "tag 17")
    found = [place.pk for place in find(ada.pk, wanted, ORDERS["newest"], limit=1000).places]
    return {
        "found": sorted(Bookmark.objects.filter(pk__in=found).values_list("url", flat=True)),
        "tables": {model._meta.label: list(model.objects.order_by("pk").values()) for model in tables},
        "jobs": list(ImportJob.objects.values(*jobs)),
        "rejected": list(job.rejected_items.values_list("position", "title", "url", "reason", "fragment")),
        "exports": [export(name) for name in ("activitystreams", "netscape", "opml")],
        "password": ada.check_password("lovelace"),
        "session": Session.objects.get().get_decoded(),
        "bookmarks": Bookmark.objects.count(),
        "counters": [job.status, job.total_bookmarks, job.processed_bookmarks, job.created_bookmarks,
                     job.failed_bookmarks, job.events.filter(kind="died").count()],
    }
"""
LOOKED = "print(json.dumps(look(), default=str))"
RESTORED = """
from io import StringIO
call_command("restore", sys.argv[1], stdout=StringIO())
"""
NEW = """
print(json.dumps([look(), ImportJob.objects.create(user_id=1, file_path='x').pk], default=str))
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


def back_up_amid_an_import(place: Place) -> tuple[Path, dict[str, Any]]:
    """Return a backup that was made in the middle of an import, and how the site looked when that had ended."""
    place.folder.mkdir()
    file, begun, done, backup = (place.folder / name for name in ("bookmarks.json", "begun", "done", "backup.zip"))
    file.write_text(json.dumps(items()))
    with place.start("-c", f"{IMPORT}{LOOK}{LOOKED}", file, begun, done) as importing:
        assert eventually(begun.exists, seconds=60), importing.text()
        said = place.manage("backup", backup).stdout
        done.touch()
        assert importing.wait(seconds=60) == 0, importing.text()
    assert re.fullmatch(r"Backed up 1 accounts, [\d,]+ bookmarks, 2 imports, 2 stored files to .*\n", said)
    return backup, json.loads(importing.text().splitlines()[-1])


def unchanging(look: dict[str, Any]) -> dict[str, Any]:
    """Return how a site looked without the moment of its export."""
    house, *others = look["exports"]
    return {**look, "exports": [without_moment(house), *others]}


@pytest.mark.processes
@pytest.mark.parametrize(("kind", "target"), [("sqlite", "postgresql"), ("postgresql", "sqlite")])
def test_an_import_that_was_running_ends_on_the_other_database_as_it_did_here(
    postgres_server_url: str, tmp_path: Path, kind: str, target: str
) -> None:
    urls = {"sqlite": "", "postgresql": new_database(postgres_server_url)}
    backup, ended = back_up_amid_an_import(Place(tmp_path / "source", urls[kind]))
    place = Place(tmp_path / "restored", urls[target])

    amid = place.ask(LOOK + RESTORED + LOOKED, backup)
    status, total, processed, created, failed, deaths = amid["counters"]
    assert (status, total, deaths) == ("processing", ITEMS, 0)
    assert 0 < processed < ITEMS
    assert (created, failed) == (amid["bookmarks"], len(amid["rejected"])), "the tables are of different moments"
    assert created + failed == processed
    assert stat.S_IMODE((place.folder / "secret_key").stat().st_mode) == 0o600

    with place.start("manage.py", "worker") as worker:
        assert eventually(lambda: "import job 1: completed" in worker.text(), seconds=60), worker.text()
    look, number = place.ask(LOOK + NEW)
    assert look["counters"] == ["completed", ITEMS, ITEMS, ITEMS - ITEMS // 100, ITEMS // 100, 0]
    assert look["password"]
    assert look["session"] == {"for": "ada"}
    assert "https://example.com/17" in look["found"]
    assert unchanging(look) == unchanging(ended)
    assert number == 4, "the number of an import that was deleted was given out again"


@pytest.fixture
def small(transactional_db: None, tmp_path: Path) -> Path:
    """Return the backup of a site with a bookmark, and with imports that failed, wait for a decision or were lost."""
    user = make_user("ada")
    make_bookmark(user, tags=["a tag"])
    for status, stored in (("failed", True), ("processing", False), ("previewed", False)):
        job = make_job(user, status=status, total_bookmarks=2, lease_expires_at=timezone.now() + timedelta(minutes=5))
        if stored:
            default_storage.save(job.file_path, ContentFile(b"[]"))
    call_command("backup", str(tmp_path / "backup"), stdout=StringIO())
    return tmp_path / "backup"


def rewritten(backup: Path, **members: bytes | None) -> Path:
    """Return a copy in which some members, by the end of their name, are others, or missing."""
    copy = backup.with_name("copy")
    with ZipFile(backup) as old, ZipFile(copy, "w") as new:
        for name in old.namelist():
            text = members.get(name.rpartition("/")[2].removesuffix(".json"), old.read(name))
            if text is not None:
                new.writestr(name, text)
    return copy


def described(backup: Path, **changes: object) -> bytes:
    """Return the manifest of a backup with some of it changed."""
    with ZipFile(backup) as archive:
        return json.dumps({**json.loads(archive.read(MANIFEST)), **changes}).encode()


def test_only_its_owner_may_read_a_backup_and_nothing_is_left_beside_it(small: Path) -> None:
    assert stat.S_IMODE(small.stat().st_mode) == 0o600
    assert [path.name for path in small.parent.iterdir() if path.is_file()] == [small.name]


def test_a_backup_that_fails_leaves_the_former_one_as_it_was(small: Path, settings: Settings) -> None:
    before = small.read_bytes()
    lost = ImportJob.objects.get(status="previewed")
    (settings.MEDIA_ROOT / lost.file_path).mkdir(parents=True)
    with pytest.raises(CommandError, match=r"No backup was made.*Is a directory"):
        call_command("backup", str(small))
    assert small.read_bytes() == before
    assert [path.name for path in small.parent.iterdir() if path.is_file()] == [small.name]


def test_a_backup_that_has_no_room_is_not_begun(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: SimpleNamespace(free=100))
    with pytest.raises(CommandError, match=r"may take [\d,]+ bytes in .*, but only 100 are free"):
        call_command("backup", str(small.with_name("other")))


def test_memory_does_not_grow_with_a_table(transactional_db: None, tmp_path: Path) -> None:
    job = make_job(make_user(), status="failed")
    rows = (RejectedItem(job=job, position=number, reason="x" * 2_000) for number in range(15_000))
    RejectedItem.objects.bulk_create(rows, batch_size=500)
    tracemalloc.start()
    try:
        write_backup(tmp_path / "backup")
        assert tracemalloc.get_traced_memory()[1] < 16_000_000, "a table of 30 MB"
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("members", "sentence"),
    [
        ({"secret_key": b"another"}, "secret_key is not what was written"),
        ({"bookmarks.bookmark.jsonl": None}, "damaged, or not a backup"),
        ({"manifest": None}, "damaged, or not a backup"),
        ({"manifest": b"[]"}, "damaged, or not a backup"),
    ],
)
def test_a_backup_that_was_changed_is_refused(small: Path, members: dict[str, bytes | None], sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        call_command("restore", str(rewritten(small, **members)), "--check")


@pytest.mark.parametrize("place", [0.1, 0.5, 0.9])
def test_a_backup_with_one_wrong_byte_is_refused(small: Path, place: float) -> None:
    text = bytearray(small.read_bytes())
    text[int(len(text) * place)] ^= 0xFF
    small.write_bytes(text)
    with pytest.raises(CommandError, match=r"damaged"):
        call_command("restore", str(small), "--check")


def test_a_backup_that_is_cut_off_is_refused(small: Path) -> None:
    small.write_bytes(small.read_bytes()[:-100])
    with pytest.raises(CommandError, match="damaged, or not a backup"):
        call_command("restore", str(small), "--check")


@pytest.mark.parametrize("change", [{"format": 2}, {"migrations": [["bookmarks", "9999_from_the_future"]]}])
def test_a_backup_of_a_newer_version_is_refused(small: Path, change: dict[str, object]) -> None:
    with pytest.raises(CommandError, match="made by a newer version"):
        call_command("restore", str(rewritten(small, manifest=described(small, **change))))


def test_a_database_that_is_in_use_is_left_alone(small: Path) -> None:
    for backup in (small, rewritten(small, manifest=described(small, migrations=[["bookmarks", "0001_initial"]]))):
        with pytest.raises(CommandError, match="restore into an empty one"):
            call_command("restore", str(backup))
    assert ImportJob.objects.count() == 3


def test_rows_that_the_database_does_not_take_are_named_and_nothing_is_restored(small: Path) -> None:
    with ZipFile(small) as archive:
        twice = 2 * archive.read(table_member("bookmarks.bookmark"))
        tables = json.loads(archive.read(MANIFEST))["tables"]
    tables["bookmarks.bookmark"]["content"] = {"size": len(twice), "sha256": hashlib.sha256(twice).hexdigest()}
    members = {"bookmarks.bookmark.jsonl": twice, "manifest": described(small, tables=tables)}
    call_command("flush", interactive=False)
    with pytest.raises(CommandError, match=r"does not take the rows of bookmarks\.bookmark"):
        call_command("restore", str(rewritten(small, **members)))
    assert not ImportJob.objects.exists()


def test_a_backup_is_restored_into_a_site_that_nobody_has_used_yet(small: Path, tmp_path: Path) -> None:
    assert (
        "Whole: 1 accounts, 1 bookmarks, 3 imports, 1 stored files"
        in Place(tmp_path).manage("restore", small, "--check").stdout
    )
    place = Place(tmp_path / "new")
    place.manage("migrate", "--verbosity", "0")
    place.manage("restore", small)
    ended = place.ask(
        """
from imports.models import ImportJob
from imports.pipeline import run_to_end
jobs = list(ImportJob.objects.order_by("pk"))
found = [[job.status, job.has_upload] for job in jobs]
lost = run_to_end(jobs[1])
print(json.dumps([found, lost.status, lost.error_message]))
"""
    )
    # One whose file is not there ends with a sentence; nobody is asked to decide about it.
    found = [["failed", True], ["processing", False], ["cancelled", False]]
    assert ended == [found, "failed", "The uploaded file is no longer stored. Please upload it again."]
    assert "in use" in place.manage("restore", small, check=False).stderr


def test_a_file_of_somebody_else_in_the_storage_is_not_replaced(small: Path, tmp_path: Path) -> None:
    place = Place(tmp_path / "new")
    theirs = place.folder / "uploads" / ImportJob.objects.get(status="failed").file_path
    theirs.parent.mkdir(parents=True)
    theirs.write_bytes(b"other")
    assert "The storage has another file as" in place.manage("restore", small, check=False).stderr
    assert theirs.read_bytes() == b"other"
    theirs.write_bytes(b"[]")
    place.manage("restore", small)


def test_files_come_from_s3_and_go_back_there(
    transactional_db: None, settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    bucket = {"S3_BUCKET": "uploads", "S3_ENDPOINT_URL": f"http://{host}:{port}", "S3_REGION": "us-east-1"}
    for name, value in {**bucket, "S3_ACCESS_KEY_ID": "somebody", "S3_SECRET_ACCESS_KEY": "something"}.items():
        monkeypatch.setenv(name, value)
    settings.STORAGES = {**settings.STORAGES, "default": upload_storage(Env())}
    assert isinstance(storages["default"], ObjectStorage)
    storages["default"].connection.create_bucket(Bucket="uploads")
    job, text = make_job(make_user(), status="failed"), bytes(range(256)) * 25_000
    default_storage.save(job.file_path, ContentFile(text))

    manifest = write_backup(tmp_path / "backup")
    default_storage.delete(job.file_path)
    with ZipFile(tmp_path / "backup") as archive:
        for _time in ("stored", "found to be there"):
            _restore_upload(archive, job.file_path, manifest.uploads[job.file_path])
            with default_storage.open(job.file_path) as stored:
                assert stored.read() == text
    server.stop()
    with pytest.raises(CommandError, match=r"No backup was made\."):
        call_command("backup", str(tmp_path / "other"))
