"""Several hosts on one database and one S3 endpoint, killed, cut off and upgraded while people import through them.

Ends with 1 if anything is wrong.
"""

import argparse
import contextlib
import dataclasses
import json
import os
import random
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import django
from rich.console import Console

from tests.faults.__main__ import table_of
from tests.faults.databases import Postgres
from tests.faults.pace import FOLDER_VARIABLE, PACES, VARIABLE
from tests.faults.result import Result
from tests.hosts.endpoint import Endpoint, s3_endpoint
from tests.hosts.machine import WEB, WORK
from tests.hosts.machines import Machine, host_environment, skewed
from tests.hosts.networks import Networks, networks, to_port, to_unix_socket
from tests.hosts.releases import manage
from tests.project.processes import REPOSITORY


@dataclasses.dataclass(frozen=True)
class Ground:
    """What hosts stand on."""

    folder: Path
    database: Postgres
    endpoint: Endpoint
    nets: Networks


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, print a table, and say what was wrong."""
    options = _options().parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is ended
    folder = Path(tempfile.mkdtemp(prefix="cairn-hosts-"))
    with contextlib.ExitStack() as stack:
        database = Postgres(folder / "pg")
        stack.callback(database.close)
        endpoint = stack.enter_context(s3_endpoint(folder))
        nets = stack.enter_context(networks(namespaces=False if options.loopback else None))
        wrong = _run(options, Ground(folder, database, endpoint, nets))
    if wrong:
        Console().print(f"{wrong} violations with --seed {options.seed}; logs are in {folder}")
        return 1
    if not options.keep:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make hosts ARGS=...", description=__doc__)
    parser.add_argument("--faults", type=int, default=60, help="how many (60)")
    parser.add_argument(
        "--fair", action="store_true", help="no faults: how long the smallest import waits for large ones"
    )
    parser.add_argument("--items", type=int, default=20_000, help="bookmarks in each of the large imports (20,000)")
    parser.add_argument("--people", type=int, default=20, help="how many import at once (20)")
    parser.add_argument("--webs", type=int, default=2, help="web hosts (2)")
    parser.add_argument("--hosts", type=int, default=3, help="worker hosts (3)")
    parser.add_argument("--workers", type=int, default=2, help="workers on each of them (2)")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), help="decides what happens, but not when")
    parser.add_argument("--pace", choices=list(PACES), default="fast", help="fast shortens all waiting times (fast)")
    parser.add_argument("--kinds", default="", metavar="WORDS", help="only kinds that hold one of these words")
    parser.add_argument("--skew", type=float, default=0.0, help="seconds that the clocks of half the hosts are ahead")
    parser.add_argument("--loopback", action="store_true", help="no network namespaces, also where they are allowed")
    parser.add_argument("--json", default="", metavar="FILE", help="write the result there, too")
    parser.add_argument("--keep", action="store_true", help="keep the folder of logs also when nothing is wrong")
    return parser


def _run(options: argparse.Namespace, ground: Ground) -> int:
    """Set the stage, play, print the result; return how much was wrong."""
    folder, database, endpoint = ground.folder, ground.database, ground.endpoint
    shared = {
        **endpoint.environment(endpoint.port),
        "DATABASE_URL": database.url,
        "DATA_DIR": str(folder / "harness"),
        "SECRET_KEY": "the same on every host",
        "DJANGO_SETTINGS_MODULE": "project.settings",
    }
    if not options.fair:
        shared |= {VARIABLE: options.pace, FOLDER_VARIABLE: str(folder)}
    os.environ |= shared
    manage(REPOSITORY, shared, "prepare")
    machines = list(_machines(options, ground, shared))
    django.setup()
    # Models can be imported only now that the settings know the database.
    if options.fair:
        from tests.hosts.fairness import play_fair

        return play_fair(machines, folder, people=options.people, items=options.items, seed=options.seed)
    database.prepare()
    result = _play(options, ground, machines)
    Console(width=120).print(table_of(result))
    if options.json:
        Path(options.json).write_text(json.dumps(dataclasses.asdict(result), indent=1))
    return len(result.violations)


def _machines(options: argparse.Namespace, ground: Ground, shared: dict[str, str]) -> Iterator[Machine]:
    """Yield the hosts, prepared, not started."""
    for number in range(options.webs + options.hosts):
        is_web = number < options.webs
        name = f"web-{number + 1}" if is_web else f"worker-{number - options.webs + 1}"
        place = ground.nets.place(to_unix_socket(ground.database.socket), to_port(ground.endpoint.port))
        environment = host_environment(place, shared, "postgres", workers=options.workers)
        if options.skew and number % 2:
            environment |= skewed(ground.folder, options.skew)
        machine = Machine(name, WEB if is_web else WORK, place, ground.folder, environment)
        if is_web:
            shutil.copytree(ground.folder / "harness" / "static", machine.data_dir / "static")
        yield machine


def _play(options: argparse.Namespace, ground: Ground, machines: list[Machine]) -> Result:
    # Models can be imported only after Django is set up.
    from tests.faults.run import Run
    from tests.hosts.cluster import Cluster
    from tests.hosts.leftovers import leftovers
    from tests.hosts.visitors import Visitor

    cluster = Cluster(machines, ground.endpoint, ground.folder, dict(os.environ), options.workers)
    visitors: list[Visitor] = []

    def make_visitor(**given: Any) -> Visitor:  # what Person takes
        visitors.append(Visitor(addresses=cluster.addresses, **given))
        return visitors[-1]

    run = Run(
        site=cluster,
        database=ground.database,
        pace=PACES[options.pace],
        seed=options.seed,
        folder=ground.folder,
        people=options.people,
        make_person=make_visitor,
        description=f"{ground.nets.description}: {options.webs} web hosts, {options.hosts} worker hosts",
    )
    words = [word for word in options.kinds.split(",") if word]
    kinds = [kind for kind in cluster.kinds() if not words or any(word in kind.name for word in words)]
    result = run.go(options.faults, kinds)
    for left in leftovers(ground.endpoint):
        run.violation(left)
    for visitor in visitors:
        for what, count in visitor.refused.items():
            result.notes[what] = result.notes.get(what, 0) + count
    return result


if __name__ == "__main__":
    sys.exit(main())
