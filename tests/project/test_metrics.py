"""Figures for Prometheus: who gets them, that they are right, and that they stay cheap."""

from datetime import datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from django_q.models import OrmQ
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import DjangoAssertNumQueries, Settings

from imports import lifecycle
from imports.models import Happening, ImportJob, JobEvent, RejectedItem, Status
from project import metrics
from tests.factories import make_job, make_user

pytestmark = pytest.mark.django_db

TOKEN = "a token that nobody guesses"
type Figures = dict[str, float]


@pytest.fixture(autouse=True)
def token(settings: Settings) -> None:
    settings.METRICS_TOKEN = TOKEN


@pytest.fixture
def ada(db: None) -> User:
    return make_user("ada")


def figures(token: str = TOKEN) -> Figures:
    """Return each figure under its name, with the value of its label if it has one."""
    response = Client().get("/metrics", headers={"authorization": f"Bearer {token}"})
    assert response.status_code == 200
    return {
        ":".join([sample.name, *sample.labels.values()]): sample.value
        for family in text_string_to_metric_families(response.content.decode())
        for sample in family.samples
    }


def event(job: ImportJob, kind: Happening, seconds_ago: float, position: int = 0) -> None:
    JobEvent.objects.create(job=job, kind=kind, at=timezone.now() - timedelta(seconds=seconds_ago), position=position)


