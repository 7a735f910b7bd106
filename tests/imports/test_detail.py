"""The page of one import: what it says in each state, what the import changed, how it went, and for whom."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from bookmarks.drafts import Duplicates, draft
from bookmarks.models import Bookmark
from bookmarks.upsert import upsert_bookmarks
from imports.changes import changed_page
from imports.models import Happening, Heartbeat, ImportJob, JobEvent, Status, Work
from imports.timeline import Event, events_of, speed, timeline
from tests.factories import make_bookmark, make_job, make_user

pytestmark = pytest.mark.django_db

ACTIVE = [Status.PENDING, Status.PROCESSING]
ENDED = [status for status in Status if status not in ACTIVE]
NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


def text_of(browser: Client, name: str, job: ImportJob, query: str = "", **headers: str) -> str:
    response = browser.get(reverse(name, args=[job.pk]) + query, headers=headers)
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def bring(job: ImportJob, *, duplicates: Duplicates = Duplicates.OVERWRITE, **fields: Any) -> None:
    with transaction.atomic():
        upsert_bookmarks(job.user_id, [draft(**fields)], duplicates=duplicates, import_id=job.pk)


@pytest.mark.parametrize("status", list(Status))
@pytest.mark.parametrize("work", list(Work))
def test_the_page_is_there_in_every_state(browser: Client, owner: User, status: Status, work: Work) -> None:
    job = make_job(owner, status=status, work=work, file_name="old <bookmarks>.html")
    page = text_of(browser, "imports:detail", job)
    assert "Import of old &lt;bookmarks&gt;.html" in page
    assert f'data-status="{status.value}"' in page
    assert 'style="' not in page
    assert "<script>" not in page


@pytest.mark.parametrize("status", list(Status))
def test_the_head_polls_itself_until_the_import_has_ended(browser: Client, owner: User, status: Status) -> None:
    job = make_job(owner, status=status)
    for name in ("imports:detail", "imports:detail_head"):
        page = text_of(browser, name, job)
        start = page.index('<section id="import-head"')
        opening = page[start : page.index(">", start)]
        assert ('hx-trigger="every 1s"' in opening) == (status in ACTIVE)
        assert (f'hx-get="/import/{job.pk}/head/"' in opening) == (status in ACTIVE)


def test_the_poll_that_finds_the_import_ended_brings_the_rest_of_the_page(browser: Client, owner: User) -> None:
    job = make_job(owner, status=Status.PROCESSING)
    assert "import-body" not in text_of(browser, "imports:detail_head", job)
    ImportJob.objects.filter(pk=job.pk).update(status=Status.COMPLETED)
    fragment = text_of(browser, "imports:detail_head", job)
    assert '<div id="import-body" class="import-body" hx-swap-oob="true">' in fragment
    assert "Remove from history" in fragment
    assert "hx-swap-oob" not in text_of(browser, "imports:detail", job)


@pytest.mark.parametrize("name", ["detail", "detail_head", "rejected", "rejected_json", "undo"])
def test_nobody_else_finds_the_page(browser: Client, name: str) -> None:
    theirs = make_job(make_user(), status=Status.COMPLETED, created_bookmarks=1)
    assert browser.get(reverse(f"imports:{name}", args=[theirs.pk])).status_code == 404
    assert Client().get(reverse(f"imports:{name}", args=[theirs.pk])).status_code == 302


def test_an_import_removed_from_the_history_is_not_found(browser: Client, owner: User) -> None:
    job = make_job(owner, status=Status.COMPLETED, is_forgotten=True)
    assert browser.get(reverse("imports:detail", args=[job.pk])).status_code == 404


def test_the_counts_lead_to_the_bookmarks_the_changes_and_the_rejected_items(browser: Client, owner: User) -> None:
    counts = {"created_bookmarks": 1_234, "updated_bookmarks": 5, "skipped_bookmarks": 6, "failed_bookmarks": 7}
    job = make_job(owner, status=Status.COMPLETED, total_bookmarks=1_252, processed_bookmarks=1_252, **counts)
    page = text_of(browser, "imports:detail", job)
    assert '<b class="numeric">5</b> updated' in page
    assert 'href="#changes"' not in page
    make_bookmark(owner, "https://example.com/a", title="Before")
    bring(job, url="https://example.com/a", title="After")
    page = text_of(browser, "imports:detail", job)
    assert "Of 1,252 items: 1,234 new bookmarks, 5 updated, 6 skipped, 7 rejected." in page
    assert f'href="/bookmarks/?import={job.pk}"><b class="numeric">1,234</b> new' in page
    assert 'href="#changes"><b class="numeric">5</b> updated' in page
    assert f'href="/import/{job.pk}/rejected/"><b class="numeric">7</b> rejected' in page


def test_the_new_bookmarks_are_those_that_the_link_shows(browser: Client, owner: User) -> None:
    job = make_job(owner, status=Status.COMPLETED, created_bookmarks=1)
    make_bookmark(owner, title="From elsewhere")
    bring(job, url="https://example.com/walls", title="From the import")
    shown = browser.get(f"/bookmarks/?import={job.pk}").content.decode()
    assert "From the import" in shown
    assert "From elsewhere" not in shown


@pytest.mark.parametrize(
    ("status", "counts", "sentence"),
    [
        (
            Status.UNDONE,
            (1_200, 30, 4),
            "1,200 bookmarks removed, 30 restored, 4 kept because they were changed since.",
        ),
        (Status.UNDONE, (1, 0, 1), "1 bookmark removed, 1 kept because it was changed since."),
        (Status.CANCELLED, (7, 0, 0), "The undo was cancelled. 7 bookmarks removed."),
        (Status.FAILED, (7, 0, 0), "The undo could not be finished. 7 bookmarks removed."),
        (Status.PROCESSING, (7, 0, 0), "The import is being taken back."),
    ],
)
def test_the_outcome_of_an_undo_is_told(
    browser: Client, owner: User, status: Status, counts: tuple[int, int, int], sentence: str
) -> None:
    removed, restored, kept = counts
    job = make_job(
        owner,
        status=status,
        work=Work.UNDO,
        undo_total=2_000,
        removed_bookmarks=removed,
        restored_bookmarks=restored,
        kept_bookmarks=kept,
    )
    assert sentence in text_of(browser, "imports:detail", job)


def test_the_progress_of_an_undo_is_that_of_what_it_goes_through(browser: Client, owner: User) -> None:
    job = make_job(
        owner,
        status=Status.PROCESSING,
        work=Work.UNDO,
        prepared_at=timezone.now(),
        total_bookmarks=9_999,
        processed_bookmarks=9_999,
        undo_total=400,
        removed_bookmarks=100,
    )
    assert "100 of 400 (25%)" in text_of(browser, "imports:detail_head", job)


def test_waiting_without_a_worker_is_told_with_its_last_sign_of_life(browser: Client, owner: User) -> None:
    now = timezone.now()
    Heartbeat.objects.create(pk=1, seen=now - timedelta(hours=2))
    held = make_job(owner, status=Status.PROCESSING, lease_expires_at=now + timedelta(seconds=9))
    assert "No worker is at work" not in text_of(browser, "imports:detail_head", held)
    for lease in (None, now - timedelta(minutes=1)):
        job = make_job(owner, status=Status.PROCESSING, lease_expires_at=lease)
        assert "No worker is at work; the last sign of one was 2" in text_of(browser, "imports:detail_head", job)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"status": Status.PENDING}, "The import waits for a worker."),
        ({"status": Status.PROCESSING, "work": Work.PREVIEW}, "The preview is being made. Nothing is written yet."),
        ({"status": Status.PREVIEWED, "work": Work.PREVIEW}, "The preview is ready. Nothing has been imported yet."),
        ({"status": Status.FAILED}, "The import failed. Nothing was imported."),
        (
            {"status": Status.CANCELLED, "processed_bookmarks": 1, "created_bookmarks": 1},
            "The import was cancelled; what was imported stays. Of 1 item: 1 new bookmark.",
        ),
    ],
)
def test_the_outcome_of_an_import_is_told(browser: Client, owner: User, fields: dict[str, Any], sentence: str) -> None:
    assert sentence in text_of(browser, "imports:detail", make_job(owner, **fields))


def test_an_earlier_import_of_the_same_file_is_named_unless_it_left_the_history(browser: Client, owner: User) -> None:
    first = make_job(owner, status=Status.COMPLETED, created=NOON)
    again = make_job(owner, status=Status.COMPLETED, same_file_as=first)
    assert f'<a href="/import/{first.pk}/">was there on May 4, 2026</a>' in text_of(browser, "imports:detail", again)
    ImportJob.objects.filter(pk=first.pk).update(is_forgotten=True)
    assert "was there on" not in text_of(browser, "imports:detail", again)


def test_the_years_are_drawn_and_told_in_a_table(browser: Client, owner: User) -> None:
    job = make_job(owner, status=Status.COMPLETED, years={"2004": 12, "2006": 1_200, "": 3})
    page = text_of(browser, "imports:detail", job)
    assert "<title>2004: 12</title>" in page
    assert '<th scope="row">2006</th> <td class="numeric text-end">1,200</td>' in page
    assert "no date" in page
    assert '<th scope="row">2005</th>' not in page
    assert "most in 2006: 1,200" in page
    assert "Bookmarks by year" not in text_of(browser, "imports:detail", make_job(owner, status=Status.COMPLETED))


def test_what_was_overwritten_is_shown_field_by_field(owner: User) -> None:
    make_bookmark(
        owner, "https://example.com/a", title="Old", tags=["walls", "old"], unread=True, created=NOON, updated=NOON
    )
    job = make_job(owner)
    later = NOON + timedelta(days=1)
    bring(job, url="https://example.com/a", title="New", tags=["walls", "new"], created=NOON, updated=later)
    (row,) = changed_page(job).rows
    assert not row.edited_since
    assert [(str(field.label), field.before, field.after) for field in row.fields] == [
        ("Title", "Old", "New"),
        ("Tags", ["old", "walls"], ["new", "walls"]),
        ("Unread", True, False),
        ("Last changed", NOON, later),
    ]


def test_the_changes_are_on_the_page_and_new_bookmarks_are_not_among_them(browser: Client, owner: User) -> None:
    make_bookmark(owner, "https://example.com/a", title="Old <b>title</b>", created=NOON)
    job = make_job(owner, status=Status.COMPLETED, updated_bookmarks=1)
    bring(job, url="https://example.com/a", title="New title", created=NOON, updated=timezone.now())
    bring(job, url="https://example.com/b", title="Never changed")
    page = text_of(browser, "imports:detail", job)
    assert "Old &lt;b&gt;title&lt;/b&gt;" in page
    assert "Never changed" not in page


def test_what_a_later_import_changed_again_is_not_put_down_to_this_one(owner: User) -> None:
    make_bookmark(owner, "https://example.com/a", title="One", created=NOON, updated=NOON)
    first, second = make_job(owner), make_job(owner)
    for number, (job, title) in enumerate([(first, "Two"), (second, "Three")], 1):
        bring(job, url="https://example.com/a", title=title, created=NOON, updated=NOON + timedelta(days=number))
    (row,) = changed_page(first).rows
    assert row.edited_since
    assert (row.fields[0].before, row.fields[0].after) == ("One", "Two")
    (row,) = changed_page(second).rows
    assert not row.edited_since
    assert (row.fields[0].before, row.fields[0].after) == ("Two", "Three")


def change(owner: User, job: ImportJob, count: int) -> None:
    for number in range(count):
        url = f"https://example.com/changed/{number}"
        make_bookmark(owner, url, title=f"Before {number}", tags=["old", f"t{number}"], created=NOON)
        bring(job, url=url, title=f"After {number}", tags=["new"], created=NOON, updated=timezone.now())


def test_a_page_of_changes_takes_the_same_queries_whatever_their_number(browser: Client, owner: User) -> None:
    job = make_job(owner, status=Status.COMPLETED)
    counts = []
    for more in (1, 29):
        Bookmark.objects.all().delete()
        change(owner, job, more)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            page = text_of(browser, "imports:detail", job)
        counts.append(len(queries))
    assert counts[0] == counts[1]
    assert page.count('class="changes-bookmark"') == 25
    assert 'href="?page=2#changes"' in page
    assert 'rel="prev"' not in page
    second = text_of(browser, "imports:detail", job, "?page=2", **{"HX-Request": "true", "HX-Target": "changes"})
    assert second.startswith('<section id="changes"')
    assert second.count('class="changes-bookmark"') == 4
    assert 'rel="next"' not in second
    assert 'href="?page=1#changes"' in second


def event(kind: Happening, seconds: float, position: int = 0) -> Event:
    return Event(kind, NOON + timedelta(seconds=seconds), position)


def test_slices_that_follow_each_other_are_one_line_of_the_timeline() -> None:
    events = [event(Happening.QUEUED, 0), event(Happening.STARTED, 1), event(Happening.READ, 3)]
    for number in range(12):
        events += [event(Happening.STARTED, 10 * number + 4, 100 * number)] if number else []
        events += [event(Happening.PROGRESS, 10 * number + 8, 100 * number + 50)]
        events += [event(Happening.PAUSED, 10 * number + 12, 100 * number + 100)]
    events += [event(Happening.DIED, 140, 1_200), event(Happening.STARTED, 141, 1_200)]
    events += [event(Happening.COMPLETED, 150, 1_300), event(Happening.FIXED, 900, 1_300)]
    assert [entry.text for entry in timeline(events)] == [
        "Queued",
        "A worker took it up",
        "The file was read",
        "Worked in 12 slices, up to item 1,200",
        "A worker stopped in the middle, after item 1,200; another one takes over",
        "A worker took it up",
        "Finished, after item 1,300",
        "Rejected items were fixed",
    ]
    worked = timeline(events)[3]
    assert (worked.at, worked.until) == (NOON + timedelta(seconds=8), NOON + timedelta(seconds=122))


def test_the_speed_is_that_of_the_last_run_without_its_pauses() -> None:
    first = [event(Happening.QUEUED, 0), *(event(Happening.PROGRESS, n, 1_000 * n) for n in range(1, 9))]
    again = [event(Happening.RETRIED, 1_000, 8_000), event(Happening.STARTED, 1_010, 0), event(Happening.READ, 1_011)]
    again += [event(Happening.PROGRESS, 1_011 + n, 100 * n) for n in range(1, 4)]
    again += [event(Happening.PAUSED, 1_015, 400), event(Happening.STARTED, 1_500, 400)]
    again += [event(Happening.PROGRESS, 1_501, 600)]
    shown = speed([*first, *again])
    assert shown is not None
    assert (shown.fastest, shown.average) == (200, 120)
    assert shown.points == "0,50 250,50 500,50 750,50 1000,0"
    assert speed(again[:4]) is None


def test_the_timeline_is_on_the_page_with_the_latest_of_very_many_events(browser: Client, owner: User) -> None:
    job = make_job(owner, status=Status.COMPLETED)
    kinds = [Happening.QUEUED, *[Happening.PROGRESS] * 5_000, Happening.COMPLETED]
    JobEvent.objects.bulk_create(JobEvent(job=job, kind=kind, position=n, at=NOON) for n, kind in enumerate(kinds))
    assert len(events_of(job)) == 2_000
    page = text_of(browser, "imports:detail", job)
    assert "Finished, after item 5,001" in page
    assert page.count("timeline-time") == 2


def test_cancel_and_retry_come_back_to_the_page(browser: Client, owner: User) -> None:
    job = make_job(owner, status=Status.PENDING)
    response = browser.post(reverse("imports:detail_cancel", args=[job.pk]))
    assert (response.status_code, response.headers["Location"]) == (303, f"/import/{job.pk}/")
    job.refresh_from_db()
    assert job.status == Status.CANCELLED
    response = browser.post(reverse("imports:detail_retry", args=[job.pk]))
    assert (response.status_code, response.headers["Location"]) == (303, f"/import/{job.pk}/")
    job.refresh_from_db()
    assert job.status == Status.PENDING
    theirs = make_job(make_user())
    assert browser.post(reverse("imports:detail_cancel", args=[theirs.pk])).status_code == 404
    assert browser.get(reverse("imports:detail_cancel", args=[job.pk])).status_code == 405
