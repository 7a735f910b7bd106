"""Instapaper's HTML export."""

import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from imports.formats import instapaper_html
from imports.formats.base import ParsedItem
from imports.formats.head import make_head
from imports.formats.reading import open_export

SAMPLE = Path(__file__).parents[2] / "samples/instapaper-html/export.html"


def read_sample() -> list[Any]:
    return list(instapaper_html.parse(io.BytesIO(SAMPLE.read_bytes())))


def test_headings_are_flags_or_folders() -> None:
    new, liked, old, older, soup = read_sample()
    assert (new.title, new.unread, new.archived, new.favorite) == ("New & unread", True, False, False)
    assert (liked.unread, liked.archived, liked.favorite) == (False, False, True)
    assert [(item.title, item.archived, item.folders) for item in (old, older)] == [
        ("Old", True, ()),
        ("Older", True, ()),
    ]
    assert (soup.url, soup.folders, soup.archived) == ("https://example.com/soup", ("Cooking",), False)
    assert soup.created is None


def test_a_link_above_all_headings_is_in_no_folder() -> None:
    markup = b"<title>Instapaper: Export</title><ol><li><a href=x>t</ol>"
    (item,) = instapaper_html.parse(io.BytesIO(markup))
    assert isinstance(item, ParsedItem)
    assert (item.url, item.title, item.folders) == ("x", "t", ())


def test_the_title_tells_the_format() -> None:
    assert instapaper_html.matches(make_head(b"<html><title>Instapaper: Export</title>"))
    assert not instapaper_html.matches(make_head(b"<html><title>Instapaper</title>"))


def test_a_netscape_file_of_that_name_is_one() -> None:
    markup = (
        "<!DOCTYPE NETSCAPE-Bookmark-file-1><TITLE>Instapaper: Export</TITLE><DL>"
        '<DT><A HREF="https://a.example/" ADD_DATE="1704164645">A</A><DD>Note</DL>'
    )
    export = open_export(io.BytesIO(markup.encode()))
    (item,) = export.events()
    assert export.format == "netscape"
    assert isinstance(item, ParsedItem)
    assert (item.description, item.created) == ("Note", datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC))
