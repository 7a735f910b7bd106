"""How `make` finds a Python on machines of every kind. The interpreters are stand-ins; the search is the real one."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.project.processes import REPOSITORY

FIND = str(REPOSITORY / "bin" / "find-python")
WANTED = (REPOSITORY / ".python-version").read_text().strip()
OTHER = "3.14" if WANTED != "3.14" else "3.13"


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """Return the home folder of a machine without a fitting Python in the places that are always looked at."""
    if (found := find(tmp_path, {})).returncode == 0:
        pytest.skip(f"{found.stdout.strip()} lies in such a place")
    return tmp_path


def install(path: Path, answer: str) -> Path:
    """Put a Python at `path` that answers the probe as told: `fit 3.13`, `too-old 3.9` or `no-venv 3.13`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{answer} {path}'\n" if answer else "#!/bin/sh\nexit 127\n")
    path.chmod(0o755)
    return path


def find(home: Path, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    whole = {"HOME": str(home), "PATH": f"{home}/bin:/usr/bin:/bin", **environment}
    return subprocess.run([FIND], env=whole, capture_output=True, text=True, check=False, cwd=home)


def test_the_python_that_runs_this_is_found_by_its_real_answer() -> None:
    answer = find(REPOSITORY, {"PYTHON": sys.executable})
    assert answer.returncode == 0
    assert Path(answer.stdout.strip()).samefile(sys.executable)


def test_the_wanted_version_goes_before_another_that_fits(machine: Path) -> None:
    install(machine / "bin" / "python3", f"fit {OTHER}")
    wanted = install(machine / ".pyenv" / "versions" / f"{WANTED}.0" / "bin" / "python3", f"fit {WANTED}")
    assert find(machine, {}).stdout.strip() == str(wanted)


def test_a_fitting_python_beside_an_older_default_is_found(machine: Path) -> None:
    install(machine / "bin" / "python3", "too-old 3.9")
    beside = install(machine / "bin" / f"python{OTHER}", f"fit {OTHER}")
    assert find(machine, {}).stdout.strip() == str(beside)


def test_a_name_on_path_that_does_not_run_is_passed_over(machine: Path) -> None:
    install(machine / "bin" / f"python{WANTED}", "")
    real = install(machine / "versions" / "versions" / "x" / "bin" / "python3", f"fit {WANTED}")
    assert find(machine, {"PYENV_ROOT": str(machine / "versions")}).stdout.strip() == str(real)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ("too-old 3.9", "Cairn needs Python 3.12 or newer, and this machine has 3.9 ("),
        (f"no-venv {WANTED}", f"Cairn needs Python's venv module, which Python {WANTED} lacks here ("),
    ],
)
def test_a_machine_without_a_fitting_python_gets_one_sentence(machine: Path, answer: str, sentence: str) -> None:
    install(machine / "bin" / "python3", answer)
    found = find(machine, {})
    assert found.returncode == 1
    assert found.stdout == ""
    assert found.stderr.startswith(sentence)
    assert found.stderr.count("\n") == 1


def test_a_python_that_was_named_is_the_only_one_asked(machine: Path) -> None:
    install(machine / "bin" / "python3", f"fit {WANTED}")
    named = install(machine / "named", "too-old 3.8")
    found = find(machine, {"PYTHON": str(named)})
    assert found.returncode == 1
    assert f"PYTHON={named} is 3.8" in found.stderr


def test_a_path_with_spaces_is_returned_whole(machine: Path) -> None:
    spaced = install(machine / "my pythons" / "python3", f"fit {WANTED}")
    assert find(machine, {"PYTHON": str(spaced)}).stdout.strip() == str(spaced)
