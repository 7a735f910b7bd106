"""How the page of one import words what became of it."""

from django import template
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from imports.models import ImportJob, Status, Work

register = template.Library()


@register.filter
def outcome(job: ImportJob) -> str:
    """Return what became of the job, or how far it is, in a sentence or two."""
    match job.status:
        case Status.PENDING:
            return _waiting(job)
        case Status.PROCESSING:
            return _running(job)
        case Status.PREVIEWED:
            return _("The preview is ready. Nothing has been imported yet.")
        case Status.UNDONE:
            return _taken_back(job)
        case Status.COMPLETED:
            return _counted(job)
        case Status.FAILED if job.is_undo:
            return _("The undo could not be finished.") + " " + _taken_back(job)
        case Status.FAILED:
            return _("The import failed.") + " " + _counted(job)
        case _ if job.is_undo:
            return _("The undo was cancelled.") + " " + _taken_back(job)
    return _("The import was cancelled; what was imported stays.") + " " + _counted(job)


def _waiting(job: ImportJob) -> str:
    if job.is_undo:
        return _("The undo waits for a worker.")
    return _("The import waits for a worker.")


def _running(job: ImportJob) -> str:
    if job.is_undo:
        return _("The import is being taken back.")
    if job.work == Work.PREVIEW:
        return _("The preview is being made. Nothing is written yet.")
    return _("The import is running.")


def _counted(job: ImportJob) -> str:
    if not job.processed_bookmarks:
        return _("Nothing was imported.")
    parts = [
        ngettext("%(count)s new bookmark", "%(count)s new bookmarks", job.created_bookmarks),
        ngettext("%(count)s updated", "%(count)s updated", job.updated_bookmarks),
        ngettext("%(count)s skipped", "%(count)s skipped", job.skipped_bookmarks),
        ngettext("%(count)s rejected", "%(count)s rejected", job.failed_bookmarks),
    ]
    counts = (job.created_bookmarks, job.updated_bookmarks, job.skipped_bookmarks, job.failed_bookmarks)
    told = [part % {"count": _number(count)} for part, count in zip(parts, counts, strict=True) if count]
    items = ngettext("Of %(count)s item: ", "Of %(count)s items: ", job.processed_bookmarks)
    return f"{items % {'count': _number(job.processed_bookmarks)}}{', '.join(told)}."


def _taken_back(job: ImportJob) -> str:
    removed = ngettext("%(count)s bookmark removed", "%(count)s bookmarks removed", job.removed_bookmarks)
    restored = ngettext("%(count)s restored", "%(count)s restored", job.restored_bookmarks)
    kept = ngettext(
        "%(count)s kept because it was changed since",
        "%(count)s kept because they were changed since",
        job.kept_bookmarks,
    )
    told = [removed % {"count": _number(job.removed_bookmarks)}]
    if job.restored_bookmarks:
        told.append(restored % {"count": _number(job.restored_bookmarks)})
    if job.kept_bookmarks:
        told.append(kept % {"count": _number(job.kept_bookmarks)})
    return f"{', '.join(told)}."


def _number(value: int) -> str:
    return number_format(value, force_grouping=True)
