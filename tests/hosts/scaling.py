"""What more workers bring on PostgreSQL, and what a request and a bookmark cost: `python -m tests.hosts.scaling`.

Prints the table of docs/operations.md, and from the same figures what a site of many accounts would need.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table

from tests.postgres import new_database, postgres_server
from tests.project.processes import REPOSITORY

SECONDS_PER_DAY = 86_400
# What is assumed of many accounts: bookmarks of each, imports of each in a year and their items, who comes in a day,
# what they ask for, and how much more than the mean there is to do in the busiest hour.
BOOKMARKS, IMPORTS_PER_YEAR, ITEMS = 500, 2, 500
DAILY_SHARE, REQUESTS_PER_VISIT, PEAK = 0.05, 20, 5


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure with each number of workers in a process and a database of its own; print the tables."""
    parser = argparse.ArgumentParser(prog="python -m tests.hosts.scaling", description=__doc__)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--items", type=int, default=10_000, help="bookmarks in each import (10,000)")
    parser.add_argument("--imports", type=int, default=16, help="imports of as many people at once (16)")
    parser.add_argument("--requests", type=int, default=400, help="requests of each kind (400)")
    parser.add_argument("--accounts", type=int, default=1_000_000, help="accounts to calculate for (1,000,000)")
    options = parser.parse_args(arguments)
    with postgres_server() as server:
        rows = [_measured(server, options, number) for number in options.workers]
        costs = _measured(server, options, 0)
    console = Console(width=120)
    console.print(_table(rows, options))
    console.print(_needs(options.accounts, max(row["items_per_core_second"] for row in rows), costs))
    return 0


def _measured(server: str, options: argparse.Namespace, workers: int) -> dict[str, float]:
    """Return the figures of `tests.hosts.measure` for so many workers; for 0 those of web requests and the disk."""
    with tempfile.TemporaryDirectory(prefix="cairn-scaling-") as folder:
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("S3_")},
            "DATABASE_URL": new_database(server),
            "DATA_DIR": folder,
            "SECRET_KEY": "only for measuring",
            "WORKERS": str(workers or 1),
            "DJANGO_SETTINGS_MODULE": "project.settings",
        }
        subprocess.run([sys.executable, "manage.py", "prepare"], cwd=REPOSITORY, env=environment, check=True)
        command = [sys.executable, "-m", "tests.hosts.measure", "--items", str(options.items)]
        command += ["--imports", str(options.imports if workers else 2), "--requests", str(options.requests)]
        if not workers:
            command.append("--web")
        run = subprocess.run(command, cwd=REPOSITORY, env=environment, check=True, stdout=subprocess.PIPE, text=True)
        figures: dict[str, float] = json.loads(run.stdout)
        return figures | {"workers": workers}


def _table(rows: list[dict[str, float]], options: argparse.Namespace) -> Table:
    title = f"{options.imports} imports of {options.items:,} bookmarks, {os.cpu_count()} cores"
    table = Table(box=box.MARKDOWN, title=title)
    for name in (
        "workers",
        "items/s",
        "times one",
        "cores: workers",
        "cores: PostgreSQL",
        "cores: idle",
        "items/s of a core",
    ):
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(
            *(f"{row['workers']:.0f}", f"{row['rate']:,.0f}", f"{row['rate'] / rows[0]['rate']:.2f}"),
            *(f"{row[name]:.2f}" for name in ("worker_cores", "database_cores", "idle_cores")),
            f"{row['items_per_core_second']:,.0f}",
        )
    return table


def _needs(accounts: int, items_per_core: float, costs: dict[str, float]) -> Table:
    """Return what so many accounts would need, from what was measured."""
    bookmarks = accounts * BOOKMARKS
    size = costs["bytes_per_bookmark"]
    items = accounts * IMPORTS_PER_YEAR * ITEMS / 365 / SECONDS_PER_DAY * PEAK
    requests = accounts * DAILY_SHARE * REQUESTS_PER_VISIT / SECONDS_PER_DAY * PEAK
    request = (costs["list_ms"] + costs["row_ms"]) / 2
    table = Table(box=box.MARKDOWN, title=f"What {accounts:,} accounts would need")
    for name in ("of", "there is", "measured", "so it takes"):
        table.add_column(name)
    table.add_row("disk", f"{bookmarks:,} bookmarks", f"{size:,.0f} bytes each", f"{bookmarks * size / 1e9:,.0f} GB")
    table.add_row(
        *("imports", f"{items:,.0f} items/s", f"{items_per_core:,.0f} items/s of a core"),
        f"{items / items_per_core:.2f} cores",
    )
    table.add_row(
        *("requests", f"{requests:,.0f}/s", f"page {costs['list_ms']:.1f} ms, row {costs['row_ms']:.1f} ms of a core"),
        f"{requests * request / 1000:.2f} cores",
    )
    return table


if __name__ == "__main__":
    sys.exit(main())
