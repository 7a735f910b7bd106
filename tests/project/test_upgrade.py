"""A site of the previous release is taken over as it is: its database is migrated, its imports go on."""

import hashlib
import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from django.db.migrations import (
    AddField,
    AddIndex,
    AlterField,
    CreateModel,
    RemoveField,
    RemoveIndex,
    RunPython,
    RunSQL,
    SeparateDatabaseAndState,
)
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.db.models import CharField

from tests.project.places import Place
from tests.project.processes import REPOSITORY, eventually

# What releases had, as it was: an edited migration would leave sites that had it in another state than new ones.
RELEASED = {
    "bookmarks/migrations/0001_initial.py": "e4b23c43c17044f4bd8ea5d61aa80313f7b80810",
    "bookmarks/migrations/0002_bookmark_added_by.py": "1ca704b0eb49eadc3d3b2efe4e777ec561a8d945",
    "imports/migrations/0001_initial.py": "24015586e2d216320c499aa3b27dfe8c26b46b1a",
    "imports/migrations/0002_preview_undo_timeline.py": "14f150b34ea3582b5a14c14d31e50e2857992db1",
}
OWN = ("bookmarks", "imports", "project")

# Made by the release before previews and undo: two accounts, and six imports, one of them killed after 20 of 30 items.
PREVIOUS = Path(__file__).parent / "previous_release"
SECRET_KEY = "the key of the previous release"
COMPLETED, OVERWRITING, FAILED, PENDING, KILLED, CANCELLED = range(1, 7)
LOOK = """
from django.contrib.auth.models import User
from bookmarks.models import Bookmark
from imports.models import ImportJob
users = {name: User.objects.get(username=name) for name in ("ada", "grace")}
print(json.dumps({
    "passwords": [user.check_password("a password") for user in users.values()],
    "bookmarks": [user.bookmarks.count() for user in users.values()],
    "titles": list(users["ada"].bookmarks.order_by("url").values_list("title", flat=True)[:2]),
    "tags": sorted(users["ada"].tags.filter(bookmarks__isnull=False).distinct().values_list("name", flat=True)),
    "jobs": [[job.status, job.total_bookmarks, job.processed_bookmarks, job.created_bookmarks, job.updated_bookmarks,
              job.skipped_bookmarks, job.failed_bookmarks, job.rejected_items.count()]
             for job in ImportJob.objects.order_by("pk")],
}))
"""
VISIT = """
from django.contrib.auth.models import User
from django.test import Client
client = Client(headers={"host": "localhost"})
client.force_login(User.objects.get(username="ada"))
paths = ["/bookmarks/", "/bookmarks/?q=page", "/tags/", "/import/", *(f"/import/{pk}/" for pk in (1, 2, 3, 5, 6))]
print(json.dumps({path: [(answer := client.get(path)).status_code, answer.content.decode()] for path in paths}))
"""
UNDO = """
from django.contrib.auth.models import User
from imports import lifecycle, pipeline
from imports.models import ImportJob
lifecycle.undo(User.objects.get(username="ada"), int(sys.argv[1]))
job = pipeline.run_to_end(ImportJob.objects.get(pk=int(sys.argv[1])))
print(json.dumps([job.status, job.removed_bookmarks, job.restored_bookmarks, job.kept_bookmarks]))
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Return a site as the previous release has left it, on each database."""
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "secret_key").write_text(SECRET_KEY)
    shutil.copytree(PREVIOUS / "uploads", folder / "uploads")
    script = (PREVIOUS / f"{request.param}.sql").read_text()
    if request.param == "sqlite":
        with closing(sqlite3.connect(folder / "cairn.sqlite3")) as connection:
            connection.executescript(script)
        return Place(folder)
    url = request.getfixturevalue("postgres_url")
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(script.encode())
    return Place(folder, url)


@pytest.mark.processes
def test_a_site_of_the_previous_release_is_taken_over_whole(place: Place) -> None:
    # What went on while the old workers had not stopped yet, and what an operator asks for before an upgrade.
    place.manage("backup", place.folder / "before.zip")
    place.manage("migrate", "--verbosity", "0")
    before = place.ask(LOOK)
    assert before["passwords"] == [True, True]
    assert before["bookmarks"] == [30, 0]
    assert before["titles"] == ["New title 1", "Page 100"]
    assert before["jobs"][KILLED - 1] == ["processing", 30, 20, 20, 0, 0, 0, 0]

    # A backup of the previous release is as good as its database.
    again = Place(place.folder / "again")
    again.manage("restore", place.folder / "before.zip")
    assert again.ask(LOOK) == before

    pages = place.ask(VISIT, DEBUG="yes")
    assert {path: answer[0] for path, answer in pages.items()} == dict.fromkeys(pages, 200)
    rows = re.findall(r'id="job-(\d)" [^>]*data-status="(\w+)"', pages["/import/"][1])
    assert dict(rows) == {"6": "cancelled", "5": "processing", "3": "failed", "2": "completed", "1": "completed"}

    with place.start("manage.py", "worker") as worker:
        for job in (PENDING, KILLED):
            assert eventually(lambda: f"import job {job}: completed" in worker.text(), seconds=60), worker.text()  # noqa: B023 - called at once
    after = place.ask(LOOK)
    assert after["bookmarks"] == [40, 5]
    assert after["jobs"] == [
        ["completed", 10, 10, 8, 0, 0, 2, 2],
        ["completed", 5, 5, 2, 3, 0, 0, 0],
        ["failed", 0, 0, 0, 0, 0, 0, 0],
        ["completed", 5, 5, 5, 0, 0, 0, 0],
        ["completed", 30, 30, 30, 0, 0, 0, 0],
        ["cancelled", 0, 0, 0, 0, 0, 0, 0],
    ]

    # The previous release kept what an undo needs, though it could not undo.
    assert place.ask(UNDO, str(OVERWRITING)) == ["undone", 2, 3, 0]
    assert place.ask(LOOK)["titles"] == ["Page 1", "Page 100"]


def lets_older_code_go_on(operation: Operation) -> bool:
    """Whether code that does not know of an operation reads and writes beside what it has changed."""
    match operation:
        case AddField(field=field):
            return field.null or field.has_db_default()
        case AlterField(field=field):
            # What is only said about a column, such as its choices, is not in the database.
            return bool(field.choices)
        case CreateModel() | AddIndex() | RemoveIndex() | RunPython() | RunSQL() | SeparateDatabaseAndState():
            return True
    return False


@pytest.mark.parametrize("path", RELEASED)
def test_a_migration_that_was_released_is_not_edited(path: str) -> None:
    assert hashlib.sha256((REPOSITORY / path).read_bytes()).hexdigest()[:40] == RELEASED[path]


def test_every_later_migration_lets_the_version_before_go_on() -> None:
    later = [
        (f"{app}/migrations/{name}.py", migration)
        for (app, name), migration in MigrationLoader(None).disk_migrations.items()
        if app in OWN and f"{app}/migrations/{name}.py" not in RELEASED
    ]
    assert later
    hard = [(path, op) for path, migration in later for op in migration.operations if not lets_older_code_go_on(op)]
    assert not hard, "additive first: docs/operations.md, What a migration may do"


def test_a_column_that_older_code_would_have_to_fill_is_noticed() -> None:
    assert not lets_older_code_go_on(AddField("importjob", "x", CharField(max_length=1, default="")))
    assert lets_older_code_go_on(AddField("importjob", "x", CharField(max_length=1, default="", db_default="")))
    assert not lets_older_code_go_on(RemoveField("importjob", "wake"))
