"""Everything between an installed package and a site that can be served."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser
from django.db import DEFAULT_DB_ALIAS

STAMP = ".collected"


class Command(BaseCommand):
    """Brings database and static files up to date; does next to nothing when they are."""

    help = (
        "Migrates the database, collects static files that changed, and creates the superuser that "
        "DJANGO_SUPERUSER_USERNAME and DJANGO_SUPERUSER_PASSWORD name, if there is none of that name."
    )

    # The data directory comes first: checks look at the database.
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the option."""
        parser.add_argument(
            "--static-only", action="store_true", help="only collect static files; no database is needed"
        )

    def handle(self, **options: Any) -> None:  # Django's own signature
        """Do all of it, in the order in which one needs the other."""
        if options["static_only"]:
            collect_static_files()
            return
        Path(settings.DATA_DIR).mkdir(parents=True, exist_ok=True)
        self.check(databases=[DEFAULT_DB_ALIAS])
        call_command("migrate", interactive=False, verbosity=0)
        collect_static_files()
        if name := create_superuser():
            self.stdout.write(f"Created the superuser {name}.")


def collect_static_files() -> None:
    """Collect the static files if one was added, removed or changed since the last time."""
    stamp = Path(settings.STATIC_ROOT) / STAMP
    fingerprint = hashlib.sha256("\n".join(_sources()).encode()).hexdigest()
    if stamp.exists() and stamp.read_text() == fingerprint:
        return
    call_command("collectstatic", interactive=False, clear=True, verbosity=0)
    stamp.parent.mkdir(parents=True, exist_ok=True)
    stamp.write_text(fingerprint)


def _sources() -> Iterator[str]:
    """Yield one line per static file, which changes when its content does: its times change where it is copied."""
    yield settings.STORAGES["staticfiles"]["BACKEND"]
    for finder in get_finders():
        for name, storage in finder.list(None):
            with storage.open(name) as file:
                yield f"{name} {hashlib.file_digest(file, 'sha256').hexdigest()}"


def create_superuser() -> str | None:
    """Create the superuser that the environment names; return the name, or None if nothing was to do."""
    name = os.environ.get("DJANGO_SUPERUSER_USERNAME")
    password = os.environ.get("DJANGO_SUPERUSER_PASSWORD")
    users = get_user_model()
    if not name or not password or users.objects.filter(username=name).exists():
        return None
    users.objects.create_superuser(name, os.environ.get("DJANGO_SUPERUSER_EMAIL", ""), password)
    return name
