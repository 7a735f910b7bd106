"""What is kept, and for how long."""

from datetime import timedelta

import pytest
from django.utils import timezone
from django_q.models import Task
from pytest_django import Settings

from imports import tasks
from imports.models import ImportJob, RejectedItem
from project.housekeeping import RESULTS_KEPT, sweep
from tests.factories import make_bookmark, make_job, make_user

pytestmark = pytest.mark.django_db


def make_ended(days: int, status: str = "completed") -> ImportJob:
    """Return an import that ended so many days ago, and an hour."""
    ended = timezone.now() - timedelta(days=days, hours=1)
    job = make_job(make_user(), status=status, completed_at=ended, has_upload=False)
    RejectedItem.objects.create(job=job, position=1, reason="A bookmark without an address.")
    return job


def test_imports_stay_in_the_history_for_ever_unless_told_otherwise() -> None:
    job = make_ended(10_000)
    sweep()
    tasks.sweep()
    assert ImportJob.objects.owned_by(job.user).count() == 1


def test_imports_that_ended_long_ago_go_with_all_that_hangs_on_them_but_their_bookmarks(settings: Settings) -> None:
    settings.IMPORT_HISTORY_DAYS = 90
    old, recent = make_ended(90, "failed"), make_ended(89)
    again = make_ended(90, "pending")
    make_bookmark(old.user)
    sweep()
    tasks.sweep()
    assert set(ImportJob.objects.all()) == {recent, again}
    assert RejectedItem.objects.filter(job=old).count() == 0
    assert old.user.bookmarks.count() == 1


def test_what_the_queue_keeps_of_failed_tasks_goes_after_a_month() -> None:
    now = timezone.now()
    for name, age in (("old", RESULTS_KEPT + timedelta(hours=1)), ("new", RESULTS_KEPT - timedelta(hours=1))):
        Task.objects.create(id=name, name=name, func="f", started=now - age, stopped=now - age, success=False)
    sweep()
    assert [task.name for task in Task.objects.all()] == ["new"]
