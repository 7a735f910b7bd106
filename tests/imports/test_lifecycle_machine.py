"""The lifecycle as a state machine: its promises hold in any interleaving of workers, deaths, people and messages."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Count
from django.utils import timezone
from django_q.models import OrmQ
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from bookmarks.drafts import BookmarkDraft, Duplicates, draft
from bookmarks.models import Bookmark
from imports import lifecycle
from imports.lifecycle import Claim, ClaimLostError
from imports.models import ACTIVE, ImportJob, RejectedItem, Status
from imports.options import ImportOptions
from imports.pipeline import Portion, apply_batch, portion_of
from imports.prepared import Frame, PreparedReject
from imports.survey import Survey
from tests.factories import make_job, make_user

TOTAL = 9
SURVEY = Survey(TOTAL, "activitystreams", [], "", {}, [], [])
PAGES = 5
BAD = {3, 7}
LONG_AGO = timedelta(hours=1)
VALID = TOTAL - len(BAD)


def page(position: int) -> str:
    """Return the address at a position of the file; several positions name the same page."""
    return f"https://example.com/{position * position % PAGES}"


def item(position: int) -> BookmarkDraft | PreparedReject:
    if position in BAD:
        return PreparedReject(position, "", "a title", "ftp://example.com", "a reason", "")
    return draft(url=page(position), title=f"as told at {position}", tags=["a tag"])


def frame(start: int, end: int) -> Frame:
    items = [item(position) for position in range(start, min(end, TOTAL))]
    drafts = [each for each in items if isinstance(each, BookmarkDraft)]
    return Frame(start, drafts, [each for each in items if isinstance(each, PreparedReject)])


def ready(claim: Claim, part: Frame) -> Portion:
    return portion_of(ImportJob.objects.get(pk=claim.job_id), part)


@dataclass
class Model:
    """What a job must be."""

    user: User
    status: Status = Status.PENDING
    fence: int = 0
    wake: int = 0
    position: int = 0
    is_prepared: bool = False
    lease: str = "none"
    deaths: int = 0
    reached: int = 0
    completions: int = 0
    started_over: bool = False
    before: ImportJob | None = field(default=None, repr=False)

    @property
    def is_active(self) -> bool:
        return self.status in ACTIVE

    def obeys(self, claim: Claim) -> bool:
        """Whether the claim still holds."""
        return self.status == Status.PROCESSING and self.fence == claim.fence


class LifecycleMachine(RuleBasedStateMachine):
    """Two users, one of them with two jobs; claims are kept by workers that may act on them long after losing them."""

    claims = Bundle("claims")

    @initialize(duplicates=st.sampled_from(Duplicates))
    def begin(self, duplicates: Duplicates) -> None:
        self.transaction = transaction.atomic()
        self.transaction.__enter__()
        one, other = make_user(), make_user()
        options = ImportOptions(duplicate_handling=duplicates).as_json()
        self.models: dict[int, Model] = {}
        for user in (one, one, other):
            job = make_job(user, import_options=options)
            self.models[job.pk] = Model(user)
        self.jobs = list(self.models)

    def teardown(self) -> None:
        if hasattr(self, "transaction"):
            try:
                self.run_to_the_end()
            finally:
                transaction.set_rollback(True)
                self.transaction.__exit__(None, None, None)

    # What workers do.

    def try_claim(self, job: int, wake: int | None = None) -> Claim | None:
        model = self.models[job]
        others = [(j, m) for j, m in self.models.items() if m.user == model.user and j != job and m.is_active]
        is_its_turn = not any(j < job or m.lease == "live" for j, m in others)
        is_free = model.is_active and model.lease != "live" and is_its_turn and wake in {None, model.wake}
        claim = lifecycle.claim(job, wake)
        if is_free and model.lease == "expired":
            model.deaths += 1
        if is_free and model.deaths >= lifecycle.DEATHS_UNTIL_FAILED:
            model.status, model.lease, is_free = Status.FAILED, "none", False
        assert (claim is not None) is is_free
        if claim is not None:
            model.fence += 1
            model.wake += 1
            model.status, model.lease = Status.PROCESSING, "live"
            assert claim == Claim(job, model.fence)
        return claim

    @rule(target=claims, number=st.integers(0, 2))
    def claim(self, number: int) -> Claim:
        return self.try_claim(self.jobs[number]) or Claim(self.jobs[number], 0)

    @rule(target=claims, number=st.integers(0, 30), is_kept=st.booleans())
    def receive_a_message(self, number: int, is_kept: bool) -> Claim:
        """Act on any message, in any order; one that is kept is delivered again."""
        messages = list(OrmQ.objects.order_by("pk"))
        if not messages:
            return Claim(self.jobs[0], 0)
        message = messages[number % len(messages)]
        if not is_kept:
            message.delete()
        job, wake = message.task["args"]
        return self.try_claim(job, wake) or Claim(job, 0)

    def act(self, claim: Claim, action: Callable[[], object]) -> bool:
        """Do what a worker does with its claim; return whether it was allowed to."""
        holds = self.models[claim.job_id].obeys(claim)
        try:
            action()
        except ClaimLostError:
            assert not holds
            return False
        assert holds
        return True

    @rule(claim=claims, count=st.integers(1, 4))
    def commit_a_batch(self, claim: Claim, count: int) -> None:
        model = self.models[claim.job_id]
        if not model.is_prepared and self.act(claim, lambda: lifecycle.record_prepared(claim, SURVEY)):
            model.is_prepared, model.deaths = True, 0
        batch = frame(model.position, model.position + count)
        if len(batch) and self.act(claim, lambda: apply_batch(claim, ready(claim, batch))):
            model.position = batch.end
            model.reached = max(model.reached, batch.end)
            model.deaths, model.lease = 0, "live"

    @rule(claim=claims)
    def break_off_a_batch(self, claim: Claim) -> None:
        model = self.models[claim.job_id]
        batch = frame(model.position, TOTAL)

        def die_before_commit() -> None:
            with transaction.atomic():
                apply_batch(claim, ready(claim, batch))
                transaction.set_rollback(True)

        if len(batch):
            self.act(claim, die_before_commit)

    @rule(claim=claims)
    def keep_the_lease(self, claim: Claim) -> None:
        model = self.models[claim.job_id]
        if model.lease == "none":
            with pytest.raises(ClaimLostError):
                lifecycle.renew(claim)
        elif self.act(claim, lambda: lifecycle.renew(claim)):
            model.lease = "live"

    @rule(claim=claims)
    def release(self, claim: Claim) -> None:
        if self.act(claim, lambda: lifecycle.release(claim)):
            self.models[claim.job_id].lease = "none"

    @rule(claim=claims)
    def stumble(self, claim: Claim) -> None:
        model = self.models[claim.job_id]
        lifecycle.stumble(claim)
        if model.obeys(claim):
            model.deaths += 1
            model.lease = "none"
            if model.deaths >= lifecycle.DEATHS_UNTIL_FAILED:
                model.status = Status.FAILED

    @rule(claim=claims)
    def complete(self, claim: Claim) -> None:
        model = self.models[claim.job_id]
        if model.obeys(claim) and not (model.is_prepared and model.position == TOTAL):
            return
        if self.act(claim, lambda: lifecycle.complete(claim)):
            model.status, model.lease = Status.COMPLETED, "none"
            model.completions += 1

    @rule(claim=claims)
    def fail(self, claim: Claim) -> None:
        if self.act(claim, lambda: lifecycle.fail(claim, "it cannot be read")):
            self.models[claim.job_id].status, self.models[claim.job_id].lease = Status.FAILED, "none"

    # What time, the queue and people do.

    @rule()
    def let_leases_run_out(self) -> None:
        for job, model in self.models.items():
            ImportJob.objects.filter(pk=job).update(woken_at=timezone.now() - LONG_AGO)
            if model.lease == "live":
                model.lease = "expired"
                ImportJob.objects.filter(pk=job).update(lease_expires_at=timezone.now() - timedelta(seconds=1))

    @rule()
    def lose_all_messages(self) -> None:
        OrmQ.objects.all().delete()

    @rule()
    def sweep(self) -> None:
        lifecycle.wake_lost()

    @rule(number=st.integers(0, 2))
    def cancel(self, number: int) -> None:
        job = self.jobs[number]
        model = self.models[job]
        assert lifecycle.cancel(model.user, job) is model.is_active
        if model.is_active:
            model.status, model.lease = Status.CANCELLED, "none"

    @rule(number=st.integers(0, 2), start_over=st.booleans())
    def retry(self, number: int, start_over: bool) -> None:
        job = self.jobs[number]
        model = self.models[job]
        can = model.status in {Status.FAILED, Status.CANCELLED}
        assert lifecycle.retry(model.user, job, start_over=start_over) is can
        if can:
            model.status, model.is_prepared, model.deaths = Status.PENDING, False, 0
            model.wake += 1
            if start_over:
                model.position, model.started_over = 0, True

    # What must hold at every moment.

    @invariant()
    def every_job_is_what_it_must_be(self) -> None:
        for job in ImportJob.objects.filter(pk__in=getattr(self, "models", {})):
            model = self.models[job.pk]
            assert (job.status, job.fence, job.wake) == (model.status, model.fence, model.wake)
            assert (job.processed_bookmarks, job.deaths) == (model.position, model.deaths)
            parts = (job.created_bookmarks, job.updated_bookmarks, job.skipped_bookmarks, job.failed_bookmarks)
            assert job.processed_bookmarks == sum(parts)
            assert job.failed_bookmarks == len([at for at in BAD if at < model.position])
            is_held = job.lease_expires_at is not None and job.lease_expires_at > timezone.now()
            assert is_held is (model.lease == "live")
            assert (job.completed_at is not None) is (not model.is_active)
            if model.before is not None:
                assert job.fence >= model.before.fence
            model.before = job

    @invariant()
    def the_tables_hold_what_the_counters_say(self) -> None:
        rejected = dict(RejectedItem.objects.values_list("job").annotate(Count("pk")))
        for job in ImportJob.objects.filter(pk__in=getattr(self, "models", {})):
            model = self.models[job.pk]
            assert rejected.get(job.pk, 0) == job.failed_bookmarks
            added = Bookmark.objects.filter(added_by_import=job.pk).count()
            assert added >= job.created_bookmarks if model.started_over else added == job.created_bookmarks
        for user in {model.user for model in getattr(self, "models", {}).values()}:
            jobs = [model for model in self.models.values() if model.user == user]
            seen = {page(at) for model in jobs for at in range(model.reached) if at not in BAD}
            assert set(Bookmark.objects.owned_by(user).values_list("url", flat=True)) == seen
            assert sum(model.lease == "live" for model in jobs) <= 1

    @invariant()
    def no_job_is_completed_twice(self) -> None:
        assert all(model.completions <= 1 for model in getattr(self, "models", {}).values())

    def run_to_the_end(self) -> None:
        """Have one good worker, and nothing but the queue and the sweep: every job that is active completes."""
        active = [model for model in self.models.values() if model.is_active]
        for model in self.models.values():
            model.deaths = 0
        ImportJob.objects.filter(pk__in=self.models).update(deaths=0)
        for _ in range(2 * len(self.jobs)):
            self.let_leases_run_out()
            self.sweep()
            while message := OrmQ.objects.order_by("pk").first():
                message.delete()
                job, wake = message.task["args"]
                if claim := self.try_claim(job, wake):
                    self.commit_a_batch(claim, TOTAL)
                    self.complete(claim)
        assert all(model.status == Status.COMPLETED for model in active)
        self.every_job_is_what_it_must_be()
        self.the_tables_hold_what_the_counters_say()


@pytest.mark.django_db
def test_every_interleaving_of_workers_deaths_people_and_messages_keeps_the_promises() -> None:
    run_state_machine_as_test(
        LifecycleMachine,
        # Without shrinking: what fails is short enough to be read, and a busy machine would take minutes over it.
        settings=settings(
            max_examples=25,
            stateful_step_count=40,
            deadline=None,
            phases=[Phase.explicit, Phase.reuse, Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.django_db
def test_an_older_job_that_is_retried_waits_for_the_slice_of_a_younger_one_and_comes_next() -> None:
    user = make_user()
    older, younger = make_job(user, status=Status.CANCELLED), make_job(user)
    slice_of_younger = lifecycle.claim(younger.pk)
    assert slice_of_younger is not None
    assert lifecycle.retry(user, older.pk)
    assert lifecycle.claim(older.pk) is None
    OrmQ.objects.all().delete()
    lifecycle.release(slice_of_younger)
    assert [message.task["args"][0] for message in OrmQ.objects.all()] == [older.pk]
    assert lifecycle.claim(younger.pk) is None
    assert lifecycle.claim(older.pk) is not None
