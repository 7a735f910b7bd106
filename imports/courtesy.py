"""Pages before imports, on a machine that has too few processors for both.

A worker has a low priority when `manage.py serve` starts it, but what it has a database server do has not. So a series
of transactions rests in proportion to how long the processors were too busy for it.
"""

import time
from pathlib import Path

REST = 1.0
LONGEST_SECONDS = 0.25
# Every thread waits a little now and then: that is no sign of others.
_SHORTEST_SECONDS = 0.002
# Nanoseconds on a processor, nanoseconds ready to run but without one, time slices:
# https://docs.kernel.org/scheduler/sched-stats.html
_SCHEDSTAT = Path("/proc/thread-self/schedstat")


class Courtesy:
    """Lets others go first, between the transactions of one series in one thread."""

    def __init__(self) -> None:
        self._waited = seconds_waited()

    def rest(self) -> None:
        """Sleep REST times as long as this thread has waited for a processor since the last time."""
        seconds = min(REST * (seconds_waited() - self._waited), LONGEST_SECONDS)
        if seconds > _SHORTEST_SECONDS:
            time.sleep(seconds)
        self._waited = seconds_waited()


def seconds_waited() -> float:
    """Return how long this thread was ready to run but had no processor; 0 where the system does not tell."""
    try:
        return int(_SCHEDSTAT.read_text().split()[1]) / 1e9
    except (OSError, IndexError, ValueError):
        return 0.0
