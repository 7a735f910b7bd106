"""A backup becomes a site again."""

import os
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DEFAULT_DB_ALIAS

from imports.uploads import StorageAwayError
from project.archive import BackupError
from project.restoration import check, restore


class Command(BaseCommand):
    """Restores a backup, or looks whether it is whole."""

    help = (
        "Restores what `backup` wrote into an empty database and storage, of either kind. "
        "Nothing else may run meanwhile: start the site afterwards."
    )
    # The database comes first: checks look at it.
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("file", type=Path, metavar="FILE", help="what `backup` wrote")
        parser.add_argument("--check", action="store_true", help="only look whether the backup is whole")

    def handle(self, **options: Any) -> None:  # Django's own signature
        """Check or restore, and say what is in the backup."""
        path: Path = options["file"].absolute()
        try:
            if options["check"]:
                manifest = check(path)
            else:
                self.check(databases=[DEFAULT_DB_ALIAS])
                manifest = restore(path)
        except (BackupError, OSError, StorageAwayError) as error:
            raise CommandError(str(error)) from error
        done = "Whole" if options["check"] else "Restored"
        self.stdout.write(
            f"{done}: {manifest.summary()}, as of {manifest.made:%Y-%m-%d %H:%M:%S} UTC, "
            f"from {manifest.database}, version {manifest.version}."
        )
        if not options["check"] and os.environ.get("SECRET_KEY"):
            self.stdout.write("SECRET_KEY is set, and goes before the backup's key: with another one, sessions end.")
