"""What the queue does by itself, and how often."""

from django_q.models import Schedule


def every(minutes: int, name: str, func: str) -> None:
    """Have the queue call a function, by its dotted path, again and again; `name` tells the schedule from others."""
    Schedule.objects.update_or_create(
        name=name, defaults={"func": func, "schedule_type": Schedule.MINUTES, "minutes": minutes, "repeats": -1}
    )


def schedule_sweep(**_kwargs: object) -> None:  # a signal's receiver takes whatever the signal sends
    """Have the queue sweep every minute. Receives post_migrate."""
    every(1, "imports: sweep", "imports.tasks.sweep")
