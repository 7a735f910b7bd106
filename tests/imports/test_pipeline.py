"""From an uploaded file to bookmarks: what comes in, what is rejected, what fails, and how it goes on."""

import io
import json
import sqlite3
import zipfile
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import OperationalError, connection

from bookmarks import upsert
from bookmarks.drafts import Duplicates
from bookmarks.models import Bookmark
from imports import lifecycle, pipeline, uploads
from imports.courtesy import Courtesy
from imports.judge import EMPTY
from imports.models import ImportJob, Status
from imports.options import ImportOptions
from imports.prepared import prepared_path
from tests.factories import make_bookmark, make_user

pytestmark = pytest.mark.django_db


def link(number: int, **fields: Any) -> dict[str, Any]:
    return {"type": "Link", "url": f"https://example.com/{number}", "name": f"Page {number}", **fields}


def collection(items: Sequence[object]) -> bytes:
    context = ["https://www.w3.org/ns/activitystreams", {"pebbling": "https://pebbling.club/ns/"}]
    whole = {"@context": context, "type": "Collection", "totalItems": len(items), "items": items}
    return json.dumps(whole).encode()


def submit(user: User, data: bytes, name: str = "export.json", **options: Any) -> ImportJob:
    return uploads.submit(ContentFile(data, name), user, ImportOptions(**options), queued=False)


def run(user: User, data: bytes, name: str = "export.json", **options: Any) -> ImportJob:
    return pipeline.run_to_end(submit(user, data, name, **options))


def counts(job: ImportJob) -> tuple[int, ...]:
    """Return new, updated, skipped, failed, after checking that they add up."""
    parts = (job.created_bookmarks, job.updated_bookmarks, job.skipped_bookmarks, job.failed_bookmarks)
    assert job.processed_bookmarks == sum(parts)
    if job.status == Status.COMPLETED:
        assert job.processed_bookmarks == job.total_bookmarks
    return parts


def test_a_collection_becomes_bookmarks_with_their_dates_and_tags() -> None:
    user = make_user()
    job = run(user, collection([link(1, published="2015-02-03T04:05:06Z", tag=["a", "b c"], summary="A note")]))
    assert (job.status, counts(job), job.detected_format) == (Status.COMPLETED, (1, 0, 0, 0), "activitystreams")
    bookmark = Bookmark.objects.owned_by(user).get()
    assert (bookmark.title, bookmark.description) == ("Page 1", "A note")
    assert bookmark.created == datetime(2015, 2, 3, 4, 5, 6, tzinfo=UTC)
    assert sorted(tag.name for tag in bookmark.tags.all()) == ["a", "b c"]
    assert job.started_at is not None
    assert job.completed_at is not None


def test_the_stored_file_goes_after_success_and_its_name_follows_the_agreement() -> None:
    user = make_user()
    job = submit(user, collection([link(1)]), "My Bookmarks.JSON")
    assert default_storage.exists(job.file_path)
    assert job.file_path.startswith(f"imports/{user.pk}/20")
    assert job.file_path.endswith(".json")
    assert job.file_name == "My Bookmarks.JSON"
    job = pipeline.run_to_end(job)
    assert not default_storage.exists(job.file_path)
    assert not job.has_upload
    assert not prepared_path(job.pk).exists()


@pytest.mark.parametrize(
    ("duplicates", "expected", "title"),
    [
        ("skip", (1, 0, 1, 0), "mine"),
        ("overwrite", (1, 1, 0, 0), "Page 1"),
        ("merge", (1, 1, 0, 0), "Page 1"),
    ],
)
def test_duplicates_are_handled_as_chosen(duplicates: str, expected: tuple[int, ...], title: str) -> None:
    user = make_user()
    make_bookmark(user, "https://example.com/1", title="mine")
    job = run(user, collection([link(1), link(2)]), duplicate_handling=Duplicates(duplicates))
    assert counts(job) == expected
    assert Bookmark.objects.get(url="https://example.com/1").title == title


