"""The collected export files beside the repository, where they are there, and what their manifest says of them."""

import csv
from pathlib import Path

import pytest

SAMPLES = Path(__file__).resolve().parents[1].parent / "shared" / "samples"


def pebbling_club_samples() -> list[tuple[Path, int]]:
    """Return the firm Pebbling Club files with the number of bookmarks in each; skip the test where there are none."""
    manifest = SAMPLES / "MANIFEST.tsv"
    if not manifest.exists():
        pytest.skip("the collected export files are not here")
    with manifest.open(newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    return [
        (SAMPLES / row["path"], int(row["expected_bookmarks"]))
        for row in rows
        if row["format"] == "activitystreams/pebbling-club" and row["confidence"] == "firm"
    ]
