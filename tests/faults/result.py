"""What a run has shown. Knows nothing of Django."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass
class Fault:
    """A fault that was brought about. `recovery` is in seconds; None when it did not come within the bound."""

    kind: str
    at: float
    recovery: float | None = None
    violations: int = 0


@dataclass
class Result:
    """What a run has shown."""

    database: str
    seed: int
    faults: list[Fault] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    missed: dict[str, int] = field(default_factory=dict)
    notes: dict[str, int] = field(default_factory=dict)
    jobs: int = 0
    items: int = 0
    retried: int = 0
    previews: int = 0
    undos: int = 0
    samples: int = 0
    states: int = 0
    seconds: float = 0
    disk: str = ""


def spread(seconds: Sequence[float]) -> tuple[float, float]:
    """Return median and maximum; zeros for nothing."""
    return (statistics.median(seconds), max(seconds)) if seconds else (0.0, 0.0)
