"""The import page: upload, history, and the row of each job. A view never writes a job's status itself."""

import logging
from datetime import datetime
from pathlib import PurePath
from typing import Any, NamedTuple

from django.conf import settings
from django.contrib import messages
from django.core.cache import cache
from django.core.exceptions import RequestDataTooBig, TooManyFilesSent
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_POST, require_safe

from bookmarks.requests import SeeOther, SignedInRequest, signed_in
from imports import lifecycle, quotas, receiving, rejects, uploads
from imports.forms import ImportJobForm, forms_of, plain_size, too_large
from imports.marks import is_shown
from imports.models import ImportJob
from imports.rows import row_of, rows_of
from imports.templatetags.job_display import seen_in_row

logger = logging.getLogger("imports")

PAGE_JOBS = 20
IDLE_SECONDS = 1


class Refusal(NamedTuple):
    """A file that was not taken: its name, if there is one, why, and the HTTP status that says so."""

    name: str
    reason: str
    status: int


@require_safe
@never_cache
@signed_in
def job_list(request: SignedInRequest) -> HttpResponse:
    """Show the upload form and the history, or the history alone to htmx."""
    page = Paginator(rows_of(request.user), PAGE_JOBS).get_page(request.GET.get("page"))
    form = ImportJobForm(initial={"preview": page.paginator.count == 0})
    context = {**_form_context(request, form, []), "page": page, "idle_since": lifecycle.idle_since()}
    part = "#history" if request.htmx.target == "import-history" else ""
    return render(request, f"imports/job_list.html{part}", context)


@csrf_exempt  # the token is in the body, which must not be read before it is limited: _submit asks for it
@require_POST
@signed_in
def import_submit(request: SignedInRequest) -> HttpResponse:
    """Make a job of each uploaded file and of pasted links; one that is refused hinders no other."""
    if receiving.is_hopeless(request):
        return _refused(request, [Refusal("", _hopeless(request), 413)])
    receiving.limit_upload(request)
    try:
        return _submit(request)
    except RequestDataTooBig:
        problem = _("The pasted text is too long. Save it as a file, and import that.")
    except TooManyFilesSent:
        problem = _("At most %(count)s files can be sent at once.") % {"count": settings.DATA_UPLOAD_MAX_NUMBER_FILES}
    except OSError:
        logger.exception("an upload of user %s could not be stored", request.user.pk)
        return _refused(request, [Refusal("", _not_stored(), 507)])
    return _refused(request, [Refusal("", problem, 413)])


@csrf_protect
def _submit(request: SignedInRequest) -> HttpResponse:
    forms = forms_of(request.POST, request.FILES)
    outcomes = [_take_in(request, form) for form in forms]
    jobs = [outcome for outcome in outcomes if isinstance(outcome, ImportJob)]
    refusals = [outcome for outcome in outcomes if isinstance(outcome, Refusal)]
    if not jobs:
        return _refused(request, refusals, forms[0])
    if request.htmx:
        fresh = ImportJobForm(initial={**forms[0].cleaned_data, "file": None, "links": ""})
        rows = rows_of(request.user).filter(pk__in=[job.pk for job in jobs])
        return render(request, "imports/_submitted.html", _form_context(request, fresh, refusals) | {"jobs": rows})
    messages.success(request, _uploaded(jobs))
    return _sent_back(request, refusals, is_named=len(forms) > 1)


def _take_in(request: SignedInRequest, form: ImportJobForm) -> ImportJob | Refusal:
    """Store one file and create its job."""
    file = form.files.get("file")
    name = str(file.name) if file else ""
    if not form.is_valid():
        problems = " ".join(str(problem) for problems in form.errors.values() for problem in problems)
        return Refusal(name, problems, 422)
    if denied := quotas.denial(request.user, form.cleaned_data["file"].size):
        return Refusal(name, denied.reason, denied.status)
    try:
        return uploads.submit(form.cleaned_data["file"], request.user, form.options())
    except OSError:
        logger.exception("an upload of user %s could not be stored", request.user.pk)
        return Refusal(name, _not_stored(), 507)


def _not_stored() -> str:
    return _("The server could not store the file; perhaps its disk is full. Please try again later.")


def _hopeless(request: SignedInRequest) -> str:
    together = _("Files that are sent at once may have %(size)s together.") % {
        "size": plain_size(receiving.largest_body())
    }
    return f"{too_large(receiving.declared_bytes(request), settings.IMPORT_MAX_BYTES)} {together}"


