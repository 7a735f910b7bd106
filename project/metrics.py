"""Figures for Prometheus, read from the database when asked: right however many processes and hosts there are.

The database keeps what is, not all that ever was: jobs are deleted, start over, and have items fixed. So nearly all
figures are gauges, over the jobs that exist or over what has just happened, and say so.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import quantiles
from typing import Any

from django.conf import settings
from django.db.models import Count, Min, Q, Sum
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django_q.models import OrmQ
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from imports.models import Happening, Heartbeat, ImportJob, JobEvent, RejectedItem, Status
from imports.sentences import ITEM_SENTENCES

WINDOW = timedelta(minutes=5)
# However much has happened, no more than the newest of it is looked at.
MOST_EVENTS = 5_000
MOST_REJECTS = 2_000
OTHER_REASON = "other"

_OUTCOMES = ("created", "updated", "skipped", "failed")
_EXISTING = "of the import jobs that exist: less when one is deleted, starts over or has items fixed"
_LATELY = "within cairn_window_seconds"
_SLICE_ENDS = frozenset(
    {
        *(Happening.PAUSED, Happening.COMPLETED, Happening.FAILED, Happening.CANCELLED),
        *(Happening.PREVIEWED, Happening.UNDONE),
    }
)
_AT_WORK = _SLICE_ENDS | {Happening.PROGRESS, Happening.DIED}


@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """Send all figures to whoever has METRICS_TOKEN; without one set there is no such page. Eight queries."""
    if not settings.METRICS_TOKEN:
        raise Http404
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not constant_time_compare(token.strip(), settings.METRICS_TOKEN):
        return HttpResponse(
            "A bearer token is needed.\n",
            status=401,
            content_type="text/plain",
            headers={"WWW-Authenticate": 'Bearer realm="metrics"'},
        )
    registry = CollectorRegistry()
    registry.register(SiteCollector())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


class SiteCollector(Collector):
    """Reads all figures anew each time."""

    def describe(self) -> Iterable[Metric]:
        """Return nothing, so that registering reads no database."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Yield every figure."""
        now = timezone.now()
        yield from _jobs()
        yield from _queue(now)
        yield from _workers(now)
        yield from _lately(now)
        yield _rejects()


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"cairn_{name}", text, value=value)


def _labelled(name: str, text: str, label: str, values: Iterable[tuple[str, float]]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"cairn_{name}", text, labels=[label])
    for of, value in values:
        family.add_metric([of], value)
    return family


def _jobs() -> Iterator[Metric]:
    """Yield what the jobs have."""
    rows = _by_status()

    def total(name: str) -> int:
        return sum(row[name] or 0 for row in rows.values())

    jobs = [(status, rows[status]["jobs"] if status in rows else 0) for status in Status.values]
    yield _labelled("jobs", "Import jobs that exist, by status.", "status", jobs)
    items = [(outcome, total(outcome)) for outcome in _OUTCOMES]
    yield _labelled("items", f"Items by what became of them, {_EXISTING}.", "outcome", items)
    yield _gauge("upload_bytes", f"Bytes of the uploaded files {_EXISTING}.", total("bytes"))
    yield _gauge("stored_uploads", "Uploaded files that are still stored.", total("stored"))
    yield _gauge("stored_upload_bytes", "Bytes of the uploaded files that are still stored.", total("stored_bytes"))


def _by_status() -> dict[str, dict[str, Any]]:  # numbers, and None for the sum of none
    """Return sums over the jobs of each status: one pass over their table."""
    stored = Q(has_upload=True)
    rows = (
        ImportJob.objects.order_by()
        .values("status")
        .annotate(
            jobs=Count("pk"),
            bytes=Sum("file_size"),
            stored=Count("pk", filter=stored),
            stored_bytes=Sum("file_size", filter=stored),
            **{outcome: Sum(f"{outcome}_bookmarks") for outcome in _OUTCOMES},
        )
    )
    return {row["status"]: dict(row) for row in rows}


def _queue(now: datetime) -> Iterator[Metric]:
    waiting = Q(lock__lte=now)
    found = OrmQ.objects.aggregate(
        all=Count("pk"), waiting=Count("pk", filter=waiting), oldest=Min("lock", filter=waiting)
    )
    yield _labelled(
        "queue_messages",
        "Messages in the queue: those that wait, and those that a worker has fetched.",
        "state",
        [("waiting", found["waiting"]), ("fetched", found["all"] - found["waiting"])],
    )
    age = (now - found["oldest"]).total_seconds() if found["oldest"] else 0
    yield _gauge("queue_age_seconds", "For how long the oldest message that waits has been waiting.", age)


