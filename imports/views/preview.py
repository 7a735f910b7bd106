"""What an import would do, shown before anything is written, and the decision about it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from django.contrib import messages
from django.contrib.humanize.templatetags.humanize import intcomma
from django.db.models import Exists, OuterRef
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import HttpResponseClientRedirect

from bookmarks.drafts import BookmarkDraft, Duplicates
from bookmarks.requests import SeeOther, SignedInRequest, signed_in
from imports import lifecycle
from imports.charts import bars
from imports.formats.base import ItemRejectedError, ParsedItem
from imports.models import ImportJob, Work
from imports.normalize import normalize
from imports.options import ImportOptions
from imports.previewing_forms import PreviewForm, SampleForm, members_of

_SAMPLE_TAGS = 30
# A preview keeps no more than this of an address; what is that long may have been cut, and leads nowhere then.
_KEPT_LENGTH = 300

_HANDLING = {
    Duplicates.SKIP: gettext_lazy("They stay as they are."),
    Duplicates.OVERWRITE: gettext_lazy("They take everything from the file, also its tags."),
    Duplicates.MERGE: gettext_lazy("They get the tags of the file as well, and the longer texts of both."),
}


class SampleItem(NamedTuple):
    """An item as it will look; `tags` are the first of them, `more_tags` says how many others there are."""

    draft: BookmarkDraft
    created: datetime | None
    tags: list[str]
    more_tags: int
    is_whole: bool


@require_safe
@never_cache
@signed_in
def preview(request: SignedInRequest, pk: int) -> HttpResponse:
    """Show the preview of a waiting job, or that it is being made; htmx asks for that part alone."""
    job = _job(request, pk)
    if job.awaits_decision:
        return _show(request, job, PreviewForm(job))
    if job.is_active and job.work == Work.PREVIEW:
        return _render(request, {"job": job, **_why_waiting(job)})
    return _go(request, "imports:import")


@require_safe
@never_cache
@signed_in
def preview_sample(request: SignedInRequest, pk: int) -> HttpResponse:
    """Show the sample as it would look under the folder policy and the tags that are asked for."""
    job = _job(request, pk)
    if not job.awaits_decision:
        return _go(request, "imports:import")
    form = SampleForm(job, request.GET)
    options = form.options()
    context = {
        "job": job,
        "sample": _sample(job, options),
        "errors": form.errors,
        "is_live": True,
        "is_unapplied": options != job.options,
    }
    return render(request, "imports/preview_sample.html", context)


@require_POST
@signed_in
def preview_again(request: SignedInRequest, pk: int) -> HttpResponse:
    """Make the preview again under other options."""
    job = _job(request, pk)
    form = PreviewForm(job, request.POST)
    if job.awaits_decision and not form.is_valid():
        return _show(request, job, form, status=422)
    if not job.awaits_decision or not lifecycle.preview_again(request.user, pk, form.options()):
        return _too_late(request)
    messages.info(request, _("The preview is made again with these options."))
    return _go(request, "imports:preview", pk)


@require_POST
@signed_in
def confirm(request: SignedInRequest, pk: int) -> HttpResponse:
    """Begin the import; where other options were chosen than the preview was made with, make that again instead."""
    job = _job(request, pk)
    form = PreviewForm(job, request.POST)
    if job.awaits_decision and form.was_sent:
        if not form.is_valid():
            return _show(request, job, form, status=422)
        options = form.options()
        if options != job.options and lifecycle.preview_again(request.user, pk, options):
            messages.warning(
                request,
                _("Nothing was imported yet: the options were changed, so the preview is made again with them first."),
            )
            return _go(request, "imports:preview", pk)
    if not lifecycle.confirm(request.user, pk):
        return _too_late(request)
    messages.success(request, _("The import begins."))
    return _go(request, "imports:import")


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@signed_in
def preview_discard(request: SignedInRequest, pk: int) -> HttpResponse:
    """Remove a job that waits for a decision, once the person has confirmed it, here or in a dialog before."""
    job = _job(request, pk)
    if not job.awaits_decision:
        return _too_late(request)
    if request.POST.get("confirmed") != "1":
        return render(request, "imports/preview_discard.html", {"job": job})
    lifecycle.forget(request.user, pk)
    messages.success(request, _("The preview was discarded. Nothing was imported."))
    return _go(request, "imports:import")


def _job(request: SignedInRequest, pk: int) -> ImportJob:
    """Return the person's job; `is_outdated` says whether an import or an undo of theirs has ended since."""
    later = ImportJob.objects.filter(user=OuterRef("user"), completed_at__gt=OuterRef("completed_at"))
    jobs = ImportJob.objects.owned_by(request.user).select_related("same_file_as")
    return get_object_or_404(jobs.annotate(is_outdated=Exists(later.exclude(work=Work.PREVIEW))), pk=pk)


