"""The queue's worker, fit to run under any service manager."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils.module_loading import import_string

from project.worker import WATCHDOG_PATIENCE_SECONDS, Worker


class Command(BaseCommand):
    """Runs one cluster in the foreground."""

    help = "Works through the queue until SIGTERM or Ctrl-C. Ends with status 1 when it should be started again."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument(
            "--watchdog",
            default="imports.lifecycle.attend",
            help="dotted path of a function: is work due although nothing has moved for a minute?",
        )
        parser.add_argument(
            "--watchdog-patience",
            type=float,
            default=WATCHDOG_PATIENCE_SECONDS,
            metavar="SECONDS",
            help="how long after its start a cluster is left in peace by the watchdog",
        )

    def handle(self, **options: Any) -> None:  # Django's own signature
        """Run the worker and leave with its status."""
        worker = Worker(is_stuck=import_string(options["watchdog"]), patience_seconds=options["watchdog_patience"])
        sys.exit(worker.run())
