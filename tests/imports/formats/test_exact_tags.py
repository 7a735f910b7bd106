"""Tags that our own exports add as JSON."""

import pytest

from imports.formats.exact_tags import exact_tags


def test_a_json_array_of_strings_is_taken_as_it_is() -> None:
    assert exact_tags('["a,b", "c d", "\\u00e9"]') == ["a,b", "c d", "é"]
    assert exact_tags("[]") == []


@pytest.mark.parametrize("text", [None, "", "[", "{}", '"a"', "[1]", "null", "[\ud800]", '["\ud800"]', "[" * 100_000])
def test_anything_else_is_no_list_of_tags(text: str | None) -> None:
    assert exact_tags(text) is None
