"""The administration of imports: everything can be seen, nothing changed."""

from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from imports.models import ImportJob, RejectedItem


class ReadOnlyAdmin[Shown: Model](admin.ModelAdmin[Shown]):
    """Shows rows that only the import itself may write."""

    def has_add_permission(self, *_args: object) -> bool:
        """Nobody adds rows here."""
        return False

    def has_change_permission(self, *_args: object, **_options: object) -> bool:
        """Nobody changes rows here."""
        return False

    def has_delete_permission(self, *_args: object, **_options: object) -> bool:
        """Nobody deletes rows here."""
        return False


@admin.register(ImportJob)
class ImportJobAdmin(ReadOnlyAdmin[ImportJob]):
    """Import jobs with their figures."""

    list_display = ("created", "user", "file_name", "human_size", "status", "progress", "failed_bookmarks")
    list_filter = ("status", "created")
    search_fields = ("user__username",)
    search_help_text = _("Search by user name")
    list_select_related = ("user",)
    date_hierarchy = "created"
    fieldsets = (
        (None, {"fields": ("user", "status", "error_message", "notices", "progress", "rejected")}),
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
        (_("Course"), {"fields": ("created", "started_at", "prepared_at", "completed_at", "updated")}),
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

    @admin.display(description=_("file size"), ordering="file_size")
    def human_size(self, job: ImportJob) -> str:
        """Return the size of the file as people read it."""
        return filesizeformat(job.file_size)

    @admin.display(description=_("progress"))
    def progress(self, job: ImportJob) -> str:
        """Return how far the job is."""
        return f"{job.processed_bookmarks:,} / {job.total_bookmarks:,} ({job.progress_percentage}%)"

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
    show_full_result_count = False
    fields = ("job", "position", "member", "title", "url", "reason", "fragment")

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:  # as Django calls it
        """Let the list be of one job."""
        return lookup == "job" or super().lookup_allowed(lookup, value, request)
