"""App configuration."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class ImportsConfig(AppConfig):
    """How bookmarks get in."""

    name = "imports"
    verbose_name = _("Imports")

    def ready(self) -> None:
        """Register the checks at start, and the schedule of the sweep."""
        from imports import checks, schedules  # noqa: PLC0415 models are not loaded before this

        checks.register()
        post_migrate.connect(schedules.schedule_sweep, sender=self)
