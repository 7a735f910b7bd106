"""Quotas: how much one account may upload, and how full the disk may get."""

import shutil
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from imports.models import ImportJob, Status
from imports.quotas import Denial, denial
from tests.factories import make_job, make_user
from tests.imports.test_forms import NETSCAPE

pytestmark = pytest.mark.django_db

MB = 1024 * 1024
HTMX = {"HX-Request": "true"}


def test_ordinary_use_is_far_from_every_limit(owner: User, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    for status in Status:
        make_job(owner, status=status)
    with django_assert_num_queries(2):
        assert denial(owner, 50 * MB) is None


def test_an_account_has_so_many_imports_at_a_time(owner: User, settings: Settings) -> None:
    settings.IMPORT_MAX_ACTIVE = 2
    for status in (Status.PENDING, Status.COMPLETED, Status.FAILED):
        make_job(owner, status=status)
    make_job(make_user(), status=Status.PENDING)
    assert denial(owner, 1) is None
    job = make_job(owner, status=Status.PROCESSING)
    denied = denial(owner, 1)
    assert denied == Denial(
        "You have 2 imports waiting or running, as many as you may. Please wait for some to end.", 429
    )
    ImportJob.objects.filter(pk=job.pk).update(status=Status.COMPLETED)
    assert denial(owner, 1) is None


def test_an_account_has_so_many_bytes_stored(owner: User, settings: Settings) -> None:
    settings.IMPORT_MAX_STORED_BYTES = 10 * MB
    make_job(owner, status=Status.FAILED, file_size=6 * MB)
    make_job(owner, status=Status.COMPLETED, has_upload=False, file_size=50 * MB)
    make_job(make_user(), status=Status.FAILED, file_size=50 * MB)
    assert denial(owner, 4 * MB) is None
    denied = denial(owner, 4 * MB + 1)
    assert denied is not None
    assert denied.status == 429
    assert "keep files of 6.0 MB; with this one it would be more than 10.0 MB" in denied.reason


def test_an_account_uploads_so_many_files_in_an_hour(owner: User, settings: Settings) -> None:
    settings.IMPORT_MAX_PER_HOUR = 2
    make_job(owner, status=Status.COMPLETED, created=timezone.now() - timedelta(minutes=61))
    make_job(owner, status=Status.COMPLETED)
    assert denial(owner, 1) is None
    make_job(owner, status=Status.COMPLETED, is_forgotten=True)
    assert denial(owner, 1) == Denial(
        "You have uploaded 2 files within an hour, as many as you may. Please go on later.", 429
    )
    assert denial(make_user(), 1) is None


def test_the_disk_is_never_filled_to_the_last(owner: User, settings: Settings) -> None:
    free = shutil.disk_usage(settings.DATA_DIR).free
    settings.IMPORT_MIN_FREE_BYTES = free // 2
    assert denial(owner, MB) is None
    denied = denial(owner, free)
    assert denied is not None
    assert denied.status == 507
    assert "too little free space" in denied.reason


@pytest.mark.parametrize(
    ("name", "value", "status"), [("IMPORT_MAX_ACTIVE", 0, 429), ("IMPORT_MIN_FREE_BYTES", 1 << 60, 507)]
)
def test_an_upload_beyond_a_quota_is_refused_with_its_reason_and_stores_nothing(
    client: Client, owner: User, settings: Settings, *, name: str, value: int, status: int
) -> None:
    setattr(settings, name, value)
    client.force_login(owner)
    response = client.post("/import/submit/", {"file": SimpleUploadedFile("a.html", NETSCAPE)}, headers=HTMX)
    assert response.status_code == status
    reason = denial(owner, 1)
    assert reason is not None
    assert reason.reason in " ".join(response.content.decode().split())
    assert not ImportJob.objects.exists()
    assert not settings.MEDIA_ROOT.exists()
