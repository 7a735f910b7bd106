"""The command that exports to a file or to standard output."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from bookmarks.exports import EXPORTS
from bookmarks.models import Bookmark
from tests.factories import make_bookmark, make_user

ROOT = Path(__file__).parents[2]


@pytest.fixture
def user(db: None) -> User:
    return make_user("me")


def printed(**options: str) -> bytes:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    call_command("export_bookmarks", stdout=stream, **options)
    return stream.buffer.getvalue()


@pytest.mark.parametrize("name", ["netscape", "opml"])
def test_standard_output_gets_the_bytes_of_the_export(user: User, name: str) -> None:
    make_bookmark(user, title="日本語")

    expected = b"".join(EXPORTS[name].export(Bookmark.objects.owned_by(user)))

    assert printed(user="me", format=name) == expected


def test_an_export_as_json_is_of_one_user(user: User) -> None:
    make_bookmark(user, "https://example.com/mine")
    make_bookmark(make_user("you"), "https://example.com/yours")

    found = json.loads(printed(user="me", format="activitystreams"))

    assert [item["url"] for item in found["items"]] == ["https://example.com/mine"]


def test_a_caller_that_captures_text_gets_text(user: User) -> None:
    make_bookmark(user, title="日本語")
    stream = io.StringIO()

    call_command("export_bookmarks", user="me", format="opml", stdout=stream)

    assert 'text="日本語"' in stream.getvalue()


def test_a_file_gets_the_bytes_and_standard_output_nothing(user: User, tmp_path: Path) -> None:
    make_bookmark(user, title="日本語")
    file = tmp_path / "bookmarks.html"
    file.write_text("something longer, from before" * 1_000)

    assert printed(user="me", format="netscape", output=str(file)) == b""

    assert file.read_bytes() == b"".join(EXPORTS["netscape"].export(Bookmark.objects.owned_by(user)))


@pytest.mark.django_db
def test_an_unknown_user_is_named_in_a_sentence(tmp_path: Path) -> None:
    file = tmp_path / "file"

    with pytest.raises(CommandError, match=r"^There is no user named nobody\.$") as caught:
        call_command("export_bookmarks", user="nobody", format="opml", output=str(file))

    assert caught.value.returncode == 2
    assert not file.exists()


def test_a_file_that_cannot_be_written_is_named_in_a_sentence(user: User, tmp_path: Path) -> None:
    file = tmp_path / "missing" / "file"

    with pytest.raises(CommandError, match=r"^Cannot write .*/missing/file: No such file or directory\.$") as caught:
        call_command("export_bookmarks", user="me", format="opml", output=str(file))

    assert caught.value.returncode == 2


@pytest.mark.parametrize("options", [{"format": "opml"}, {"user": "me"}, {"user": "me", "format": "csv"}], ids=str)
def test_missing_and_wrong_options_are_refused(options: dict[str, str]) -> None:
    with pytest.raises(CommandError, match=r"--(user|format)"):
        call_command("export_bookmarks", **options)


def test_nobody_reading_on_ends_it_quietly(user: User) -> None:
    make_bookmark(user)
    reader, writer = os.pipe()
    os.close(reader)

    with open(writer, "w") as stream, pytest.raises(SystemExit) as caught:  # noqa: PTH123 - a descriptor
        call_command("export_bookmarks", user="me", format="opml", stdout=stream)

    assert caught.value.code == 141


def manage(*arguments: str, data_dir: Path, stdout: int = subprocess.PIPE) -> subprocess.CompletedProcess[str]:
    given = {"DATA_DIR": str(data_dir), "DATABASE_URL": "", "DJANGO_SUPERUSER_PASSWORD": "a password"}
    return subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), *arguments],
        env={**os.environ, **given},
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.processes
def test_a_shell_sees_exit_statuses_and_no_traceback(tmp_path: Path) -> None:
    assert manage("migrate", "--verbosity=0", data_dir=tmp_path).returncode == 0
    create = ("createsuperuser", "--noinput", "--username=me", "--email=me@example.com")
    assert manage(*create, data_dir=tmp_path).returncode == 0
    reader, writer = os.pipe()
    os.close(reader)

    good = manage("export_bookmarks", "--user=me", "--format=opml", data_dir=tmp_path)
    unread = manage("export_bookmarks", "--user=me", "--format=opml", data_dir=tmp_path, stdout=writer)
    unknown = manage("export_bookmarks", "--user=nobody", "--format=opml", data_dir=tmp_path)
    wrong = manage("export_bookmarks", "--user=me", "--format=csv", data_dir=tmp_path)
    os.close(writer)

    assert (good.returncode, good.stdout[:5], good.stderr) == (0, "<?xml", "")
    assert (unread.returncode, unread.stderr) == (141, "")
    assert (unknown.returncode, unknown.stdout) == (2, "")
    assert unknown.stderr == "CommandError: There is no user named nobody.\n"
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "csv" in wrong.stderr
