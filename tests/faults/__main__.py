"""Fault injection: real workers, real databases, and whatever may happen to them. Ends with 1 if anything is wrong."""

import argparse
import contextlib
import dataclasses
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import django
from rich import box
from rich.console import Console
from rich.table import Table

from tests.faults.databases import Postgres, Sqlite
from tests.faults.disk import small_disk
from tests.faults.pace import FOLDER_VARIABLE, PACES, VARIABLE
from tests.faults.result import Fault, Result, spread
from tests.faults.running import Site
from tests.project.processes import REPOSITORY

DISK_MEGABYTES = {"sqlite": 256, "postgresql": 700}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run on one database, or on both in processes of their own; print a table for each."""
    options = _options().parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is ended
    if options.database == "both":
        given = list(sys.argv[1:] if arguments is None else arguments)
        command = [sys.executable, "-m", "tests.faults", *given]
        # Both at once: a run spends most of its time waiting for leases to run out.
        runs = [
            subprocess.Popen([*command, "--database", name, "--json", _json_for(options.json, name)])
            for name in DISK_MEGABYTES
        ]
        try:
            return max([abs(run.wait()) for run in runs])
        finally:
            for run in runs:
                run.terminate()
                run.wait()
    return _run(options)


def _json_for(path: str, database: str) -> str:
    return str(Path(path).with_name(f"{Path(path).stem}-{database}.json")) if path else ""


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make faults ARGS=...", description=__doc__)
    parser.add_argument("--faults", type=int, default=500, help="how many, on each database (500)")
    parser.add_argument("--database", choices=["sqlite", "postgresql", "both"], default="both")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), help="decides what happens, but not when")
    parser.add_argument("--json", default="", metavar="FILE", help="write the result there, too")
    parser.add_argument("--pace", choices=list(PACES), default="fast", help="fast shortens all waiting times (fast)")
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--people", type=int, default=3, help="how many import at once (3)")
    parser.add_argument("--kinds", default="", metavar="WORDS", help="only kinds that hold one of these words")
    parser.add_argument("--keep", action="store_true", help="keep the folder of logs also when nothing is wrong")
    return parser


def _run(options: argparse.Namespace) -> int:
    folder = Path(tempfile.mkdtemp(prefix="cairn-faults-"))
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "project.settings",
        "DATA_DIR": str(folder / "disk" / "data"),
        "WORKERS": str(options.workers),
        "SECRET_KEY": "only for tests",
        "DATABASE_URL": "",
        VARIABLE: options.pace,
        FOLDER_VARIABLE: str(folder),
    }
    result = _play(options, folder)
    console = Console(width=110)
    console.print(table_of(result))
    if options.json:
        Path(options.json).write_text(json.dumps(dataclasses.asdict(result), indent=1))
    if result.violations:
        console.print(f"{len(result.violations)} violations with --seed {options.seed}; logs are in {folder}")
        return 1
    if not options.keep:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


def _play(options: argparse.Namespace, folder: Path) -> Result:
    """Set the stage in `folder`, run there, and clear it."""
    site = Site(folder, os.environ, workers=options.workers)
    with (
        small_disk(folder / "disk", DISK_MEGABYTES[options.database], site.processes) as disk,
        contextlib.ExitStack() as stack,
    ):
        database: Sqlite | Postgres = Sqlite(folder / "disk" / "data")
        if options.database == "postgresql":
            database = Postgres(folder / "disk" / "pg")
            stack.callback(database.close)
        os.environ["DATABASE_URL"] = database.url
        subprocess.run([sys.executable, "manage.py", "prepare"], cwd=REPOSITORY, check=True)
        database.prepare()
        django.setup()
        # Models can be imported only now that the settings know the database.
        from tests.faults.run import Run, kinds_for

        run = Run(
            site=site, database=database, disk=disk, pace=PACES[options.pace], seed=options.seed, folder=folder,
            people=options.people,
        )  # fmt: skip
        return run.go(options.faults, kinds_for(options.database, options.kinds))


def table_of(result: Result) -> Table:
    """Return a line for each kind of fault: how many, violations after it, and seconds until all went on."""
    table = Table(box=box.SIMPLE, title=f"{result.database}, seed {result.seed}, on {result.disk}")
    table.add_column("fault")
    for name in ("count", "violations", "recovery p50", "max"):
        table.add_column(name, justify="right")
    kinds: dict[str, list[Fault]] = {}
    for fault in result.faults:
        kinds.setdefault(fault.kind, []).append(fault)
    for name, faults in [*sorted(kinds.items()), ("all", result.faults)]:
        median, longest = spread([fault.recovery for fault in faults if fault.recovery is not None])
        violations = len(result.violations) if name == "all" else sum(fault.violations for fault in faults)
        table.add_row(name, str(len(faults)), str(violations), f"{median:.1f} s", f"{longest:.1f} s")
    table.caption = (
        f"{result.jobs} jobs of {result.items:,} items in {result.seconds:.0f} s; {result.states:,} committed states "
        f"and {result.samples:,} samples looked at; {result.previews} previews and {result.undos} undos were checked, "
        f"{result.retried} jobs failed for want of room and were retried. "
        f"{result.notes or ''} not brought about: {result.missed or 'none'}"
    )
    return table


if __name__ == "__main__":
    sys.exit(main())
