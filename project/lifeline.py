"""Ties a process's life to its parent's, so that no kill leaves an orphan. Knows nothing of Django.

The kernel keeps the tie (prctl(2), PR_SET_PDEATHSIG), on Linux only. Elsewhere these functions do nothing,
and the supervisor's killing of whole process groups is what remains.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
_forking_pid = 0


def die_with_parent(signum: signal.Signals, *, parent: int) -> None:
    """Have the kernel send `signum` to this process when its parent, which is the process `parent`, ends.

    Sends it at once when the parent has ended already, in which case this process has another parent by now.
    """
    if _libc is None:
        return
    if _libc.prctl(PR_SET_PDEATHSIG, int(signum), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != parent:
        os.kill(os.getpid(), signum)


def tie_forks() -> None:
    """Have each process forked by this one, or by those, killed when the process that forked it ends."""
    os.register_at_fork(before=_remember_forking_pid, after_in_child=_die_with_forking_process)


def _remember_forking_pid() -> None:
    global _forking_pid  # noqa: PLW0603 - a hook of fork can be handed nothing in any other way
    _forking_pid = os.getpid()


def _die_with_forking_process() -> None:
    die_with_parent(signal.SIGKILL, parent=_forking_pid)
