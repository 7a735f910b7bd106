"""Makes the full-text index anew from the bookmarks."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import transaction

from bookmarks import search
from bookmarks.models import Bookmark


class Command(BaseCommand):
    """In parts, so that neither memory nor the time that others wait grows with the number of bookmarks."""

    help = "Makes the full-text index anew from the bookmarks. People may go on searching and writing meanwhile."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the one option."""
        parser.add_argument(
            "--empty",
            action="store_true",
            help="begin with an empty index, for one that is damaged; searches find less until the end",
        )

    def handle(self, *_args: Any, **options: Any) -> None:  # Django's signature
        """Rebuild, and say how far it is."""
        if options["empty"]:
            with transaction.atomic():
                search.drop()
                search.create()
        number, total = 0, Bookmark.objects.count()

        def progress(entered: int) -> None:
            nonlocal number
            number += entered
            if sys.stderr.isatty():
                self.stderr.write(f"\r{number:,} of {total:,}", ending="")

        search.rebuild(progress)
        search.tidy()
        self.stdout.write(f"{number:,} bookmarks are indexed.")
