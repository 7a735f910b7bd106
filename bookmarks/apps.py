"""App configuration."""

from django.apps import AppConfig
from django.db.backends.signals import connection_created
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _

from bookmarks.search import keep_triggers
from bookmarks.turns import announce_waiting


class BookmarksConfig(AppConfig):
    """What a bookmark is, and the one way to write it."""

    name = "bookmarks"
    verbose_name = _("Bookmarks")

    def ready(self) -> None:
        """Let every connection say when it waits to write, and keep the search's triggers through migrations."""
        connection_created.connect(announce_waiting)
        post_migrate.connect(keep_triggers, sender=self)
