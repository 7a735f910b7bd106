"""The rejected items of an import: to look through, to download, and to fix."""

import logging
from pathlib import PurePath
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from django.contrib import messages
from django.core.exceptions import RequestDataTooBig, TooManyFilesSent
from django.core.paginator import Paginator
from django.db.models import Count
from django.http import HttpResponse, HttpResponseBase, QueryDict, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from bookmarks.drafts import printable
from bookmarks.requests import SeeOther, SignedInRequest, signed_in
from imports import fixes, lifecycle, receiving, rejects
from imports.models import ImportJob, RejectedItem
from imports.views.detail import own_job

logger = logging.getLogger("imports")

PAGE_ITEMS = 50
# Reasons that name what they are about may be as many as the items.
_SHOWN_REASONS = 30
_SHOWN_PROBLEMS = 100


class Report(NamedTuple):
    """What became of a corrected table: how many items were fixed, and (line, why) of those that were not."""

    fixed: int
    problems: list[tuple[int, str]]
    more_problems: int


@require_safe
@never_cache
@signed_in
def rejected(request: SignedInRequest, pk: int) -> HttpResponse:
    """Show a page of the rejected items: the whole page, or to htmx the list alone."""
    job = own_job(request, pk)
    part = "#list" if request.htmx.target == "rejected" else ""
    return render(request, f"imports/rejected.html{part}", _context(job, request.GET))


@require_safe
@never_cache
@signed_in
def rejected_json(request: SignedInRequest, pk: int) -> HttpResponseBase:
    """Send all rejected items with their reasons as ActivityStreams, as they are read."""
    job = own_job(request, pk)
    file_name = f"{PurePath(job.file_name).stem or 'import'}-rejected.json"
    return StreamingHttpResponse(
        rejects.rejected_activitystreams(job),
        content_type="application/activity+json",
        headers={
            "Content-Disposition": content_disposition_header(as_attachment=True, filename=file_name),
            "X-Content-Type-Options": "nosniff",
        },
    )


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@signed_in
def rejected_fix(request: SignedInRequest, pk: int, position: int) -> HttpResponse:
    """Let the person correct an item: on a page, or to htmx in the item's row. POST makes a bookmark of it."""
    job = own_job(request, pk)
    item = job.rejected_items.filter(position=position).first()
    if item is None or not _can_fix(job):
        return _gone(request, job)
    if request.method != "POST":
        form = fixes.FixForm(position=position, initial={"url": item.url, "title": item.title})
        return _fix_page(request, job, item, form)
    form = fixes.FixForm(request.POST, position=position)
    made = form.draft(more_tags=job.options.tags) if form.is_valid() else None
    if made is None:
        return _fix_page(request, job, item, form)
    if not lifecycle.resolve(request.user, job.pk, {position: made}):
        return _gone(request, job)
    messages.success(request, _("Imported: %(title)s") % {"title": made.title or made.url[:200]})
    return _fixed(request, job)


@require_safe
@never_cache
@signed_in
def rejected_row(request: SignedInRequest, pk: int, position: int) -> HttpResponse:
    """Show the row of an item as it was before somebody began to correct it."""
    job = own_job(request, pk)
    item = get_object_or_404(job.rejected_items, position=position)
    return render(request, "imports/_rejected_row.html", {"job": job, "item": item, "can_fix": _can_fix(job)})


@csrf_exempt  # the token is in the body, which must not be read before it is limited: _take_table asks for it
@require_POST
@signed_in
def rejected_upload(request: SignedInRequest, pk: int) -> HttpResponse:
    """Take the corrected table in: what is right in it is imported, and the rest listed with its reasons."""
    job = own_job(request, pk)
    if receiving.is_hopeless(request):
        return _unusable(request, job, _("The table is larger than 1 MB. Please send it in parts."))
    receiving.limit_upload(request)
    try:
        return _take_table(request, job)
    except (RequestDataTooBig, TooManyFilesSent):
        return _unusable(request, job, _("Please send one table at a time."))
    except OSError:
        logger.exception("a table of user %s could not be read", request.user.pk)
        return _unusable(request, job, _("The server could not store the file. Please try again later."))


@csrf_protect
def _take_table(request: SignedInRequest, job: ImportJob) -> HttpResponse:
    file = request.FILES.get("table")
    if not _can_fix(job):
        return _unusable(request, job, _("Rejected items can be fixed once the import has ended."))
    if file is None:
        return _unusable(request, job, _("Please choose the corrected table."))
    if (file.size or 0) > fixes.MAX_BYTES:
        return _unusable(request, job, _("The table is larger than 1 MB. Please send it in parts."))
    positions = set(job.rejected_items.values_list("position", flat=True))
    try:
        corrections = fixes.read_corrections(file.read(), positions, more_tags=job.options.tags)
    except fixes.UnreadableTableError as error:
        return _unusable(request, job, str(error))
    fixed = lifecycle.resolve(request.user, job.pk, corrections.drafts)
    problems = corrections.problems
    report = Report(fixed, problems[:_SHOWN_PROBLEMS], max(0, len(problems) - _SHOWN_PROBLEMS))
    context = {**_context(own_job(request, job.pk), QueryDict()), "report": report}
    return render(request, "imports/rejected.html", context)


def _unusable(request: SignedInRequest, job: ImportJob, problem: str) -> HttpResponse:
    messages.error(request, problem)
    return _to_rejected(job)


def _to_rejected(job: ImportJob) -> SeeOther:
    return SeeOther(reverse("imports:rejected", args=[job.pk]))


def _context(job: ImportJob, query: QueryDict) -> dict[str, object]:
    """Return what the page shows, in a fixed number of queries: the page, its length, and the reasons."""
    items = job.rejected_items.all()
    reason = printable(query.get("reason", ""))
    shown = items.filter(reason=reason) if reason else items
    page = Paginator(shown, PAGE_ITEMS).get_page(query.get("page"))
    return {"page": page, **_summary(job, reason)}


def _summary(job: ImportJob, reason: str) -> dict[str, object]:
    reasons = job.rejected_items.order_by().values_list("reason").annotate(number=Count("pk"))
    return {
        "job": job,
        "reason": reason,
        "can_fix": _can_fix(job),
        "reasons": list(reasons.order_by("-number", "reason")[:_SHOWN_REASONS]),
    }


def _can_fix(job: ImportJob) -> bool:
    return not job.is_active and not job.is_undo


def _fix_page(request: SignedInRequest, job: ImportJob, item: RejectedItem, form: fixes.FixForm) -> HttpResponse:
    context: dict[str, Any] = {"job": job, "item": item, "form": form}
    if request.htmx:
        return render(request, "imports/_rejected_fix_row.html", context)
    return render(request, "imports/rejected_fix.html", context, status=422 if form.errors else 200)


def _fixed(request: SignedInRequest, job: ImportJob) -> HttpResponse:
    """Answer with what stands above the table; the row itself goes, as nothing is sent in its place."""
    if not request.htmx:
        return _to_rejected(job)
    shown = QueryDict(urlsplit(request.htmx.current_url or "").query)
    context = _summary(own_job(request, job.pk), shown.get("reason", ""))
    return render(request, "imports/_rejected_fixed.html", context)


def _gone(request: SignedInRequest, job: ImportJob) -> HttpResponse:
    messages.warning(request, _("This item is not among those that can be fixed, or not any more."))
    return _fixed(request, job)
