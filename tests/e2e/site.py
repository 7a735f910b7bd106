"""A whole site in real processes, as `make run` starts it."""

import contextlib
import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil

from tests.project.processes import REPOSITORY, Started, eventually, started

NAME, PASSWORD = "robin", "correct horse battery staple"


class Site:
    """A running site with an empty database of its own. It can be stopped, killed and started again."""

    def __init__(self, folder: Path, database_url: str = "") -> None:
        self.folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = {
            "DATA_DIR": str(folder / "data"),
            "DATABASE_URL": database_url,
            "DJANGO_SUPERUSER_USERNAME": NAME,
            "DJANGO_SUPERUSER_PASSWORD": PASSWORD,
            "PORT": str(self.port),
        }

    @contextlib.contextmanager
    def running(self) -> Iterator[Started]:
        """Run the site as `make run` does, until the block ends."""
        command = [sys.executable, "manage.py", "serve", "--prepare"]
        with started(command, log=self.folder / "serve.log", environment=self.environment) as process:
            self._process = process
            assert eventually(self.answers, seconds=90), process.text()
            yield process

    def answers(self) -> bool:
        """Whether the site says that it is well."""
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=2) as response:
                return bool(response.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def processes(self) -> list[psutil.Process]:
        """Return every living process of the site."""
        return self._process.alive()

    def second_account(self) -> str:
        """Make another account, with the same password, and return its name."""
        name = "kim"
        environment = {**os.environ, **self.environment, "DJANGO_SUPERUSER_USERNAME": name}
        subprocess.run([sys.executable, "manage.py", "prepare"], cwd=REPOSITORY, env=environment, check=True)
        return name

    def workers(self) -> list[psutil.Process]:
        """Return the processes of the worker, its main process first."""
        processes = self._process.alive()
        mains = [process for process in processes if "worker" in process.cmdline()]
        return [process for main in mains[:1] for process in (main, *main.children(recursive=True))]
