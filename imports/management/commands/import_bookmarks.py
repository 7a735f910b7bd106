"""Imports a file from the command line: the pipeline of the web page, in this process, without a queue."""

import json
import signal
import sys
import threading
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.core.files.base import File
from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from bookmarks.drafts import Duplicates, clean_tags
from imports import lifecycle, pipeline, uploads
from imports.formats.base import UnreadableFileError
from imports.formats.registry import FORMATS
from imports.models import ImportJob, Status
from imports.options import Folders, ImportOptions
from imports.pipeline import OnBatch

FAILED, USAGE = 1, 2


class Report(NamedTuple):
    """What an import did, or would do. `--json` prints all but the notices."""

    status: str
    format: str
    total: int = 0
    created: int = 0
    updated: int = 0
    skipped: int = 0
    failed: int = 0
    error: str = ""
    notices: Sequence[str] = ()


class Command(BaseCommand):
    """Import a bookmark file for a user."""

    help = "Import a bookmark file of any known format for a user."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the command's arguments."""
        parser.add_argument("file", type=Path, metavar="FILE", help="the file to import")
        parser.add_argument("--user", required=True, metavar="NAME", help="whose bookmarks they will be")
        parser.add_argument(
            "--duplicates",
            choices=[choice.value for choice in Duplicates],
            default=Duplicates.SKIP.value,
            help="what happens to a page that is already bookmarked (default: skip)",
        )
        parser.add_argument(
            "--format",
            choices=["auto", *sorted(known.NAME for known in FORMATS)],
            default="auto",
            metavar="NAME",
            help="the file's format (default: auto, recognised by content)",
        )
        parser.add_argument(
            "--folders",
            choices=[choice.value for choice in Folders],
            default=Folders.LEVELS.value,
            help="how folders become tags (default: levels, a tag for each)",
        )
        parser.add_argument(
            "--tag",
            action="append",
            default=[],
            metavar="NAME",
            help="a tag for everything imported; can be given several times",
        )
        parser.add_argument(
            "--partial", action="store_true", help="import a file that is cut off as far as it can be read"
        )
        parser.add_argument("--dry-run", action="store_true", help="say what would happen, and write nothing")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *_args: Any, **chosen: Any) -> None:  # as Django calls it
        """Import, print what was done, and end with the status 0, 1 when it failed, or 2 on bad usage."""
        owner = _owner(chosen["user"])
        options = ImportOptions(
            duplicate_handling=Duplicates(chosen["duplicates"]),
            format=chosen["format"],
            folders=Folders(chosen["folders"]),
            tags=tuple(name for _key, name in clean_tags(chosen["tag"])),
            partial=chosen["partial"],
        )
        with _opened(chosen["file"]) as file:
            report = _dry_run(file, owner, options) if chosen["dry_run"] else _import(file, owner, options)
        self.stdout.write(_json(report) if chosen["json"] else _sentences(report))
        if report.status not in {Status.COMPLETED, "dry-run"}:
            raise CommandError(report.error or "The import was cancelled.", returncode=FAILED)


def _owner(name: str) -> AbstractBaseUser:
    model = get_user_model()
    try:
        return model.objects.get_by_natural_key(name)
    except model.DoesNotExist as error:
        raise CommandError(f"There is no user named {name}.", returncode=USAGE) from error


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}", returncode=USAGE) from error


def _dry_run(file: BinaryIO, owner: AbstractBaseUser, options: ImportOptions) -> Report:
    try:
        would = pipeline.dry_run(file, owner.pk, options)
    except UnreadableFileError as error:
        return Report(Status.FAILED.value, "", error=str(error))
    counts = (would.total, would.created, would.updated, would.skipped, would.failed)
    status = Status.FAILED.value if would.error else "dry-run"
    return Report(status, would.format, *counts, error=would.error, notices=would.notices)


def _import(file: BinaryIO, owner: AbstractBaseUser, options: ImportOptions) -> Report:
    try:
        job = uploads.submit(File(file, name=Path(file.name).name), owner, options, queued=False)
    except OSError as error:
        raise CommandError(pipeline.STORAGE, returncode=FAILED) from error
    with _interruption() as interrupted, _progress_bar() as on_batch:
        job = pipeline.run_to_end(job, on_batch, should_stop=interrupted.is_set)
    if interrupted.is_set():
        lifecycle.cancel(owner, job.pk)
        job.refresh_from_db()
    return _report(job)


@contextmanager
def _interruption() -> Iterator[threading.Event]:
    """Take note of Ctrl-C: an exception out of nowhere might be lost where Python ignores exceptions."""
    interrupted = threading.Event()
    usual = signal.signal(signal.SIGINT, lambda _signum, _frame: interrupted.set())
    try:
        yield interrupted
    finally:
        signal.signal(signal.SIGINT, usual)


def _report(job: ImportJob) -> Report:
    return Report(
        job.status,
        job.detected_format,
        job.total_bookmarks,
        job.created_bookmarks,
        job.updated_bookmarks,
        job.skipped_bookmarks,
        job.failed_bookmarks,
        job.error_message,
        job.notices,
    )


@contextmanager
def _progress_bar() -> Iterator[OnBatch | None]:
    """Draw a progress bar on the error output for as long as the context lasts, if that is a terminal."""
    console = Console(file=sys.stderr)
    if not console.is_terminal:
        yield None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("Reading the file", total=None)

        def on_batch(position: int, total: int) -> None:
            progress.update(task, description="Importing", completed=position, total=total)

        yield on_batch


def _json(report: Report) -> str:
    return json.dumps({name: value for name, value in report._asdict().items() if name != "notices"})


def _sentences(report: Report) -> str:
    known = f" ({report.format})" if report.format else ""
    figures = (
        f"{report.status}{known}: {report.total:,} items, {report.created:,} new, {report.updated:,} updated, "
        f"{report.skipped:,} skipped, {report.failed:,} failed"
    )
    return "\n".join([figures, *report.notices])
