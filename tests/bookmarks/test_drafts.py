"""Drafts: what is checked, what is cleaned, and how two drafts of one page become one."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from functools import reduce
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookmarks.drafts import (
    TAG_MAX_LENGTH,
    TITLE_MAX_LENGTH,
    URL_MAX_LENGTH,
    BookmarkDraft,
    InvalidDraftError,
    clean_tags,
    clean_url,
    dated,
    draft,
    earlier,
    later,
    merged,
    one_line,
    tag_key,
    utc_text,
)

PAGE = "https://example.com/page"
NOW = "2026-01-01 00:00:00"


def page(**fields: object) -> BookmarkDraft:
    return dated(draft(url=PAGE, **fields), NOW)  # type: ignore[arg-type]  # the fields under test, by name


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com",
        "HTTPS://EXAMPLE.COM/",
        "https://user:secret@example.com:8080/path?query#fragment",
        "http://[2001:db8::1]:8000/",
        "https://例え.テスト/ページ",
        "http://localhost",
        "https://example.com/with a space",
    ],
)
def test_a_web_address_is_kept_as_it_is_given(url: str) -> None:
    assert clean_url(url) == url


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "no address"),
        ("   ", "no address"),
        ("javascript:alert(1)", "a javascript: address"),
        ("JavaScript:alert(1)", "a javascript: address"),
        ("\x01javascript:alert(1)", "a javascript: address"),
        ("java\nscript:alert(1)", "a javascript: address"),
        ("data:text/html,x", "a data: address"),
        ("file:///etc/passwd", "a file: address"),
        ("place:sort=8", "a place: address"),
        ("ftp://example.com/", "a ftp: address"),
        ("view-source:https://example.com", "a view-source: address"),
        ("/relative", "relative"),
        ("?abc", "relative"),
        ("//example.com/path", "relative"),
        ("example.com", "relative"),
        ("http://", "no host"),
        ("http:///path", "no host"),
        ("https://:80/", "no host"),
        ("https://user@/", "no host"),
        ("http:example.com", "no host"),
        ("https://exa mple.com/", "no host"),
        ("https://example.com/" + "a" * URL_MAX_LENGTH, "too long"),
    ],
)
def test_anything_else_is_refused_with_its_reason(url: str, reason: str) -> None:
    with pytest.raises(InvalidDraftError, match=reason):
        clean_url(url)


def test_an_address_loses_blanks_around_it_and_line_ends_within() -> None:
    assert clean_url(" https://example.com/a\n\tb\x00 ") == "https://example.com/ab"


def test_a_title_is_one_line() -> None:
    assert one_line("  two\r\n   lines,  a\ttab\x00 and\u2028more ") == "two lines,  a tab and more"


def test_lone_surrogates_are_replaced() -> None:
    made = draft(url="https://example.com/\ud800", title="a\udfffb", description="c\ud83d", tags=["\udead"])
    assert (made.url, made.title, made.description) == ("https://example.com/\ufffd", "a\ufffdb", "c\ufffd")
    assert made.tags == (("\ufffd", "\ufffd"),)


def test_an_overlong_title_is_shortened_and_kept_whole_in_the_description() -> None:
    made = draft(url=PAGE, title="long " * 1000, description="a note")
    assert len(made.title) <= TITLE_MAX_LENGTH
    assert made.title.endswith("…")
    assert made.description == ("long " * 1000).strip() + "\n\na note"


def test_a_title_that_just_fits_is_left_alone() -> None:
    assert draft(url=PAGE, title="x" * TITLE_MAX_LENGTH).title == "x" * TITLE_MAX_LENGTH


def test_an_overlong_tag_is_shortened() -> None:
    ((key, name),) = draft(url=PAGE, tags=["T" * 300]).tags
    assert len(name) == TAG_MAX_LENGTH
    assert key == tag_key(name)


def test_tags_are_unique_regardless_of_case_and_composition_and_keep_one_spelling() -> None:
    assert clean_tags(["python", "Python", " PYTHON ", "", " ", "Cafe\u0301", "caf\u00e9"]) == (
        ("caf\u00e9", "Cafe\u0301"),
        ("python", "PYTHON"),
    )


def test_tags_may_hold_spaces_and_commas() -> None:
    assert [name for _, name in clean_tags(["to  read, later"])] == ["to read, later"]


def test_dates_are_texts_in_utc_that_sort_as_they_are() -> None:
    moment = datetime(2024, 5, 6, 1, 2, 3, 4, tzinfo=timezone(timedelta(hours=2)))
    assert utc_text(moment) == "2024-05-05 23:02:03.000004"
    assert utc_text(datetime(2024, 5, 6, tzinfo=UTC)) == "2024-05-06 00:00:00"


def test_a_bookmark_was_last_changed_when_it_was_created_unless_the_file_says() -> None:
    made = draft(url=PAGE, created=datetime(2020, 1, 1, tzinfo=UTC))
    assert made.updated == made.created == "2020-01-01 00:00:00"


def test_a_feed_or_image_that_is_no_web_address_is_dropped() -> None:
    made = draft(url=PAGE, feed_url="javascript:x", image_url="https://example.com/image")
    assert (made.feed_url, made.image_url) == ("", "https://example.com/image")


def test_the_earlier_is_the_one_saved_first() -> None:
    first = page(title="first", created=datetime(2020, 1, 1, tzinfo=UTC))
    second = page(title="second", created=datetime(2021, 1, 1, tzinfo=UTC))
    assert earlier(first, second) == earlier(second, first) == first


def test_the_later_is_the_one_changed_last_with_the_earlier_creation() -> None:
    first = page(title="first", created=datetime(2020, 1, 1, tzinfo=UTC))
    second = page(title="second", created=datetime(2021, 1, 1, tzinfo=UTC))
    assert later(first, second) == later(second, first)
    assert (later(first, second).title, later(first, second).created) == ("second", first.created)


def test_merging_keeps_all_tags_the_longer_texts_and_the_earlier_creation() -> None:
    one = page(
        title="short", description="a longer note", tags=["a", "b"], created=datetime(2020, 1, 1, tzinfo=UTC),
        unread=True, favorite=True,
    )  # fmt: skip
    other = page(title="longer title", tags=["B", "c"], created=datetime(2019, 1, 1, tzinfo=UTC), archived=True)
    joined = merged(one, other)
    assert (joined.title, joined.description) == ("longer title", "a longer note")
    assert [name for _, name in joined.tags] == ["a", "B", "c"]
    assert joined.created == "2019-01-01 00:00:00"
    assert (joined.unread, joined.archived, joined.favorite) == (False, True, True)


moments = st.none() | st.datetimes(datetime(2000, 1, 1), datetime(2020, 1, 1), timezones=st.just(UTC))
pages = st.builds(
    page,
    title=st.sampled_from(["", "a", "b", "bb"]),
    description=st.sampled_from(["", "x", "yy"]),
    tags=st.lists(st.sampled_from(["a", "A", "b", "c"]), max_size=3),
    created=moments,
    updated=moments,
    unread=st.booleans(),
    favorite=st.booleans(),
)


@pytest.mark.parametrize("join", [earlier, later, merged])
@given(drafts=st.lists(pages, min_size=3, max_size=3))
def test_neither_order_nor_grouping_changes_what_is_joined(
    join: Callable[[BookmarkDraft, BookmarkDraft], BookmarkDraft], drafts: list[BookmarkDraft]
) -> None:
    results = {reduce(join, order) for order in permutations(drafts)}
    a, b, c = drafts
    assert results == {join(a, join(b, c))}


@given(st.text())
def test_cleaning_twice_is_cleaning_once(text: str) -> None:
    assert one_line(one_line(text)) == one_line(text)
    assert clean_tags([name for _, name in clean_tags([text])]) == clean_tags([text])


def test_a_title_of_a_million_blanks_is_folded_in_linear_time() -> None:
    started = time.monotonic()
    assert one_line("a\n" + " " * 1_000_000 + "b" + " " * 1_000_000 + "c") == "a b" + " " * 1_000_000 + "c"
    assert time.monotonic() - started < 10
