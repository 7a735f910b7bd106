"""All hosts of a run as one site, and what can happen to them."""

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import psutil

from tests.faults.databases import Postgres
from tests.faults.kinds import Arena, Kind
from tests.hosts.endpoint import Endpoint
from tests.hosts.machines import STOP_SECONDS, Machine
from tests.hosts.releases import manage, next_release
from tests.project.processes import Started, eventually

UP_SECONDS = 60.0
# Longer than PostgreSQL leaves a transaction open of which nothing is heard.
LONG_CUT_SECONDS = (16.0, 22.0)
SHORT_CUT_SECONDS = (1.0, 5.0)
SILENCE_SECONDS = (3.0, 8.0)


@dataclass
class Cluster:
    """The hosts, and what they share."""

    machines: list[Machine]
    endpoint: Endpoint
    folder: Path
    environment: dict[str, str]
    workers: int
    releases: int = 0
    ended: list[Started] = field(default_factory=list)

    def start(self) -> None:
        """Start every host."""
        for machine in self.machines:
            machine.start()

    def addresses(self) -> list[str]:
        """Return where web hosts answer that are up and not cut off."""
        return [m.address() for m in self.machines if m.is_web and not m.is_cut and m.is_up and m.address()]

    def is_whole(self) -> bool:
        """Whether everything that belongs to each host is there."""
        return all(self._is_whole(machine) for machine in self.machines)

    def _is_whole(self, machine: Machine) -> bool:
        if machine.is_web:
            return machine.is_up and bool(machine.address())
        parts = machine.parts()
        return [parts.get(f"q-{name}", 0) for name in ("worker", "monitor", "pusher")] == [self.workers, 1, 1]

    def strays(self) -> list[psutil.Process]:
        """Return processes that no running host has as descendants."""
        return [process for machine in self.machines for process in machine.strays()]

    def terminate(self) -> tuple[float, int]:
        """Ask all hosts to end at the same time; return the longest time it took, and how many processes were left."""
        told: list[tuple[float, int]] = []
        threads = [threading.Thread(target=lambda m=m: told.append(m.terminate())) for m in self.machines]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return max(took for took, _ in told), sum(left for _, left in told)

    def kill_tree(self) -> None:
        """Kill all hosts."""
        for machine in self.machines:
            machine.place.join()
            machine.kill()

    def logs(self) -> str:
        """Return all that was logged."""
        return "".join(machine.logs() for machine in self.machines)

    def some(self, chance: random.Random, *, web: bool) -> Machine | None:
        """Return a host that nothing is happening to."""
        fit = [m for m in self.machines if m.is_web is web and m.is_up and not m.is_cut]
        return chance.choice(fit) if fit else None

    def upgrade(self, arena: Arena) -> float:
        """Migrate while the old release runs, then move one host after the other to the new one.

        Recovery after it counts from its end, as hosts are taken from their work all along.
        """
        self.releases += 1
        tree = next_release(self.folder, self.releases, self.environment)
        manage(tree, self.environment, "migrate")
        for machine in self.machines:
            machine.code = tree
            took, left = machine.terminate()
            if took > STOP_SECONDS or left:
                arena.report(f"{machine.name} took {took:.1f} s to stop and left {left} processes")
            machine.start()
            if not eventually(partial(self._is_whole, machine), seconds=UP_SECONDS):
                arena.report(f"{machine.name} does not come up with release {self.releases}")
        return time.monotonic()

    def kinds(self) -> list[Kind]:
        """Return what can happen here."""
        return [
            Kind("SIGKILL whole worker host", lambda arena: self._kill(arena, web=False)),
            Kind("SIGKILL whole web host", lambda arena: self._kill(arena, web=True)),
            Kind("SIGTERM worker host (deploy)", self._terminate),
            Kind("worker host cut off for a moment", lambda a: self._cut(a, web=False, seconds=SHORT_CUT_SECONDS)),
            Kind("worker host cut off for long", lambda a: self._cut(a, web=False, seconds=LONG_CUT_SECONDS)),
            Kind("web host cut off", lambda arena: self._cut(arena, web=True, seconds=SHORT_CUT_SECONDS)),
            Kind("worker host cut off from storage", self._cut_storage),
            Kind("storage silent", self._silence),
            Kind("PostgreSQL restarted", _restart),
            Kind("upgrade rolled through", self.upgrade),
        ]

    def _kill(self, arena: Arena, *, web: bool) -> float | None:
        machine = self.some(arena.chance, web=web)
        if machine is None:
            return None
        machine.kill()
        killed = time.monotonic()
        _later(arena, arena.chance.uniform(0, 4), machine.start)
        return killed

    def _terminate(self, arena: Arena) -> float | None:
        machine = self.some(arena.chance, web=False)
        if machine is None:
            return None
        took, left = machine.terminate()
        if took > STOP_SECONDS or left:
            arena.report(f"{machine.name} took {took:.1f} s to stop and left {left} processes")
        machine.start()
        return time.monotonic()

    def _cut(self, arena: Arena, *, web: bool, seconds: tuple[float, float]) -> float | None:
        machine = self.some(arena.chance, web=web)
        if machine is None:
            return None
        machine.cut()
        _later(arena, arena.chance.uniform(*seconds), machine.join)
        return time.monotonic()

    def _cut_storage(self, arena: Arena) -> float | None:
        machine = self.some(arena.chance, web=False)
        if machine is None:
            return None
        machine.place.cut_storage()
        _later(arena, arena.chance.uniform(*SILENCE_SECONDS), machine.place.join)
        return time.monotonic()

    def _silence(self, arena: Arena) -> float | None:
        self.endpoint.fall_silent()
        _later(arena, arena.chance.uniform(*SILENCE_SECONDS), self.endpoint.speak)
        return time.monotonic()


def _restart(arena: Arena) -> float | None:
    if not isinstance(arena.database, Postgres):
        return None
    arena.database.stop_at_once()
    arena.database.start()
    return time.monotonic()


def _later(arena: Arena, seconds: float, action: Callable[[], None]) -> None:
    timer = threading.Timer(seconds, action)
    timer.start()
    arena.pending.append(timer)
