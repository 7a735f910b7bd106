"""The administration of imports: filters, search, what is done to jobs and by whom, and nothing that is edited."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.contrib.messages import get_messages
from django.core.files.storage import default_storage
from django.test import Client
from django.utils import timezone
from django_q.models import OrmQ
from pytest_django import DjangoAssertNumQueries

from imports import admin, lifecycle, tasks, uploads
from imports.models import Happening, ImportJob, JobEvent, RejectedItem, Status
from imports.options import ImportOptions
from tests.factories import make_job, make_user
from tests.imports.test_forms import NETSCAPE
from tests.imports.test_views import export

pytestmark = pytest.mark.django_db

JOBS, ITEMS = "/admin/imports/importjob/", "/admin/imports/rejecteditem/"


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(make_user("boss", is_staff=True, is_superuser=True))
    return client


def names_on(client: Client, query: str) -> set[str]:
    page = client.get(f"{JOBS}{query}")
    assert page.status_code == 200
    return {name for name in ("one.html", "two.html") if name in page.content.decode()}


def test_jobs_are_filtered_by_status_and_date_and_found_by_user_name(staff: Client) -> None:
    long_ago = timezone.now() - timedelta(days=400)
    make_job(make_user("ann"), file_name="one.html", status=Status.FAILED, created=long_ago)
    make_job(make_user("ben"), file_name="two.html")
    assert names_on(staff, "") == {"one.html", "two.html"}
    assert names_on(staff, "?status__exact=failed") == {"one.html"}
    assert names_on(staff, f"?created__year={timezone.now().year}") == {"two.html"}
    assert 'href="?created__gte=' in staff.get(JOBS).content.decode()
    assert names_on(staff, "?q=ann") == {"one.html"}


def test_everything_about_a_job_is_read_only(staff: Client) -> None:
    job = make_job(make_user("ann"), status=Status.FAILED, error_message="The file breaks off.")
    page = staff.get(f"{JOBS}{job.pk}/change/").content.decode()
    assert "The file breaks off." in page
    form = page[page.index('id="importjob_form"') :]
    assert 'name="_save"' not in form
    assert '<input type="text"' not in form
    assert "<select" not in form
    staff.post(f"{JOBS}{job.pk}/change/", {"status": "completed"})
    job.refresh_from_db()
    assert job.status == Status.FAILED


@pytest.mark.parametrize("path", ["add/", "{pk}/delete/"])
@pytest.mark.parametrize("section", [JOBS, ITEMS])
def test_nothing_is_added_or_deleted(staff: Client, section: str, path: str) -> None:
    job = make_job(make_user())
    item = RejectedItem.objects.create(job=job, position=1, reason="No.")
    pk = job.pk if section == JOBS else item.pk
    assert staff.post(section + path.format(pk=pk), {"post": "yes"}).status_code == 403
    assert ImportJob.objects.exists()
    assert RejectedItem.objects.exists()


def test_rejected_items_are_shown_page_by_page_for_their_job(staff: Client) -> None:
    job, other = make_job(make_user(), failed_bookmarks=150), make_job(make_user())
    RejectedItem.objects.bulk_create(
        RejectedItem(job=job, position=number, url=f"ftp://example.com/{number}", reason="No.")
        for number in range(150)
    )
    RejectedItem.objects.create(job=other, position=1, url="ftp://elsewhere.example/", reason="No.")
    assert f'href="{ITEMS}?job={job.pk}"' in staff.get(f"{JOBS}{job.pk}/change/").content.decode()
    page = staff.get(f"{ITEMS}?job={job.pk}").content.decode()
    assert page.count("ftp://example.com/") == 100
    assert "elsewhere" not in page


def act(client: Client, action: str, *jobs: ImportJob, **more: str) -> Any:
    return client.post(JOBS, {"action": action, "_selected_action": [job.pk for job in jobs], **more})


def told(response: Any) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def buttons(client: Client, job: ImportJob) -> list[str]:
    page = client.get(f"{JOBS}{job.pk}/change/").content.decode()
    return re.findall(r'<button class="button" type="submit" name="action" value="(\w+)">', page)


def member_of_staff(*permissions: str) -> Client:
    user = make_user("helper", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


def test_a_failed_import_is_retried_by_its_button(staff: Client) -> None:
    job = make_job(make_user("ann"), status=Status.FAILED)
    assert buttons(staff, job) == ["retry", "forget"]
    response = act(staff, "retry", job, back="1")
    assert response.headers["Location"] == f"{JOBS}{job.pk}/change/"
    assert told(response) == ["1 import: retried."]
    job.refresh_from_db()
    assert job.status == Status.PENDING
    assert OrmQ.objects.count() == 1
    assert job.events.get().kind == Happening.RETRIED
    assert LogEntry.objects.get().object_id == str(job.pk)


def test_several_are_cancelled_at_once_and_those_that_cannot_be_are_told(staff: Client) -> None:
    active = [make_job(make_user(), status=status) for status in (Status.PENDING, Status.PROCESSING)]
    ended = make_job(make_user(), status=Status.COMPLETED)
    response = act(staff, "cancel", *active, ended)
    assert told(response) == ["2 imports: cancelled.", "1 import could not be: its state does not allow it."]
    assert set(ImportJob.objects.values_list("status", flat=True)) == {Status.CANCELLED, Status.COMPLETED}


def test_an_import_that_runs_stops_when_it_is_cancelled(staff: Client) -> None:
    job = uploads.submit(export(content=NETSCAPE), make_user("ann"), ImportOptions())
    claimed = lifecycle.claim(job.pk)
    assert claimed
    assert buttons(staff, job) == ["cancel"]
    act(staff, "cancel", job)
    with pytest.raises(lifecycle.ClaimLostError):
        lifecycle.complete(claimed)


def test_a_removed_import_goes_with_its_file_when_the_queue_sweeps(staff: Client) -> None:
    job = uploads.submit(export(content=NETSCAPE), make_user("ann"), ImportOptions())
    act(staff, "forget", job)
    assert not ImportJob.objects.get().is_forgotten, "an active import has to be cancelled first"
    act(staff, "cancel", job)
    act(staff, "forget", job)
    assert "removed from the history" in staff.get(f"{JOBS}{job.pk}/change/").content.decode()
    assert buttons(staff, job) == []
    tasks.sweep()
    assert not ImportJob.objects.exists()
    assert not default_storage.exists(job.file_path)


@pytest.mark.parametrize("status", Status.values)
def test_a_page_has_the_buttons_that_would_have_an_effect(staff: Client, status: str) -> None:
    job = make_job(make_user("ann"), status=status)
    for name in ("retry", "cancel", "forget"):
        is_offered = name in buttons(staff, job)
        before = ImportJob.objects.values().get(pk=job.pk)
        act(staff, name, job)
        assert (ImportJob.objects.values().get(pk=job.pk) != before) == is_offered, name
        ImportJob.objects.filter(pk=job.pk).update(**before)


def test_staff_without_permission_see_nothing(client: Client) -> None:
    job = make_job(make_user("ann"), status=Status.FAILED)
    helper = member_of_staff()
    assert helper.get(JOBS).status_code == helper.get(f"{JOBS}{job.pk}/change/").status_code == 403
    assert act(helper, "retry", job).status_code == 403
    job.refresh_from_db()
    assert job.status == Status.FAILED


@pytest.mark.parametrize(
    ("permissions", "offered"),
    [
        (["view_importjob"], []),
        (["change_importjob"], ["retry"]),
        (["view_importjob", "delete_importjob"], ["forget"]),
    ],
)
def test_staff_may_do_what_they_have_permission_for(permissions: list[str], offered: list[str]) -> None:
    job = make_job(make_user("ann"), status=Status.FAILED)
    helper = member_of_staff(*permissions)
    assert buttons(helper, job) == offered
    page = helper.get(JOBS).content.decode()
    assert [name for name in ("retry", "forget") if f'<option value="{name}">' in page] == offered
    for name in {"retry", "forget", "cancel", "delete_selected"} - set(offered):
        act(helper, name, job)
        assert ImportJob.objects.filter(status=Status.FAILED, is_forgotten=False).exists()


def test_a_job_is_shown_with_its_course(staff: Client) -> None:
    job = make_job(make_user("ann"), status=Status.COMPLETED, total_bookmarks=4000, processed_bookmarks=4000)
    for kind, position in (
        *((Happening.QUEUED, 0), (Happening.STARTED, 0), (Happening.READ, 0), (Happening.PROGRESS, 2500)),
        *((Happening.DIED, 3000), (Happening.STARTED, 3000), (Happening.COMPLETED, 4000)),
    ):
        JobEvent.objects.create(job=job, kind=kind, position=position)
    page = staff.get(f"{JOBS}{job.pk}/change/").content.decode()
    assert "The file was read" in page
    assert "A worker stopped in the middle, after item 3,000" in page
    assert "Finished, after item 4,000" in page
    assert "4,000 / 4,000 (100%)" in page


def test_jobs_in_trouble_are_found(staff: Client) -> None:
    make_job(make_user("ann"), file_name="one.html", status=Status.PROCESSING)
    soon = timezone.now() + timedelta(seconds=9)
    make_job(make_user("ben"), file_name="two.html", status=Status.PROCESSING, lease_expires_at=soon, deaths=2)
    assert names_on(staff, "?trouble=waits") == {"one.html"}
    assert names_on(staff, "?trouble=deaths") == {"two.html"}


def test_the_number_of_queries_does_not_grow(
    staff: Client, django_assert_max_num_queries: Any, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    job = make_job(make_user("ann"), status=Status.FAILED)
    with django_assert_max_num_queries(12) as few:
        staff.get(JOBS)
    ImportJob.objects.bulk_create(ImportJob(user=make_user(), file_path="x", status=Status.FAILED) for _ in range(60))
    JobEvent.objects.bulk_create(JobEvent(job=job, kind=Happening.PROGRESS, position=n) for n in range(300))
    with django_assert_num_queries(len(few)):
        staff.get(JOBS)
    with django_assert_max_num_queries(8):
        staff.get(f"{JOBS}{job.pk}/change/")


def test_of_very_many_only_so_many_are_done_at_once(staff: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admin, "MOST_AT_ONCE", 2)
    for _ in range(3):
        make_job(make_user(), status=Status.PENDING)
    response = act(staff, "cancel", ImportJob.objects.all()[0], select_across="1")
    assert told(response) == ["2 imports: cancelled.", "Only the first 2 were looked at."]
    assert ImportJob.objects.active().count() == 1
