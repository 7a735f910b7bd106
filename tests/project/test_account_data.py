"""Leaving: everything of an account can be taken along, and all of it can be deleted."""

import io
import json
import zipfile
from datetime import timedelta
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import models
from django.test import Client
from django.utils import timezone
from django_q.models import OrmQ, Schedule

from bookmarks.drafts import Duplicates
from bookmarks.models import Bookmark, Revision, Tag, Tagging
from imports import lifecycle, pipeline, uploads
from imports.models import ImportJob, JobEvent, RejectedItem, Status
from imports.options import ImportOptions
from imports.prepared import prepared_path
from project import account_deletion
from project.account_deletion import OnlyAdministratorError, close, delete_slice, resume
from project.housekeeping import sweep
from tests.factories import make_bookmark, make_job, make_user

pytestmark = pytest.mark.django_db

DELETE, EXPORT = "/accounts/delete/", "/accounts/export.zip"
FILE = b"""<!DOCTYPE NETSCAPE-Bookmark-file-1>
<DL><p><DT><A HREF="https://example.com/walls" TAGS="new">From the file</A>
<DT><A HREF="javascript:alert(1)">Nothing</A></DL>"""


def furnished(name: str, **fields: Any) -> User:
    """Return a user who has some of everything."""
    user = make_user(name, email=f"{name}@example.com", **fields)
    make_bookmark(user, "https://example.com/walls", title="Dry stone walls", tags=["walls", "stone"])
    make_bookmark(user, tags=["walls"])
    imported(user)
    waiting = uploads.submit(SimpleUploadedFile("waiting.html", FILE), user, ImportOptions())
    failed = make_job(user, status=Status.FAILED, file_path=uploads.save_import_file(io_file(), user))
    RejectedItem.objects.create(job=failed, position=1, title="Ünfit", reason="No.")
    prepared_path(waiting.pk).parent.mkdir(exist_ok=True)
    prepared_path(waiting.pk).write_bytes(b"frames")
    default_storage.save(f"imports/{user.pk}/left-by-a-crash.html", io_file())
    AccessAttempt.objects.create(username=name, ip_address="192.0.2.1", failures_since_start=1)
    Client().force_login(user)
    return user


def io_file() -> SimpleUploadedFile:
    return SimpleUploadedFile("a.html", FILE)


def imported(user: User) -> ImportJob:
    """Run an import that rejects an item, and changes a bookmark."""
    job = uploads.submit(io_file(), user, ImportOptions(duplicate_handling=Duplicates.OVERWRITE), queued=False)
    claimed = lifecycle.claim(job.pk)
    assert claimed is not None
    pipeline.run_slice(claimed, should_stop=lambda: False)
    job.refresh_from_db()
    assert job.status == Status.COMPLETED
    return job


def rows_of(user: User) -> dict[str, int]:
    """Count all that hangs on an account."""
    owned: dict[str, models.QuerySet[Any]] = {
        "bookmarks": Bookmark.objects.filter(owner=user.pk),
        "tags": Tag.objects.filter(owner=user.pk),
        "taggings": Tagging.objects.filter(bookmark__owner=user.pk),
        "revisions": Revision.objects.filter(bookmark__owner=user.pk),
        "jobs": ImportJob.objects.filter(user=user.pk),
        "events": JobEvent.objects.filter(job__user=user.pk),
        "rejected": RejectedItem.objects.filter(job__user=user.pk),
        "users": User.objects.filter(pk=user.pk),
    }
    counted = {name: rows.count() for name, rows in owned.items()}
    sessions = [session.get_decoded().get("_auth_user_id") for session in Session.objects.all()]
    files = default_storage.listdir(f"imports/{user.pk}")[1] if default_storage.exists(f"imports/{user.pk}") else []
    return counted | {"sessions": sessions.count(str(user.pk)), "files": len(files)}


def run_queue() -> int:
    """Do the deletions that the queue has been sent; return how many messages there were."""
    messages = [message for message in OrmQ.objects.all() if message.func() == account_deletion._TASK]
    for message in messages:
        message.delete()
        delete_slice(*message.task["args"])
    return len(messages)


def test_deleting_an_account_takes_the_password_and_deletes_everything_of_it_and_nothing_else(client: Client) -> None:
    ada, bob = furnished("ada"), furnished("bob")
    before = rows_of(bob)
    bobs_frames = [str(job.pk) for job in ImportJob.objects.filter(user=bob, status=Status.PENDING)]
    assert all(rows_of(ada).values()), rows_of(ada)
    client.force_login(ada)
    assert "Delete your account" in client.get(DELETE).content.decode()
    assert "This is not your password" in client.post(DELETE, {"password": "wrong"}).content.decode()
    assert all(rows_of(ada).values())
    response = client.post(DELETE, {"password": "a password"}, follow=True)
    assert response.redirect_chain == [("/accounts/login/", 303)]
    assert "Your account is closed" in response.content.decode()
    assert run_queue() == 1
    assert set(rows_of(ada).values()) == {0}, rows_of(ada)
    assert [path.stem for path in prepared_path(0).parent.glob("*.frames")] == bobs_frames
    assert AccessAttempt.objects.filter(username="ada").count() == 0
    assert not default_storage.exists(f"imports/{ada.pk}")
    assert rows_of(bob) == before
    assert bob.check_password("a password")


def test_a_closed_account_is_of_no_use_from_the_first_moment(client: Client) -> None:
    ada = furnished("ada")
    client.force_login(ada)
    close(ada)
    assert client.get("/bookmarks/").status_code == 302
    assert Client().post("/accounts/login/", {"username": "ada", "password": "a password"}).status_code == 200
    ada.refresh_from_db()
    assert (ada.email, ada.first_name, ada.has_usable_password()) == ("", "", False)
    assert make_user("ada").pk != ada.pk


