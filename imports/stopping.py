"""Whether the work in hand should end soon. Pure: knows neither Django, nor the queue, nor who asks.

The answer lies in memory that forked processes share: what a worker's main process says is at once true in
every process it has forked, with no signal to miss and no lock for a dying process to keep.
"""

import mmap

_shared = mmap.mmap(-1, 1)


def request_stop() -> None:
    """Ask this process and all it has forked to end their work soon. Safe in a signal handler."""
    _shared[0] = 1


def should_stop() -> bool:
    """Tell whether a stop was requested: a slice then commits its batch, gives up its claim and returns."""
    return _shared[0] == 1
