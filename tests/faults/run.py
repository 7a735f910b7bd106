"""A run: people import, faults strike, and everything is watched; then the last count."""

import contextlib
import logging
import random
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol, cast

import psutil
from django.db import connections

from tests.faults.databases import UNREACHABLE, Postgres, Sqlite
from tests.faults.disk import Disk
from tests.faults.judging import State, Watched
from tests.faults.kinds import KINDS, Arena, Kind, busy_pids
from tests.faults.pace import Pace
from tests.faults.people import Person
from tests.faults.result import Fault, Result
from tests.faults.running import Site
from tests.faults.watching import Watcher
from tests.project.processes import eventually

BURST_CHANCE = 0.2
STRAY_SECONDS = 5.0
FINISH_SECONDS = 240.0


type Met = tuple[Watched, int, State | None]
type MakePerson = Callable[..., Person]


class Stage(Protocol):
    """What runs the site: one host, or several."""

    def start(self) -> None: ...

    def is_whole(self) -> bool: ...

    def strays(self) -> list[psutil.Process]: ...

    def terminate(self) -> tuple[float, int]: ...

    def kill_tree(self) -> None: ...

    def logs(self) -> str: ...


class Run:
    """Brings faults about one after the other, now and then two at once, and waits for recovery after each."""

    def __init__(
        self,
        *,
        site: Stage,
        database: Sqlite | Postgres,
        pace: Pace,
        seed: int,
        folder: Path,
        people: int,
        disk: Disk | None = None,
        description: str = "",
        make_person: MakePerson = Person,
    ) -> None:
        self.result = Result(database.name, seed, disk=disk.description if disk else description)
        self._begun = time.monotonic()
        logging.getLogger("imports").setLevel(logging.WARNING)
        self._chance = random.Random(seed)
        self._site, self._database, self._pace = site, database, pace
        self._watcher = Watcher(database, self.violation)
        # Kinds of faults that go for parts of a host, or for its disk, are not brought about with several hosts.
        self._arena = Arena(
            cast("Site", site), database, self._watcher, cast("Disk", disk), pace, self._chance, self.violation
        )
        self._people = [
            make_person(
                folder=folder, seed=seed * 1000 + n, pace=pace, database=database, watcher=self._watcher,
                report=self.violation,
            )
            for n in range(people)
        ]  # fmt: skip

        self._struck: list[tuple[Fault, float, list[Met]]] = []

    def violation(self, what: str) -> None:
        """Take note of something that must not be, with what has happened just before."""
        last = ", ".join(f"{fault.kind} at {fault.at:.1f}" for fault in self.result.faults[-4:])
        sentence = f"at {time.monotonic() - self._begun:.1f} s, after [{last}]: {what}"
        self.result.violations.append(sentence)
        if self.result.faults:
            self.result.faults[-1].violations += 1
        self._say(f"VIOLATION (seed {self.result.seed}) {sentence}")

    def _say(self, what: str) -> None:
        sys.stderr.write(f"{self.result.database} {len(self.result.faults)}. {what}\n")

    def go(self, faults: int, kinds: Sequence[Kind]) -> Result:
        """Run until so many faults were brought about, and everything has ended."""
        self._site.start()
        self._watcher.start()
        for person in self._people:
            person.start()
        try:
            waiting: list[Kind] = []
            while len(self.result.faults) < faults and len(self.result.violations) < 20:
                waiting = waiting or self._chance.sample(kinds, len(kinds))
                if not self._await_work():
                    break
                self._strike(waiting.pop())
                if self._chance.random() < BURST_CHANCE and len(self.result.faults) < faults:
                    time.sleep(self._chance.uniform(0, 1.0))
                    self._strike(self._chance.choice(kinds))
                self._settle()
            self._finish()
        finally:
            self._site.kill_tree()
            self._take_stock()
        return self.result

    def _active(self) -> list[Watched]:
        """Return the jobs that have to make progress: the first in line of each user."""
        first: dict[int, Watched] = {}
        for watched in sorted(self._watcher.jobs(), key=lambda each: each.job):
            if not watched.has_ended:
                first.setdefault(watched.user, watched)
        return list(first.values())

    def _await_work(self) -> bool:
        """Wait until the site is whole and works on something, so that there is something to hit."""
        if eventually(lambda: self._site.is_whole() and busy_pids(self._arena), seconds=self._pace.bound):
            time.sleep(self._chance.uniform(0, 0.5))
            return True
        self.violation(f"no work within {self._pace.bound} s; whole: {self._site.is_whole()}")
        return False

    def _strike(self, kind: Kind) -> None:
        before = [(watched, watched.ends) for watched in self._active()]
        fault = Fault(kind.name, round(time.monotonic() - self._begun, 1))
        self.result.faults.append(fault)
        since = None
        with contextlib.suppress(psutil.NoSuchProcess, *UNREACHABLE):
            since = kind.bring(self._arena)
        # What is to be compared with is the state that the fault left, not the one it met.
        sampled = self._watcher.samples
        eventually(lambda: self._watcher.samples > sampled + 1, seconds=1)
        met = [(watched, ends, watched.state) for watched, ends in before]
        if since is None:
            self.result.faults.remove(fault)
            self.result.missed[kind.name] = self.result.missed.get(kind.name, 0) + 1
            return
        self._struck.append((fault, since, met))

    def _settle(self) -> None:
        """Wait until every job that a fault met goes on or has ended, and the site is whole again."""
        struck, self._struck = self._struck, []
        for fault, since, before in struck:
            left = list(before)

            def goes_on(left: list[Met] = left) -> bool:
                left[:] = [
                    (watched, ends, state)
                    for watched, ends, state in left
                    if not (watched.has_ended or watched.ends > ends or _has_moved(watched, state))
                ]
                return not left and self._site.is_whole()

            if eventually(goes_on, seconds=max(0, since + self._pace.bound - time.monotonic())):
                fault.recovery = max(0.0, round(time.monotonic() - since, 2))
                self._say(f"{fault.kind} at {fault.at}: {fault.recovery} s")
            else:
                jobs = [(watched.job, watched.state) for watched, _, _ in left]
                self.violation(f"no recovery from {fault.kind} within {self._pace.bound} s: {jobs}")
        for thread in self._arena.pending:
            thread.join()
        self._arena.pending.clear()
        if not eventually(lambda: not self._site.strays(), seconds=STRAY_SECONDS):
            self.violation(f"orphans: {[(p.pid, p.cmdline()) for p in self._site.strays()]}")

    def _finish(self) -> None:
        """Let every job come to its end, then see that nothing is left to do."""
        for person in self._people:
            person.end()
        for person in self._people:
            person.join(FINISH_SECONDS)
            if person.is_alive():
                self.violation("a person's jobs do not come to their end")
        self._watcher.end()
        if not eventually(self._is_queue_empty, seconds=FINISH_SECONDS):
            self.violation(f"{self._queued()} messages stay in the queue")
        took, left = self._site.terminate()
        if took > 10 or left:
            self.violation(f"the last stop took {took:.1f} s and left {left} processes")

    def _is_queue_empty(self) -> bool:
        """Tell whether the queue is empty, after handing out again at once what waits for a dead worker."""
        if not self._queued():
            return True
        with contextlib.suppress(*UNREACHABLE):
            self._database.write("UPDATE django_q_ormq SET lock = '2001-01-01 00:00:00'")
        time.sleep(0.5)
        return False

    def _queued(self) -> int:
        reader = self._database.reader()
        try:
            return int(reader.read("SELECT count(*) FROM django_q_ormq")[0][0])
        finally:
            reader.close()

    def _take_stock(self) -> None:
        result = self.result
        result.jobs = sum(len(person.jobs) for person in self._people)
        result.items = sum(person.items for person in self._people)
        result.retried = sum(person.retried for person in self._people)
        result.previews = sum(person.previews for person in self._people)
        result.undos = sum(person.undos for person in self._people)
        result.samples, result.states = self._watcher.samples, self._watcher.states
        result.notes = dict(self._arena.notes)
        result.seconds = round(time.monotonic() - self._begun, 1)
        told = Counter(re.findall(r"import job (\d+): completed after", self._site.logs()))
        result.notes["jobs whose completion is logged more than once"] = sum(n > 1 for n in told.values())
        connections.close_all()


def _has_moved(watched: Watched, before: State | None) -> bool:
    state = watched.state
    return state is not None and (before is None or state.progress > before.progress)


def kinds_for(database: str, wanted: str) -> list[Kind]:
    """Return the kinds that a database knows and whose name holds one of the words (parted by commas) in `wanted`."""
    words = [word for word in wanted.split(",") if word]
    return [k for k in KINDS if database in k.databases and (not words or any(w in k.name for w in words))]
