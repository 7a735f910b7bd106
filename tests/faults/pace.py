"""How fast time passes in a run: the product's own waiting times, or all of them shortened in proportion."""

from dataclasses import dataclass

VARIABLE = "CAIRN_FAULTS_PACE"
FOLDER_VARIABLE = "CAIRN_FAULTS_FOLDER"


@dataclass(frozen=True, kw_only=True)
class Pace:
    """Waiting times in seconds. `batch_items` keeps imports busy for long enough to be hit at work."""

    lease: float
    lost_after: float
    slice: float
    busy_timeout: float
    patience: float
    longest_pause: float
    batch_items: int
    file_items: tuple[int, int]
    bound: float


PACES = {
    "fast": Pace(
        lease=2,
        lost_after=2,
        slice=1,
        busy_timeout=2,
        patience=12,
        longest_pause=1,
        batch_items=40,
        file_items=(1_500, 5_000),
        bound=60,
    ),
    "real": Pace(
        lease=15,
        lost_after=20,
        slice=8,
        busy_timeout=20,
        patience=60,
        longest_pause=30,
        batch_items=40,
        file_items=(10_000, 40_000),
        bound=90,
    ),
}