@pytest.mark.parametrize(
    "header",
    ["", TOKEN, "Bearer", "Bearer ", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer \xe9\xff", f"Bearer{TOKEN}"],
)
def test_only_the_token_opens_them(client: Client, header: str) -> None:
    response = client.get("/metrics", headers={"authorization": header})
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"].startswith("Bearer")
    assert "cairn_" not in response.content.decode()


def test_without_a_token_in_the_environment_there_are_none(client: Client, settings: Settings) -> None:
    settings.METRICS_TOKEN = ""
    assert client.get("/metrics", headers={"authorization": "Bearer "}).status_code == 404


def test_an_administrator_without_the_token_does_not_get_them_either(client: Client) -> None:
    client.force_login(make_user("boss", is_staff=True, is_superuser=True))
    assert client.get("/metrics").status_code == 401


def test_jobs_items_and_files_are_counted(ada: User) -> None:
    make_job(ada, status=Status.COMPLETED, created_bookmarks=5, skipped_bookmarks=2, has_upload=False, file_size=100)
    make_job(ada, status=Status.COMPLETED, updated_bookmarks=3, has_upload=False, file_size=1)
    make_job(ada, status=Status.FAILED, created_bookmarks=10, failed_bookmarks=4, file_size=30)
    found = figures()
    assert [found[f"cairn_jobs:{status}"] for status in Status.values] == [0, 0, 2, 1, 0, 0, 0]
    items = {outcome: found[f"cairn_items:{outcome}"] for outcome in ("created", "updated", "skipped", "failed")}
    assert items == {"created": 15, "updated": 3, "skipped": 2, "failed": 4}
    files = [found[f"cairn_{name}"] for name in ("upload_bytes", "stored_uploads", "stored_upload_bytes")]
    assert files == [131, 1, 30]


def test_on_a_new_site_every_figure_is_there(ada: User) -> None:
    found = figures()
    assert found["cairn_jobs:pending"] == found["cairn_items:created"] == found["cairn_queue_age_seconds"] == 0
    assert found["cairn_worker_last_seen_timestamp_seconds"] == found["cairn_items_per_second"] == 0


def test_the_queue_is_measured_by_the_message_that_waits_longest(ada: User) -> None:
    now = timezone.now()
    for seconds in (-30, -70, 50):
        OrmQ.objects.create(key="cairn", payload="", lock=now + timedelta(seconds=seconds))
    found = figures()
    assert (found["cairn_queue_messages:waiting"], found["cairn_queue_messages:fetched"]) == (2, 1)
    assert 70 <= found["cairn_queue_age_seconds"] < 100


def test_workers_are_seen(ada: User) -> None:
    lifecycle.note_alive()
    soon = timezone.now() + timedelta(seconds=10)
    make_job(ada, status=Status.PROCESSING, claimed_by="host:1", lease_expires_at=soon)
    make_job(make_user(), status=Status.PROCESSING, claimed_by="host:1", lease_expires_at=soon)
    found = figures()
    assert found["cairn_workers_busy"] == 1
    assert timezone.now().timestamp() - 60 < found["cairn_worker_last_seen_timestamp_seconds"]


def test_slices_and_the_rate_are_those_of_the_last_minutes(ada: User) -> None:
    job, other = make_job(ada), make_job(ada)
    event(job, Happening.STARTED, 4000)
    event(job, Happening.PAUSED, 3000, 1_000_000)
    event(job, Happening.STARTED, 100)
    event(other, Happening.STARTED, 95)
    event(job, Happening.PROGRESS, 93, 1000)
    event(job, Happening.PAUSED, 92, 3000)
    event(other, Happening.COMPLETED, 91, 600)
    event(job, Happening.STARTED, 90, 3000)
    found = figures()
    assert found["cairn_slices"] == 2
    assert found["cairn_items_per_second"] == pytest.approx(3600 / 300, rel=0.01)
    assert found["cairn_slice_seconds:1"] == pytest.approx(8, abs=0.1)
    assert found["cairn_slice_seconds:0.5"] == pytest.approx(6, abs=0.1)


def test_an_import_that_starts_over_is_no_negative_rate(ada: User) -> None:
    job = make_job(ada)
    for kind, seconds, position in (
        (Happening.STARTED, 9, 500),
        (Happening.FAILED, 8, 500),
        (Happening.PROGRESS, 5, 30),
    ):
        event(job, kind, seconds, position)
    assert figures()["cairn_items_per_second"] == 0


def test_deaths_and_recoveries_are_counted(ada: User) -> None:
    recovered, lost = make_job(ada), make_job(ada)
    event(recovered, Happening.STARTED, 60)
    event(lost, Happening.STARTED, 60)
    event(recovered, Happening.DIED, 40)
    event(recovered, Happening.STARTED, 40)
    event(lost, Happening.DIED, 30)
    event(recovered, Happening.COMPLETED, 20)
    found = figures()
    assert (found["cairn_worker_deaths"], found["cairn_worker_recoveries"]) == (2, 1)
    assert found["cairn_slices"] == 1


def test_where_much_happens_the_window_is_shorter_and_says_so(ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "MOST_EVENTS", 3)
    job = make_job(ada)
    for seconds, position in ((200, 0), (100, 0), (50, 500), (20, 800), (10, 1000)):
        event(job, Happening.PROGRESS, seconds, position)
    found = figures()
    assert found["cairn_window_seconds"] == pytest.approx(100, abs=2)
    assert found["cairn_items_per_second"] == pytest.approx(500 / 100, rel=0.05)


def test_rejects_are_told_by_the_template_of_their_reason(ada: User) -> None:
    job = make_job(ada)
    reasons = [
        "It is a javascript: address; only http and https addresses can be bookmarks.",
        "It is a mailto: address; only http and https addresses can be bookmarks.",
        "The address is too long: 12,345 characters.",
        "It has no address.",
        "Something of another release.",
    ]
    RejectedItem.objects.bulk_create(
        RejectedItem(job=job, position=number, reason=reason) for number, reason in enumerate(reasons)
    )
    found = {name.partition(":")[2]: value for name, value in figures().items() if "rejects" in name}
    assert found == {
        "It is a {scheme}: address; only http and https addresses can be bookmarks.": 2,
        "The address is too long: {number} characters.": 1,
        "It has no address.": 1,
        "other": 1,
    }


def fill(owner: User, count: int, at: datetime) -> None:
    jobs = ImportJob.objects.bulk_create(
        ImportJob(user=owner, status=Status.COMPLETED, file_path="x", created_bookmarks=number)
        for number in range(count)
    )
    JobEvent.objects.bulk_create(JobEvent(job=job, kind=Happening.COMPLETED, at=at) for job in jobs)
    RejectedItem.objects.bulk_create(RejectedItem(job=job, position=1, reason="It has no address.") for job in jobs)


def test_the_number_of_queries_does_not_grow(ada: User, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(8):
        figures()
    fill(ada, 300, timezone.now())
    with django_assert_num_queries(8):
        assert figures()["cairn_jobs:completed"] == 300
