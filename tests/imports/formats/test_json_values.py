"""Single values of whatever type."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imports.formats.base import ParsedItem, RejectedItem
from imports.formats.json_values import flag_of, note_of, read_each, tags_of, text_of

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**39), 10**39) | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


@settings(deadline=None)
@given(values)
def test_no_value_makes_a_reader_raise_and_texts_are_trimmed_and_valid(value: object) -> None:
    for text in (text_of(value), note_of(value), *tags_of(value), *tags_of(value, separator=None)):
        assert text == text.strip()
        text.encode()
    assert flag_of(value) in {True, False}
    assert all(tags_of(value))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (" a ", "a"),
        (7, "7"),
        (1.5, "1.5"),
        (True, ""),
        (None, ""),
        ([], ""),
        ("é\ud800", "é\ufffd"),
        ("\ud800", "\ufffd"),
    ],
)
def test_texts(value: object, expected: str) -> None:
    assert text_of(value) == expected


@pytest.mark.parametrize("value", [True, 1, 1.0, "1", "true", "Yes ", "on"])
def test_flags_that_are_set(value: object) -> None:
    assert flag_of(value)


@pytest.mark.parametrize("value", [False, 0, 2, "0", "false", "no", "", None, [], [1], {"a": 1}, float("nan")])
def test_flags_that_are_not_set(value: object) -> None:
    assert not flag_of(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a, b c,,", ("a", "b c")),
        (["a", " ", 3, None, True, ["x"]], ("a", "3")),
        ([{"name": "a"}, {"label": "b"}, {"name": "", "text": "c"}, {"id": 1}], ("a", "b", "c")),
        ({"a": {"tag": "a"}, "b": {}}, ("a", "b")),
        (7, ()),
        (None, ()),
    ],
)
def test_tags(value: object, expected: tuple[str, ...]) -> None:
    assert tags_of(value) == expected


def test_tags_may_be_separated_by_white_space() -> None:
    assert tags_of(" a\tb  c,d ", separator=None) == ("a", "b", "c,d")


def test_notes_lose_their_markup() -> None:
    assert note_of("<p>Fish &amp; chips</p>") == "Fish & chips"


def test_a_bare_value_among_entries_is_a_rejected_item() -> None:
    items = list(read_each([{"url": "x"}, "text"], lambda entry: ParsedItem(url=text_of(entry["url"]))))
    assert isinstance(items[0], ParsedItem)
    assert isinstance(items[1], RejectedItem)
    assert items[1].source == "text"
