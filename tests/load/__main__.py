"""Measures the site with many people on it: `make load`.

Starts what `make run` starts, in a folder of its own, on SQLite and on PostgreSQL; has 200 people with the import page
open, each with an import that waits, so that the page asks for its row each second, and ten more whose imports run;
and prints how long the answers took. Everything is on this machine, the people as well: what they take of the
processors is told. Ends with status 1 when there was an error or an answer took too long.
"""

import argparse
import contextlib
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psycopg
from rich.console import Console
from rich.table import Table

from tests.postgres import new_database, postgres_server
from tests.project.processes import REPOSITORY, Started, eventually, started

TOKEN = "of the load test"
DATABASES = ("sqlite", "postgresql")
LIMITED = ("page", "row")


@contextlib.contextmanager
def database_of(kind: str) -> Iterator[tuple[str, dict[str, int]]]:
    """Yield the DATABASE_URL of an empty database, and the process to watch for it, if there is one."""
    if kind == "sqlite":
        yield "", {}
        return
    with postgres_server() as server:
        url = new_database(server)
        with psycopg.connect(url) as connection:
            folder = connection.execute("SHOW data_directory").fetchone()
        pid = int(Path(str(folder[0] if folder else ""), "postmaster.pid").read_text().split("\n", 1)[0])
        yield url, {"database": pid}


def address_of(site: Started) -> str:
    """Wait for the site and return where it is."""
    found: list[str] = []

    def is_ready() -> bool:
        found[:] = re.findall(r"ready at (http://\S+)/", site.text())
        return bool(found)

    if not eventually(is_ready, seconds=120):
        raise TimeoutError(site.text())
    return found[0]


def measure(kind: str, options: argparse.Namespace) -> dict[str, Any]:  # JSON
    """Run the test on one kind of database and return what it has shown."""
    with tempfile.TemporaryDirectory(prefix="cairn-load-") as folder, database_of(kind) as (url, processes):
        environment = {"DATA_DIR": folder, "DATABASE_URL": url, "METRICS_TOKEN": TOKEN, "PYTHONWARNINGS": "ignore"}
        prepare(environment)
        waiting = options.people if options.waiting is None else options.waiting
        people = module("accounts", environment, str(options.people), str(waiting), str(options.imports))
        serve = [sys.executable, "manage.py", "serve", "--port", "0"]
        with started(serve, log=Path(folder, "site.log"), environment=environment) as site:
            plan = {
                **people,
                "host": address_of(site),
                "token": TOKEN,
                "items": options.items,
                "page_seconds": options.page_seconds,
                "warm_up": options.warm_up,
                "seconds": options.seconds,
                "processes": {"worker": site.pid, **processes},
            }
            found = module("people", environment, plan=plan)
            return {
                "database": kind,
                "people": options.people,
                "waiting": waiting,
                "imports": options.imports,
                "seconds": options.seconds,
                **found,
            }


def prepare(environment: dict[str, str]) -> None:
    """Migrate the database and collect the static files."""
    command = [sys.executable, "manage.py", "prepare"]
    subprocess.run(command, cwd=REPOSITORY, env={**os.environ, **environment}, check=True)


def module(name: str, environment: dict[str, str], *arguments: str, plan: object = None) -> Any:  # JSON
    """Run a module of this package, with a plan on its standard input, and return what it says."""
    run = subprocess.run(
        [sys.executable, "-m", f"tests.load.{name}", *arguments],
        cwd=REPOSITORY,
        env={**os.environ, **environment},
        input=json.dumps(plan),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(run.stdout)


def table(results: Sequence[dict[str, Any]]) -> Table:
    """Return the figures as a table."""
    shown = Table(title="Milliseconds until the whole answer was there")
    for heading in ("database", "kind", "requests", "per second", "errors", "p50", "p95", "p99", "max"):
        shown.add_column(heading, justify="left" if heading in {"database", "kind"} else "right")
    for result in results:
        for kind, found in result["kinds"].items():
            rate = f"{found['requests'] / result['seconds']:.1f}"
            times = (f"{found[name]:,.0f}" for name in ("p50", "p95", "p99", "max"))
            shown.add_row(result["database"], kind, f"{found['requests']:,}", rate, str(found["errors"]), *times)
    return shown


def told(result: dict[str, Any]) -> Iterator[str]:
    """Yield what else was measured."""
    answered = sum(kind["requests"] for kind in result["kinds"].values())
    cost = 1000 * result["cores"]["web"] * result["seconds"] / max(1, answered)
    active = result["active_imports"]
    yield f"imports active at once: {active['least']} to {result['imports']}, median {active['median']:g}"
    yield f"items imported per second: {result['items_per_second']:,}"
    yield f"processor time of the web server per request: {cost:.1f} ms"
    yield "cores busy: " + ", ".join(f"{part} {cores}" for part, cores in result["cores"].items())


def problems(results: Sequence[dict[str, Any]], limit: float) -> Iterator[str]:
    """Yield what was not as it should be; a `limit` of 0 milliseconds is none."""
    for result in results:
        for kind, found in result["kinds"].items():
            if found["errors"]:
                yield f"{result['database']}: {found['errors']} errors at {kind}: {found['first_errors']}"
            if limit and kind in LIMITED and found["p99"] > limit:
                yield f"{result['database']}: p99 of {kind} is {found['p99']:.0f} ms, more than {limit:.0f} ms"


def main() -> int:
    """Measure, print, and return the exit status."""
    parser = argparse.ArgumentParser(prog="make load", description=__doc__)
    parser.add_argument("--database", choices=[*DATABASES, "both"], default="both")
    parser.add_argument("--people", type=int, default=200, help="with the page open")
    parser.add_argument("--waiting", type=int, help="so many of them have an import that waits, else all")
    parser.add_argument("--imports", type=int, default=10, help="people more, each with an import that runs")
    parser.add_argument("--items", type=int, default=20_000, help="bookmarks in each file that is imported")
    parser.add_argument("--page-seconds", type=float, default=30, help="after which somebody opens the page anew")
    parser.add_argument("--warm-up", type=int, default=15, metavar="SECONDS")
    parser.add_argument("--seconds", type=int, default=60, help="how long it is measured")
    parser.add_argument("--limit", type=float, default=300, metavar="MS", help="p99 of page and row; 0: none")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where to write all figures as well")
    options = parser.parse_args()
    kinds = DATABASES if options.database == "both" else (options.database,)
    results = [measure(kind, options) for kind in kinds]
    console = Console(width=None if sys.stdout.isatty() else 110)
    console.print(f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}")
    console.print(table(results))
    for result in results:
        for line in told(result):
            console.print(f"{result['database']}: {line}")
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n")
    found = list(problems(results, options.limit))
    for problem in found:
        console.print(problem, style="red")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
