"""The states of a job, its claims and its counters: every action in every state."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from django_q.models import OrmQ
from pytest_django import DjangoAssertNumQueries

from bookmarks.upsert import Outcome
from imports import lifecycle
from imports.lifecycle import Claim, ClaimLostError
from imports.models import ACTIVE, Heartbeat, ImportJob, RejectedItem, Status
from imports.prepared import PreparedReject
from tests.factories import make_job, make_user

pytestmark = pytest.mark.django_db

LONG_AGO = timedelta(hours=1)


def claimed(job: ImportJob) -> Claim:
    """Return a claim that must be there."""
    claim = lifecycle.claim(job.pk)
    assert claim is not None
    return claim


def expire(job: ImportJob) -> None:
    """Let the lease of a job run out, as when its worker is dead."""
    ImportJob.objects.filter(pk=job.pk).update(
        lease_expires_at=timezone.now() - timedelta(seconds=1), woken_at=timezone.now() - LONG_AGO
    )


def messages() -> list[tuple[object, ...]]:
    return [tuple(message.task["args"]) for message in OrmQ.objects.order_by("pk")]


def test_a_new_job_is_pending_with_its_message_in_the_queue() -> None:
    job = ImportJob(user=make_user(), file_path="imports/1/x.json")
    lifecycle.start(job)
    assert (job.status, messages()) == (Status.PENDING, [(job.pk, 0)])


def test_a_claim_starts_the_job_and_no_second_claim_is_given_while_the_lease_holds() -> None:
    job = make_job(make_user())
    first = claimed(job)
    job.refresh_from_db()
    assert (job.status, job.fence, first.fence) == (Status.PROCESSING, 1, 1)
    assert job.started_at is not None
    assert lifecycle.claim(job.pk) is None


def test_a_claim_whose_lease_ran_out_is_taken_over_and_its_holder_can_commit_nothing() -> None:
    job = make_job(make_user())
    old = claimed(job)
    expire(job)
    new = claimed(job)
    assert new.fence == old.fence + 1
    with pytest.raises(ClaimLostError), lifecycle.batch(old) as locked:
        lifecycle.advance(locked, 1, Outcome(1, 0, 0), [])
    for action in (lifecycle.renew, lifecycle.release, lifecycle.complete):
        with pytest.raises(ClaimLostError):
            action(old)
    with lifecycle.batch(new) as locked:
        lifecycle.advance(locked, 2, Outcome(1, 0, 1), [])
    job.refresh_from_db()
    assert (job.processed_bookmarks, job.status) == (2, Status.PROCESSING)


def test_a_message_is_heeded_once() -> None:
    job = make_job(make_user())
    claim = lifecycle.claim(job.pk, wake=0)
    assert claim is not None
    lifecycle.release(claim)
    assert lifecycle.claim(job.pk, wake=0) is None
    assert messages() == [(job.pk, 1)]
    assert lifecycle.claim(job.pk, wake=1) is not None


def test_one_users_jobs_run_one_after_another_and_the_end_of_one_wakes_the_next() -> None:
    user = make_user()
    first, second = make_job(user), make_job(user)
    other = make_job(make_user())
    assert lifecycle.claim(second.pk) is None
    assert lifecycle.claim(other.pk) is not None
    lifecycle.complete(claimed(first))
    assert messages() == [(second.pk, 0)]
    assert lifecycle.claim(second.pk, wake=0) is not None


def test_a_batch_that_fails_leaves_no_trace() -> None:
    job = make_job(make_user())
    claim = claimed(job)
    reject = PreparedReject(0, "", "a title", "ftp://x", "a reason", "")
    with pytest.raises(ZeroDivisionError), lifecycle.batch(claim) as locked:
        lifecycle.advance(locked, 1, Outcome(0, 0, 0), [reject])
        raise ZeroDivisionError
    job.refresh_from_db()
    assert (job.processed_bookmarks, job.failed_bookmarks) == (0, 0)
    assert not RejectedItem.objects.exists()


def test_the_first_hundred_rejected_items_are_shown_and_all_are_kept() -> None:
    job = make_job(make_user())
    claim = claimed(job)
    for start in (0, 70):
        rejects = [PreparedReject(start + n, "", "t\x00", "ftp://x", "a reason", "{}") for n in range(70)]
        with lifecycle.batch(claim) as locked:
            lifecycle.advance(locked, 70, Outcome(0, 0, 0), rejects)
    job.refresh_from_db()
    assert (job.processed_bookmarks, job.failed_bookmarks) == (140, 140)
    assert [detail["position"] for detail in job.failed_bookmark_details] == list(range(1, 101))
    assert list(job.rejected_items.values_list("position", flat=True)) == list(range(1, 141))
    assert {item.title for item in job.rejected_items.all()} == {"t"}


def test_progress_is_the_sum_of_its_parts_and_grows_in_one_statement(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    job = make_job(make_user(), total_bookmarks=40)
    with django_assert_num_queries(1):
        job.update_progress(10, failed=2)
    ImportJob.objects.get(pk=job.pk).update_progress(10, 1, updated=3, skipped=4)
    job.refresh_from_db()
    assert (job.processed_bookmarks, job.failed_bookmarks, job.progress_percentage) == (20, 3, 50)
    assert (job.created_bookmarks, job.updated_bookmarks, job.skipped_bookmarks) == (10, 3, 4)


@pytest.mark.parametrize("status", list(Status))
def test_cancelling_ends_an_active_job_and_changes_no_other(status: Status) -> None:
    user = make_user()
    job = make_job(user, status=status, lease_expires_at=timezone.now() + LONG_AGO, fence=3)
    assert lifecycle.cancel(user, job.pk) is (status in ACTIVE)
    job.refresh_from_db()
    assert job.status == (Status.CANCELLED if status in ACTIVE else status)
    assert (job.completed_at is not None) is (status in ACTIVE)


@pytest.mark.parametrize(
    "finish", [lifecycle.complete, lifecycle.release, lifecycle.renew, lambda claim: lifecycle.fail(claim, "no")]
)
def test_nothing_overwrites_cancelled(finish: Callable[[Claim], object]) -> None:
    user = make_user()
    job = make_job(user)
    claim = claimed(job)
    assert lifecycle.cancel(user, job.pk)
    with pytest.raises(ClaimLostError):
        finish(claim)
    lifecycle.stumble(claim)
    assert lifecycle.claim(job.pk) is None
    job.refresh_from_db()
    assert job.status == Status.CANCELLED


@pytest.mark.parametrize("has_upload", [True, False])
@pytest.mark.parametrize("status", list(Status))
def test_only_failed_cancelled_and_undone_jobs_whose_file_is_there_can_be_retried(
    status: Status, has_upload: bool
) -> None:
    user = make_user()
    job = make_job(user, status=status, has_upload=has_upload, error_message="went wrong", completed_at=timezone.now())
    can = status in {Status.FAILED, Status.CANCELLED, Status.UNDONE} and has_upload
    assert (job.can_retry, lifecycle.retry(user, job.pk)) == (can, can)
    job.refresh_from_db()
    assert job.status == (Status.PENDING if can else status)
    assert (job.error_message == "") is can
    assert len(messages()) == can


def stopped_halfway(user: User) -> ImportJob:
    job = make_job(
        user, status=Status.CANCELLED, total_bookmarks=10, processed_bookmarks=4, created_bookmarks=3,
        failed_bookmarks=1, failed_bookmark_details=[{"position": 1}], fence=2, wake=2, deaths=2,
    )  # fmt: skip
    RejectedItem.objects.create(job=job, position=1, reason="a reason")
    return job


def test_a_retry_resumes_where_the_job_stopped() -> None:
    user = make_user()
    job = stopped_halfway(user)
    assert job.can_resume
    assert lifecycle.retry(user, job.pk)
    job.refresh_from_db()
    assert (job.processed_bookmarks, job.created_bookmarks, job.failed_bookmarks, job.deaths) == (4, 3, 1, 0)
    assert job.rejected_items.count() == 1
    assert messages() == [(job.pk, 3)]


def test_a_retry_can_start_over() -> None:
    user = make_user()
    job = stopped_halfway(user)
    assert lifecycle.retry(user, job.pk, start_over=True)
    job.refresh_from_db()
    assert (job.processed_bookmarks, job.created_bookmarks, job.failed_bookmarks) == (0, 0, 0)
    assert (job.rejected_items.count(), job.failed_bookmark_details) == (0, [])


def test_nobody_else_can_cancel_or_retry_a_job() -> None:
    active, failed = make_job(make_user()), make_job(make_user(), status=Status.FAILED)
    stranger = make_user()
    assert not lifecycle.cancel(stranger, active.pk)
    assert not lifecycle.retry(stranger, failed.pk)
    assert not lifecycle.cancel(stranger, 10**9)


def test_a_lost_message_is_sent_again_and_a_present_worker_is_left_alone() -> None:
    lost, held, fresh = (make_job(make_user()) for _ in range(3))
    ImportJob.objects.filter(pk__in=[lost.pk, held.pk]).update(woken_at=timezone.now() - LONG_AGO)
    claimed(held)
    waiting = make_job(lost.user, woken_at=timezone.now() - LONG_AGO)
    assert lifecycle.wake_lost() == 1
    assert messages() == [(lost.pk, 0)]
    assert not any(lifecycle.wake_if_lost(job) for job in (lost, held, fresh, waiting))


def test_a_job_whose_worker_died_is_woken_when_its_lease_ran_out() -> None:
    job = make_job(make_user())
    claimed(job)
    expire(job)
    assert lifecycle.wake_if_lost(job)
    ((_, wake),) = messages()
    assert lifecycle.claim(job.pk, wake=int(str(wake))) is not None
    job.refresh_from_db()
    assert job.deaths == 1


def test_repeated_deaths_without_progress_make_the_job_careful_and_then_fail_it() -> None:
    job = make_job(make_user())
    for death in range(lifecycle.DEATHS_UNTIL_FAILED):
        claimed(job)
        job.refresh_from_db()
        assert (job.deaths, job.careful_until > 0) == (death, death >= lifecycle.DEATHS_UNTIL_CAREFUL)
        expire(job)
    assert lifecycle.claim(job.pk) is None
    job.refresh_from_db()
    assert job.status == Status.FAILED
    assert f"under import job {job.pk}" in job.error_message


def test_progress_forgets_earlier_deaths() -> None:
    job = make_job(make_user())
    for _ in range(3):
        claimed(job)
        expire(job)
    with lifecycle.batch(claimed(job)) as locked:
        lifecycle.advance(locked, 1, Outcome(1, 0, 0), [])
    job.refresh_from_db()
    assert job.deaths == 0


def test_a_slice_that_failed_counts_as_a_death_and_is_taken_up_at_once() -> None:
    job = make_job(make_user())
    lifecycle.stumble(claimed(job))
    assert messages() == [(job.pk, 1)]
    assert lifecycle.claim(job.pk, wake=1) is not None
    job.refresh_from_db()
    assert job.deaths == 1


def test_a_queue_that_nobody_processes_is_noticed_and_since_when() -> None:
    assert lifecycle.idle_since() is None
    job = ImportJob(user=make_user(), file_path="imports/1/x.json")
    lifecycle.start(job)
    assert (lifecycle.idle_since(), lifecycle.queue_is_stuck()) == (None, False)
    long_ago = timezone.now() - LONG_AGO
    OrmQ.objects.update(lock=long_ago)
    assert (lifecycle.idle_since(), lifecycle.queue_is_stuck()) == (long_ago, True)
    claimed(job)
    assert (lifecycle.idle_since(), lifecycle.queue_is_stuck()) == (None, False)


def test_a_worker_that_has_been_silent_for_long_is_noticed_without_any_message() -> None:
    lifecycle.note_alive()
    assert lifecycle.idle_since() is None
    Heartbeat.objects.update(seen=timezone.now() - LONG_AGO)
    assert lifecycle.idle_since() == Heartbeat.objects.get().seen


def test_a_message_and_its_job_commit_together_or_not_at_all() -> None:
    user = make_user()
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        lifecycle.start(ImportJob(user=user, file_path="imports/1/x.json"))
        raise ZeroDivisionError
    assert (ImportJob.objects.count(), OrmQ.objects.count()) == (0, 0)
