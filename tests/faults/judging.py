"""What is right of a job's states, and of what the tables hold of it: rules alone, that know no database."""

import time
from dataclasses import dataclass, field

ENDED = frozenset({"previewed", "completed", "failed", "cancelled", "undone"})
_STEPS = {
    "pending": {"pending", "processing", "cancelled", "failed"},
    "processing": {"processing", "previewed", "completed", "undone", "cancelled", "failed"},
    "previewed": {"previewed", "pending", "cancelled"},
    "completed": {"completed", "pending"},
    "failed": {"failed", "pending"},
    "cancelled": {"cancelled", "pending"},
    "undone": {"undone", "pending"},
}
_END_OF = {"preview": "previewed", "import": "completed", "undo": "undone"}


@dataclass(frozen=True)
class State:
    """A committed state of a job."""

    status: str
    work: str
    fence: int
    total: int
    processed: int
    created: int
    updated: int
    skipped: int
    failed: int
    undo_total: int
    removed: int
    restored: int
    kept: int
    undo_position: int

    @property
    def imported(self) -> tuple[int, ...]:
        """The counters of the import."""
        return (self.total, self.processed, self.created, self.updated, self.skipped, self.failed)

    @property
    def undone(self) -> int:
        """How many bookmarks the undo has been at."""
        return self.removed + self.restored + self.kept

    @property
    def progress(self) -> tuple[int, int]:
        """How far the import is, and how far its undo."""
        return self.processed, self.undone


@dataclass(frozen=True)
class Held:
    """What the tables hold of a job at one moment, beside its counters.

    `added` bookmarks are held to be the job's, and `changed` others have a revision of it.
    """

    status: str
    work: str
    created: int
    failed: int
    undo_total: int
    undone: int
    added: int
    changed: int
    rejected: int


@dataclass
class Watched:
    """A job under watch, and what the harness has asked for, which alone makes some steps right.

    `asked` are the works that it was sent to once more. One that `may_inherit` may be left bookmarks by the undo of
    another one.
    """

    job: int
    user: int
    last_history: int = 0
    last_batch: int = 0
    last_fence: int = 0
    state: State | None = None
    changed_at: float = field(default_factory=time.monotonic)
    completions: int = 0
    ends: int = 0
    written: int | None = None
    may_cancel: bool = False
    may_fail: bool = False
    may_inherit: bool = False
    may_start_over: int = 0
    started_over: bool = False
    asked: list[str] = field(default_factory=list)

    @property
    def has_ended(self) -> bool:
        return self.state is not None and self.state.status in ENDED


def judge(watched: Watched, new: State) -> list[str]:
    """Take the next committed state of a job; return what is wrong with it, alone or after the one before."""
    old, watched.state = watched.state, new
    if new != old:
        watched.changed_at = time.monotonic()
    wrong = [f"{rule}: {new}" for rule, holds in _alone(new).items() if not holds]
    if old is not None:
        wrong += [f"{rule}: {old} to {new}" for rule, holds in _after(watched, old, new).items() if not holds]
    return wrong


def _alone(state: State) -> dict[str, bool]:
    """Return what has to hold in each state, by what is wrong where it does not."""
    return {
        "the counters do not add up": state.processed == state.created + state.updated + state.skipped + state.failed,
        "more items than there are": not state.total or state.processed <= state.total,
        "completed before its end": state.status != "completed" or state.processed == state.total,
        "more undone than there is": state.undone <= state.undo_total,
        "undone before its end": state.status != "undone" or state.undone == state.undo_total,
        "ended with another work": state.status not in _END_OF.values() or state.status == _END_OF[state.work],
    }


def _after(watched: Watched, old: State, new: State) -> dict[str, bool]:
    """Return what has to hold from one state to the next, by what is wrong where it does not."""
    grown = [there > here for here, there in zip(old.progress, new.progress, strict=True)]
    may_grow = [
        old.status == new.status == "processing" and new.fence == old.fence and new.work == work
        for work in ("import", "undo")
    ]
    falls = new.processed < old.processed or new.undone < old.undone or new.undo_position < old.undo_position
    return {
        "an impossible step": new.status in _STEPS[old.status] and _is_asked_for(watched, old, new),
        "the work changed": new.work == old.work or (old.status in ENDED and new.status == "pending"),
        "the fence fell": new.fence >= old.fence,
        "the position fell": not falls or _starts_over(watched, old, new),
        "progress outside a claim": not any(g and not may for g, may in zip(grown, may_grow, strict=True)),
        "an undo's position and counters disagree": falls or (new.undo_position > old.undo_position) == grown[1],
        "an undo changed what was imported": new.work != "undo" or new.imported == old.imported,
    }


def _is_asked_for(watched: Watched, old: State, new: State) -> bool:
    """Whether a job may have gone from one status to another, as far as the harness has a say in it."""
    if old.status == new.status:
        return old.status not in ENDED or old == new
    watched.ends += new.status in ENDED
    match new.status:
        case "completed":
            watched.completions += 1
            return watched.completions == 1
        case "cancelled":
            return watched.may_cancel
        case "failed":
            return watched.may_fail
        case "pending":
            return _is_sent_as_asked(watched, new.work)
    return True


def _is_sent_as_asked(watched: Watched, work: str) -> bool:
    if work not in watched.asked:
        return False
    watched.asked.remove(work)
    watched.written = None
    return True


def _starts_over(watched: Watched, old: State, new: State) -> bool:
    watched.may_start_over -= 1
    is_reset = new.progress == (0, 0) and new.undo_position == 0
    return watched.may_start_over >= 0 and old.status in ENDED and new.status == "pending" and is_reset


def compare(watched: Watched, held: Held) -> list[str]:
    """Return what is wrong with what the tables hold of a job."""
    rules = {
        "the rejected items are not as many as counted": held.rejected == held.failed,
        "the bookmarks are not as many as counted": _are_bookmarks_right(watched, held),
        "an ended import won or lost bookmarks": _is_written_right(watched, held),
    }
    return [f"{rule}: {held}" for rule, holds in rules.items() if not holds]


def _are_bookmarks_right(watched: Watched, held: Held) -> bool:
    if held.work == "undo" and (held.undo_total or held.status == "undone"):
        return held.added + held.changed == held.undo_total - held.undone
    if watched.started_over or watched.may_inherit:
        return held.added >= held.created
    return held.added == held.created


def _is_written_right(watched: Watched, held: Held) -> bool:
    """Whether what a completed import has written is the same as ever, also when others are undone."""
    if held.status != "completed":
        return True
    written = held.added + held.changed
    if watched.written is None:
        watched.written = written
    return watched.written == written
