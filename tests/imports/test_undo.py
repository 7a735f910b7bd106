"""Undo: what an import wrote goes back, whatever the policy, the database's state, and the moment of a crash."""

import itertools
import json
from collections.abc import Iterable

import pytest
from django.contrib.auth.models import User
from django.core.files.base import ContentFile

from bookmarks.bulk import FLAG_ACTIONS
from bookmarks.drafts import Duplicates, draft
from bookmarks.exports import EXPORTS
from bookmarks.models import Bookmark, Revision, Tag
from bookmarks.upsert import Outcome
from imports import lifecycle, pipeline, uploads
from imports.models import ImportJob, JobEvent, Status, Work
from imports.options import ImportOptions
from tests.exported import without_moment
from tests.factories import make_user

pytestmark = pytest.mark.django_db(transaction=True)


def export_of(user: User) -> bytes:
    """Return the user's export, without the moment at which it was made."""
    return without_moment(b"".join(EXPORTS["activitystreams"].export(Bookmark.objects.owned_by(user))))


def link(number: int, *, title: str = "", tags: Iterable[str] = (), year: int = 2005) -> dict[str, object]:
    """Return an ActivityStreams Link."""
    return {
        "type": "Link",
        "href": f"https://example.com/{number}",
        "name": title or f"Page {number}",
        "published": f"{year}-03-04T05:06:07Z",
        "tag": list(tags),
    }


def submitted(user: User, items: list[dict[str, object]], duplicates: Duplicates) -> ImportJob:
    """Return a new job that imports `items` for the user."""
    text = json.dumps({"@context": "https://www.w3.org/ns/activitystreams", "type": "Collection", "items": items})
    file = ContentFile(text.encode(), name="a.json")
    return uploads.submit(file, user, ImportOptions(duplicate_handling=duplicates), queued=False)


def imported(user: User, items: list[dict[str, object]], duplicates: Duplicates = Duplicates.SKIP) -> ImportJob:
    """Import `items` for the user and return the completed job."""
    job = pipeline.run_to_end(submitted(user, items, duplicates))
    assert job.status == Status.COMPLETED
    return job


def undone(user: User, job: ImportJob) -> ImportJob:
    """Take the import back and return the job."""
    assert lifecycle.undo(user, job.pk)
    job.refresh_from_db()
    return pipeline.run_to_end(job)


OLD = [link(n, tags=["old", f"t{n % 3}"], year=2001 + n) for n in range(8)]
NEW = [link(n, title=f"New {n}", tags=["New", "old"], year=1999 + n) for n in range(4, 14)]


@pytest.mark.parametrize("duplicates", Duplicates)
def test_undo_brings_back_what_there_was_byte_for_byte(duplicates: Duplicates) -> None:
    user = make_user()
    imported(user, OLD)
    before, tags = export_of(user), sorted(Tag.objects.values_list("name", flat=True))
    job = imported(user, NEW, duplicates)
    assert export_of(user) != before

    job = undone(user, job)

    assert job.status == Status.UNDONE
    assert export_of(user) == before
    assert sorted(Tag.objects.values_list("name", flat=True)) == tags
    assert (job.removed_bookmarks, job.kept_bookmarks) == (6, 0)
    assert job.restored_bookmarks == (0 if duplicates is Duplicates.SKIP else 4)
    assert job.done_items == job.undo_total
    assert not Revision.objects.filter(import_id=job.pk).exists()


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_imports_can_be_undone_in_any_order_and_leave_what_there_was_at_first(order: tuple[int, ...]) -> None:
    user = make_user()
    imported(user, OLD)
    before = export_of(user)
    jobs = [
        imported(user, NEW, Duplicates.OVERWRITE),
        imported(user, [link(n, title=f"Third {n}", tags=["3"]) for n in range(2, 10)], Duplicates.OVERWRITE),
        imported(user, [link(n, title=f"A longer title {n}", tags=["4"]) for n in range(9, 16)], Duplicates.MERGE),
    ]
    for number in order:
        assert undone(user, jobs[number]).status == Status.UNDONE
    assert export_of(user) == before
    assert not Revision.objects.exclude(import_id=0).exists()


@pytest.mark.parametrize(("duplicates", "start_over"), [(Duplicates.OVERWRITE, False), (Duplicates.MERGE, True)])
@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_an_import_that_went_on_after_another_one_can_be_undone_in_any_order(
    order: tuple[int, ...], duplicates: Duplicates, start_over: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "MAX_BATCH_ITEMS", 1)
    monkeypatch.setattr(pipeline, "FIRST_BATCH_ITEMS", 1)
    user = make_user()
    first = submitted(user, [link(0, title="One", year=2001), link(0, title="Another", year=2003)], duplicates)
    claimed = lifecycle.claim(first.pk)
    assert claimed is not None
    pipeline.run_slice(claimed, should_stop=lambda: False, seconds=0)
    assert lifecycle.cancel(user, first.pk)
    second = imported(user, [link(0, title="The second", year=2002, tags=["a"])], duplicates)
    assert lifecycle.retry(user, first.pk, start_over=start_over)
    first.refresh_from_db()
    first = pipeline.run_to_end(first)
    third = imported(user, [link(0, title="Of all the longest title", tags=["b"])], duplicates)
    for number in order:
        undone(user, [first, second, third][number])
    assert not Bookmark.objects.exists()
    assert not Tag.objects.exists()


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_tags_go_with_the_last_import_that_gave_them(order: tuple[int, ...]) -> None:
    user = make_user()
    given = [["a", "b", "d"], ["B", "c", "d"], ["e"]]
    jobs = [
        imported(user, [link(0, title=f"{tags}", tags=tags, year=2000 + n)], Duplicates.OVERWRITE)
        for n, tags in enumerate(given)
    ]
    for done, number in enumerate(order, start=1):
        undone(user, jobs[number])
        left = [tags for n, tags in enumerate(given) if n not in order[:done]]
        carried = {tag.lower() for tag in left[-1]} if left else set()
        assert {tag.key for tag in Tag.objects.exclude(bookmarks=None)} == carried
    assert not Tag.objects.exists()


