"""The load test itself, with few people for a few seconds: it runs, everybody does what they should, nothing fails."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.load.__main__ import problems
from tests.project.processes import REPOSITORY

SMALL = {"people": 8, "imports": 2, "items": 500, "page-seconds": 2, "warm-up": 1, "seconds": 5, "limit": 0}


@pytest.mark.processes
def test_ten_people_for_a_few_seconds_see_no_error(tmp_path: Path) -> None:
    figures = tmp_path / "load.json"
    options = [f"--{name}={value}" for name, value in SMALL.items()]
    run = subprocess.run(
        [sys.executable, "-m", "tests.load", "--database", "sqlite", *options, "--json", str(figures)],
        cwd=REPOSITORY,
        env={**os.environ, "DATABASE_URL": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    (result,) = json.loads(figures.read_text())
    assert result["kinds"].keys() == {"page", "row", "active", "upload"}
    assert all(kind["requests"] and not kind["errors"] for kind in result["kinds"].values())
    assert result["items_per_second"] > 0
    assert result["active_imports"]["least"] > 0
    assert result["cores"].keys() == {"web", "worker", "people", "everything else"}


def test_what_takes_too_long_or_fails_is_a_problem() -> None:
    good = {"errors": 0, "p99": 299.0, "first_errors": []}
    slow, broken = {**good, "p99": 301.0}, {**good, "errors": 2, "first_errors": ["500: x"]}
    result = {"database": "sqlite", "kinds": {"page": good, "row": slow, "active": slow, "upload": broken}}
    assert list(problems([result], 300)) == [
        "sqlite: p99 of row is 301 ms, more than 300 ms",
        "sqlite: 2 errors at upload: ['500: x']",
    ]
    assert len(list(problems([result], 0))) == 1