def _workers(now: datetime) -> Iterator[Metric]:
    seen = Heartbeat.objects.values_list("seen", flat=True).first()
    yield _gauge(
        "worker_last_seen_timestamp_seconds",
        "When any worker last showed a sign of life; 0 when none ever has.",
        seen.timestamp() if seen else 0,
    )
    yield _gauge("workers_busy", "Workers that hold an import job.", ImportJob.objects.held(now).count_workers())


@dataclass
class _Lately:
    """What has happened within the window: durations in seconds."""

    items: int = 0
    slices: list[float] = field(default_factory=list)
    deaths: int = 0
    recoveries: int = 0

    def take(self, events: Sequence[tuple[str, datetime, int]]) -> None:
        """Take the events of one job, oldest first: kind, moment, position."""
        started: datetime | None = None
        dead = 0
        position: int | None = None
        for kind, at, reached in events:
            if kind == Happening.STARTED:
                self.recoveries += dead
                started, dead = at, 0
            elif kind == Happening.DIED:
                self.deaths += 1
                started, dead = None, dead + 1
            elif kind in _SLICE_ENDS and started is not None:
                self.slices.append((at - started).total_seconds())
                started = None
            if kind in _AT_WORK and position is not None:
                self.items += max(0, reached - position)
            position = reached


def _lately(now: datetime) -> Iterator[Metric]:
    """Yield what the newest events of all jobs tell."""
    since, found = _recent_events(now)
    lately = _Lately()
    for events in found.values():
        lately.take(events)
    seconds = max(1.0, (now - since).total_seconds())
    yield _gauge(
        "window_seconds",
        "How far back some figures look: five minutes, or less when more happened than is looked at.",
        seconds,
    )
    yield _gauge(
        "items_per_second", f"Items that all workers together got done per second, {_LATELY}.", lately.items / seconds
    )
    yield _gauge("slices", f"Slices of work that ended other than by a worker's death, {_LATELY}.", len(lately.slices))
    yield _labelled(
        "slice_seconds",
        f"How long slices of work took that ended {_LATELY}: median, 95% and the longest.",
        "quantile",
        zip(("0.5", "0.95", "1"), _spread(lately.slices), strict=False),
    )
    yield _gauge("worker_deaths", f"Times that a worker died at a job, {_LATELY}.", lately.deaths)
    yield _gauge(
        "worker_recoveries",
        "Those of cairn_worker_deaths after which a worker took the job up again.",
        lately.recoveries,
    )


def _recent_events(now: datetime) -> tuple[datetime, dict[int, list[tuple[str, datetime, int]]]]:
    """Return since when the events are complete, and those since by job. The primary key bounds what is read."""
    since = now - WINDOW
    newest = JobEvent.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    unread = JobEvent.objects.filter(pk__lte=newest - MOST_EVENTS).order_by("-pk")
    since = max(since, unread.values_list("at", flat=True).first() or since)
    rows = JobEvent.objects.filter(pk__gt=newest - MOST_EVENTS, at__gt=since).order_by("pk")
    found: dict[int, list[tuple[str, datetime, int]]] = defaultdict(list)
    for job_id, kind, at, position in rows.values_list("job_id", "kind", "at", "position"):
        found[job_id].append((kind, at, position))
    return since, found


def _spread(seconds: Sequence[float]) -> tuple[float, ...]:
    """Return median, 95th percentile and maximum; nothing for nothing."""
    if len(seconds) < 2:
        return tuple(seconds) * 3
    cuts = quantiles(seconds, n=20, method="inclusive")
    return cuts[9], cuts[18], max(seconds)


def _rejects() -> Metric:
    newest = RejectedItem.objects.order_by("-pk").values_list("reason", flat=True)[:MOST_REJECTS]
    by_reason: Counter[str] = Counter()
    for reason, count in Counter(newest).items():
        by_reason[ITEM_SENTENCES.template_of(reason) or OTHER_REASON] += count
    return _labelled(
        "recent_rejects",
        f"The newest {MOST_REJECTS} rejected items that exist, by the template of the reason.",
        "reason",
        sorted(by_reason.items()),
    )
