"""Writes all bookmarks of a user to a file or to standard output."""

import os
from argparse import ArgumentParser
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from bookmarks.exports import EXPORTS
from bookmarks.models import Bookmark

# What a shell reports of a program that ended because nobody read on: 128 and the number of SIGPIPE.
_NOBODY_READS = 141


class Command(BaseCommand):
    """The way out that needs no browser."""

    help = "Export all bookmarks of a user."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options; wrong ones end with exit status 2."""
        parser.add_argument("--user", required=True, metavar="NAME", help="whose bookmarks to export")
        parser.add_argument("--format", required=True, choices=list(EXPORTS), help="format of the file")
        parser.add_argument("--output", metavar="FILE", help="file to write (default: standard output)")

    def handle(self, *, user: str, format: str, output: str | None, **_options: Any) -> None:  # noqa: A002 - options
        """Export, or raise CommandError with a sentence for the person at the terminal."""
        users = get_user_model()
        try:
            owner = users._default_manager.get_by_natural_key(user)
        except users.DoesNotExist as error:
            raise CommandError(f"There is no user named {user}.", returncode=2) from error
        chunks = EXPORTS[format].export(Bookmark.objects.owned_by(owner))
        if output is None:
            self._print(chunks)
        else:
            _save(chunks, output=Path(output))

    def _print(self, chunks: Iterable[bytes]) -> None:
        binary = getattr(self.stdout, "buffer", None)
        try:
            for chunk in chunks:
                if binary:
                    binary.write(chunk)
                else:  # a caller in Python that captures text
                    self.stdout.write(chunk.decode(), ending="")
            self.stdout.flush()
        except BrokenPipeError as error:
            # Python would try to flush once more at its end, and complain.
            os.dup2(os.open(os.devnull, os.O_WRONLY), self.stdout.fileno())
            raise SystemExit(_NOBODY_READS) from error


def _save(chunks: Iterable[bytes], *, output: Path) -> None:
    try:
        with output.open("wb") as file:
            file.writelines(chunks)
    except OSError as error:
        raise CommandError(f"Cannot write {output}: {error.strerror}.", returncode=2) from error
