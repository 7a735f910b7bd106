"""What load balancers ask: whether the site lives, and whether each part of it does its work."""

from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.db import OperationalError, connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from django.utils import timezone
from django_q.models import OrmQ
from pytest_django import DjangoAssertNumQueries, Settings

from imports import lifecycle
from imports.models import Heartbeat, Status
from project import health
from tests.factories import make_job, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def fresh_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "storage", health.StorageProbe())


@pytest.fixture
def alive() -> None:
    lifecycle.note_alive()


def ready(client: Client) -> tuple[int, Any]:
    response = client.get("/readyz")
    found = response.json()
    assert found["status"] == ("ok" if response.status_code == 200 else "not ready")
    return response.status_code, found["checks"]


def message(lock: datetime) -> None:
    OrmQ.objects.create(key="cairn", payload="", lock=lock)


@pytest.mark.usefixtures("alive")
def test_a_site_all_of_whose_parts_work_is_ready(client: Client) -> None:
    status, checks = ready(client)
    assert status == 200
    assert checks.keys() == {"database", "migrations", "queue", "workers", "storage"}
    assert checks["migrations"] == {"ok": True, "missing": 0}
    assert checks["queue"] == {"ok": True, "age": 0.0}


@pytest.mark.usefixtures("alive")
def test_a_migration_that_was_not_applied_makes_it_not_ready(client: Client) -> None:
    newest = MigrationRecorder.Migration.objects.filter(app="imports").latest("pk")
    newest.delete()
    status, checks = ready(client)
    assert (status, checks["migrations"]) == (503, {"ok": False, "missing": 1})


@pytest.mark.usefixtures("alive")
def test_a_database_ahead_of_this_version_does_not_hinder_a_rolling_upgrade(client: Client) -> None:
    MigrationRecorder.Migration.objects.create(app="imports", name="9999_of_the_next_version")
    assert ready(client)[0] == 200


def test_without_a_worker_it_is_not_ready(client: Client) -> None:
    assert ready(client)[1]["workers"] == {"ok": False, "seen": None, "busy": 0}
    long_ago = timezone.now() - lifecycle.SILENT - timedelta(seconds=1)
    Heartbeat.objects.create(pk=1, seen=long_ago)
    status, checks = ready(client)
    assert (status, checks["workers"]["ok"], checks["workers"]["seen"]) == (503, False, long_ago.isoformat())


@pytest.mark.usefixtures("alive")
def test_busy_workers_are_counted_once_each(client: Client) -> None:
    soon = timezone.now() + timedelta(seconds=10)
    fields = {"status": Status.PROCESSING, "lease_expires_at": soon}
    for worker in ("host:1", "host:2", "host:2"):
        make_job(make_user(), claimed_by=worker, **fields)
    make_job(make_user(), claimed_by="host:3", status=Status.PROCESSING, lease_expires_at=timezone.now())
    assert ready(client)[1]["workers"]["busy"] == 2


@pytest.mark.usefixtures("alive")
def test_a_queue_that_nobody_looks_at_is_told_with_its_age(client: Client) -> None:
    message(timezone.now() + timedelta(seconds=60))  # fetched
    assert ready(client)[0] == 200
    message(timezone.now() - timedelta(seconds=40))
    status, checks = ready(client)
    assert (status, checks["queue"]["ok"]) == (503, False)
    assert 40 <= checks["queue"]["age"] < 60


@pytest.mark.usefixtures("alive")
def test_a_storage_that_takes_no_files_makes_it_not_ready_and_is_not_asked_all_the_time(
    client: Client, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    settings.MEDIA_ROOT = tmp_path / "file" / "no folder"
    assert ready(client)[1]["storage"] == {"ok": False}
    settings.MEDIA_ROOT = tmp_path / "uploads"
    assert ready(client)[0] == 503
    monkeypatch.setattr(health, "STORAGE_SECONDS", -1.0)
    assert ready(client)[0] == 200


@pytest.mark.usefixtures("alive")
def test_asking_leaves_no_file_behind(client: Client) -> None:
    assert ready(client)[0] == 200
    folders, files = default_storage.listdir("imports")
    assert (folders, files) == (["ready"], [])
    assert default_storage.listdir("imports/ready") == ([], [])


@contextmanager
def database_out_of_reach() -> Any:
    def refuse(*_args: object) -> None:
        raise OperationalError("connection to host=10.0.0.7 user=cairn password=secret failed")

    with connection.execute_wrapper(refuse):
        yield


@pytest.mark.usefixtures("alive")
def test_a_database_out_of_reach_is_told_without_the_errors_text(client: Client) -> None:
    with database_out_of_reach():
        response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json()["checks"]["database"] == {"ok": False}
    assert "10.0.0.7" not in response.content.decode()


@pytest.mark.usefixtures("alive")
def test_the_number_of_queries_does_not_grow(
    client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    ready(client)
    with django_assert_num_queries(6):
        ready(client)
    for _ in range(5):
        make_job(make_user(), status=Status.PROCESSING, lease_expires_at=timezone.now() + timedelta(seconds=9))
        message(timezone.now() - timedelta(seconds=1))
    with django_assert_num_queries(6):
        ready(client)


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_no_answer_leads_away_to_https(client: Client, settings: Settings, path: str) -> None:
    settings.SECURE_SSL_REDIRECT = True
    assert client.get("/bookmarks/").status_code == 301
    assert client.get(path).status_code in {200, 404, 503}


def test_the_health_of_a_site_does_not_depend_on_its_storage_or_migrations(
    client: Client, settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    settings.MEDIA_ROOT = tmp_path / "file" / "no folder"
    MigrationRecorder.Migration.objects.filter(app="imports").delete()
    response = client.get("/healthz")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})
