"""Sites in places of their own, each with a data directory and a database, and asked by commands and short scripts."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from tests.project.processes import REPOSITORY, Started, started

_SETUP = "import json, sys; import django; django.setup()\n"


class Place:
    """Where a site keeps what it has."""

    def __init__(self, folder: Path, database_url: str = "") -> None:
        self.folder = folder
        self.environment: Mapping[str, str] = {
            **os.environ,
            "DATA_DIR": str(folder),
            "DATABASE_URL": database_url,
            "SECRET_KEY": "",
            "DJANGO_SETTINGS_MODULE": "project.settings",
            "PYTHONPATH": str(REPOSITORY),
            "PYTHONWARNINGS": "error",
        }

    def manage(self, *arguments: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command of manage.py to its end."""
        return self._run(["manage.py", *map(str, arguments)], check=check)

    def ask(self, script: str, *arguments: str | Path, **variables: str) -> Any:  # whatever the script prints as JSON
        """Run a script that finds Django set up, json and sys imported, and that prints JSON."""
        return json.loads(self._run(["-c", _SETUP + script, *map(str, arguments)], check=True, **variables).stdout)

    def start(self, *arguments: str | Path) -> AbstractContextManager[Started]:
        """Start a command of manage.py, or a script with -c, for the time of the context."""
        log = self.folder / "log"
        return started([sys.executable, *map(str, arguments)], log=log, environment=self.environment)

    def _run(self, arguments: list[str], *, check: bool, **variables: str) -> subprocess.CompletedProcess[str]:
        run = subprocess.run(
            [sys.executable, *arguments],
            cwd=REPOSITORY,
            env={**self.environment, **variables},
            capture_output=True,
            text=True,
            check=False,
        )
        assert not check or run.returncode == 0, run.stderr
        return run
