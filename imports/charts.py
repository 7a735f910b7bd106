"""Figures as shapes that a template draws as SVG. Pure but for the translation of labels."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.translation import gettext as _

# The drawing's own units; a stylesheet stretches it to the place there is.
WIDTH, HEIGHT = 1000, 100
# Where more years than this lie between two dates, one of them is a mistake: the empty ones are left out.
_MOST_YEARS = 60
_WIDEST = 100


@dataclass(frozen=True)
class Bar:
    """A bar that stands on the line y = HEIGHT; whole units of the drawing, and what it tells."""

    x: int
    y: int
    width: int
    height: int
    label: str
    count: int


def bars(years: Mapping[str, int]) -> list[Bar]:
    """Return a bar for each year, in their order; "" is an unknown year and comes last.

    Years without anything between two others have a bar of no height.
    """
    counts = {int(year): count for year, count in years.items() if year}
    span = range(min(counts), max(counts) + 1) if counts else range(0)
    shown = list(span) if len(span) <= _MOST_YEARS else sorted(counts)
    columns = [(str(year), counts.get(year, 0)) for year in shown]
    if unknown := years.get(""):
        columns.append((_("no date"), unknown))
    most = max((count for _label, count in columns), default=0)
    step = min(WIDTH / len(columns), _WIDEST) if columns else 0
    return [
        _bar(round(position * step), round((position + 1) * step), label, count, most)
        for position, (label, count) in enumerate(columns)
    ]


def _bar(left: int, right: int, label: str, count: int, most: int) -> Bar:
    gap = 1 + (right - left) // 8 if right - left > 2 else 0
    # However small beside the largest, it is to be seen.
    height = max(2, round(HEIGHT * count / most)) if count else 0
    return Bar(left, HEIGHT - height, max(1, right - left - gap), height, label, count)
