"""App configuration."""

from django.apps import AppConfig
from django.db.backends.signals import connection_created
from django.utils.translation import gettext_lazy as _

from bookmarks.caseless import add_functions
from bookmarks.turns import announce_waiting


class BookmarksConfig(AppConfig):
    """What a bookmark is, and the one way to write it."""

    name = "bookmarks"
    verbose_name = _("Bookmarks")

    def ready(self) -> None:
        """Let every connection compare texts as the search does, and say when it waits to write."""
        connection_created.connect(add_functions)
        connection_created.connect(announce_waiting)
