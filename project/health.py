"""Whether the site lives, and whether it is ready for people: what load balancers and watchers ask."""

import logging
import secrets
import threading
import time
from functools import cache

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import DatabaseError, InterfaceError
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import Min
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django_q.models import OrmQ

from imports import lifecycle, uploads
from imports.models import Heartbeat, ImportJob

logger = logging.getLogger(__name__)

STORAGE_SECONDS = 10.0
"""For so long an answer of the storage counts: anybody may ask, and a file in remote storage costs."""

type Check = dict[str, bool | float | str | None]


@require_safe
@never_cache
def healthz(_request: HttpRequest) -> JsonResponse:
    """Say whether the site works: 503 with the moment since when, while nothing processes the queue."""
    idle_since = lifecycle.idle_since()
    if idle_since is None:
        return JsonResponse({"status": "ok"})
    return JsonResponse({"status": "nothing processes the queue", "since": idle_since.isoformat()}, status=503)


@require_safe
@never_cache
def readyz(_request: HttpRequest) -> JsonResponse:
    """Say for each part of the site whether it does its work; 503 when one does not. At most eight queries."""
    checks: dict[str, Check] = {**_database_checks(), "storage": {"ok": storage.is_writable()}}
    is_ready = all(check["ok"] for check in checks.values())
    return JsonResponse(
        {"status": "ok" if is_ready else "not ready", "checks": checks}, status=200 if is_ready else 503
    )


def _database_checks() -> dict[str, Check]:
    """Return what the database tells. Why it fails is for the log: errors may name hosts and users."""
    try:
        return {"database": {"ok": True}, "migrations": _migrations(), "queue": _queue(), "workers": _workers()}
    except (DatabaseError, InterfaceError):
        logger.exception("the database does not answer")
        return {name: {"ok": False} for name in ("database", "migrations", "queue", "workers")}


@cache
def _known_migrations() -> frozenset[tuple[str, str]]:
    """Return the migrations that belong to this version of the site, which does not change while it runs."""
    return frozenset(MigrationLoader(None, ignore_no_migrations=True).graph.nodes)


def _migrations() -> Check:
    applied = set(MigrationRecorder.Migration.objects.values_list("app", "name"))
    missing = len(_known_migrations() - applied)
    return {"ok": not missing, "missing": missing}


def _queue() -> Check:
    """Return for how many seconds the oldest message has been waiting; one that was fetched waits no more."""
    now = timezone.now()
    oldest = OrmQ.objects.filter(lock__lte=now).aggregate(oldest=Min("lock"))["oldest"]
    age = (now - oldest).total_seconds() if oldest else 0.0
    return {"ok": lifecycle.idle_since() is None, "age": round(age, 1)}


def _workers() -> Check:
    """Return when a worker last showed a sign of life, and how many hold a job."""
    now = timezone.now()
    seen = Heartbeat.objects.values_list("seen", flat=True).first()
    return {
        "ok": seen is not None and seen > now - lifecycle.SILENT,
        "seen": seen.isoformat() if seen else None,
        "busy": ImportJob.objects.held(now).count_workers(),
    }


class StorageProbe:
    """Asks the storage for uploads whether it takes a file: one request at a time, and now and then."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asked_at: float | None = None
        self._is_writable = False

    def is_writable(self) -> bool:
        """Return the last answer, which is STORAGE_SECONDS old at most unless the storage takes longer than that."""
        is_due = self._asked_at is None or time.monotonic() - self._asked_at > STORAGE_SECONDS
        if is_due and self._lock.acquire(blocking=False):
            try:
                self._is_writable = _storage_takes_a_file()
                self._asked_at = time.monotonic()
            finally:
                self._lock.release()
        return self._is_writable


def _storage_takes_a_file() -> bool:
    # Among the uploads: a file that a crash leaves there is swept away like an upload without a job.
    name = f"{uploads.ROOT}/ready/{secrets.token_hex(8)}"
    try:
        default_storage.delete(default_storage.save(name, ContentFile(b"ready?")))
    except Exception:  # each kind of storage has errors of its own
        logger.exception("the storage of uploads takes no files")
        return False
    return True


storage = StorageProbe()
