"""What the site's own tables need from time to time: expired sessions go, and deletions of accounts go on."""

from importlib import import_module

from django.conf import settings
from django_q.models import Schedule

from project import account_deletion, throttling


def sweep() -> None:
    """Delete expired sessions and old attempts, take up interrupted deletions of accounts. A task of the queue."""
    import_module(settings.SESSION_ENGINE).SessionStore.clear_expired()
    throttling.forget_attempts()
    account_deletion.resume()


def schedule_sweep(**_kwargs: object) -> None:  # a signal's receiver takes whatever the signal sends
    """Have the queue sweep every quarter of an hour. Receives post_migrate."""
    Schedule.objects.update_or_create(
        name="site: sweep",
        defaults={
            "func": "project.housekeeping.sweep",
            "schedule_type": Schedule.MINUTES,
            "minutes": 15,
            "repeats": -1,
        },
    )
