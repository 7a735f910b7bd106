"""What the site's own tables need from time to time: what is old goes, and deletions of accounts go on."""

from datetime import timedelta
from importlib import import_module

from django.conf import settings
from django.utils import timezone
from django_q.models import Task

from imports import lifecycle
from imports.models import ACTIVE, ImportJob
from imports.schedules import every
from project import account_deletion, throttling

# Tasks that failed are kept by the queue for whoever looks into them, those that went well are not.
RESULTS_KEPT = timedelta(days=30)


def sweep() -> None:
    """Delete what is past its time, and take up interrupted deletions of accounts. A task of the queue."""
    import_module(settings.SESSION_ENGINE).SessionStore.clear_expired()
    throttling.forget_attempts()
    Task.objects.filter(stopped__lt=timezone.now() - RESULTS_KEPT).delete()
    forget_old_imports()
    account_deletion.resume()


def forget_old_imports() -> None:
    """Remove imports from the histories that ended IMPORT_HISTORY_DAYS ago, unless those are kept for ever (0).

    What hangs on them may be much: `imports.tasks.sweep` deletes it.
    """
    if not settings.IMPORT_HISTORY_DAYS:
        return
    past = timezone.now() - timedelta(days=settings.IMPORT_HISTORY_DAYS)
    old = ImportJob.objects.filter(is_forgotten=False, completed_at__lt=past).exclude(status__in=ACTIVE)
    for job in old.select_related("user").iterator():
        lifecycle.forget(job.user, job.pk)


def schedule_sweep(**_kwargs: object) -> None:  # a signal's receiver takes whatever the signal sends
    """Have the queue sweep every quarter of an hour. Receives post_migrate."""
    every(15, "site: sweep", "project.housekeeping.sweep")
