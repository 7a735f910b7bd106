"""Taking an import back and removing it from the history: asked first, then done, by the owner alone."""

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django_q.models import OrmQ

from bookmarks.drafts import Duplicates, draft
from bookmarks.models import Bookmark
from bookmarks.undo import take_back
from bookmarks.upsert import edit_bookmark, upsert_bookmarks
from imports.models import ImportJob, Status, Work
from imports.views.undo import foresee
from tests.factories import make_bookmark, make_job, make_user

pytestmark = pytest.mark.django_db


def bring(job: ImportJob, *numbers: int) -> None:
    drafts = [draft(url=f"https://example.com/{number}", title=f"By {job.pk}") for number in numbers]
    with transaction.atomic():
        upsert_bookmarks(job.user_id, drafts, duplicates=Duplicates.OVERWRITE, import_id=job.pk)


def make_done(owner: User, **fields: object) -> ImportJob:
    return make_job(owner, **{"status": Status.COMPLETED, "created_bookmarks": 3, "updated_bookmarks": 2, **fields})


def make_mixture(owner: User) -> ImportJob:
    """Make an import that added five bookmarks, one of which is edited since, and changed two."""
    for number in (1, 2):
        make_bookmark(owner, f"https://example.com/{number}", title="Mine")
    job, later = make_done(owner), make_done(owner)
    bring(job, 1, 2, 3, 4, 5, 6, 7)
    bring(later, 2, 3, 8)
    with transaction.atomic():
        edited = Bookmark.objects.get(url="https://example.com/4")
        edit_bookmark(owner.pk, edited.pk, draft(url=edited.url, title="Edited"))
    return job


def test_what_is_foreseen_is_what_the_undo_then_does(owner: User) -> None:
    make_bookmark(make_user(), "https://example.com/1")
    job = make_mixture(owner)
    foreseen = foresee(job)
    assert foreseen == (3, 1, 3)
    with transaction.atomic():
        taken = take_back(owner.pk, job.pk, after=0, limit=100)
    assert taken is not None
    assert taken[:3] == foreseen


def test_what_is_foreseen_after_a_part_was_taken_back_is_the_rest(owner: User) -> None:
    job = make_mixture(owner)
    with transaction.atomic():
        taken = take_back(owner.pk, job.pk, after=0, limit=4)
    assert taken is not None
    job.undo_position = taken.last
    foreseen = foresee(job)
    with transaction.atomic():
        rest = take_back(owner.pk, job.pk, after=taken.last, limit=100)
    assert rest is not None
    assert rest[:3] == foreseen


def test_the_page_says_what_would_be_done_and_does_nothing(browser: Client, owner: User) -> None:
    job = make_mixture(owner)
    response = browser.get(reverse("imports:undo", args=[job.pk]))
    page = " ".join(response.content.decode().split())
    assert "<b>3</b> bookmarks that it added will be removed." in page
    assert "<b>1</b> bookmark that it changed will be as it was before." in page
    assert "<b>3</b> bookmarks stay as they are" in page
    job.refresh_from_db()
    assert (job.status, job.work) == (Status.COMPLETED, Work.IMPORT)


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.FAILED, Status.CANCELLED])
def test_confirming_sends_the_import_to_be_taken_back(browser: Client, owner: User, status: Status) -> None:
    job = make_done(owner, status=status)
    response = browser.post(reverse("imports:undo", args=[job.pk]), follow=True)
    assert response.redirect_chain == [(f"/import/{job.pk}/", 303)]
    page = " ".join(response.content.decode().split())
    assert "The undo waits for a worker." in page
    assert 'hx-trigger="every 1s"' in page
    job.refresh_from_db()
    assert (job.status, job.work) == (Status.PENDING, Work.UNDO)
    assert OrmQ.objects.count() == 1


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("status", [Status.PENDING, Status.PROCESSING, Status.PREVIEWED, Status.UNDONE])
def test_what_cannot_be_undone_is_left_alone(browser: Client, owner: User, status: Status, method: str) -> None:
    work = Work.UNDO if status == Status.UNDONE else Work.IMPORT
    job = make_done(owner, status=status, work=work)
    response = getattr(browser, method)(reverse("imports:undo", args=[job.pk]), follow=True)
    assert "This import cannot be undone." in response.content.decode()
    job.refresh_from_db()
    assert (job.status, job.work) == (status, work)


@pytest.mark.parametrize("name", ["undo", "forget"])
def test_nobody_else_can_undo_or_forget(browser: Client, name: str) -> None:
    theirs = make_done(make_user())
    assert browser.post(reverse(f"imports:{name}", args=[theirs.pk]), {"confirmed": "1"}).status_code == 404
    theirs.refresh_from_db()
    assert (theirs.status, theirs.is_forgotten) == (Status.COMPLETED, False)


@pytest.mark.parametrize("name", ["undo", "forget"])
def test_a_forged_request_does_nothing(owner: User, name: str) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(owner)
    job = make_done(owner)
    assert strict.post(reverse(f"imports:{name}", args=[job.pk]), {"confirmed": "1"}).status_code == 403


def test_removing_from_the_history_asks_first_and_leaves_the_bookmarks(browser: Client, owner: User) -> None:
    job = make_done(owner)
    bring(job, 1)
    url = reverse("imports:forget", args=[job.pk])
    asked = browser.post(url, {"confirmed": ""})
    assert "Remove this import from the history?" in asked.content.decode()
    assert ImportJob.objects.owned_by(owner).exists()
    response = browser.post(url, {"confirmed": "1"})
    assert (response.status_code, response.headers["Location"]) == (303, "/import/")
    assert not ImportJob.objects.owned_by(owner).exists()
    assert Bookmark.objects.count() == 1
    assert browser.get(reverse("imports:detail", args=[job.pk])).status_code == 404
    assert browser.get(url).status_code == 405


def test_an_import_that_runs_stays_in_the_history(browser: Client, owner: User) -> None:
    job = make_done(owner, status=Status.PROCESSING)
    response = browser.post(reverse("imports:forget", args=[job.pk]), {"confirmed": "1"}, follow=True)
    assert "has not ended yet" in response.content.decode()
    job.refresh_from_db()
    assert not job.is_forgotten
