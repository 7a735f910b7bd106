"""What polls is sent only what it does not show already: nothing too much, and above all nothing too little."""

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.db import models
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from imports.models import Heartbeat, ImportJob, Status, Work
from tests.factories import make_job, make_user

pytestmark = pytest.mark.django_db

UNSHOWN = {
    *("id", "user", "is_forgotten", "file_path", "content_hash", "import_options", "preview", "years"),
    *("updated", "woken_at", "lease_expires_at", "deaths", "wake", "fence", "claimed_by", "careful_until"),
    *("undo_position", "same_file_as"),
}
FIELDS = {field.name: field for field in ImportJob._meta.concrete_fields if field.name not in UNSHOWN}


@pytest.fixture
def browser(browser: Client) -> Client:
    browser.get("/import/")  # brings the cookie of the forms
    return browser


def waiting(owner: User, **fields: Any) -> ImportJob:
    return make_job(owner, **{"created": timezone.now() - timedelta(minutes=3, seconds=30), **fields})


def running(owner: User, **fields: Any) -> ImportJob:
    now = timezone.now()
    values: dict[str, Any] = {
        "status": Status.PROCESSING,
        "started_at": now - timedelta(minutes=2, seconds=31),
        "prepared_at": now - timedelta(minutes=2, seconds=30),
        "lease_expires_at": now + timedelta(seconds=30),
        "total_bookmarks": 10_000,
        "processed_bookmarks": 5_000,
        "created_bookmarks": 5_000,
    }
    return waiting(owner, **{**values, **fields})


def full(browser: Client, job: ImportJob) -> str:
    """Return the row as somebody gets it who shows nothing yet."""
    response = browser.get(f"/import/{job.pk}/row/", headers={"HX-Request": "true"})
    assert response.status_code == 200
    return response.content.decode()


def mark_in(html: str) -> str:
    found = re.search(r' data-seen="(\w+)"', html)
    assert found
    return found[1]


def bare(row: str) -> str:
    """Return what a person sees of a row: neither marks nor tokens, nor the exact seconds that the script looks at."""
    return re.sub(r'( data-seen| name="csrfmiddlewaretoken" value| data-seconds-left)="[^"]*"', "", row)


def poll(browser: Client, job: ImportJob, seen: str) -> str | None:
    """Ask as the page does; return the row, or None when the browser is to keep what it shows."""
    response = browser.get(f"/import/{job.pk}/row/", headers={"HX-Request": "true", "X-Seen": seen})
    if response.status_code == 204:
        assert response.content == b""
        return None
    assert response.status_code == 200
    return response.content.decode().replace("\N{NO-BREAK SPACE}", " ")


