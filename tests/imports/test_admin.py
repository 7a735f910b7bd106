"""The administration of imports: filters, search, and nothing that changes anything."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from imports.models import ImportJob, RejectedItem, Status
from tests.factories import make_job, make_user

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
