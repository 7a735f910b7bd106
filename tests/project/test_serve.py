"""The site as a person starts it: `manage.py serve` and `make run`."""

import contextlib
import http.client
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import psutil
import pytest

from tests.project.processes import REPOSITORY, Started, children, eventually, kill, started

pytestmark = pytest.mark.processes

MANAGE = [sys.executable, "manage.py"]


class Site:
    """A site that was started, and how to reach its parts."""

    def __init__(self, process: Started) -> None:
        self.process = process

    @property
    def port(self) -> int:
        found = re.search(r"Cairn is ready at http://127\.0\.0\.1:(\d+)/", self.process.text())
        assert found, self.process.text()
        return int(found[1])

    @property
    def supervisor(self) -> psutil.Process:
        return self._of(self.process.alive(), "project.supervisor")

    @property
    def web(self) -> psutil.Process:
        return self._of(children(self.supervisor), "gunicorn")

    @property
    def worker(self) -> psutil.Process:
        return self._of(children(self.supervisor), "worker")

    def find(self, part: str) -> psutil.Process | None:
        """Return the process that plays a part now, if one does."""
        with contextlib.suppress(psutil.NoSuchProcess, StopIteration, IndexError):
            match part:
                case "web":
                    return self.web
                case "worker":
                    return self.worker
                case "sentinel":
                    return children(self.worker)[0]
                case "web worker":
                    return children(self.web)[0]
        return None

    def is_whole(self) -> bool:
        with contextlib.suppress(psutil.NoSuchProcess, StopIteration):
            sentinels = children(self.worker)
            return len(children(self.web)) == 2 and len(sentinels) == 1 and len(children(sentinels[0])) == 4
        return False

    def answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
            connection.request("GET", "/healthz")
            return connection.getresponse().status in {200, 503}
        return False

    @staticmethod
    def _of(processes: Sequence[psutil.Process], word: str) -> psutil.Process:
        return next(process for process in processes if word in process.cmdline())


@contextlib.contextmanager
def serving(command: Sequence[str], environment: Mapping[str, str], log: Path) -> Iterator[Site]:
    with started(command, log=log, environment={**environment, "PORT": "0"}) as process:
        site = Site(process)
        assert eventually(lambda: "Cairn is ready" in process.text(), seconds=30), process.text()
        assert eventually(site.is_whole, seconds=15), process.text()
        yield site


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_whole_site_within_ten_seconds(
    site: Mapping[str, str], tmp_path: Path, signum: signal.Signals
) -> None:
    with serving([*MANAGE, "serve"], site, tmp_path / "log") as running:
        assert running.answers()
        running.process.send_to_group(signum)
        assert running.process.wait(seconds=10) == 0
        running.process.assert_gone(within=0.5)


def test_killing_the_supervisor_leaves_no_orphan(site: Mapping[str, str], tmp_path: Path) -> None:
    with serving([*MANAGE, "serve"], site, tmp_path / "log") as running:
        kill(running.supervisor)
        running.process.assert_gone(within=10)


def test_every_part_that_is_killed_comes_back(site: Mapping[str, str], tmp_path: Path) -> None:
    with serving([*MANAGE, "serve"], site, tmp_path / "log") as running:
        supervisor = running.supervisor
        for part in ("web", "worker", "sentinel", "web worker"):
            victim = running.find(part)
            assert victim
            kill(victim)
            assert eventually(lambda: running.find(part) != victim, seconds=5)  # noqa: B023 - called at once
            assert eventually(running.is_whole, seconds=20), running.process.text()
            assert eventually(running.answers, seconds=5)
        assert running.supervisor == supervisor
        assert running.process.text().count("Cairn is ready") == 2
        running.process.send(signal.SIGTERM)
        assert running.process.wait(seconds=10) == 0
        running.process.assert_gone(within=0.5)


def test_a_visitor_waits_instead_of_being_turned_away_while_the_web_server_starts_again(
    site: Mapping[str, str], tmp_path: Path
) -> None:
    with serving([*MANAGE, "serve"], site, tmp_path / "log") as running:
        web = running.web
        answering = children(web)
        kill(web)
        assert eventually(lambda: not any(process.is_running() for process in answering), seconds=5)
        assert running.answers()


def test_a_port_that_is_taken_is_one_sentence(site: Mapping[str, str], tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        environment = {**site, "PORT": str(taken.getsockname()[1])}
        with started([*MANAGE, "serve"], log=tmp_path / "log", environment=environment) as process:
            assert process.wait(seconds=20) == 1
            assert re.fullmatch(r"supervisor: cannot listen on 127\.0\.0\.1, port \d+: .*\n", process.text())


def test_a_port_that_is_no_port_is_one_sentence(site: Mapping[str, str], tmp_path: Path) -> None:
    with started([*MANAGE, "serve"], log=tmp_path / "log", environment={**site, "PORT": "http"}) as process:
        assert process.wait(seconds=20) == 2
        assert "PORT must be a number from 0 to 65535, not 'http'" in process.text()
        assert "Traceback" not in process.text()


@pytest.fixture
def make_run(site: Mapping[str, str], tmp_path: Path) -> Iterator[Site]:
    alone = {"MAKEFLAGS": "", "MAKELEVEL": ""}  # not as a part of the `make test` that may run this test
    asked = ["make", "-q", ".venv/run.stamp"]
    if subprocess.run(asked, cwd=REPOSITORY, env={**os.environ, **alone}, check=False).returncode:
        pytest.skip("the packages were not installed by make")
    with serving(["make", "run"], {**site, **alone}, tmp_path / "log") as running:
        yield running


def test_sigterm_to_make_ends_the_whole_site(make_run: Site) -> None:
    make_run.process.send(signal.SIGTERM)
    make_run.process.wait(seconds=10)
    make_run.process.assert_gone(within=0.5)


def test_ctrl_c_under_make_ends_the_whole_site(make_run: Site) -> None:
    make_run.process.send_to_group(signal.SIGINT)
    make_run.process.wait(seconds=10)
    make_run.process.assert_gone(within=0.5)


def test_killing_make_ends_the_whole_site(make_run: Site) -> None:
    make_run.process.send(signal.SIGKILL)
    make_run.process.assert_gone(within=10)


def test_the_site_is_prepared_and_its_superuser_created_once(tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "DATA_DIR": str(tmp_path / "data"),
        "DATABASE_URL": "",
        "DJANGO_SUPERUSER_USERNAME": "ada",
        "DJANGO_SUPERUSER_PASSWORD": "lovelace",
    }
    said = [
        subprocess.run([*MANAGE, "prepare"], cwd=REPOSITORY, env=environment, check=False, capture_output=True)
        for _ in range(2)
    ]
    assert [(run.returncode, run.stdout, run.stderr) for run in said] == [
        (0, b"Created the superuser ada.\n", b""),
        (0, b"", b""),
    ]
    assert (tmp_path / "data" / "static" / "staticfiles.json").exists()
