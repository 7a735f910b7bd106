"""One measurement in a process of its own: `python -m tests.benchmarks.measure CONTENDER FILE`. Prints JSON.

The environment names the database (DATA_DIR, DATABASE_URL), which must be migrated. A new user does the import, or
with --again the user who did the last one.
"""

import argparse
import json
import os
import re
import time
from pathlib import Path

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
django.setup()

from django.contrib.auth.models import User
from django.db import connection

from tests.benchmarks import contenders


def main() -> None:
    """Measure; print seconds, items in a batch where those vary, and the peak of memory before and after, in MB."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "contender",
        choices=["ours", "ours_without_revisions", "ours_without_index", "per_row", "bulk_create", "bare_driver"],
    )
    parser.add_argument("file", type=Path)
    parser.add_argument("--duplicates", default="skip")
    parser.add_argument("--batch", type=int, default=1_000)
    parser.add_argument("--indexed", action="store_true", help="the bare driver writes the full-text index too")
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--untuned", action="store_true", help="SQLite as Django opens it by default")
    options = parser.parse_args()
    if options.untuned:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA journal_mode=DELETE")
            cursor.execute("PRAGMA synchronous=FULL")
    user = User.objects.order_by("pk").last() if options.again else None
    user = user or User.objects.create(username=f"user {time.time_ns()}")
    idle = _peak_megabytes()
    measure = getattr(contenders, options.contender)
    extra: dict[str, object] = {"duplicates": options.duplicates}
    if options.contender == "bare_driver":
        extra = {"batch": options.batch, "is_indexed": options.indexed}
    measured = measure(options.file, user, **extra)
    seconds, batch = measured if isinstance(measured, tuple) else (measured, 0)
    figures = {"seconds": seconds, "batch": batch, "idle_mb": idle, "peak_mb": _peak_megabytes()}
    print(json.dumps(figures))


def _peak_megabytes() -> float:
    # Linux has getrusage tell the peak of the program that began this one, where that was larger.
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    if found is None:
        raise LookupError("this system does not tell the peak of a process's memory")
    return int(found[1]) / 1024


if __name__ == "__main__":
    main()
