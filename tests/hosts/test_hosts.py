"""Several hosts in short: one is killed, one is cut off, and people import all the while."""

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
    command = [
        sys.executable,
        "-m",
        "tests.hosts",
        "--json",
        str(result),
        "--people",
        "3",
        "--webs",
        "1",
        "--hosts",
        "2",
    ]
    return subprocess.run(
        [*command, "--people", "2", "--webs", "1", "--hosts", "2", "--workers", "1", *arguments],
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
def test_hosts_that_die_or_are_cut_off_break_no_promise(tmp_path: Path) -> None:
    kinds = ("SIGKILL whole worker host", "worker host cut off for a moment")
    told = hosts(tmp_path / "result.json", "--faults", str(len(kinds)), "--kinds", ",".join(kinds))
    assert told.returncode == 0, told.stdout
    shown = json.loads((tmp_path / "result.json").read_text())
    assert len(shown["faults"]) == len(kinds)
    assert shown["jobs"] >= 2
    assert shown["states"] > 50
