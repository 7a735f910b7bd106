"""The sign in the site's navigation: how far imports are that run, and which have just ended."""

from datetime import timedelta
from typing import NamedTuple

from django.contrib.humanize.templatetags.humanize import intcomma
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from bookmarks.requests import SignedInRequest, signed_in
from imports.fixed_query import ANY_OWNER, FixedQuery
from imports.marks import is_shown, mark
from imports.models import ImportJob, Status

# For so long a page that is opened still tells of an import that has ended; the browser remembers what it has told.
TOLD_FOR = timedelta(minutes=10)
_LOOKED_AT = 20
# Asked for every two seconds by everybody whose imports run: each column more would be felt.
_SHOWN = (
    *("file_name", "file_size", "status", "work", "completed_at", "total_bookmarks", "processed_bookmarks"),
    *("created_bookmarks", "updated_bookmarks", "skipped_bookmarks", "failed_bookmarks"),
    *("undo_total", "removed_bookmarks", "restored_bookmarks", "kept_bookmarks"),
)


class News(NamedTuple):
    """An import that ended: when, as a mark to know it again by, and in what words and tone."""

    job: ImportJob
    mark: str
    level: str
    text: str


_MINE = ImportJob.objects.owned_by(ANY_OWNER).only(*_SHOWN)
_ACTIVE = FixedQuery(_MINE.active)
_LATEST = FixedQuery(lambda: _MINE.order_by("-created", "-pk")[:_LOOKED_AT])


@require_safe
@never_cache
@signed_in
def active(request: SignedInRequest) -> HttpResponse:
    """Show the sign as it is now, and bring the news for the browser to tell; if it has all of that, nothing."""
    jobs, ended = _ACTIVE.fetch(request.user), _ended(_LATEST.fetch(request.user))
    seen = [len(jobs), overall(jobs), *(_news_mark(job) for job in ended)]
    if is_shown(request, seen):
        return HttpResponse(status=204)
    news = [News(job, _news_mark(job), *_told(job)) for job in ended]
    context = {"count": len(jobs), "percent": overall(jobs), "news": news, "mark": mark(request, seen)}
    return render(request, "imports/_active.html", context)


def overall(jobs: list[ImportJob]) -> int:
    """Return how much of all the jobs is done, from 0 to 100, each weighed by the size of its file."""
    weights = [max(1, job.file_size) for job in jobs]
    done = sum(weight * job.progress_percentage for weight, job in zip(weights, jobs, strict=True))
    return done // max(1, sum(weights))


def _ended(jobs: list[ImportJob]) -> list[ImportJob]:
    """Return those that ended lately, oldest first. Whoever cancelled an import knows it."""
    since = timezone.now() - TOLD_FOR
    ended = [
        (job.completed_at, job)
        for job in jobs
        if not job.is_active and job.status != Status.CANCELLED and job.completed_at and job.completed_at > since
    ]
    return [job for _at, job in sorted(ended, key=lambda pair: pair[0])]


def _news_mark(job: ImportJob) -> str:
    return f"{job.pk}@{job.completed_at.timestamp() if job.completed_at else 0:.3f}"


def _told(job: ImportJob) -> tuple[str, str]:
    """Return the tone and the sentence for a job that has ended."""
    name = {"name": job.file_name}
    if job.status == Status.FAILED:
        return "error", _("The import of %(name)s failed.") % name
    if job.awaits_decision:
        return "info", _("The preview of %(name)s is ready.") % name
    if job.status == Status.UNDONE:
        return "success", _("The import of %(name)s was undone.") % name
    return "success", _("%(name)s was imported: %(counts)s.") % {**name, "counts": ", ".join(_counts(job))}


def _counts(job: ImportJob) -> list[str]:
    """Return what became of the items; of the sorts that did not occur only the new ones."""
    sorts = [
        (job.created_bookmarks, ngettext("%(count)s new", "%(count)s new", job.created_bookmarks)),
        (job.updated_bookmarks, ngettext("%(count)s updated", "%(count)s updated", job.updated_bookmarks)),
        (job.skipped_bookmarks, ngettext("%(count)s skipped", "%(count)s skipped", job.skipped_bookmarks)),
        (job.failed_bookmarks, ngettext("%(count)s failed", "%(count)s failed", job.failed_bookmarks)),
    ]
    return [text % {"count": intcomma(count)} for number, (count, text) in enumerate(sorts) if count or not number]
