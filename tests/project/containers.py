"""The steps of Dockerfile and compose.yaml, done without a container engine, in a folder that stands for the root.

What is done is what the files say, with their paths below that folder, on this machine's own Python and shell. What an
engine adds is not: other users, the base images, networks and volumes.
"""

import contextlib
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from tests.project.processes import REPOSITORY

OWNER = "10001"
_PLACES = ("/opt/cairn", "/var/lib/cairn", "/usr/local/bin")


class Image:
    """What the Dockerfile makes: files below `root`, and how a container of it starts."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.environment = {"PATH": "/usr/local/bin:/usr/bin:/bin"}
        self.folder = root
        self.command: list[str] = []
        self.health: list[str] = []

    def here(self, text: str) -> str:
        """Return a text with the places in it below the root."""
        return re.sub("|".join(_PLACES), lambda place: f"{self.root}{place[0]}", text)

    def run(self, command: Sequence[str], **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a command as in a container, to its end."""
        return subprocess.run(
            self._argv(command),
            cwd=self.folder,
            env=self._environ(variables),
            capture_output=True,
            text=True,
            check=False,
        )

    @contextlib.contextmanager
    def running(self, command: Sequence[str], log: Path, **variables: str) -> Iterator[subprocess.Popen[bytes]]:
        """Run a command as in a container for the time of the context."""
        with log.open("wb") as output:
            process = subprocess.Popen(
                self._argv(command),
                cwd=self.folder,
                env=self._environ(variables),
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)

    def _environ(self, variables: Mapping[str, str]) -> dict[str, str]:
        return {name: self.here(value) for name, value in {**self.environment, **variables}.items()}

    def _argv(self, command: Sequence[str]) -> list[str]:
        program = shutil.which(command[0], path=self._environ({})["PATH"])
        assert program, f"there is no {command[0]} in the image"
        return [program, *map(self.here, command[1:])]


def instructions(text: str) -> list[tuple[str, str]]:
    """Return the instructions of a Dockerfile with what follows each."""
    joined = re.sub(r"\\\n\s*", "", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE))
    return [(line.split(" ", 1)[0], line.split(" ", 1)[1]) for line in joined.splitlines() if line]


def build(root: Path, *, packages: Path | None) -> Image:
    """Do what the Dockerfile says below `root`; `packages` is an environment to take in place of installing one."""
    python = root / "usr" / "local" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(Path(sys.base_prefix) / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}")
    for kind, rest in instructions((REPOSITORY / "Dockerfile").read_text()):
        match kind:
            case "FROM":
                image = Image(root)
            case "COPY":
                _copy(image, rest)
            case "RUN" if "pip install" in rest and packages is not None:
                (image.folder / ".venv").symlink_to(packages)
            case "RUN":
                _run(image, rest)
            case _:
                _set(image, kind, rest)
    return image


def _set(image: Image, kind: str, rest: str) -> None:
    match kind:
        case "WORKDIR":
            image.folder = Path(image.here(rest))
            image.folder.mkdir(parents=True, exist_ok=True)
        case "ENV":
            for pair in shlex.split(rest):
                name, _, value = pair.partition("=")
                image.environment[name] = value
        case "CMD":
            image.command = json.loads(rest)
        case "HEALTHCHECK":
            image.health = json.loads(rest[rest.index("[") :])
        case "USER" | "VOLUME" | "EXPOSE" | "STOPSIGNAL":  # an engine's own affair
            pass
        case _:
            raise AssertionError(f"nobody knows how to do {kind}")


def _copy(image: Image, rest: str) -> None:
    *options, source, target = rest.split()
    if options:
        # From another stage, which has its files below the same root here.
        assert Path(image.here(source)) == (image.folder / target).resolve() or (image.folder / target).is_symlink()
        return
    assert target == "./"
    for name in context() if source == "." else [source]:
        path = REPOSITORY / name
        if path.is_dir():
            shutil.copytree(path, image.folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(path, image.folder / name)


def context() -> list[str]:
    """Return what .dockerignore lets through to the build, after it has shut out everything."""
    lines = [line for line in (REPOSITORY / ".dockerignore").read_text().splitlines() if not line.startswith("#")]
    assert lines[0] == "*"
    assert lines[-1] == "**/__pycache__"
    assert all(line.startswith("!") for line in lines[1:-1])
    return [line.removeprefix("!") for line in lines[1:-1]]


def _run(image: Image, rest: str) -> None:
    if os.geteuid() != 0:
        rest = re.sub(rf" -[og] {OWNER}", "", rest)
    # The way to the package index is this machine's own.
    ways = {name: value for name, value in os.environ.items() if name == "HOME" or name.startswith("PIP_")}
    done = image.run(["sh", "-c", rest], **ways)
    assert done.returncode == 0, f"{rest}\n{done.stdout}{done.stderr}"


def services(variables: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Return the services of compose.yaml, with variables from .env in their places."""

    def value(found: re.Match[str]) -> str:
        return variables[found[1]]

    text = re.sub(r"\$\{(\w+):\?[^}]*\}", value, (REPOSITORY / "compose.yaml").read_text())
    return dict(msgspec.yaml.decode(text, type=dict[str, Any])["services"])


def ends(process: subprocess.Popen[bytes], *, seconds: float) -> int:
    """Send SIGTERM to a container's main process alone, as an engine does; return its status."""
    process.send_signal(signal.SIGTERM)
    return process.wait(seconds)