def _uploaded(jobs: list[ImportJob]) -> str:
    if jobs[0].options.preview:
        return ngettext(
            "The file was uploaded. Its preview will be ready in a moment.",
            "The files were uploaded. Their previews will be ready in a moment.",
            len(jobs),
        )
    if len(jobs) == 1:
        return _("The file was uploaded and will be imported.")
    return ngettext(
        "%(count)s file was uploaded and will be imported.",
        "%(count)s files were uploaded and will be imported.",
        len(jobs),
    ) % {"count": len(jobs)}


def _refused(request: SignedInRequest, refusals: list[Refusal], form: ImportJobForm | None = None) -> HttpResponse:
    if not request.htmx:
        return _sent_back(request, refusals, is_named=len(refusals) > 1)
    context = _form_context(request, form or ImportJobForm(), refusals)
    return render(request, "imports/_upload_form.html", context, status=max(refusal.status for refusal in refusals))


def _sent_back(request: SignedInRequest, refusals: list[Refusal], *, is_named: bool) -> HttpResponse:
    for refusal in refusals:
        messages.error(request, f"{refusal.name}: {refusal.reason}" if is_named else refusal.reason)
    return SeeOther(reverse("imports:import"))


def _form_context(request: SignedInRequest, form: ImportJobForm, refusals: list[Refusal]) -> dict[str, object]:
    return {
        "form": form,
        "refusals": refusals,
        "limit": plain_size(settings.IMPORT_MAX_BYTES),
        "can_notify": settings.IMPORT_EMAIL and bool(request.user.email),
    }


@require_POST
@signed_in
def import_retry(request: SignedInRequest) -> HttpResponse:
    """Send a failed or cancelled job to work again."""
    job = _posted_job(request)
    start_over, partial = bool(request.POST.get("start_over")), bool(request.POST.get("partial"))
    if lifecycle.retry(request.user, job.pk, start_over=start_over, partial=partial):
        return _changed(request, job, messages.SUCCESS, _("The import will go on."))
    return _changed(request, job, messages.ERROR, _("This import cannot be retried."))


@require_POST
@signed_in
def import_cancel(request: SignedInRequest) -> HttpResponse:
    """Cancel a job that has not ended."""
    job = _posted_job(request)
    if lifecycle.cancel(request.user, job.pk):
        if job.is_undo:
            return _changed(request, job, messages.SUCCESS, _("The undo was cancelled. What was taken back stays so."))
        return _changed(request, job, messages.SUCCESS, _("The import was cancelled. What was imported stays."))
    return _changed(request, job, messages.ERROR, _("This import has already ended."))


@require_safe
@never_cache
@signed_in
def job_row(request: SignedInRequest, pk: int) -> HttpResponse:
    """Show the row of a job as it is now; to a browser that shows it so already, nothing."""
    job = row_of(request.user, pk)
    if job is None:
        raise Http404
    idle_since = None
    # One that is behind another waits for that, and not for a worker.
    if not job.is_behind and _is_unattended(job, since=job.woken_at):
        lifecycle.wake_if_lost(job)
    if _is_unattended(job, since=job.updated):
        # The same for everybody, and many may be waiting.
        idle_since = cache.get_or_set("idle_since", lifecycle.idle_since, IDLE_SECONDS)
    if is_shown(request, seen_in_row(job, idle_since)):
        return HttpResponse(status=204)
    return render(request, "imports/_job_row.html", {"job": job, "idle_since": idle_since})


@require_safe
@never_cache
@signed_in
def rejected_csv(request: SignedInRequest, pk: int) -> HttpResponseBase:
    """Send all rejected items of a job as a table, as they are read."""
    job = get_object_or_404(ImportJob.objects.owned_by(request.user), pk=pk)
    file_name = f"{PurePath(job.file_name).stem or 'import'}-rejected.csv"
    return StreamingHttpResponse(
        rejects.rejected_csv(job),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": content_disposition_header(as_attachment=True, filename=file_name)},
    )


def _posted_job(request: SignedInRequest) -> Any:  # an ImportJob with what `rows_of` adds
    try:
        pk = int(request.POST.get("import_job_id", ""))
    except ValueError as error:
        raise Http404 from error
    return get_object_or_404(rows_of(request.user), pk=pk)


def _is_unattended(job: ImportJob, *, since: datetime) -> bool:
    """Whether no worker holds an active job although there was time for it: told by the row, without a query."""
    now = timezone.now()
    is_held = job.lease_expires_at is not None and job.lease_expires_at > now
    return job.is_active and not is_held and since < now - lifecycle.LOST_AFTER


def _changed(request: SignedInRequest, job: ImportJob, level: int, message: str) -> HttpResponse:
    if request.htmx:
        return render(request, "imports/_job_row.html", {"job": rows_of(request.user).get(pk=job.pk)})
    messages.add_message(request, level, message)
    return SeeOther(reverse("imports:import"))
