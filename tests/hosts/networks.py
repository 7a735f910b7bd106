"""How hosts reach database and storage, and how they are cut off: networks of their own, or relays that stall."""

import contextlib
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

BLOCK_BYTES = 1 << 16
type Connect = Callable[[], socket.socket]


class Relay:
    """Passes on what is said on connections, unless it stalls: then nothing comes or goes, and nothing ends."""

    def __init__(self, address: str, connect: Connect) -> None:
        self._listener = socket.create_server((address, 0), backlog=256)
        self._connect = connect
        self._flows = threading.Event()
        self._flows.set()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def stall(self) -> None:
        """Pass on nothing more until `flow`."""
        self._flows.clear()

    def flow(self) -> None:
        """Pass on again, also what has come meanwhile."""
        self._flows.set()

    def close(self) -> None:
        """Take no more connections."""
        self._flows.set()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(near,), daemon=True).start()

    def _serve(self, near: socket.socket) -> None:
        self._flows.wait()
        try:
            far = self._connect()
        except OSError:
            near.close()
            return
        back = threading.Thread(target=self._pump, args=(far, near), daemon=True)
        back.start()
        self._pump(near, far)
        back.join()
        near.close()
        far.close()

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(BLOCK_BYTES):
                self._flows.wait()
                target.sendall(data)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@dataclass
class Place:
    """Where a host stands: its address, what its commands begin with, and its ways to database and storage."""

    address: str
    prefix: list[str]
    database: Relay
    storage: Relay
    link: str = ""

    def cut(self) -> None:
        """Let nothing through from or to this host. Connections stay, as nobody tells either side."""
        if self.link:
            _ip("link", "set", self.link, "down")
        self.cut_storage()
        self.database.stall()

    def cut_storage(self) -> None:
        """Let nothing through between this host and the storage."""
        self.storage.stall()

    def join(self) -> None:
        """Let everything through again."""
        if self.link:
            _ip("link", "set", self.link, "up")
        self.storage.flow()
        self.database.flow()


class Networks(Protocol):
    """Where hosts can be put."""

    description: str

    def place(self, database: Connect, storage: Connect) -> Place:
        """Make room for one more host."""


class Namespaces:
    """Each host in a network namespace of its own, with one cable to the harness that can be pulled."""

    description = "network namespaces"

    def __init__(self, stack: contextlib.ExitStack) -> None:
        self._stack = stack
        self._count = 0
        # Two runs at once must not meet.
        self._net = 16 + os.getpid() % 200

    def place(self, database: Connect, storage: Connect) -> Place:
        self._count += 1
        name = f"cairn-{os.getpid()}-{self._count}"
        near = f"cn{os.getpid()}x{self._count}"
        gateway, address = (f"10.231.{self._net}.{4 * self._count + n}" for n in (1, 2))
        _ip("netns", "add", name)
        self._stack.callback(_ip, "netns", "del", name)
        _ip("link", "add", near, "type", "veth", "peer", "name", "eth0", "netns", name)
        _ip("addr", "add", f"{gateway}/30", "dev", near)
        _ip("link", "set", near, "up")
        _ip("-n", name, "addr", "add", f"{address}/30", "dev", "eth0")
        for link in ("eth0", "lo"):
            _ip("-n", name, "link", "set", link, "up")
        database_relay, storage_relay = (_relay(self._stack, gateway, connect) for connect in (database, storage))
        return Place(address, ["ip", "netns", "exec", name], database_relay, storage_relay, link=near)


class Loopback:
    """All hosts on loopback, each with relays of its own, which stall when it is cut off."""

    description = "relays on loopback"

    def __init__(self, stack: contextlib.ExitStack) -> None:
        self._stack = stack

    def place(self, database: Connect, storage: Connect) -> Place:
        database_relay, storage_relay = (_relay(self._stack, "127.0.0.1", connect) for connect in (database, storage))
        return Place("127.0.0.1", [], database_relay, storage_relay)


def _relay(stack: contextlib.ExitStack, address: str, connect: Connect) -> Relay:
    relay = Relay(address, connect)
    stack.callback(relay.close)
    return relay


@contextlib.contextmanager
def networks(*, namespaces: bool | None = None) -> Iterator[Networks]:
    """Yield what this machine allows, or what is asked for; clear it away at the end."""
    with contextlib.ExitStack() as stack:
        yield Namespaces(stack) if namespaces or (namespaces is None and _may_make_namespaces()) else Loopback(stack)


def _may_make_namespaces() -> bool:
    if os.geteuid() != 0 or shutil.which("ip") is None:
        return False
    name = f"cairn-{os.getpid()}-try"
    try:
        _ip("netns", "add", name)
    except subprocess.CalledProcessError:
        return False
    _ip("netns", "del", name)
    return True


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


def to_unix_socket(path: Path) -> Connect:
    """Return what connects to a Unix socket."""

    def connect() -> socket.socket:
        made = socket.socket(socket.AF_UNIX)
        made.connect(str(path))
        return made

    return connect


def to_port(port: int) -> Connect:
    """Return what connects to a port of this machine."""
    return lambda: socket.create_connection(("127.0.0.1", port), timeout=None)
