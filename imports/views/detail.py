"""The page of one import: what became of it, what it changed, and how it went."""

from collections.abc import Sequence

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from bookmarks.requests import SeeOther, SignedInRequest, signed_in
from imports import charts, lifecycle
from imports.changes import changed_page
from imports.forms import DUPLICATES, FOLDERS
from imports.models import ImportJob
from imports.timeline import events_of, speed, timeline


@require_safe
@never_cache
@signed_in
def detail(request: SignedInRequest, pk: int) -> HttpResponse:
    """Show an import: the whole page, or to htmx the page of changes that was turned to."""
    job = own_job(request, pk)
    if request.htmx.target == "changes":
        return render(request, "imports/_detail_changes.html", {"job": job, **_changes(request, job)})
    return render(request, "imports/detail.html", _context(request, job))


@require_safe
@never_cache
@signed_in
def detail_head(request: SignedInRequest, pk: int) -> HttpResponse:
    """Show how far the import is; once it has ended, everything else on the page as well."""
    job = own_job(request, pk)
    if not job.is_active:
        return render(request, "imports/_detail_end.html", _context(request, job))
    return render(request, "imports/_detail_head.html", {"job": job, "idle_since": _idle_since(job)})


@require_POST
@signed_in
def detail_cancel(request: SignedInRequest, pk: int) -> HttpResponse:
    """Cancel the import, or its undo, and come back to its page."""
    job = own_job(request, pk)
    if lifecycle.cancel(request.user, job.pk):
        done = _("The undo was cancelled.") if job.is_undo else _("The import was cancelled. What was imported stays.")
        messages.success(request, done)
    else:
        messages.error(request, _("This import has already ended."))
    return to_detail(job)


@require_POST
@signed_in
def detail_retry(request: SignedInRequest, pk: int) -> HttpResponse:
    """Send the import to work again, and come back to its page."""
    job = own_job(request, pk)
    start_over, partial = bool(request.POST.get("start_over")), bool(request.POST.get("partial"))
    if lifecycle.retry(request.user, job.pk, start_over=start_over, partial=partial):
        messages.success(request, _("The import will go on."))
    else:
        messages.error(request, _("This import cannot be retried."))
    return to_detail(job)


def own_job(request: SignedInRequest, pk: int) -> ImportJob:
    """Return the person's job, with the one of the same file; 404 for any other."""
    return get_object_or_404(ImportJob.objects.owned_by(request.user).select_related("same_file_as"), pk=pk)


def to_detail(job: ImportJob) -> SeeOther:
    """Return the answer that leads to the page of the import."""
    return SeeOther(reverse("imports:detail", args=[job.pk]))


def _context(request: SignedInRequest, job: ImportJob) -> dict[str, object]:
    events, bars = events_of(job), charts.bars(job.years)
    return {
        "job": job,
        "idle_since": _idle_since(job),
        "bars": bars,
        "fullest": max(bars, key=lambda bar: bar.count, default=None),
        "timeline": timeline(events),
        "speed": speed(events),
        "duplicates": _label(DUPLICATES, job.options.duplicate_handling),
        "folders": _label(FOLDERS, job.options.folders),
        **_changes(request, job),
    }


def _changes(request: SignedInRequest, job: ImportJob) -> dict[str, object]:
    """Return the changes of an import; one that is being taken back has none to show that will stay."""
    if job.is_active or job.is_undo:
        return {"changes": None}
    return {"changes": changed_page(job, page=request.GET.get("page", ""))}


def _idle_since(job: ImportJob) -> object:
    """Return since when no worker has been at work, for a job that none holds."""
    is_held = job.lease_expires_at is not None and job.lease_expires_at > timezone.now()
    return lifecycle.idle_since() if job.is_active and not is_held else None


def _label(choices: Sequence[tuple[str, str | Promise]], value: str) -> str:
    return str(dict(choices).get(value, value))
