"""The command that imports a file: its figures, its exit status, and what it prints where."""

import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django_q.models import OrmQ

from bookmarks.models import Bookmark
from imports.models import ImportJob, Status
from tests.factories import make_bookmark, make_user
from tests.imports.test_forms import NETSCAPE

ROOT = Path(__file__).parents[2]
KEYS = ["status", "format", "total", "created", "updated", "skipped", "failed", "error"]
MIXED = NETSCAPE.replace(
    b"</DL>", b'<DT><A HREF="javascript:alert(1)">Bad</A>\n<DT><A HREF="https://example.org/">Other</A>\n</DL>'
)


@pytest.fixture
def owner(db: None) -> User:
    return make_user("robin")


@pytest.fixture
def export(tmp_path: Path) -> Path:
    path = tmp_path / "bookmarks.html"
    path.write_bytes(MIXED)
    return path


def report_of(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    out = capsys.readouterr().out
    report: dict[str, Any] = json.loads(out)
    assert out.count("\n") == 1
    assert list(report) == KEYS
    return report


def test_a_file_is_imported_in_this_process(owner: User, export: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_bookmark(owner, "https://example.org/", title="Mine")
    call_command("import_bookmarks", str(export), "--user", "robin", "--json")
    report = report_of(capsys)
    assert list(report.values()) == ["completed", "netscape", 3, 1, 0, 1, 1, ""]
    assert set(Bookmark.objects.values_list("title", flat=True)) == {"Mine", "Example"}
    assert OrmQ.objects.count() == 0
    job = ImportJob.objects.get()
    assert (job.status, job.file_name, job.user) == (Status.COMPLETED, "bookmarks.html", owner)
    assert not default_storage.exists(job.file_path)
    assert export.exists()


def test_duplicates_are_overwritten_when_asked(owner: User, export: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_bookmark(owner, "https://example.org/", title="Mine")
    call_command("import_bookmarks", str(export), "--user", "robin", "--duplicates", "overwrite", "--json")
    assert report_of(capsys)["updated"] == 1
    assert "Other" in Bookmark.objects.values_list("title", flat=True)


def test_a_dry_run_tells_the_same_figures_and_writes_nothing(
    owner: User, export: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_bookmark(owner, "https://example.org/")
    call_command("import_bookmarks", str(export), "--user", "robin", "--dry-run", "--json")
    would = report_of(capsys)
    assert (Bookmark.objects.count(), ImportJob.objects.count()) == (1, 0)
    call_command("import_bookmarks", str(export), "--user", "robin", "--json")
    assert {**report_of(capsys), "status": "dry-run"} == would


def test_without_json_the_figures_are_a_line_for_people(
    owner: User, export: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("import_bookmarks", str(export), "--user", "robin")
    line = capsys.readouterr().out.splitlines()[0]
    assert line == "completed (netscape): 3 items, 2 new, 0 updated, 0 skipped, 1 failed"


@pytest.mark.parametrize("extra", [[], ["--dry-run"]])
def test_a_file_that_cannot_be_read_ends_with_status_1_and_says_why(
    owner: User, tmp_path: Path, capsys: pytest.CaptureFixture[str], extra: list[str]
) -> None:
    path = tmp_path / "broken.json"
    path.write_bytes(b'{"answer": 42}')
    with pytest.raises(CommandError) as failure:
        call_command("import_bookmarks", str(path), "--user", "robin", "--json", *extra)
    assert failure.value.returncode == 1
    report = report_of(capsys)
    assert report["status"] == "failed"
    assert "not an export that Cairn knows" in report["error"]


@pytest.fixture
def cut_off(tmp_path: Path) -> Path:
    path = tmp_path / "export.json"
    link = '{"type": "Link", "url": "https://example.com/%d", "name": "x"}'
    path.write_text('{"type": "Collection", "items": [' + ", ".join(link % number for number in range(3)) + ', {"url')
    return path


@pytest.mark.parametrize(("extra", "success"), [([], "completed"), (["--dry-run"], "dry-run")])
def test_a_file_that_is_cut_off_is_imported_up_to_there_only_when_asked(
    owner: User, cut_off: Path, capsys: pytest.CaptureFixture[str], extra: list[str], success: str
) -> None:
    arguments = [str(cut_off), "--user", "robin", "--json", *extra]
    with pytest.raises(CommandError, match="cut off") as failure:
        call_command("import_bookmarks", *arguments)
    assert failure.value.returncode == 1
    refused = report_of(capsys)
    assert list(refused.values())[:-1] == ["failed", "activitystreams", 3, 0, 0, 0, 0]
    assert "3 items before that could be read." in refused["error"]
    assert not Bookmark.objects.exists()
    call_command("import_bookmarks", *arguments, "--partial")
    assert list(report_of(capsys).values()) == [success, "activitystreams", 3, 3, 0, 0, 0, ""]
    assert Bookmark.objects.count() == (0 if extra else 3)


def test_what_is_missing_of_a_file_that_is_cut_off_is_told_in_a_notice(
    owner: User, cut_off: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for extra in ["--dry-run"], []:
        call_command("import_bookmarks", str(cut_off), "--user", "robin", "--partial", *extra)
        assert "The file is cut off" in capsys.readouterr().out.splitlines()[1]


def test_tags_go_on_everything_imported(owner: User, export: Path) -> None:
    call_command(
        "import_bookmarks", str(export), "--user", "robin", "--tag", "from work", "--tag", "a, b", "--tag", "A, B"
    )
    for bookmark in Bookmark.objects.all():
        assert list(bookmark.tags.order_by("key").values_list("name", flat=True)) == ["A, B", "from work"]
    assert Bookmark.objects.count() == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["{export}", "--user", "nobody"], "There is no user named nobody."),
        (["{export}.gone", "--user", "robin"], "No such file or directory"),
        (["{folder}", "--user", "robin"], "Is a directory"),
    ],
)
def test_bad_usage_ends_with_status_2(owner: User, export: Path, arguments: list[str], said: str) -> None:
    with pytest.raises(CommandError, match=said) as failure:
        call_command("import_bookmarks", *(each.format(export=export, folder=export.parent) for each in arguments))
    assert failure.value.returncode == 2
    assert not ImportJob.objects.exists()


@pytest.mark.parametrize(
    "arguments",
    [[], ["x"], ["x", "--user", "robin", "--format", "pdf"], ["x", "--user", "robin", "--duplicates", "no"]],
)
def test_wrong_arguments_are_refused(arguments: list[str]) -> None:
    with pytest.raises(CommandError):
        call_command("import_bookmarks", *arguments)


def run(database: Path, *arguments: str, **options: Any) -> "subprocess.CompletedProcess[bytes]":
    environment = {**os.environ, "DATA_DIR": str(database)}
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, timeout=120, check=False, **options)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("site")
    assert run(directory, "migrate", capture_output=True).returncode == 0
    make = "from django.contrib.auth.models import User; User.objects.create_user('robin')"
    assert run(directory, "shell", "--command", make, capture_output=True).returncode == 0
    return directory


@pytest.mark.processes
@pytest.mark.parametrize(
    ("arguments", "status"), [(["--user", "robin"], 0), (["--user", "nobody"], 2), (["--duplicates", "no"], 2)]
)
def test_the_process_ends_with_the_documented_status(
    site: Path, export: Path, arguments: list[str], status: int
) -> None:
    assert run(site, "import_bookmarks", str(export), *arguments, capture_output=True).returncode == status


@pytest.mark.processes
def test_a_progress_bar_is_drawn_on_a_terminal_only_and_never_on_the_output(site: Path, export: Path) -> None:
    arguments = ("import_bookmarks", str(export), "--user", "robin", "--json")
    plain = run(site, *arguments, capture_output=True)
    assert b"\x1b[" not in plain.stderr
    main, terminal = pty.openpty()
    drawn = run(site, *arguments, stdout=subprocess.PIPE, stderr=terminal)
    os.close(terminal)
    assert json.loads(drawn.stdout)["status"] == "completed"
    assert b"Reading the file" in os.read(main, 65536)
    os.close(main)


@pytest.mark.processes
def test_an_interrupted_import_is_cancelled_and_says_so(site: Path, tmp_path: Path) -> None:
    path = tmp_path / "bookmarks.html"
    line = b'<DT><A HREF="https://interrupted.example/%d">x</A></DT>\n'
    path.write_bytes(NETSCAPE.replace(b"</DL>", b"".join(line % number for number in range(150_000)) + b"</DL>"))
    command = [sys.executable, "manage.py", "import_bookmarks", str(path), "--user", "robin", "--json"]
    process = subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, "DATA_DIR": str(site)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    with process:
        assert process.stderr
        next(line for line in process.stderr if b": started" in line)
        process.send_signal(signal.SIGINT)
        out = process.communicate(timeout=60)[0]
    assert process.returncode == 1
    assert json.loads(out)["status"] == "cancelled"
