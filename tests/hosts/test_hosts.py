"""Several hosts in short: some faults and an upgrade, in networks of their own and with relays."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.project.processes import REPOSITORY

RUN_SECONDS = 300


def hosts(result: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Make a short run; every run has a seed of its own, which it tells when something is wrong."""
    command = [sys.executable, "-m", "tests.hosts", "--json", str(result), "--people", "4", "--hosts", "2"]
    return subprocess.run(
        [*command, *arguments],
        cwd=REPOSITORY,
        env={name: value for name, value in os.environ.items() if not name.startswith("CAIRN_")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=RUN_SECONDS,
        check=False,
    )


@pytest.mark.processes
@pytest.mark.usefixtures("postgres_server_url")
@pytest.mark.parametrize(
    ("kinds", "network"),
    [(("SIGKILL whole worker host", "worker host cut off for a moment"), ()), (("cut off from",), ("--loopback",))],
    ids=["networks of their own", "relays"],
)
def test_hosts_that_die_or_are_cut_off_break_no_promise(
    tmp_path: Path, kinds: tuple[str, ...], network: tuple[str, ...]
) -> None:
    told = hosts(tmp_path / "result.json", "--faults", str(len(kinds)), "--kinds", ",".join(kinds), *network)
    assert told.returncode == 0, told.stdout
    shown = json.loads((tmp_path / "result.json").read_text())
    assert len(shown["faults"]) == len(kinds)
    assert shown["jobs"] >= 4
    assert shown["states"] > 50


@pytest.mark.processes
@pytest.mark.usefixtures("postgres_server_url")
def test_an_upgrade_rolls_through_while_people_import(tmp_path: Path) -> None:
    told = hosts(tmp_path / "result.json", "--faults", "1", "--kinds", "upgrade", "--webs", "1")
    assert told.returncode == 0, told.stdout
    shown = json.loads((tmp_path / "result.json").read_text())
    assert [fault["kind"] for fault in shown["faults"]] == ["upgrade rolled through"]
