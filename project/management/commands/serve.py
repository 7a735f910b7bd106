"""The site in one command: web server and worker under one supervisor."""

import argparse
import os
import signal
import sys
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser
from django.db import connections


class Command(BaseCommand):
    """Replaces itself by the supervisor, which carries nothing of Django."""

    help = "Runs the web server and the worker together until Ctrl-C or SIGTERM."
    # The services check themselves; what `prepare` needs it checks, too.
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options; HOST and PORT in the environment are their defaults."""
        parser.add_argument("--host", default=settings.HOST)
        parser.add_argument("--port", type=_port, default=os.environ.get("PORT", "8000"))
        parser.add_argument(
            "--prepare",
            action="store_true",
            help="first bring database and static files up to date (see `prepare`)",
        )
        parser.add_argument(
            "--die-with-parent", action="store_true", help="end when the process that started this one ends"
        )

    def handle(self, **options: Any) -> None:  # Django's own signature
        """Prepare if asked to, then become the supervisor."""
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        if options["prepare"]:
            call_command("prepare")
        connections.close_all()
        command = [
            "-P",
            "-m",
            "project.supervisor",
            "--host",
            options["host"],
            "--port",
            str(options["port"]),
        ]
        if options["die_with_parent"]:
            command.append("--die-with-parent")
        environment = dict(os.environ)
        paths = [str(settings.BASE_DIR), *filter(None, [environment.get("PYTHONPATH")])]
        environment["PYTHONPATH"] = os.pathsep.join(paths)
        os.execve(sys.executable, [sys.executable, *command], environment)  # noqa: S606 - our own module


def _port(text: str) -> int:
    """Return `text` as a port number; a wrong one is a sentence on the command line."""
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"PORT must be a number from 0 to 65535, not {text!r}")
    return int(text)
