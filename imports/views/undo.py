"""Taking an import back, and removing it from the history: each asks first, on a page of its own."""

from typing import NamedTuple

from django.contrib import messages
from django.db.models import Exists, OuterRef
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from bookmarks.models import Bookmark, Revision
from bookmarks.requests import SeeOther, SignedInRequest, signed_in
from bookmarks.undo import remaining
from imports import lifecycle
from imports.models import ImportJob
from imports.views.detail import own_job, to_detail


class Foreseen(NamedTuple):
    """What an undo would do now, in bookmarks."""

    removed: int
    restored: int
    kept: int


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@signed_in
def undo(request: SignedInRequest, pk: int) -> HttpResponse:
    """Show what the undo will do, and begin it."""
    job = own_job(request, pk)
    if request.method != "POST" and job.can_undo:
        return render(request, "imports/undo.html", {"job": job, "foreseen": foresee(job)})
    if request.method == "POST" and lifecycle.undo(request.user, job.pk):
        messages.success(request, _("The import is being taken back."))
    else:
        messages.error(request, _("This import cannot be undone."))
    return to_detail(job)


def foresee(job: ImportJob) -> Foreseen:
    """Return what an undo of the job would do now: three queries."""
    mine = Revision.objects.filter(import_id=job.pk)
    restored = mine.filter(bookmark__written_by_import=job.pk).count()
    added = Bookmark.objects.filter(added_by_import=job.pk, written_by_import=job.pk)
    removed = added.exclude(Exists(mine.filter(bookmark=OuterRef("pk")))).count()
    total = remaining(job.pk, after=job.undo_position)
    return Foreseen(removed, restored, max(0, total - removed - restored))


@require_POST
@signed_in
def forget(request: SignedInRequest, pk: int) -> HttpResponse:
    """Ask, and remove the import from the history; its bookmarks stay."""
    job = own_job(request, pk)
    if job.can_forget and not request.POST.get("confirmed"):
        return render(request, "imports/forget.html", {"job": job})
    if lifecycle.forget(request.user, job.pk):
        messages.success(request, _("The import was removed from the history. Its bookmarks stay."))
        return SeeOther(reverse("imports:import"))
    messages.error(request, _("This import has not ended yet."))
    return to_detail(job)