def test_the_same_page_twice_in_a_file_is_one_bookmark() -> None:
    user = make_user()
    first = link(1, name="first", published="2015-01-01T00:00:00Z")
    second = link(1, name="second", published="2016-01-01T00:00:00Z")
    assert counts(run(user, collection([first, second]))) == (1, 0, 1, 0)
    assert Bookmark.objects.owned_by(user).get().title == "first"
    other = make_user()
    job = run(other, collection([first, second]), duplicate_handling=Duplicates.OVERWRITE)
    assert counts(job) == (1, 1, 0, 0)
    assert Bookmark.objects.owned_by(other).get().title == "second"


def test_bad_items_are_rejected_with_reasons_and_spoil_nothing() -> None:
    user = make_user()
    items = [
        link(1),
        "no object",
        {"type": "Link", "name": "no address"},
        link(2, url="javascript:alert(1)"),
        7,
        link(3),
    ]
    job = run(user, collection(items))
    assert (job.status, counts(job)) == (Status.COMPLETED, (2, 0, 0, 4))
    rejected = list(job.rejected_items.all())
    assert [item.position for item in rejected] == [2, 3, 4, 5]
    assert all(item.reason.endswith(".") for item in rejected)
    assert "javascript" in rejected[2].reason
    assert "no address" in rejected[1].fragment
    assert len(job.failed_bookmark_details) == 4


NESTED = b"[" * 100_000
LONG_NUMBER = b'{"type": "Collection", "items": [{"type": "Link", "url": "https://example.com/", "n": ' + b"9" * 10_000


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "empty"),
        (b"   \n ", "white space"),
        (b"hello, world", "what is understood|Cairn reads"),
        (b'{"type": "Collection", "items": [}', "line 1, column"),
        (b'{"a": 1}', "not an export"),
        (b"17", "Cairn reads"),
        (b"null", "Cairn reads"),
        (NESTED, ""),
        (b'{"type": "Collection", "items": ' + NESTED, ""),
        (LONG_NUMBER, ""),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "image"),
    ],
    ids=[
        "empty",
        "blank",
        "text",
        "not JSON",
        "other JSON",
        "number",
        "null",
        "nested",
        "nested items",
        "digits",
        "PNG",
    ],
)
def test_a_file_that_cannot_be_read_fails_with_a_sentence(data: bytes, message: str) -> None:
    job = run(make_user(), data)
    assert job.status == Status.FAILED
    assert job.error_message[-1] in ".!?)"
    assert "Error" not in job.error_message
    if message:
        assert any(part in job.error_message for part in message.split("|")), job.error_message
    assert counts(job) == (0, 0, 0, 0)
    assert job.has_upload


def test_an_empty_collection_is_completed_and_says_so() -> None:
    job = run(make_user(), collection([]))
    assert (job.status, counts(job), job.notices) == (Status.COMPLETED, (0, 0, 0, 0), [EMPTY])


def test_hostile_values_are_cleaned_or_rejected() -> None:
    user = make_user()
    items = [
        link(1, name="t" * 100_000),
        link(2, tag=["x" * 300]),
        link(3, name="nul \x00 and \ud800", summary="\udfff\x00", tag=["\x00", "\ud800"]),
        link(4, url="https://example.com/" + "u" * 100_000),
    ]
    job = run(user, collection(items))
    assert (job.status, counts(job)) == (Status.COMPLETED, (3, 0, 0, 1))
    titles = {bookmark.url[-1]: bookmark for bookmark in Bookmark.objects.owned_by(user)}
    assert titles["1"].description == "t" * 100_000
    assert [len(tag.name) for tag in titles["2"].tags.all()] == [64]
    assert titles["3"].title == "nul  and \ufffd"
    assert any("too long" in notice for notice in job.notices)


def test_duplicate_keys_and_long_numbers_do_no_harm() -> None:
    data = collection([link(1)]).replace(b'"name":', b'"name": "x", "n": ' + b"9" * 10_000 + b', "name":')
    job = run(make_user(), data)
    assert (job.status, counts(job)) == (Status.COMPLETED, (1, 0, 0, 0))


def test_an_archive_is_one_job_that_names_its_members_and_how_many_items_each_had() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("likes.json", collection([link(1), link(2)]))
        archive.writestr("media/cat.png", b"\x89PNG")
        archive.writestr("outbox.json", collection([link(3), link(4, url="ftp://example.com/"), link(1)]))
    job = run(make_user(), packed.getvalue(), "archive.zip")
    assert (job.status, counts(job)) == (Status.COMPLETED, (3, 0, 1, 1))
    assert job.notices[0] == "Items from the archive: likes.json (2), outbox.json (3)."
    assert job.rejected_items.get().member == "outbox.json"


