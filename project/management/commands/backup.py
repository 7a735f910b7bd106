"""The whole site in one file, made while it runs."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from imports.uploads import StorageAwayError
from project.archive import BackupError
from project.backup import write_backup


class Command(BaseCommand):
    """Makes a backup."""

    help = (
        "Writes database, stored files and secret key into one file, of one moment, while people and workers go on. "
        "`restore` reads it, also into the other kind of database. Keep it as safe as the site itself."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the argument."""
        parser.add_argument("file", type=Path, metavar="FILE", help="where to; a file that is there is replaced")

    def handle(self, **options: Any) -> None:  # Django's own signature
        """Make the backup and say what is in it."""
        path: Path = options["file"].absolute()
        try:
            manifest = write_backup(path)
        except (BackupError, OSError, StorageAwayError) as error:
            raise CommandError(f"No backup was made. {error}") from error
        self.stdout.write(f"Backed up {manifest.summary()} to {path} ({path.stat().st_size:,} bytes).")