def _go(request: SignedInRequest, name: str, *args: int) -> HttpResponse:
    url = reverse(name, args=args)
    return HttpResponseClientRedirect(url) if request.htmx else SeeOther(url)


def _too_late(request: SignedInRequest) -> HttpResponse:
    messages.error(request, _("This preview does not wait for a decision any more."))
    return _go(request, "imports:import")


def _why_waiting(job: ImportJob) -> dict[str, object]:
    """Return what hinders a preview that is being made, and wake a worker for it where none seems to know of it."""
    long_ago = timezone.now() - lifecycle.LOST_AFTER
    if job.woken_at < long_ago:
        lifecycle.wake_if_lost(job)
    earlier = ImportJob.objects.active().filter(user_id=job.user_id, pk__lt=job.pk)
    return {
        "idle_since": lifecycle.idle_since() if job.updated < long_ago else None,
        "is_behind": earlier.exists(),
    }


def _show(request: SignedInRequest, job: ImportJob, form: PreviewForm, *, status: int = 200) -> HttpResponse:
    found = job.preview
    context = {
        "job": job,
        "found": found,
        "handling": _HANDLING[job.options.duplicate_handling],
        "more_tags": found.get("new_tags", 0) - len(found.get("tag_names", [])),
        "form": form,
        "members": _member_choices(job, form),
        "bars": bars(job.years),
        "span": _span(job.years),
        "sample": _sample(job, job.options),
    }
    return _render(request, context, status=status)


def _render(request: SignedInRequest, context: dict[str, object], *, status: int = 200) -> HttpResponse:
    part = "#state" if request.htmx else ""
    return render(request, f"imports/preview.html{part}", context, status=status)


def _member_choices(job: ImportJob, form: PreviewForm) -> list[tuple[Any, int]]:  # Any: a bound widget's box
    """Return the box of each file of an archive with the number of its items; nothing where there is no choice."""
    if "members" not in form.fields:
        return []
    return list(zip(form["members"], (count for _name, count in members_of(job)), strict=True))


def _sample(job: ImportJob, options: ImportOptions) -> list[SampleItem]:
    """Return the sample of the preview as it will look under `options`."""
    shown = []
    for raw in job.preview.get("sample", []):
        created = datetime.fromisoformat(raw["created"]).replace(tzinfo=UTC) if raw["created"] else None
        try:
            draft = normalize(ParsedItem(**{**raw, "created": created}), options)
        except ItemRejectedError:
            continue
        names = [name for _key, name in draft.tags]
        more_tags = max(0, len(names) - _SAMPLE_TAGS)
        shown.append(SampleItem(draft, created, names[:_SAMPLE_TAGS], more_tags, len(draft.url) < _KEPT_LENGTH))
    return shown


def _span(years: Mapping[str, int]) -> str:
    """Return in words what the chart of the years shows."""
    known = {int(year): count for year, count in years.items() if year}
    parts = []
    if known:
        most = max(known, key=lambda year: known[year])
        facts = {"first": min(known), "last": max(known), "year": most, "count": intcomma(known[most])}
        if len(known) == 1:
            parts.append(_("%(count)s from %(year)s.") % facts)
        else:
            parts.append(_("From %(first)s to %(last)s, most of them in %(year)s: %(count)s.") % facts)
    if unknown := years.get(""):
        sentence = ngettext("%(count)s has no date.", "%(count)s have no date.", unknown)
        parts.append(sentence % {"count": intcomma(unknown)})
    return " ".join(parts)
