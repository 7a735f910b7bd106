"""How a job's figures read in its row."""

from collections import Counter
from datetime import datetime
from math import ceil
from typing import Any  # what JSON holds

from django import template
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from imports.formats.registry import FORMATS
from imports.marks import mark
from imports.models import ImportJob
from imports.rows import UNSHOWN
from imports.sentences import translated

register = template.Library()

_WHILE_ACTIVE = 10
_TEN, _MINUTE, _HOUR = 10, 60, 3600
_LABELS = {known.NAME: known.LABEL for known in FORMATS}
_WITHOUT_KIND = {name: label.partition(" (")[0] for name, label in _LABELS.items()}
_SHARED = {label for label, formats in Counter(_WITHOUT_KIND.values()).items() if formats > 1}
# They tell whether somebody attends to a job, and move all the time while a worker does.
_ATTENDANCE = {"updated", "woken_at", "lease_expires_at", "deaths"}
_UNSEEN = {*UNSHOWN, *_ATTENDANCE, "user", "is_forgotten", "failed_bookmark_details"}
_FIELDS = ImportJob._meta.concrete_fields
_SEEN = [field.attname for field in _FIELDS if field.name not in _UNSEEN]


@register.filter
def format_label(name: str) -> str:
    """Return what people call the format of this NAME; the NAME itself where no such format is known any more."""
    return translated(_LABELS.get(name, name))


@register.filter
def short_format_label(name: str) -> str:
    """Return the label without what it has in parentheses, unless only that tells it from another format's."""
    label = _WITHOUT_KIND.get(name, name)
    return format_label(name) if label in _SHARED else translated(label)


@register.filter
def shown_rejects(job: ImportJob) -> list[dict[str, Any]]:
    """Return the rejected items that the row shows: a few while it is sent every second, then all the job keeps."""
    details: list[dict[str, Any]] = job.failed_bookmark_details
    return details[:_WHILE_ACTIVE] if job.is_active else details


@register.filter
def rounded_rate(items_per_second: float) -> int:
    """Return a rate with two figures that count, so that it does not flicker; at least 1."""
    whole = max(1, round(items_per_second))
    return round(whole, 2 - len(str(whole)))


@register.filter
def time_left(seconds: float) -> str:
    """Return an estimate of the time to the end, rounded as such an estimate deserves."""
    if seconds < 5:
        return _("a few seconds left")
    if seconds < _MINUTE:
        rounded = 5 * ceil(seconds / 5)
        return ngettext("about %(count)s second left", "about %(count)s seconds left", rounded) % {"count": rounded}
    if seconds < _HOUR:
        minutes = ceil(seconds / _MINUTE)
        return ngettext("about %(count)s minute left", "about %(count)s minutes left", minutes) % {"count": minutes}
    hours = ceil(seconds / _HOUR)
    return ngettext("about %(count)s hour left", "about %(count)s hours left", hours) % {"count": hours}


@register.simple_tag(takes_context=True)
def row_mark(context: template.Context) -> str:
    """Return the mark of the row that is being rendered."""
    return mark(context["request"], seen_in_row(context["job"], context.get("idle_since")))


def seen_in_row(job: Any, idle_since: datetime | None) -> list[object]:  # an ImportJob with `is_behind`
    """Return all that is to be seen in the row of an active job.

    How long ago something was counts in steps of ten seconds within the first minute, and of a minute from then on.
    """
    same, ages = job.same_file_as, [_age(job.created), idle_since and _age(idle_since)]
    seen = [*(getattr(job, name) for name in _SEEN), shown_rejects(job), bool(job.is_behind), *ages]
    if same is not None:
        seen += same.is_forgotten, same.created, same.status, same.created_bookmarks
    if job.seconds_left is not None:
        seen += rounded_rate(job.items_per_second), time_left(job.seconds_left)
    return seen


def _age(moment: datetime) -> int:
    seconds = int((timezone.now() - moment).total_seconds())
    return seconds // _TEN if seconds < _MINUTE else _MINUTE + seconds // _MINUTE
