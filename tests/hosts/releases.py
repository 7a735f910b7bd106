"""The next release: a copy of the code with one more migration, which only adds."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.project.processes import REPOSITORY

_LEFT_OUT = shutil.ignore_patterns(
    *(".*", "build", "var", "__pycache__", "samples", "images", "e2e", "benchmarks"),
)
# Where a column is added: rows of bookmarks are copied in by the batch path, jobs are saved by Django.
_MANAGER = "    objects = "
_MODELS = {
    "bookmarks/models.py": rf"class Bookmark\(.*?\n{_MANAGER}",
    "imports/models.py": rf"class ImportJob\(.*?\n{_MANAGER}",
}


def next_release(folder: Path, number: int, environment: Mapping[str, str]) -> Path:
    """Return a tree with the code of release `number`, which has a column more in two tables than the one before."""
    tree = folder / f"release-{number}"
    shutil.copytree(REPOSITORY if number == 1 else folder / f"release-{number - 1}", tree, ignore=_LEFT_OUT)
    column = f'    of_release_{number} = models.CharField(max_length=20, blank=True, db_default="", default="")\n\n'
    for name, model in _MODELS.items():
        path = tree / name
        text = path.read_text()
        found = re.search(model, text, re.DOTALL)
        if found is None:
            raise LookupError(f"{name} has no place for a column")
        at = found.end() - len(_MANAGER)
        path.write_text(text[:at] + column + text[at:])
    manage(tree, environment, "makemigrations", "bookmarks", "imports", "--name", f"release_{number}")
    return tree


def manage(tree: Path, environment: Mapping[str, str], *arguments: str) -> None:
    """Run a command of a release's manage.py."""
    subprocess.run(
        [sys.executable, "manage.py", *arguments, "--verbosity", "0"],
        cwd=tree, env={**os.environ, **environment}, check=True, capture_output=True,
    )  # fmt: skip
