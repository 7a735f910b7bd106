"""Runs the web server and the worker together, restarts what dies and ends both without an orphan.

Knows nothing of Django, so that it stays small and nothing in the site can stop it. Each service runs in a
session of its own: a Ctrl-C on the terminal reaches this process alone, which asks each service's leader to
end, because only the leader knows in which order its own processes may go.
"""

import argparse
import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from project.lifeline import die_with_parent

GRACE_SECONDS = 8.0
"""From the request to end until whatever is left is killed."""
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0
STEADY_SECONDS = 60.0
"""A service that has lived for so long starts again after the first pause."""
STILLBORN_LIMIT = 5
"""After so many starts in a row that did not become ready, the supervisor gives up."""
HURRY_SECONDS = 1.0
"""A Ctrl-C so long after the first signal to end is a second one, not an echo of the first."""
WORKER_NICENESS = 10
"""Pages come before imports: where both want the processor, a page gets nine times as much of it."""
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
READY_FD_VARIABLE = "CAIRN_READY_FD"


def announce_readiness() -> None:
    """Tell the supervisor, when there is one, that this service does its work now."""
    if descriptor := os.environ.get(READY_FD_VARIABLE):
        with contextlib.suppress(OSError):  # it was told before, and listens no more
            os.write(int(descriptor), b"\n")


@dataclass(frozen=True, kw_only=True)
class Service:
    """A command to keep running, with the open descriptors that it inherits."""

    name: str
    command: Sequence[str]
    descriptors: Sequence[int] = ()
    on_ready: Callable[[], None] | None = None
    niceness: int = 0


class Runner:
    """One service's processes, one after the other."""

    def __init__(self, service: Service, *, first_pause_seconds: float) -> None:
        self.service = service
        self.start_at = 0.0
        self.stillborn = 0
        self.ready_fd: int | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0
        self._first_pause = self._pause = first_pause_seconds

    @property
    def is_running(self) -> bool:
        """Tell whether the leader runs or has not been cleared away yet."""
        return self._process is not None

    @property
    def has_ended(self) -> bool:
        """Tell whether the leader has ended. Asking does not reap it: its number still names its group."""
        return self._process is not None and (
            os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
        )

    def start(self) -> None:
        """Start the service as the leader of a session of its own, which ends if this process does."""
        supervisor = os.getpid()

        def prepare() -> None:
            die_with_parent(signal.SIGTERM, parent=supervisor)
            give_way(self.service.niceness)

        self.ready_fd, theirs = os.pipe()
        try:
            self._process = subprocess.Popen(  # noqa: S603 - the commands are our own
                self.service.command,
                env={**os.environ, READY_FD_VARIABLE: str(theirs)},
                stdin=subprocess.DEVNULL,
                pass_fds=(theirs, *self.service.descriptors),
                start_new_session=True,
                preexec_fn=prepare,  # noqa: PLW1509 - one thread
            )
        finally:
            os.close(theirs)
        self._started_at = time.monotonic()

    def notice_readiness(self) -> None:
        """Take note of what the service said; it speaks once, or closes the descriptor without a word."""
        has_spoken = self.ready_fd is not None and bool(select.select([self.ready_fd], [], [], 0)[0])
        if self.ready_fd is None or not (has_spoken or self.has_ended):
            return
        is_ready = has_spoken and os.read(self.ready_fd, 1) != b""
        os.close(self.ready_fd)
        self.ready_fd = None
        if is_ready:
            self.stillborn = 0
            if self.service.on_ready:
                self.service.on_ready()
        else:
            self.stillborn += 1

    def ask_to_end(self) -> None:
        """Send SIGTERM to the leader alone."""
        if self._process is not None:
            os.kill(self._process.pid, signal.SIGTERM)  # Popen's own method would reap it

    def clear_away(self) -> int:
        """Kill what is left; return the leader's status. The next start is soon after a long life, else later."""
        if self._process is None:
            return 0
        self.notice_readiness()
        with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS refuses a group of dead processes
            os.killpg(self._process.pid, signal.SIGKILL)
        status = self._process.wait()
        self._process = None
        now = time.monotonic()
        if now - self._started_at >= STEADY_SECONDS:
            self._pause = self._first_pause
        self.start_at = now + self._pause
        self._pause = min(2 * self._pause, LONGEST_PAUSE_SECONDS)
        return status