def test_a_file_that_is_gone_fails_the_job() -> None:
    job = submit(make_user(), collection([link(1)]))
    default_storage.delete(job.file_path)
    job = pipeline.run_to_end(job)
    assert (job.status, job.error_message) == (Status.FAILED, pipeline.GONE)


def test_a_file_that_breaks_off_says_where_and_is_imported_up_to_there_when_the_person_agrees() -> None:
    user = make_user()
    data = collection([link(n) for n in range(500)])
    job = run(user, data[: len(data) // 2])
    assert (job.status, job.can_import_partly, counts(job)) == (Status.FAILED, True, (0, 0, 0, 0))
    assert "line 1, column" in job.error_message
    readable = job.total_bookmarks
    assert f"{readable:,} items" in job.error_message
    assert 200 < readable < 300
    assert lifecycle.retry(user, job.pk, partial=True)
    job.refresh_from_db()
    job = pipeline.run_to_end(job)
    assert (job.status, counts(job)) == (Status.COMPLETED, (readable, 0, 0, 0))
    assert any("line 1, column" in notice for notice in job.notices)


def test_an_import_in_many_slices_gives_what_one_gives() -> None:
    user = make_user()
    job = submit(user, collection([link(n % 400) for n in range(1000)]))
    slices = 0
    while job.is_active:
        claim = lifecycle.claim(job.pk)
        assert claim is not None
        pipeline.run_slice(claim, should_stop=lambda: False, seconds=0)
        job.refresh_from_db()
        counts(job)
        slices += 1
        assert slices < 100
    assert slices > 2
    assert (job.status, counts(job)) == (Status.COMPLETED, (400, 0, 600, 0))


def test_cancel_takes_effect_at_the_next_batch_and_what_was_imported_stays() -> None:
    user = make_user()
    job = submit(user, collection([link(n) for n in range(2000)]))

    def cancel(_position: int, _total: int) -> None:
        lifecycle.cancel(user, job.pk)

    job = pipeline.run_to_end(job, cancel)
    assert job.status == Status.CANCELLED
    created, *_ = counts(job)
    assert 0 < created < 2000
    assert Bookmark.objects.owned_by(user).count() == created
    assert lifecycle.retry(user, job.pk)
    job.refresh_from_db()
    job = pipeline.run_to_end(job)
    assert (job.status, counts(job)) == (Status.COMPLETED, (2000, 0, 0, 0))


@pytest.mark.parametrize("damage", ["missing", "cut"])
def test_a_prepared_file_that_is_missing_or_damaged_is_made_again(damage: str) -> None:
    user = make_user()
    job = submit(user, collection([link(n) for n in range(1000)]))
    claim = lifecycle.claim(job.pk)
    assert claim is not None
    pipeline.run_slice(claim, should_stop=lambda: False, seconds=0)
    path = prepared_path(job.pk)
    assert path.exists()
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-1])
    job.refresh_from_db()
    assert 0 < job.processed_bookmarks < 1000
    job = pipeline.run_to_end(job)
    assert (job.status, counts(job)) == (Status.COMPLETED, (1000, 0, 0, 0))


