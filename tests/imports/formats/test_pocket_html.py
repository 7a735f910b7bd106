"""Pocket's HTML export."""

import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from imports.formats import pocket_html
from imports.formats.base import ParsedItem, UnreadableFileError
from imports.formats.head import make_head

SAMPLE = Path(__file__).parents[2] / "samples/pocket-html/ril_export.html"
NEW_YEAR = datetime(2024, 1, 1, tzinfo=UTC)


def read_sample() -> list[Any]:
    return list(pocket_html.parse(io.BytesIO(SAMPLE.read_bytes())))


def read(markup: str) -> list[Any]:
    return list(pocket_html.parse(io.BytesIO(markup.encode())))


def test_links_are_unread_or_archived_as_their_section_says() -> None:
    essay, untitled, done = read_sample()
    assert (essay.url, essay.title) == ("https://example.com/long-read?a=1&b=2", "A long & winding read")
    assert essay.tags == ["essays", "to think about"]
    assert (essay.created, essay.unread, essay.archived, essay.folders) == (NEW_YEAR, True, False, ())
    assert (untitled.title, untitled.tags, untitled.unread) == ("", [], True)
    assert (done.created, done.unread, done.archived) == (datetime(2024, 1, 2, tzinfo=UTC), False, True)


def test_items_that_are_not_closed_and_headings_of_other_kinds_are_read() -> None:
    items = read(
        "<title>Pocket Export</title><h1>Pocket Export</h1><ul>"
        "<li><a href=' a '>one\n  line<li><a HREF=b TAGS=', x ,'>two<h1>READ ARCHIVE<ul>"
        "<li>text <a href=c time_added=99999999999999999999>th<b>re</b>e</a> text</ul><a name=x>no</a>"
    )
    assert [(item.url, item.title, item.tags) for item in items] == [
        ("a", "one line", []),
        ("b", "two", ["x"]),
        ("c", "three", []),
    ]
    assert [(item.unread, item.archived) for item in items] == [(False, False), (False, False), (False, True)]
    assert items[2].created is None


def test_the_source_names_the_section() -> None:
    (item,) = read("<h1>Unread</h1><a href=javascript:x time_added=1>t")
    assert item.source == {"section": "Unread", "href": "javascript:x", "time_added": "1"}


def test_a_file_cut_off_says_where() -> None:
    items = pocket_html.parse(io.BytesIO(b"<h1>Unread</h1><ul><li><a href=a>t</a><li><a href='htt"))
    assert next(items).url == "a"  # type: ignore[union-attr]  # a link, no notice
    with pytest.raises(UnreadableFileError, match="after item 1"):
        next(items)


def test_the_title_tells_the_format() -> None:
    assert pocket_html.matches(make_head(b"\n\t<!DOCTYPE html><html><head><TITLE> Pocket Export</TITLE>"))
    assert not pocket_html.matches(make_head(b"<title>Export to Pocket</title>"))


def test_dates_under_the_name_that_browsers_give_them_are_read() -> None:
    markup = (
        b'<title>Pocket Export</title><h1>Read Archive</h1><dl><dt><a href="https://a.example/" add_date="1704164645">'
    )
    (item,) = pocket_html.parse(io.BytesIO(markup))
    assert isinstance(item, ParsedItem)
    assert (item.created, item.archived) == (datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC), True)
