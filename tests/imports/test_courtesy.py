"""An import rests where the processors are wanted by others, and only there."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from imports import courtesy
from imports.courtesy import Courtesy, seconds_waited

SPIN = "while True: pass"


@contextmanager
def crowded_processor() -> Iterator[None]:
    """Have this thread share one processor with three processes that never rest."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    others = [subprocess.Popen([sys.executable, "-c", SPIN]) for _ in range(3)]  # who inherit the one processor
    try:
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()
        os.sched_setaffinity(0, allowed)


def work(seconds: float) -> None:
    """Use the processor for some time of this thread's own."""
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


@pytest.fixture
def rests(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    found: list[float] = []
    monkeypatch.setattr("imports.courtesy.time.sleep", found.append)
    return found


@pytest.mark.skipif(not Path("/proc/thread-self/schedstat").exists(), reason="this system does not tell")
def test_a_series_rests_as_long_as_it_had_to_wait_for_a_processor(rests: list[float]) -> None:
    series = Courtesy()
    with crowded_processor():
        before = seconds_waited()
        work(0.2)
        waited = seconds_waited() - before
        series.rest()
    assert waited > 0.02
    assert rests
    assert rests[0] >= min(courtesy.REST * waited, courtesy.LONGEST_SECONDS)
    assert rests[0] <= courtesy.LONGEST_SECONDS


def test_what_has_waited_for_nothing_does_not_rest(rests: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(courtesy, "seconds_waited", lambda: 7.0)
    Courtesy().rest()
    assert rests == []


def test_where_the_system_does_not_tell_nothing_rests(
    rests: list[float], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(courtesy, "_SCHEDSTAT", tmp_path / "missing")
    assert seconds_waited() == 0
    Courtesy().rest()
    assert rests == []
