"""App configuration."""

from django.apps import AppConfig, apps
from django.db.models.signals import post_migrate


class ProjectConfig(AppConfig):
    """The site."""

    name = "project"

    def ready(self) -> None:
        """Register the schedule of the sweep."""
        from project import housekeeping  # noqa: PLC0415 models are not loaded before this

        # Schedules are the queue's: its tables have to be there.
        post_migrate.connect(housekeeping.schedule_sweep, sender=apps.get_app_config("django_q"))
