"""The worker command with kill points, and with marks by which its processes are told apart.

The product knows nothing of this: its functions are wrapped here, before the queue forks. A point is armed by a file
of its name; the process that takes the file away kills itself there.
"""

import os
import signal
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from pathlib import Path
from typing import Any

import django
from django.conf import settings
from django.db import connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from bookmarks import turns
from tests.faults.pace import FOLDER_VARIABLE, PACES, VARIABLE, Pace

POINTS = {
    "claimed": "after the claim",
    "reading": "while the file is read",
    "prepared": "after the file was read",
    "upserted": "mid-batch, before the counters",
    "advanced": "mid-batch, before the commit",
    "committed": "after a batch's commit",
    "released": "after re-enqueue",
    "completed": "after completion, before the file goes",
    "foretold": "after a preview was made, before it is kept",
    "taken back": "mid-undo, before the counters",
    "undo advanced": "mid-undo, before the commit",
    "undo committed": "after a commit of an undo",
    "returned": "after the slice, before acknowledgement",
}
_folder = Path(os.environ.get(FOLDER_VARIABLE, "."))


def armed(point: str) -> Path:
    """Return the file that arms a kill point."""
    return _folder / f"kill.{point}"


def passes(point: str) -> None:
    """Die here if the point is armed."""
    try:
        armed(point).unlink()
    except FileNotFoundError:
        return
    os.kill(os.getpid(), signal.SIGKILL)


def _after(module: object, name: str, point: str) -> None:
    original = getattr(module, name)

    @wraps(original)
    def wrapped(*args: Any, **keywords: Any) -> Any:  # whatever the function takes and gives
        result = original(*args, **keywords)
        if result is not None or point != "claimed":
            passes(point)
        return result

    setattr(module, name, wrapped)


def _behind_commit(module: object, name: str, point: str) -> None:
    original = getattr(module, name)

    @wraps(original)
    def wrapped(*args: Any, **keywords: Any) -> Any:  # whatever the function takes and gives
        transaction.on_commit(lambda: passes(point))
        return original(*args, **keywords)

    setattr(module, name, wrapped)


def place_points() -> None:
    """Wrap what has a kill point behind it."""
    from imports import lifecycle, pipeline, prepared, preview, tasks

    _after(lifecycle, "claim", "claimed")
    _after(prepared.PreparedWriter, "_flush", "reading")
    _after(lifecycle, "record_prepared", "prepared")
    _after(pipeline, "write_batch", "upserted")
    _after(lifecycle, "advance", "advanced")
    _after(pipeline, "apply_batch", "committed")
    _after(lifecycle, "release", "released")
    _after(lifecycle, "complete", "completed")
    _after(preview, "foretell", "foretold")
    _after(pipeline, "take_back", "taken back")
    _after(lifecycle, "advance_undo", "undo advanced")
    _behind_commit(lifecycle, "advance_undo", "undo committed")
    _after(tasks, "process_import_job", "returned")


def sign_batches() -> None:
    """Have each batch write, in its own transaction, under which fence and in which process it was made."""
    from imports import lifecycle, pipeline
    from imports.models import ImportJob

    run_slice = pipeline.run_slice
    claims: list[lifecycle.Claim] = []

    def running(claimed: lifecycle.Claim, **options: Any) -> None:  # what run_slice takes
        claims[:] = [claimed]
        run_slice(claimed, **options)

    def signed(name: str, position: str) -> None:
        """Have a function of the lifecycle that advances a job leave a mark."""
        advance = getattr(lifecycle, name)

        def advancing(job: ImportJob, *args: Any, **options: Any) -> None:  # what the function takes
            advance(job, *args, **options)
            with connection.cursor() as cursor:
                cursor.execute(
                    "INSERT INTO faults_batch (job, fence, pid, start) VALUES (%s, %s, %s, %s)",
                    [job.pk, claims[0].fence, os.getpid(), getattr(job, position)],
                )

        setattr(lifecycle, name, advancing)

    pipeline.run_slice = running
    signed("advance", "processed_bookmarks")
    signed("advance_undo", "undo_position")


def quicken(pace: Pace) -> None:
    """Shorten the waiting times, and make batches small and the way between two long."""
    from imports import lifecycle, pipeline

    lifecycle.LEASE = timedelta(seconds=pace.lease)
    lifecycle.LOST_AFTER = timedelta(seconds=pace.lost_after)
    pipeline.SLICE_SECONDS = pace.slice
    pipeline.FIRST_BATCH_ITEMS = pipeline.MAX_BATCH_ITEMS = pace.batch_items
    give_way = turns.give_way

    def dawdle(connection: BaseDatabaseWrapper) -> None:
        give_way(connection)
        time.sleep(0.02)

    turns.give_way = dawdle
    options = settings.DATABASES["default"].get("OPTIONS", {})
    if "timeout" in options:
        options["timeout"] = pace.busy_timeout


def name_processes() -> None:
    """Have each kind of the queue's processes carry its name for the kernel, where `comm` shows it."""
    import django_q.cluster

    import project.worker

    for name in ("worker", "monitor", "pusher"):
        named = _named(getattr(django_q.cluster, name), name)
        setattr(django_q.cluster, name, named)
        if name == "worker":
            project.worker.worker = named  # type: ignore[attr-defined]  # it is imported there, too


def _named(target: Callable[..., None], name: str) -> Callable[..., None]:
    @wraps(target)
    def run(*args: Any) -> None:
        Path("/proc/self/comm").write_text(f"q-{name}")
        target(*args)

    return run


def main() -> None:
    """Run the product's worker command, instrumented."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
    pace = PACES[os.environ[VARIABLE]]
    django.setup()
    quicken(pace)
    sign_batches()
    place_points()
    name_processes()
    from django.core.management import execute_from_command_line

    execute_from_command_line(["manage.py", "worker", "--watchdog-patience", str(pace.patience), *sys.argv[1:]])


if __name__ == "__main__":
    main()
