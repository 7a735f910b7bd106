"""A site of its own for tests that start its processes: a folder with a migrated database and static files."""

import os
import subprocess
import sys
from collections.abc import Mapping

import pytest

from tests.project.processes import REPOSITORY


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """Return the environment of a prepared site on SQLite."""
    folder = tmp_path_factory.mktemp("site")
    environment = {"DATA_DIR": str(folder), "DATABASE_URL": "", "WORKERS": "2", "PYTHONWARNINGS": "default"}
    subprocess.run(
        [sys.executable, "manage.py", "prepare"], cwd=REPOSITORY, env={**os.environ, **environment}, check=True
    )
    return environment
