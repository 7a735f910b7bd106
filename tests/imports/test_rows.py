"""A job's row: what it shows in each state, when it polls, and what a poll costs."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_q.models import OrmQ
from pytest_django import DjangoAssertNumQueries, Settings

from imports.formats import netscape
from imports.formats.registry import FORMATS
from imports.models import Heartbeat, ImportJob, Status, Work
from imports.templatetags.job_display import rounded_rate, short_format_label
from tests.factories import make_job, make_user

pytestmark = pytest.mark.django_db

ACTIVE = [Status.PENDING, Status.PROCESSING]
ENDED = [status for status in Status if status not in ACTIVE]


def row_of(browser: Client, job: ImportJob) -> str:
    response = browser.get(reverse("imports:job_row", args=[job.pk]), headers={"HX-Request": "true"})
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def running(owner: User, **fields: Any) -> ImportJob:
    now = timezone.now()
    values: dict[str, Any] = {
        "status": Status.PROCESSING,
        "started_at": now - timedelta(seconds=12),
        "prepared_at": now - timedelta(seconds=10),
        "lease_expires_at": now + timedelta(seconds=30),
        "total_bookmarks": 10_000,
        "processed_bookmarks": 5_000,
        "created_bookmarks": 5_000,
    }
    return make_job(owner, **{**values, **fields})


@pytest.mark.parametrize("status", ACTIVE)
def test_an_active_row_alone_polls(browser: Client, owner: User, status: Status) -> None:
    job = make_job(owner, status=status)
    row = row_of(browser, job)
    opening = row[: row.index(">") + 1]
    assert opening.startswith(f'<tr id="job-{job.pk}"')
    assert f'data-status="{status.value}"' in opening
    assert f'hx-get="/import/{job.pk}/row/"' in opening
    assert 'hx-trigger="every 1s"' in opening
    assert 'hx-swap="outerHTML"' in opening
    assert row.count("hx-trigger") == 1
    assert row.count("hx-get") == 1


@pytest.mark.parametrize("status", ENDED)
def test_an_ended_row_does_not_poll(browser: Client, owner: User, status: Status) -> None:
    job = make_job(owner, status=status)
    row = row_of(browser, job)
    opening = row[: row.index(">") + 1]
    assert f'data-status="{status.value}"' in opening
    assert "hx-" not in opening
    assert "hx-trigger" not in row
    assert "hx-get" not in row


@pytest.mark.parametrize("status", Status)
def test_the_actions_fit_the_status(browser: Client, owner: User, status: Status) -> None:
    row = row_of(browser, make_job(owner, status=status))
    assert ('action="/import/cancel/"' in row) == (status in ACTIVE)
    assert ('action="/import/retry/"' in row) == (status in {Status.FAILED, Status.CANCELLED, Status.UNDONE})


def test_a_preview_that_waits_is_linked_and_shows_no_counts(browser: Client, owner: User) -> None:
    job = make_job(owner, status=Status.PREVIEWED, work=Work.PREVIEW, total_bookmarks=1_234)
    row = row_of(browser, job)
    assert f'href="/import/{job.pk}/preview/"' in row
    assert "Look at the preview" in row
    assert "1,234 items in the file; nothing was imported yet." in row
    assert "</b> new" not in row
    assert "Look at the preview" not in row_of(browser, make_job(owner, status=Status.COMPLETED))


def test_what_can_be_undone_is_linked_to_the_question(browser: Client, owner: User) -> None:
    job = make_job(owner, status=Status.COMPLETED, created_bookmarks=3)
    assert f'href="/import/{job.pk}/undo/"' in row_of(browser, job)
    assert "/undo/" not in row_of(browser, make_job(owner, status=Status.COMPLETED))


def test_the_file_name_leads_to_the_page_of_the_import(browser: Client, owner: User) -> None:
    job = make_job(owner)
    assert re.search(rf'<a [^>]*href="/import/{job.pk}/"[^>]*>{job.file_name}</a>', row_of(browser, job))


def test_an_earlier_import_of_the_same_file_is_named_while_it_is_in_the_history(browser: Client, owner: User) -> None:
    first = make_job(owner, status=Status.COMPLETED, created_bookmarks=1_234)
    ImportJob.objects.filter(pk=first.pk).update(created=timezone.now().replace(2026, 5, 3))
    again = make_job(owner, same_file_as=first)
    row = row_of(browser, again)
    assert "Same file as the import of May 3, 2026: completed, 1,234 new" in row
    assert f'href="/import/{first.pk}/"' in row
    ImportJob.objects.filter(pk=first.pk).update(is_forgotten=True)
    assert "Same file" not in row_of(browser, again)


def test_nothing_can_be_retried_whose_file_is_gone(browser: Client, owner: User) -> None:
    assert "Retry" not in row_of(browser, make_job(owner, status=Status.FAILED, has_upload=False))


def test_a_job_that_stopped_midway_can_go_on_or_start_over(browser: Client, owner: User) -> None:
    row = row_of(browser, running(owner, status=Status.CANCELLED))
    assert "goes on after item 5,000" in row
    assert 'name="start_over"' in row


def test_a_job_without_a_position_is_just_retried(browser: Client, owner: User) -> None:
    assert 'name="start_over"' not in row_of(browser, make_job(owner, status=Status.FAILED))


def test_a_broken_file_can_be_imported_up_to_its_break(browser: Client, owner: User) -> None:
    job = make_job(owner, status=Status.FAILED, can_import_partly=True, total_bookmarks=1_234)
    assert "Import the 1,234 readable items" in row_of(browser, job)
    ImportJob.objects.update(can_import_partly=False)
    assert "readable" not in row_of(browser, job)


def test_counts_have_thousands_separators(browser: Client, owner: User) -> None:
    counts = {"updated_bookmarks": 2_345, "skipped_bookmarks": 3_456, "failed_bookmarks": 4_567}
    row = row_of(browser, running(owner, created_bookmarks=1_234_567, **counts))
    for text in ("<b>1,234,567</b> new", "<b>2,345</b> updated", "<b>3,456</b> skipped", "<b>4,567</b> failed"):
        assert text in row


def test_progress_is_shown_in_figures_and_as_a_bar(browser: Client, owner: User) -> None:
    row = row_of(browser, running(owner))
    assert "5,000 of 10,000 (50%)" in row
    bar = re.search(r"<progress[^>]*>", row)
    assert bar
    assert 'role="progressbar"' in bar[0]
    assert 'value="50"' in bar[0]
    assert 'max="100"' in bar[0]


def test_rate_and_time_left_are_shown_while_processing(browser: Client, owner: User) -> None:
    row = row_of(browser, running(owner))
    assert re.search(r"(4\d\d|500) per second, about 1[05] seconds left", row)
    ended = row_of(browser, running(owner, status=Status.CANCELLED, completed_at=timezone.now()))
    assert re.search(r"(4\d\d|500) per second on average", ended)
    assert "left" not in ended


@pytest.mark.parametrize(("rate", "shown"), [(0.3, 1), (7.4, 7), (14.5, 14), (487, 490), (5_678, 5_700)])
def test_a_rate_is_shown_with_two_figures_that_count(rate: float, shown: int) -> None:
    assert rounded_rate(rate) == shown


def test_the_progress_of_an_undo_is_that_of_the_undo(browser: Client, owner: User) -> None:
    undo = {"work": Work.UNDO, "undo_total": 2_000, "removed_bookmarks": 400, "restored_bookmarks": 60}
    row = row_of(browser, running(owner, **undo, kept_bookmarks=40))
    assert "500 of 2,000 (25%)" in row
    for text in ("<b>400</b> removed", "<b>60</b> restored", "<b>40</b> kept", "Cancel the undo of"):
        assert text in row
    assert "Looking for what is to be undone…" in row_of(browser, running(owner, **undo, prepared_at=None))


def test_reading_the_file_is_said_before_the_total_is_known(browser: Client, owner: User) -> None:
    row = row_of(browser, running(owner, prepared_at=None, total_bookmarks=0, processed_bookmarks=0))
    assert "Reading the file…" in row
    assert "0 of 0" not in row


def test_a_job_behind_another_one_says_what_it_waits_for(browser: Client, owner: User) -> None:
    first, second = running(owner), make_job(owner)
    assert "Waits until your earlier import has ended." in row_of(browser, second)
    assert "Waits until" not in row_of(browser, first)
    ImportJob.objects.filter(pk=first.pk).update(status=Status.COMPLETED)
    assert "Waits until" not in row_of(browser, second)


def test_a_job_does_not_wait_for_another_users(browser: Client, owner: User) -> None:
    running(make_user())
    assert "Waits until" not in row_of(browser, make_job(owner))


def test_error_notices_and_rejected_items_are_shown_as_text(browser: Client, owner: User) -> None:
    detail = {
        "position": 7,
        "title": "<b>Bad</b>",
        "url": "javascript:alert(1)",
        "reason": "It is a javascript: address.",
    }
    job = make_job(
        owner,
        status=Status.FAILED,
        error_message="The file <breaks> off.",
        notices=["Tags & more"],
        failed_bookmarks=1_300,
        failed_bookmark_details=[detail],
    )
    row = row_of(browser, job)
    assert "The file &lt;breaks&gt; off." in row
    assert "Tags &amp; more" in row
    assert "1,300 items could not become bookmarks" in row
    assert '<li value="7"> It is a javascript: address.' in row
    assert "&lt;b&gt;Bad&lt;/b&gt;" in row
    assert "<code>javascript:alert(1)</code>" in row
    assert 'href="javascript' not in row


@pytest.mark.parametrize(("status", "shown"), [(Status.PROCESSING, 10), (Status.COMPLETED, 100)])
def test_a_row_that_is_sent_every_second_stays_short(browser: Client, owner: User, status: Status, shown: int) -> None:
    details = [{"position": number, "reason": "No."} for number in range(1, 101)]
    row = row_of(browser, running(owner, status=status, failed_bookmarks=100, failed_bookmark_details=details))
    assert row.count("<li value=") == shown


def test_file_name_size_and_format_are_shown(browser: Client, owner: User) -> None:
    name = "a-very-long-name-" * 10 + ".html"
    row = row_of(browser, make_job(owner, file_name=name, file_size=53_477_376, detected_format="netscape"))
    assert f'title="{name}"' in row
    assert "51.0 MB" in row
    assert f'· <span title="{netscape.LABEL}">Netscape bookmarks</span>' in row


@pytest.mark.parametrize(
    ("name", "shown", "whole"),
    [
        ("activitystreams", "ActivityStreams", "ActivityStreams (Cairn, Pebbling Club, Mastodon, fediverse)"),
        ("pocket-csv", "Pocket (CSV)", "Pocket (CSV)"),
        ("wallabag-v1", "wallabag 1", "wallabag 1"),
        ("of-an-older-release", "of-an-older-release", "of-an-older-release"),
    ],
)
def test_a_format_is_shown_in_short_where_that_is_enough(
    browser: Client, owner: User, name: str, shown: str, whole: str
) -> None:
    assert f'<span title="{whole}">{shown}</span>' in row_of(browser, make_job(owner, detected_format=name))


def test_no_two_formats_are_shown_alike() -> None:
    shown = [short_format_label(known.NAME) for known in FORMATS]
    assert len(set(shown)) == len(shown)


def test_the_date_is_relative_with_the_exact_one_beside_it(browser: Client, owner: User) -> None:
    job = make_job(owner, created=timezone.now() - timedelta(hours=3))
    row = row_of(browser, job)
    assert ">3 hours ago<" in row
    assert f'datetime="{job.created.isoformat()}"' in row


def test_the_day_on_which_the_upload_goes_is_said(browser: Client, owner: User, settings: Settings) -> None:
    settings.IMPORT_RETENTION_DAYS = 30
    job = make_job(owner, status=Status.FAILED, completed_at=timezone.now().replace(2026, 3, 1))
    assert "kept until March 31, 2026" in row_of(browser, job)


def test_every_id_in_a_row_is_there_once_and_of_this_job(browser: Client, owner: User) -> None:
    job = running(
        owner, status=Status.FAILED, notices=["x"], failed_bookmark_details=[{"position": 1, "reason": "No."}]
    )
    ids = re.findall(r'\bid="([^"]*)"', row_of(browser, job))
    assert len(ids) > 4
    assert len(set(ids)) == len(ids)
    assert all(each.startswith(f"job-{job.pk}") for each in ids)


def test_no_row_has_inline_script_or_style(browser: Client, owner: User) -> None:
    row = row_of(browser, running(owner, notices=["x"], error_message="No."))
    assert "style=" not in row
    assert "<script" not in row
    assert not re.search(r"\son[a-z]+=", row)
    assert "hx-on" not in row


@pytest.mark.parametrize("status", Status)
def test_a_poll_costs_three_queries(
    browser: Client, owner: User, status: Status, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    job = make_job(owner, status=status)
    make_job(owner)
    with django_assert_num_queries(3):
        row_of(browser, job)


def test_a_poll_wakes_a_job_that_nobody_attends(browser: Client, owner: User) -> None:
    long_ago = timezone.now() - timedelta(seconds=21)
    row_of(browser, make_job(owner, woken_at=long_ago))
    assert OrmQ.objects.count() == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"woken_at": -5},
        {"woken_at": -60, "lease_expires_at": +10},
        {"woken_at": -60, "status": Status.COMPLETED},
    ],
)
def test_a_poll_wakes_no_job_that_is_attended_or_ended(browser: Client, owner: User, fields: dict[str, Any]) -> None:
    now = timezone.now()
    moments = {name: now + timedelta(seconds=value) if type(value) is int else value for name, value in fields.items()}
    row_of(browser, make_job(owner, **moments))
    assert OrmQ.objects.count() == 0


def test_a_row_that_nobody_works_on_says_since_when(browser: Client, owner: User) -> None:
    now = timezone.now()
    job = make_job(owner, updated=now - timedelta(minutes=9))
    Heartbeat.objects.update_or_create(pk=1, defaults={"seen": now - timedelta(hours=2)})
    assert "No worker is at work; the last sign of one was 2 hours ago." in row_of(browser, job)
    Heartbeat.objects.update(seen=now)
    cache.clear()  # a second later
    assert "No worker" not in row_of(browser, job)


def test_however_many_wait_nobody_asks_for_each_whether_there_is_a_worker(
    browser: Client, owner: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    jobs = [make_job(owner, updated=timezone.now() - timedelta(minutes=9)) for _ in range(2)]
    row_of(browser, jobs[0])
    with django_assert_num_queries(3):  # session, person, job
        row_of(browser, jobs[1])


@pytest.mark.parametrize("fields", [{"updated": 0}, {"updated": -540, "lease_expires_at": 20}])
def test_a_row_that_is_new_or_worked_on_does_not_ask_whether_a_worker_lives(
    browser: Client, owner: User, fields: dict[str, int], django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    now = timezone.now()
    Heartbeat.objects.update_or_create(pk=1, defaults={"seen": now - timedelta(hours=2)})
    job = running(
        owner, **{"lease_expires_at": None} | {name: now + timedelta(seconds=s) for name, s in fields.items()}
    )
    with django_assert_num_queries(3):
        assert "No worker" not in row_of(browser, job)
