"""A disk that can be filled: a small tmpfs where mounting is allowed, else a limit on the size of written files."""

import contextlib
import os
import resource
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import psutil

BLOCKS = (1 << 20, 1 << 12, 1)


class Disk(Protocol):
    """Where the site and its database keep their files."""

    description: str

    def fill(self) -> None:
        """Leave no room. May be called again while it is full."""

    def clear(self) -> None:
        """Give the room back."""

    def close(self) -> None: ...


class Tmpfs:
    """A file system of its own in memory; a ballast file takes whatever room is left."""

    def __init__(self, folder: Path, megabytes: int) -> None:
        self.description = f"a tmpfs of {megabytes} MB"
        self._folder = folder
        folder.mkdir()
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0755", "cairn-faults", str(folder)],
            check=True,
            capture_output=True,
        )

    def fill(self) -> None:
        with (self._folder / "ballast").open("ab", buffering=0) as ballast:
            for size in BLOCKS:
                with contextlib.suppress(OSError):
                    while ballast.write(bytes(size)):
                        pass

    def clear(self) -> None:
        (self._folder / "ballast").unlink(missing_ok=True)

    def close(self) -> None:
        subprocess.run(["umount", "--lazy", str(self._folder)], check=True, capture_output=True)


class Quota:
    """A stand-in where nothing may be mounted: the site's processes may make no file larger than it nearly is."""

    description = "a limit on the size of files (RLIMIT_FSIZE), as mounting a tmpfs is not allowed here"

    def __init__(self, folder: Path, processes: Callable[[], list[psutil.Process]]) -> None:
        folder.mkdir()
        self._processes = processes

    def fill(self) -> None:
        self._limit(1 << 16)

    def clear(self) -> None:
        self._limit(resource.RLIM_INFINITY)

    def _limit(self, size: int) -> None:
        for process in self._processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.rlimit(psutil.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    def close(self) -> None:
        self.clear()


@contextlib.contextmanager
def small_disk(folder: Path, megabytes: int, processes: Callable[[], list[psutil.Process]]) -> Iterator[Disk]:
    """Give a disk at `folder`, which is made."""
    disk: Disk
    try:
        if os.geteuid() != 0:
            raise PermissionError
        disk = Tmpfs(folder, megabytes)
    except (OSError, subprocess.CalledProcessError):
        folder.rmdir() if folder.exists() else None
        disk = Quota(folder, processes)
    try:
        yield disk
    finally:
        disk.close()