class Supervisor:
    """Keeps services running until it is asked to end."""

    def __init__(
        self,
        services: Iterable[Service],
        *,
        grace_seconds: float = GRACE_SECONDS,
        first_pause_seconds: float = FIRST_PAUSE_SECONDS,
    ) -> None:
        self._runners = [Runner(service, first_pause_seconds=first_pause_seconds) for service in services]
        self._grace_seconds = grace_seconds

    def run(self) -> int:
        """Keep the services running until a signal to end; return 0, or 1 when one never came up."""
        with _signals_as_bytes() as signals:
            status = self._keep_running(signals)
            self._end(signals)
        return status

    def _keep_running(self, signals: int) -> int:
        while True:
            for runner in self._runners:
                if runner.has_ended:
                    status = runner.clear_away()
                    say(f"{runner.service.name} ended with status {status}; starting it again")
                if runner.stillborn >= STILLBORN_LIMIT:
                    say(f"{runner.service.name} does not start; giving up after {STILLBORN_LIMIT} attempts")
                    return 1
                if not runner.is_running and runner.start_at <= time.monotonic():
                    runner.start()
            if any(signum in STOP_SIGNALS for signum in self._wait(signals, until=self._next_start())):
                return 0

    def _next_start(self) -> float | None:
        return min((runner.start_at for runner in self._runners if not runner.is_running), default=None)

    def _end(self, signals: int) -> None:
        """Ask every leader to end; after the grace period, or at a second Ctrl-C, kill what is left."""
        asked_at = time.monotonic()
        deadline = asked_at + self._grace_seconds
        for runner in self._runners:
            runner.ask_to_end()
        while any(runner.is_running and not runner.has_ended for runner in self._runners):
            arrived = self._wait(signals, until=deadline)
            now = time.monotonic()
            if now >= deadline or (signal.SIGINT in arrived and now - asked_at >= HURRY_SECONDS):
                say("killing what has not ended by itself")
                break
        for runner in self._runners:
            if status := runner.clear_away():
                say(f"{runner.service.name} ended with status {status}")

    def _wait(self, signals: int, *, until: float | None) -> bytes:
        """Sleep until a signal, a word from a service or a moment; return the signals that came."""
        seconds = None if until is None else max(0.0, until - time.monotonic())
        speakers = [runner.ready_fd for runner in self._runners if runner.ready_fd is not None]
        readable, _, _ = select.select([signals, *speakers], [], [], seconds)
        for runner in self._runners:
            runner.notice_readiness()
        return os.read(signals, 256) if signals in readable else b""


@contextlib.contextmanager
def _signals_as_bytes() -> Iterator[int]:
    """Give a descriptor on which each signal arrives as one byte, its number: no code runs in a handler."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    for signum in (*STOP_SIGNALS, signal.SIGCHLD):
        # nohup and its like have SIGHUP ignored, and mean it.
        if signum != signal.SIGHUP or signal.getsignal(signum) != signal.SIG_IGN:
            signal.signal(signum, _do_nothing)
    yield reading


def _do_nothing(_signum: int, _frame: FrameType | None) -> None:
    """Be a handler: only a signal that has one is written to the wakeup descriptor."""


def give_way(niceness: int) -> None:
    """Let this process and its descendants wait when others want the processor; 0 changes nothing."""
    if not niceness:
        return
    os.nice(niceness)
    # Linux may weigh sessions against each other, and then heeds niceness only within one (man 7 sched, autogroup).
    with contextlib.suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(niceness))


def say(sentence: str) -> None:
    """Tell the person at the terminal, or the log: as `project.logs` does with LOG_FORMAT=json, which needs more."""
    line = f"supervisor: {sentence}"
    if os.environ.get("LOG_FORMAT") == "json":
        moment = datetime.now(UTC).isoformat()
        line = json.dumps({"time": moment, "level": "WARNING", "logger": "project.supervisor", "message": sentence})
    print(line, file=sys.stderr, flush=True)  # noqa: T201 - this is a program's own output


def listen(host: str, port: int) -> socket.socket:
    """Open the listening socket. It outlives the web server: while that restarts, visitors wait a moment.

    Raises OSError, for example when the port is taken.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=256)


def address_of(listener: socket.socket) -> str:
    """Return the address a person on this machine opens in a browser."""
    host, port = listener.getsockname()[:2]
    if host in {"0.0.0.0", "::"}:  # noqa: S104 - compared with, not listened on
        host = "localhost"
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def site_services(listener: socket.socket) -> list[Service]:
    """Return the web server on `listener` and the worker."""
    web = ["-m", "gunicorn", "--config", "python:project.web_server", "--bind", f"fd://{listener.fileno()}"]
    worker = [str(Path(__file__).parents[1] / "manage.py"), "worker"]

    def tell_address() -> None:
        print(f"Cairn is ready at {address_of(listener)} (Ctrl-C ends it)", flush=True)  # noqa: T201 - output

    return [
        Service(
            name="web server",
            command=[sys.executable, *web, "project.wsgi"],
            descriptors=[listener.fileno()],
            on_ready=tell_address,
        ),
        Service(name="worker", command=[sys.executable, *worker], niceness=WORKER_NICENESS),
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the site on a host and port; return the exit status."""
    parser = argparse.ArgumentParser(prog="supervisor", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--die-with-parent", action="store_true")
    options = parser.parse_args(arguments)
    if options.die_with_parent:
        die_with_parent(signal.SIGTERM, parent=os.getppid())
    try:
        listener = listen(options.host, options.port)
    except (OSError, OverflowError) as error:
        say(f"cannot listen on {options.host}, port {options.port}: {error}. Another one: make run PORT=8001")
        return 1
    return Supervisor(site_services(listener)).run()


if __name__ == "__main__":
    sys.exit(main())
