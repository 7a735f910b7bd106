"""What happened to a job, told in few lines, and how fast it was worked on: read from its events."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import NamedTuple

from django.utils.formats import number_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from imports.charts import HEIGHT, WIDTH
from imports.models import Happening, ImportJob

# The last of them tell how it ended. More than an import of hours leaves behind.
MOST_EVENTS = 2_000
_WORK = frozenset((Happening.STARTED, Happening.PROGRESS, Happening.PAUSED))
_REQUESTS = frozenset((Happening.QUEUED, Happening.CONFIRMED, Happening.RETRIED, Happening.UNDO))
_POINTS = 100
_TEXTS: dict[str, str | Promise] = {
    Happening.QUEUED: gettext_lazy("Queued"),
    Happening.READ: gettext_lazy("The file was read"),
    Happening.DIED: gettext_lazy("A worker stopped in the middle, after item %(position)s; another one takes over"),
    Happening.PREVIEWED: gettext_lazy("The preview was ready"),
    Happening.CONFIRMED: gettext_lazy("The import was confirmed"),
    Happening.COMPLETED: gettext_lazy("Finished, after item %(position)s"),
    Happening.FAILED: gettext_lazy("Failed after item %(position)s"),
    Happening.CANCELLED: gettext_lazy("Cancelled after item %(position)s"),
    Happening.RETRIED: gettext_lazy("Sent to work again"),
    Happening.UNDO: gettext_lazy("Asked to be undone"),
    Happening.UNDONE: gettext_lazy("Undone"),
    Happening.FIXED: gettext_lazy("Rejected items were fixed"),
}


class Event(NamedTuple):
    """An entry of the timeline as it is stored; `position` is how many items were done by then."""

    kind: str
    at: datetime
    position: int


@dataclass(frozen=True)
class Entry:
    """A line of the timeline. `until` is set where it tells of more than a moment."""

    kind: str
    text: str
    at: datetime
    until: datetime | None = None


@dataclass(frozen=True)
class Speed:
    """How fast the last run went: `points` of a line in the drawing of `imports.charts`; items per second."""

    points: str
    fastest: float
    average: float


def events_of(job: ImportJob) -> list[Event]:
    """Return the last MOST_EVENTS events of the job, oldest first. One query."""
    found = job.events.order_by("-pk").values_list("kind", "at", "position")[:MOST_EVENTS]
    return [Event(*row) for row in found][::-1]


def timeline(events: Iterable[Event]) -> list[Entry]:
    """Return the lines of the timeline; slices that follow each other are one line."""
    entries: list[Entry] = []
    run: list[Event] = []
    for event in events:
        if event.kind in _WORK:
            run.append(event)
            continue
        entries += _worked(run)
        run = []
        entries.append(Entry(event.kind, _told(event), event.at))
    return entries + _worked(run)


def _worked(run: Sequence[Event]) -> list[Entry]:
    if not run:
        return []
    first, last = run[0], run[-1]
    slices = sum(event.kind == Happening.STARTED for event in run) + (first.kind != Happening.STARTED)
    if slices == 1 and last.position == first.position:
        return [Entry(first.kind, _("A worker took it up"), first.at)]
    told = ngettext(
        "Worked in %(count)s slice, up to item %(position)s",
        "Worked in %(count)s slices, up to item %(position)s",
        slices,
    )
    text = told % {"count": _number(slices), "position": _number(last.position)}
    return [Entry(Happening.PROGRESS, text, first.at, last.at if last.at > first.at else None)]


def _told(event: Event) -> str:
    text = _TEXTS.get(event.kind)
    if text is None:  # of another release
        return event.kind
    return str(text) % {"position": _number(event.position)}


def speed(events: Sequence[Event]) -> Speed | None:
    """Return how fast the items went since the work was last asked for; None where that was too short to tell."""
    steps = [(later.at, _rate(one, later)) for one, later in pairwise(_last_run(events)) if later.at > one.at]
    steps = [(at, rate) for at, rate in steps if rate is not None]
    if len(steps) < 3:
        return None
    rates = _condensed([rate for _at, rate in steps if rate is not None])
    fastest = max(rates)
    if not fastest:
        return None
    across = WIDTH / (len(rates) - 1)
    points = " ".join(f"{round(n * across)},{HEIGHT - round(HEIGHT * rate / fastest)}" for n, rate in enumerate(rates))
    return Speed(points, fastest, sum(rates) / len(rates))


def _last_run(events: Sequence[Event]) -> list[Event]:
    starts = [number for number, event in enumerate(events) if event.kind in _REQUESTS]
    run = events[starts[-1] if starts else 0 :]
    return [event for event in run if event.kind != Happening.FIXED]


def _rate(one: Event, later: Event) -> float | None:
    """Return the items per second between two events; None while nobody was at work, or before there was any."""
    idle = later.kind in {Happening.STARTED, Happening.READ} or one.kind in _REQUESTS
    if idle or later.position < one.position:
        return None
    return (later.position - one.position) / (later.at - one.at).total_seconds()


def _condensed(rates: Sequence[float]) -> list[float]:
    """Return at most _POINTS means of neighbours."""
    width = -(-len(rates) // _POINTS)
    groups = [rates[start : start + width] for start in range(0, len(rates), width)]
    return [sum(group) / len(group) for group in groups]


def _number(value: int) -> str:
    return number_format(value, force_grouping=True)
