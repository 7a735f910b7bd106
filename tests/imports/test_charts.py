"""Bars: in order, within the drawing, and in proportion."""

from itertools import pairwise

from imports.charts import HEIGHT, WIDTH, bars


def test_bars_come_by_year_with_empty_years_between_and_the_unknown_last() -> None:
    drawn = bars({"2006": 10, "": 3, "2004": 5})
    assert [(bar.label, bar.count) for bar in drawn] == [("2004", 5), ("2005", 0), ("2006", 10), ("no date", 3)]
    assert [bar.height for bar in drawn] == [50, 0, HEIGHT, 30]
    assert all(bar.y + bar.height == HEIGHT for bar in drawn)


def test_bars_do_not_overlap_and_stay_within_the_drawing() -> None:
    for years in ({str(year): year for year in range(1970, 2030)}, {str(year): 1 for year in range(1, 1200, 3)}):
        drawn = bars(years)
        assert all(left.x + left.width <= right.x for left, right in pairwise(drawn))
        assert drawn[-1].x + drawn[-1].width <= WIDTH


def test_a_few_small_years_beside_a_large_one_are_seen() -> None:
    assert bars({"2004": 1, "2005": 1_000_000})[0].height > 0


def test_years_far_apart_bring_no_thousand_empty_bars() -> None:
    assert [bar.label for bar in bars({"1": 1, "2020": 4})] == ["1", "2020"]


def test_nothing_is_no_bar() -> None:
    assert bars({}) == []