def test_an_import_that_was_started_over_when_all_was_written_can_be_undone() -> None:
    user = make_user()
    job = submitted(user, OLD, Duplicates.SKIP)
    claim = lifecycle.claim(job.pk)
    assert claim is not None
    pipeline.run_slice(claim, should_stop=lambda: False, seconds=0)
    assert lifecycle.cancel(user, job.pk)
    assert lifecycle.retry(user, job.pk, start_over=True)
    job.refresh_from_db()
    job = pipeline.run_to_end(job)
    assert (job.status, job.created_bookmarks, job.skipped_bookmarks) == (Status.COMPLETED, 0, len(OLD))
    assert undone(user, job).removed_bookmarks == len(OLD)
    assert not Bookmark.objects.exists()


def test_undo_keeps_what_the_person_edited_since() -> None:
    user = make_user()
    imported(user, OLD)
    job = imported(user, NEW, Duplicates.OVERWRITE)
    edited = Bookmark.objects.filter(url__in=["https://example.com/5", "https://example.com/12"])
    FLAG_ACTIONS["archive"](edited)

    job = undone(user, job)

    assert (job.removed_bookmarks, job.restored_bookmarks, job.kept_bookmarks) == (5, 3, 2)
    assert set(edited.values_list("title", "archived")) == {("New 5", True), ("New 12", True)}
    assert Bookmark.objects.count() == len(OLD) + 1


def test_an_undo_that_is_cut_into_pieces_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "MIN_BATCH_ITEMS", 2)
    monkeypatch.setattr(pipeline, "FIRST_BATCH_ITEMS", 2)
    user = make_user()
    imported(user, OLD)
    before = export_of(user)
    job = imported(user, NEW, Duplicates.MERGE)
    assert lifecycle.undo(user, job.pk)
    for _ in range(30):
        claimed = lifecycle.claim(job.pk)
        if claimed is None:
            break
        pipeline.run_slice(claimed, should_stop=lambda: True)
        job.refresh_from_db()
    assert job.status == Status.UNDONE
    assert (job.removed_bookmarks, job.restored_bookmarks) == (6, 4)
    assert export_of(user) == before


def test_a_cancelled_undo_can_go_on() -> None:
    user = make_user()
    job = imported(user, NEW)
    assert lifecycle.undo(user, job.pk)
    assert lifecycle.cancel(user, job.pk)
    job.refresh_from_db()
    assert (job.status, job.can_undo, job.can_retry) == (Status.CANCELLED, True, False)
    assert undone(user, job).status == Status.UNDONE
    assert not Bookmark.objects.exists()


def test_nobody_undoes_what_is_not_theirs_or_has_not_ended() -> None:
    user, other = make_user(), make_user("other")
    job = imported(user, NEW)
    assert not lifecycle.undo(other, job.pk)
    assert lifecycle.undo(user, job.pk)
    assert not lifecycle.undo(user, job.pk)


def test_a_forgotten_job_leaves_the_history_and_its_bookmarks_stay() -> None:
    user = make_user()
    job = imported(user, NEW)
    assert not lifecycle.forget(make_user("other"), job.pk)
    assert lifecycle.forget(user, job.pk)
    assert not ImportJob.objects.owned_by(user).exists()
    uploads.delete_forgotten()
    assert not ImportJob.objects.exists()
    assert not JobEvent.objects.exists()
    assert Bookmark.objects.count() == len(NEW)


def test_the_same_file_is_recognised_by_its_content() -> None:
    user = make_user()
    first = imported(user, OLD)
    assert first.same_file_as is None
    assert imported(user, OLD).same_file_as == first
    assert imported(make_user("other"), OLD).same_file_as is None


def test_an_undone_import_whose_file_is_kept_can_be_imported_again() -> None:
    user = make_user()
    text = json.dumps({"type": "Collection", "items": NEW})
    job = uploads.submit(ContentFile(text.encode(), name="a.json"), user, ImportOptions(), queued=False)
    claim = lifecycle.claim(job.pk)
    assert claim is not None
    with lifecycle.batch(claim) as locked:
        lifecycle.advance(locked, 0, Outcome(0, 0, 0), [])
    assert lifecycle.cancel(user, job.pk)
    ImportJob.objects.filter(pk=job.pk).update(work=Work.UNDO, status=Status.UNDONE, removed_bookmarks=3)

    assert lifecycle.retry(user, job.pk)
    job.refresh_from_db()
    job = pipeline.run_to_end(job)

    assert (job.status, job.work, job.created_bookmarks) == (Status.COMPLETED, Work.IMPORT, len(NEW))
    assert (job.removed_bookmarks, job.undo_total) == (0, 0)


def test_an_undo_takes_back_what_was_fixed_too() -> None:
    user = make_user()
    job = imported(user, [*NEW, {"type": "Link", "href": "javascript:alert(1)", "name": "A bookmarklet"}])
    assert lifecycle.resolve(user, job.pk, {11: draft(url="https://example.com/fixed")}) == 1
    assert lifecycle.resolve(user, job.pk, {11: draft(url="https://example.com/fixed")}) == 0
    job.refresh_from_db()
    assert (job.created_bookmarks, job.failed_bookmarks, job.processed_bookmarks) == (11, 0, 11)

    assert undone(user, job).removed_bookmarks == 11
    assert not Bookmark.objects.exists()
