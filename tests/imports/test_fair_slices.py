"""Imports take turns: a worker stays with one for longer only while nobody else waits."""

import pytest
from django.core.files.base import ContentFile

from imports import lifecycle, pipeline, uploads
from imports.models import ImportJob, Status
from imports.options import ImportOptions
from tests.factories import make_job, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def half_done(monkeypatch: pytest.MonkeyPatch) -> lifecycle.Claim:
    """Return the claim of an import of several batches, whose first batch takes as long as a fair slice."""
    monkeypatch.setattr(pipeline, "FAIR_SECONDS", 0.0)
    lines = "\n".join(f"https://example.com/{n}" for n in range(2 * pipeline.FIRST_BATCH_ITEMS + 100))
    job = uploads.submit(ContentFile(lines.encode(), "links.txt"), make_user(), ImportOptions(), queued=False)
    claimed = lifecycle.claim(job.pk)
    assert claimed is not None
    return claimed


def worked_on(claimed: lifecycle.Claim) -> ImportJob:
    pipeline.run_slice(claimed, should_stop=lambda: False)
    return ImportJob.objects.get(pk=claimed.job_id)


def test_a_slice_ends_early_when_somebody_waits(half_done: lifecycle.Claim) -> None:
    make_job(make_user())
    job = worked_on(half_done)
    assert (job.status, job.lease_expires_at) == (Status.PROCESSING, None)
    assert 0 < job.processed_bookmarks < job.total_bookmarks


def test_a_slice_goes_on_when_nobody_waits(half_done: lifecycle.Claim) -> None:
    attended = make_job(make_user())
    assert lifecycle.claim(attended.pk) is not None
    make_job(make_user(), status=Status.COMPLETED)
    assert worked_on(half_done).status == Status.COMPLETED


def test_ones_own_next_import_is_nobody_who_waits(half_done: lifecycle.Claim) -> None:
    make_job(ImportJob.objects.get(pk=half_done.job_id).user)
    assert worked_on(half_done).status == Status.COMPLETED
