"""The administration of imports: all can be seen, and done to a job what its owner may do, but nothing edited."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.models import AbstractBaseUser
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.defaultfilters import filesizeformat
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from imports import lifecycle
from imports.models import ImportJob, RejectedItem
from imports.timeline import events_of, timeline

# Each takes a transaction, and all of them together must end before the web server loses patience.
MOST_AT_ONCE = 500


class ReadOnlyAdmin[Shown: Model](admin.ModelAdmin[Shown]):
    """Shows rows that only the import itself may write."""

    # To count all rows beside those that were found would be for nobody.
    show_full_result_count = False

    def has_add_permission(self, *_args: object) -> bool:
        """Nobody adds rows here."""
        return False

    def has_change_permission(self, *_args: object, **_options: object) -> bool:
        """Nobody changes rows here."""
        return False

    def has_delete_permission(self, *_args: object, **_options: object) -> bool:
        """Nobody deletes rows here."""
        return False


class TroubleFilter(admin.SimpleListFilter):
    """Jobs that may need somebody's attention."""

    title = _("trouble")
    parameter_name = "trouble"

    def lookups(self, _request: HttpRequest, _admin: admin.ModelAdmin[Any]) -> list[tuple[str, Any]]:  # lazy strings
        """Return what to choose from."""
        return [("waits", _("active, but no worker holds it")), ("deaths", _("workers have died at it"))]

    def queryset(self, _request: HttpRequest, queryset: QuerySet[ImportJob]) -> QuerySet[ImportJob]:
        """Return the jobs of the choice."""
        if self.value() == "waits":
            return queryset.filter(pk__in=ImportJob.objects.unattended(timezone.now()).values("pk"))
        return queryset.filter(deaths__gt=0) if self.value() == "deaths" else queryset