def test_a_large_account_is_deleted_slice_by_slice(monkeypatch: pytest.MonkeyPatch) -> None:
    ada = furnished("ada")
    for _ in range(5):
        make_bookmark(ada)
    monkeypatch.setattr(account_deletion, "_SLICE_SECONDS", -1.0)
    monkeypatch.setattr(account_deletion, "_ROWS_AT_ONCE", 2)
    close(ada)
    slices = 0
    while run_queue():
        slices += 1
    assert slices > 10
    assert set(rows_of(ada).values()) == {0}


def test_a_deletion_whose_message_was_lost_is_taken_up_again() -> None:
    ada = furnished("ada")
    close(ada)
    OrmQ.objects.all().delete()
    assert Schedule.objects.filter(func="project.housekeeping.sweep").count() == 1
    sweep()
    assert run_queue() == 1
    assert not User.objects.filter(pk=ada.pk).exists()


def test_sessions_that_have_expired_are_swept_away_and_no_others() -> None:
    ada = make_user("ada")
    for _ in range(2):
        Client().force_login(ada)
    expired = Session.objects.first()
    assert expired
    Session.objects.filter(pk=expired.pk).update(expire_date=timezone.now() - timedelta(seconds=1))
    sweep()
    assert Session.objects.exclude(pk=expired.pk).count() == Session.objects.count() == 1


def test_nobody_is_deleted_who_has_not_closed_the_account() -> None:
    ada = furnished("ada")
    User.objects.filter(pk=ada.pk).update(is_active=False)
    before = rows_of(ada)
    delete_slice(ada.pk)
    resume()
    assert run_queue() == 0
    assert rows_of(ada) == before


def test_the_last_administrator_cannot_leave_the_others_alone(client: Client) -> None:
    admin = make_user("root", is_superuser=True, is_staff=True)
    bob = make_user("bob")
    client.force_login(admin)
    page = client.post(DELETE, {"password": "a password"}).content.decode()
    assert "You are the only administrator" in page
    User.objects.filter(pk=bob.pk).update(is_superuser=True)
    close(admin)
    bob.refresh_from_db()
    with pytest.raises(OnlyAdministratorError):
        make_user("eve")
        close(bob)


def test_the_password_of_an_open_session_cannot_be_guessed_for_long(client: Client) -> None:
    client.force_login(make_user("ada"))
    answers = [client.post(DELETE, {"password": f"guess {number}"}).status_code for number in range(6)]
    assert answers == [200, 200, 200, 200, 429, 429]
    assert client.post(DELETE, {"password": "a password"}).status_code == 429
    change = {"old_password": "a password", "new_password1": "stacked-stones-7", "new_password2": "stacked-stones-7"}
    assert client.post("/accounts/password/", change).status_code == 429
    assert User.objects.filter(username="ada").exists()


def archive_of(client: Client) -> zipfile.ZipFile:
    response = client.get(EXPORT)
    assert response.headers["Content-Disposition"] == 'attachment; filename="cairn-account.zip"'
    archive = zipfile.ZipFile(io.BytesIO(b"".join(response.streaming_content)))  # type: ignore[attr-defined]  # streamed
    assert archive.testzip() is None
    return archive


def test_the_archive_of_an_account_holds_everything_of_it_and_nothing_of_others(client: Client) -> None:
    ada = furnished("ada", first_name="Ada")
    furnished("bob")
    client.force_login(ada)
    archive = archive_of(client)
    texts = {name: archive.read(name) for name in archive.namelist()}
    assert b"bob" not in b"".join(texts.values())
    profile = json.loads(texts.pop("profile.json"))
    assert (profile["username"], profile["email"], profile["first_name"]) == ("ada", "ada@example.com", "Ada")
    assert "password" not in profile
    collection = json.loads(texts.pop("bookmarks.json"))
    assert collection["totalItems"] == len(collection["items"]) == Bookmark.objects.filter(owner=ada).count()
    jobs = json.loads(texts.pop("imports.json"))
    assert [job["status"] for job in jobs] == ["completed", "pending", "failed"]
    assert [item["url"] for item in jobs[0]["rejected"]] == ["javascript:alert(1)"]
    assert [item["title"] for item in jobs[2]["rejected"]] == ["Ünfit"]
    assert [event["kind"] for event in jobs[0]["timeline"]][-1] == "completed"
    (revision,) = json.loads(texts.pop("revisions.json"))
    assert (revision["import"], revision["before"]["title"]) == (jobs[0]["id"], "Dry stone walls")
    assert texts == {f"uploads/{job['id']}.html": FILE for job in jobs[1:]}


def test_the_archive_of_a_new_account_is_empty_but_whole(client: Client) -> None:
    client.force_login(make_user("ada"))
    archive = archive_of(client)
    assert json.loads(archive.read("imports.json")) == json.loads(archive.read("revisions.json")) == []
    assert json.loads(archive.read("bookmarks.json"))["items"] == []


def test_an_upload_that_goes_meanwhile_does_not_spoil_the_archive(client: Client) -> None:
    ada = make_user("ada")
    make_job(ada, status=Status.FAILED)
    client.force_login(ada)
    assert sorted(archive_of(client).namelist()) == [
        "bookmarks.json",
        "imports.json",
        "profile.json",
        "revisions.json",
    ]


def test_settings_lead_to_both(client: Client) -> None:
    client.force_login(make_user("ada"))
    page = client.get("/accounts/settings/").content.decode()
    assert f'href="{DELETE}"' in page
    assert f'href="{EXPORT}"' in page
