"""What the queue does by itself, and how often."""

from typing import Any

from django_q.models import Schedule


def schedule_sweep(**_kwargs: Any) -> None:  # a signal's receiver takes whatever the signal sends
    """Have the queue sweep every minute. Receives post_migrate."""
    Schedule.objects.update_or_create(
        name="imports: sweep",
        defaults={
            "func": "imports.tasks.sweep",
            "schedule_type": Schedule.MINUTES,
            "minutes": 1,
            "repeats": -1,
        },
    )