@admin.register(ImportJob)
class ImportJobAdmin(ReadOnlyAdmin[ImportJob]):
    """Import jobs with their figures and their course. What is done to them goes the way of the import page."""

    change_form_template = "admin/imports/importjob/change_form.html"
    list_display = ("pk", "user", "file_name", "human_size", "state", "progress", "failed_bookmarks", "age", "created")
    list_display_links = ("pk", "file_name")
    list_filter = ("status", "work", TroubleFilter, "created")
    list_per_page = 50
    search_fields = ("user__username",)
    search_help_text = _("Search by user name")
    list_select_related = ("user",)
    ordering = ("-pk",)
    date_hierarchy = "created"
    actions = ("retry", "cancel", "forget")
    fieldsets = (
        (None, {"fields": ("user", "state", "work", "error_message", "notices", "progress", "rejected")}),
        (_("File"), {"fields": ("file_name", "human_size", "detected_format", "file_path", "has_upload")}),
        (
            _("Bookmarks"),
            {
                "fields": (
                    *("total_bookmarks", "processed_bookmarks", "created_bookmarks", "updated_bookmarks"),
                    *("skipped_bookmarks", "failed_bookmarks"),
                )
            },
        ),
        (_("Undo"), {"fields": ("undo_total", "removed_bookmarks", "restored_bookmarks", "kept_bookmarks")}),
        (_("Course"), {"fields": ("age", "created", "started_at", "prepared_at", "completed_at", "updated")}),
        (
            _("Worker"),
            {
                "fields": (
                    *("import_options", "claimed_by", "lease_expires_at", "fence", "wake", "woken_at", "deaths"),
                    *("careful_until", "resumed_from", "can_import_partly"),
                )
            },
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[ImportJob]:
        """Return the jobs without what may be large and is not shown."""
        return super().get_queryset(request).defer("failed_bookmark_details", "preview", "years")

    def has_operate_permission(self, request: HttpRequest) -> bool:
        """Whether somebody may retry and cancel imports of others."""
        return request.user.has_perm("imports.change_importjob")

    def has_remove_permission(self, request: HttpRequest) -> bool:
        """Whether somebody may remove imports of others from the history."""
        return request.user.has_perm("imports.delete_importjob")

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show a job with its timeline, and buttons for what can be done to it now."""
        response = super().change_view(request, object_id, form_url, extra_context)
        if isinstance(response, TemplateResponse) and response.context_data is not None:
            job: ImportJob = response.context_data["original"]
            response.context_data |= {"timeline": timeline(events_of(job)), "doable": self._doable(request, job)}
        return response

    def _doable(self, request: HttpRequest, job: ImportJob) -> list[tuple[str, str]]:
        """Return the names of the actions that would have an effect, each with what its button says."""
        may_operate, may_remove = self.has_operate_permission(request), self.has_remove_permission(request)
        known = [
            ("retry", gettext("Retry"), may_operate and job.can_retry),
            ("cancel", gettext("Cancel"), may_operate and job.can_cancel),
            ("forget", gettext("Remove from the history"), may_remove and job.can_forget),
        ]
        return [(name, label) for name, label, can in known if can and not job.is_forgotten]

    @admin.action(description=_("Retry the chosen imports"), permissions=["operate"])
    def retry(self, request: HttpRequest, jobs: QuerySet[ImportJob]) -> HttpResponse | None:
        """Send failed and cancelled jobs to work again."""
        return self._do(request, jobs, lifecycle.retry, gettext("retried"))

    @admin.action(description=_("Cancel the chosen imports"), permissions=["operate"])
    def cancel(self, request: HttpRequest, jobs: QuerySet[ImportJob]) -> HttpResponse | None:
        """Cancel jobs that are active."""
        return self._do(request, jobs, lifecycle.cancel, gettext("cancelled"))

    @admin.action(description=_("Remove the chosen imports from the history"), permissions=["remove"])
    def forget(self, request: HttpRequest, jobs: QuerySet[ImportJob]) -> HttpResponse | None:
        """Remove jobs from the history of their owners; a worker then deletes them with their files."""
        return self._do(request, jobs, lifecycle.forget, gettext("removed from the history"))

    def _do(
        self,
        request: HttpRequest,
        jobs: QuerySet[ImportJob],
        deed: Callable[[AbstractBaseUser, int], bool],
        name: str,
    ) -> HttpResponse | None:
        """Do something to each job on behalf of its owner, and tell of how many it was true."""
        chosen = list(jobs.select_related("user")[: MOST_AT_ONCE + 1])
        done = [job for job in chosen[:MOST_AT_ONCE] if deed(job.user, job.pk)]
        for job in done:
            self.log_change(request, job, name)
        if done:
            text = ngettext("%(count)s import: %(done)s.", "%(count)s imports: %(done)s.", len(done))
            messages.success(request, text % {"count": len(done), "done": name})
        if left := len(chosen[:MOST_AT_ONCE]) - len(done):
            text = ngettext(
                "%(count)s import could not be: its state does not allow it.",
                "%(count)s imports could not be: their state does not allow it.",
                left,
            )
            messages.warning(request, text % {"count": left})
        if len(chosen) > MOST_AT_ONCE:
            messages.warning(request, gettext("Only the first %(count)s were looked at.") % {"count": MOST_AT_ONCE})
        if "back" in request.POST and len(chosen) == 1:
            return HttpResponseRedirect(reverse("admin:imports_importjob_change", args=[chosen[0].pk]))
        return None

    @admin.display(description=_("status"), ordering="status")
    def state(self, job: ImportJob) -> str:
        """Return the status, or that the job is about to be deleted."""
        return gettext("removed from the history") if job.is_forgotten else job.get_status_display()

    @admin.display(description=_("age"), ordering="created")
    def age(self, job: ImportJob) -> str:
        """Return how long ago the file was uploaded."""
        return timesince(job.created, depth=1)

    @admin.display(description=_("file size"), ordering="file_size")
    def human_size(self, job: ImportJob) -> str:
        """Return the size of the file as people read it."""
        return filesizeformat(job.file_size)

    @admin.display(description=_("progress"))
    def progress(self, job: ImportJob) -> str:
        """Return how far the job is."""
        return f"{job.done_items:,} / {job.all_items:,} ({job.progress_percentage}%)"

    @admin.display(description=_("rejected items"))
    def rejected(self, job: ImportJob) -> SafeString:
        """Return a link to the rejected items, which may be too many for this page."""
        url = reverse("admin:imports_rejecteditem_changelist", query={"job": job.pk})
        return format_html('<a href="{}">{}</a>', url, f"{job.failed_bookmarks:,}")


@admin.register(RejectedItem)
class RejectedItemAdmin(ReadOnlyAdmin[RejectedItem]):
    """Rejected items, page by page."""

    list_display = ("position", "title", "url", "reason")
    list_per_page = 100
    fields = ("job", "position", "member", "title", "url", "reason", "fragment")

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:  # as Django calls it
        """Let the list be of one job."""
        return lookup == "job" or super().lookup_allowed(lookup, value, request)
