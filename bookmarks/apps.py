"""App configuration."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class BookmarksConfig(AppConfig):
    """What a bookmark is, and the one way to write it."""

    name = "bookmarks"
    verbose_name = _("Bookmarks")
