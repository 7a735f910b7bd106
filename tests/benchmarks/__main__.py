"""The benchmark tables: `make bench`, or `python -m tests.benchmarks --items 10000 100000 --runs 3`.

Every measurement runs in a process and on a database of its own. Contenders take turns, run by run, so that a busy
moment of the machine strikes them alike; what counts are the ratios of their medians.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from tests.benchmarks.data import write_collection
from tests.benchmarks.live import LiveFigures, live_figures
from tests.postgres import drop_database, new_database, postgres_server

REPOSITORY = Path(__file__).parents[2]
HISTORY = Path(__file__).with_name("history.jsonl")
# A per-row import takes many minutes; where it is sampled, its rate is that of so many further items in an account
# that holds the whole file.
PER_ROW_ITEMS = 1_000
MORE_ITEMS = 10_000


class Contender(NamedTuple):
    """A way of importing, with its arguments, and the number of items from which on it is only sampled.

    `more` says that it imports MORE_ITEMS further items instead, into an account that holds the file.
    """

    label: str
    arguments: tuple[str, ...]
    sampled_from: int = 10**9
    more: bool = False


class Figures(NamedTuple):
    """What one way of importing achieved: medians over the runs."""

    items_per_second: float
    peak_mb: float
    growth_mb: float


OURS = Contender("Cairn", ("ours",))
WITHOUT_INDEX = Contender("Cairn, no full-text index", ("ours_without_index",))
MORE = Contender(f"Cairn, {MORE_ITEMS:,} more", ("ours", "--again"), more=True)
BARE = Contender("bare driver", ("bare_driver",))
BARE_INDEXED = Contender("bare driver, with full-text index", ("bare_driver", "--indexed"))
CONTENDERS = {
    "sqlite": (
        OURS,
        WITHOUT_INDEX,
        Contender("Cairn, same file again", ("ours", "--again")),
        MORE,
        Contender("Cairn, overwrite again", ("ours", "--again", "--duplicates", "overwrite")),
        Contender(
            "Cairn, overwrite again, no undo", ("ours_without_revisions", "--again", "--duplicates", "overwrite")
        ),
        Contender("bulk_create", ("bulk_create",)),
        Contender("per row, skip", ("per_row", "--duplicates", "skip"), sampled_from=20_000),
        Contender("per row, overwrite", ("per_row", "--duplicates", "overwrite"), sampled_from=20_000),
        # As Django opens SQLite where nothing is set: with a rollback journal that is synchronised at each commit.
        Contender("per row, skip, untuned", ("per_row", "--untuned"), sampled_from=1),
        Contender(
            "per row, overwrite, untuned", ("per_row", "--duplicates", "overwrite", "--untuned"), sampled_from=1
        ),
        BARE,
        BARE_INDEXED,
    ),
    "postgresql": (OURS, WITHOUT_INDEX, MORE, Contender("bulk_create", ("bulk_create",)), BARE, BARE_INDEXED),
}


class Databases:
    """Makes a database for each measurement: migrated, and empty or with what an import left there."""

    def __init__(self, vendor: str, stack: ExitStack, folder: Path) -> None:
        self._folder = folder
        self._server = stack.enter_context(postgres_server()) if vendor == "postgresql" else ""
        self._count = 0
        self._originals: dict[Path | None, dict[str, str]] = {}

    def new(self, *, holding: Path | None = None) -> dict[str, str]:
        """Return the environment that names a new database; it may hold what an export file has, for one user."""
        if holding not in self._originals:
            self._originals[holding] = self._environment(self._originals.get(None))
            if holding:
                measure(("ours",), holding, self._originals[holding])
            else:
                migrate = [sys.executable, "manage.py", "migrate", "-v0"]
                subprocess.run(migrate, cwd=REPOSITORY, env=self._originals[None], check=True)
        return self._environment(self._originals[holding])

    def drop(self, environment: dict[str, str]) -> None:
        """Make room again."""
        shutil.rmtree(environment["DATA_DIR"])
        if self._server:
            drop_database(self._server, environment["DATABASE_URL"])

    def _environment(self, original: dict[str, str] | None) -> dict[str, str]:
        """Return the environment of a copy of another database, or of one where there is nothing yet."""
        self._count += 1
        data_dir = self._folder / str(self._count)
        if original:
            shutil.copytree(original["DATA_DIR"], data_dir)
        else:
            data_dir.mkdir()
        environment = {**os.environ, "DATA_DIR": str(data_dir), "SECRET_KEY": "benchmark", "DATABASE_URL": ""}
        if self._server:
            environment["DATABASE_URL"] = new_database(self._server, like=original["DATABASE_URL"] if original else "")
        return environment


def measure(arguments: tuple[str, ...], path: Path, environment: dict[str, str]) -> dict[str, float]:
    """Run one measurement and return what it printed."""
    command = [sys.executable, "-m", "tests.benchmarks.measure", arguments[0], str(path), *arguments[1:]]
    done = subprocess.run(command, cwd=REPOSITORY, env=environment, check=True, capture_output=True, text=True)
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


class Run(NamedTuple):
    """What one run achieved; memory in MB, `batch` in items where the contender chooses it."""

    items_per_second: float
    peak_mb: float
    growth_mb: float
    batch: float


def run_one(contender: Contender, items: int, folder: Path, databases: Databases) -> Run:
    """Run one contender on a new database."""
    path, arguments, measured_items = folder / f"{items}.json", contender.arguments, items
    is_sampled = items >= contender.sampled_from
    environment = databases.new(holding=path if is_sampled or "--again" in arguments else None)
    if contender.more:
        path, measured_items = folder / "more.json", MORE_ITEMS
    elif is_sampled:
        # What is overwritten must be there, and what is skipped costs nothing.
        further = "there.json" if "overwrite" in arguments else "new.json"
        path, measured_items, arguments = folder / further, PER_ROW_ITEMS, (*arguments, "--again")
    figures = measure(arguments, path, environment)
    databases.drop(environment)
    growth = figures["peak_mb"] - figures["idle_mb"]
    return Run(measured_items / figures["seconds"], figures["peak_mb"], growth, figures["batch"])


def compare(vendor: str, items: int, runs: int, folder: Path, *, only: str = "") -> dict[str, Figures]:
    """Return the figures of every contender on a database whose label holds `only`; they take turns.

    The bare driver writes in batches of the size that the run before it took on average.
    """
    write_collection(folder / f"{items}.json", items)
    write_collection(folder / "there.json", PER_ROW_ITEMS, seed=items)
    write_collection(folder / "new.json", PER_ROW_ITEMS, first=items)
    write_collection(folder / "more.json", MORE_ITEMS, first=items)
    results: dict[str, list[Run]] = {}
    with ExitStack() as stack:
        databases = Databases(vendor, stack, Path(stack.enter_context(tempfile.TemporaryDirectory())))
        for _ in range(runs):
            for contender in (one for one in CONTENDERS[vendor] if only in one.label):
                batch = (
                    ("--batch", f"{results[OURS.label][-1].batch:.0f}") if contender in {BARE, BARE_INDEXED} else ()
                )
                sized = contender._replace(arguments=(*contender.arguments, *batch))
                results.setdefault(contender.label, []).append(run_one(sized, items, folder, databases))
    return {
        label: Figures(*(round(median(getattr(run, name) for run in found), 1) for name in Figures._fields))
        for label, found in results.items()
    }


def import_table(vendor: str, items: int, figures: dict[str, Figures]) -> Table:
    """Return the table of one comparison."""
    table = Table(title=f"{items:,} bookmarks on {vendor}")
    for heading in ("import", "items/s", "the first is ... times that", "peak MB", "above idle MB"):
        table.add_column(heading, justify="left" if heading == "import" else "right")
    ours = next(iter(figures.values())).items_per_second
    for label, one in figures.items():
        ratio = f"{ours / one.items_per_second:.2f}"
        table.add_row(label, f"{one.items_per_second:,.0f}", ratio, f"{one.peak_mb:.0f}", f"{one.growth_mb:.0f}")
    return table


def live_table(vendor: str, figures: LiveFigures) -> Table:
    """Return the table of what people notice while an import runs."""
    table = Table(title=f"While an import runs on {vendor}")
    table.add_column("what")
    table.add_column("measured", justify="right")
    for name, value in figures._asdict().items():
        table.add_row(name.replace("_", " "), f"{value:,.1f}")
    return table


def main() -> None:
    """Measure, print the tables, and write them as JSON to build/bench.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--databases", nargs="+", choices=list(CONTENDERS), default=list(CONTENDERS))
    parser.add_argument("--only", default="", metavar="WORD", help="only contenders whose label holds this word")
    parser.add_argument("--no-live", action="store_true", help="leave out what is measured in front of a whole site")
    parser.add_argument("--record", action="store_true", help=f"append the medians to {HISTORY.name}")
    options = parser.parse_args()
    console = Console(width=110)
    result: dict[str, object] = {"date": datetime.now(UTC).date().isoformat(), "runs": options.runs}
    with tempfile.TemporaryDirectory() as folder:
        for vendor in options.databases:
            for items in options.items:
                figures = compare(vendor, items, options.runs, Path(folder), only=options.only)
                console.print(import_table(vendor, items, figures))
                result[f"{vendor} {items}"] = {label: one._asdict() for label, one in figures.items()}
            if not options.no_live:
                live = live_figures(vendor)
                console.print(live_table(vendor, live))
                result[f"{vendor} live"] = live._asdict()
    target = REPOSITORY / "build" / "bench.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(result, indent=1) + "\n")
    if options.record:
        with HISTORY.open("a") as history:
            history.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