def test_an_item_that_stops_the_worker_again_and_again_is_isolated_and_rejected(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    user = make_user()
    job = submit(user, collection([link(n) for n in range(300)]))
    really = upsert.write_batch

    def deadly(batch: upsert.Batch, **options: Any) -> upsert.Outcome:
        if any(draft.url == "https://example.com/123" for draft in batch.drafts):
            raise MemoryError
        return really(batch, **options)

    monkeypatch.setattr(pipeline, "write_batch", deadly)
    deaths = 0
    while job.is_active:
        claim = lifecycle.claim(job.pk)
        assert claim is not None
        try:
            pipeline.run_slice(claim, should_stop=lambda: False, seconds=None)
        except MemoryError:
            deaths += 1
        job.refresh_from_db()
    assert deaths < 10
    assert (job.status, counts(job)) == (Status.COMPLETED, (299, 0, 0, 1))
    rejected = job.rejected_items.get()
    assert (rejected.position, rejected.url, rejected.reason) == (124, "https://example.com/123", pipeline.DEADLY)


@pytest.mark.parametrize(
    ("error", "message"), [(OperationalError("no such table"), pipeline.DATABASE), (ZeroDivisionError("oh"), "log")]
)
def test_what_keeps_failing_ends_with_a_sentence_and_never_with_the_error_itself(
    monkeypatch: pytest.MonkeyPatch, error: Exception, message: str
) -> None:
    error.__cause__ = sqlite3.OperationalError("no such table")
    job = submit(make_user(), collection([link(1)]))

    def failing(*_args: Any, **_options: Any) -> None:
        raise error

    monkeypatch.setattr(lifecycle, "advance", failing)
    while job.is_active:
        claim = lifecycle.claim(job.pk)
        assert claim is not None
        with pytest.raises(type(error)):
            pipeline.run_slice(claim, should_stop=lambda: False)
        job.refresh_from_db()
    assert (job.status, counts(job)) == (Status.FAILED, (0, 0, 0, 0))
    assert message in job.error_message
    assert str(error) not in job.error_message


@pytest.mark.parametrize("duplicates", list(Duplicates))
def test_a_dry_run_writes_nothing_and_says_what_the_import_then_does(duplicates: Duplicates) -> None:
    user = make_user()
    make_bookmark(user, "https://example.com/1", title="mine")
    data = collection([link(1), link(2), link(2), link(3, url="ftp://example.com/"), link(4)])
    options = ImportOptions(duplicate_handling=duplicates)
    foreseen = pipeline.dry_run(io.BytesIO(data), user.pk, options)
    assert (Bookmark.objects.count(), ImportJob.objects.count()) == (1, 0)
    job = run(user, data, duplicate_handling=duplicates)
    assert (foreseen.created, foreseen.updated, foreseen.skipped, foreseen.failed) == counts(job)
    assert (foreseen.total, foreseen.format) == (job.total_bookmarks, job.detected_format)


def test_batches_are_steered_by_time() -> None:
    pace, seconds = pipeline.Pace(), pipeline.BATCH_SECONDS[connection.vendor]
    pace.correct(pace.items, seconds / 10)
    assert pace.items == 2 * pipeline.FIRST_BATCH_ITEMS
    pace.correct(pace.items, seconds * 1.25)
    assert pace.items == int(2 * pipeline.FIRST_BATCH_ITEMS / 1.25)
    for _ in range(100):
        pace.correct(pace.items, 60)
    assert pace.items == pipeline.MIN_BATCH_ITEMS
    for _ in range(100):
        pace.correct(pace.items, 0)
    assert pace.items == pipeline.MAX_BATCH_ITEMS


def test_an_import_and_its_undo_rest_after_each_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    happened: list[str] = []
    monkeypatch.setattr(Courtesy, "rest", lambda _series: happened.append("rest"))
    user = make_user()
    job = submit(user, collection([link(n) for n in range(1_500)]))

    def note_batch(_position: int, _total: int) -> None:
        happened.append("batch")

    job = pipeline.run_to_end(job, note_batch)
    number = len(happened) // 2
    assert happened == ["batch", "rest"] * number
    assert number > 1

    happened.clear()
    assert lifecycle.undo(user, job.pk)
    job.refresh_from_db()
    job = pipeline.run_to_end(job, note_batch)
    assert job.status == Status.UNDONE
    number = len(happened) // 2
    assert happened == ["batch", "rest"] * number
    assert number > 1


def test_after_deaths_batches_begin_with_one_item_and_double(monkeypatch: pytest.MonkeyPatch) -> None:
    job = submit(make_user(), collection([link(n) for n in range(300)]))
    ImportJob.objects.filter(pk=job.pk).update(careful_until=lifecycle.CAREFUL_ITEMS)
    sizes: list[int] = []
    really = pipeline.apply_batch

    def noting(claimed: lifecycle.Claim, portion: pipeline.Portion, **options: Any) -> None:
        sizes.append(len(portion.frame))
        really(claimed, portion, **options)

    monkeypatch.setattr(pipeline, "apply_batch", noting)
    pipeline.run_to_end(job)
    assert sizes[:7] == [1, 2, 4, 8, 16, 32, 64]
    assert sum(sizes) == 300