def wait(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Let time pass."""
    later = timezone.now() + timedelta(seconds=seconds)
    monkeypatch.setattr(timezone, "now", lambda: later)


@pytest.mark.parametrize("make", [waiting, running])
def test_a_row_is_sent_once_and_then_only_when_it_has_changed(browser: Client, owner: User, make: Any) -> None:
    job = make(owner)
    seen = mark_in(full(browser, job))
    assert poll(browser, job, seen) is None
    ImportJob.objects.update(total_bookmarks=20_000, status=Status.PROCESSING, prepared_at=timezone.now())
    row = poll(browser, job, seen)
    assert row is not None
    assert mark_in(row) != seen
    assert "of 20,000" in row


def test_a_row_of_the_whole_page_has_the_mark_of_the_row_alone(browser: Client, owner: User) -> None:
    job, other = running(owner, same_file_as=make_job(owner, status=Status.COMPLETED)), waiting(owner)
    page = browser.get("/import/").content.decode()
    rows = page[page.index(f'id="job-{other.pk}"') :], page[page.index(f'id="job-{job.pk}"') :]
    assert poll(browser, other, mark_in(rows[0])) is None
    assert poll(browser, job, mark_in(rows[1])) is None


def test_without_a_mark_or_with_an_old_one_the_row_comes_in_full(browser: Client, owner: User) -> None:
    job = waiting(owner)
    assert full(browser, job).startswith("\n<tr")
    for seen in ("", "0", "äöü", "x" * 5_000):
        assert poll(browser, job, seen) is not None


def another(field: models.Field, value: Any) -> Any:
    """Return another value for a field than it has."""
    if field.name == "status":
        return Status.PROCESSING if value == Status.PENDING else Status.PENDING
    if field.name == "work":
        return Work.UNDO
    match field:
        case models.BooleanField():
            return not value
        case models.DateTimeField():
            return (value or timezone.now()) - timedelta(hours=3)
        case models.IntegerField():
            return value + 1_234
        case models.JSONField():
            return [{"position": 1, "reason": "No."}] if field.name == "failed_bookmark_details" else ["Note."]
    return f"{value} and more"


@pytest.mark.parametrize("make", [waiting, running])
def test_whatever_changes_a_row_makes_it_be_sent(browser: Client, owner: User, make: Any) -> None:
    for name, field in FIELDS.items():
        job = make(owner)
        before = full(browser, job)
        ImportJob.objects.filter(pk=job.pk).update(**{name: another(field, getattr(job, name))})
        after = full(browser, job)
        assert poll(browser, job, mark_in(before)) is not None or bare(after) == bare(before), name
        job.delete()


def test_no_field_that_is_left_out_here_changes_a_row(browser: Client, owner: User) -> None:
    job = running(owner)
    before = full(browser, job)
    ImportJob.objects.update(
        **dict.fromkeys(("deaths", "wake", "fence", "careful_until", "undo_position"), 3),
        **{name: timezone.now() + timedelta(seconds=9) for name in ("updated", "woken_at", "lease_expires_at")},
        **dict.fromkeys(("file_path", "content_hash", "claimed_by"), "x"),
        **{name: {"2026": 7} for name in ("preview", "years", "import_options")},
    )
    assert bare(full(browser, job)) == bare(before)
    assert poll(browser, job, mark_in(before)) is None


@pytest.mark.parametrize(
    ("age", "later", "is_sent"),
    [(3, 4, False), (3, 8, True), (150, 20, False), (150, 31, True), (3_590, 11, True)],
)
def test_how_long_ago_a_row_began_goes_on_counting(
    browser: Client, owner: User, monkeypatch: pytest.MonkeyPatch, *, age: int, later: int, is_sent: bool
) -> None:
    job = waiting(owner, created=timezone.now() - timedelta(seconds=age, milliseconds=500))
    seen = mark_in(full(browser, job))
    wait(monkeypatch, later)
    assert (poll(browser, job, seen) is not None) == is_sent


def test_an_import_that_does_not_get_on_shows_that_it_gets_slower(
    browser: Client, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = running(owner)
    seen = mark_in(full(browser, job))
    wait(monkeypatch, 28)
    row = poll(browser, job, seen)
    assert row is not None
    assert "28 per second" in row


def test_a_row_is_sent_when_the_one_before_it_ends_or_the_one_of_the_same_file_changes(
    browser: Client, owner: User
) -> None:
    first = running(owner)
    job = waiting(owner, same_file_as=first)
    seen = mark_in(full(browser, job))
    assert poll(browser, job, seen) is None
    ImportJob.objects.filter(pk=first.pk).update(created_bookmarks=5_001)
    row = poll(browser, job, seen)
    assert row is not None
    assert "5,001 new" in row
    ImportJob.objects.filter(pk=job.pk).update(same_file_as=None)
    seen = mark_in(full(browser, job))
    assert poll(browser, job, seen) is None
    ImportJob.objects.filter(pk=first.pk).update(status=Status.COMPLETED)
    row = poll(browser, job, seen)
    assert row is not None
    assert "Waits until" not in row


def test_a_row_is_sent_when_the_last_worker_has_gone_and_when_one_is_there_again(browser: Client, owner: User) -> None:
    now = timezone.now()
    job = waiting(owner, updated=now - timedelta(minutes=9))
    seen = mark_in(full(browser, job))
    beat = Heartbeat.objects.create(pk=1, seen=now - timedelta(hours=2))
    cache.clear()  # a second later
    row = poll(browser, job, seen)
    assert row is not None
    assert "2 hours ago" in row
    assert poll(browser, job, mark_in(row)) is None
    beat.seen = now
    beat.save()
    cache.clear()
    row = poll(browser, job, mark_in(row))
    assert row is not None
    assert "No worker" not in row


@pytest.mark.parametrize("status", [status for status in Status if status not in {Status.PENDING, Status.PROCESSING}])
def test_a_row_that_has_ended_is_always_sent_and_has_no_mark(browser: Client, owner: User, status: Status) -> None:
    job = running(owner)
    seen = mark_in(full(browser, job))
    ImportJob.objects.update(status=status, completed_at=timezone.now())
    row = poll(browser, job, seen)
    assert row is not None
    assert "data-seen" not in row


def test_a_row_is_sent_after_a_new_login_as_its_forms_are_refused_then(browser: Client, owner: User) -> None:
    job = waiting(owner)
    seen = mark_in(full(browser, job))
    browser.cookies["csrftoken"] = "n" * 32
    assert poll(browser, job, seen) is not None


def test_a_mark_opens_nobody_elses_row(browser: Client, owner: User) -> None:
    job = waiting(owner)
    seen = mark_in(full(browser, job))
    ImportJob.objects.update(user=make_user())
    assert browser.get(f"/import/{job.pk}/row/", headers={"X-Seen": seen}).status_code == 404
    browser.logout()
    answer = browser.get(f"/import/{job.pk}/row/", headers={"HX-Request": "true", "X-Seen": seen})
    assert answer.status_code == 401


@pytest.mark.parametrize("pk", [0, 2**63 - 1, 2**63, 10**30])
def test_a_row_that_there_cannot_be_is_not_found(browser: Client, pk: int) -> None:
    assert browser.get(f"/import/{pk}/row/").status_code == 404


def test_a_row_that_is_not_sent_costs_three_queries_too(
    browser: Client, owner: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    running(owner)
    job = waiting(owner, woken_at=datetime.now(tz=timezone.get_current_timezone()) - timedelta(hours=1))
    seen = mark_in(full(browser, job))
    with django_assert_num_queries(3):  # session, person, job; that it is behind is part of the third
        assert poll(browser, job, seen) is None
