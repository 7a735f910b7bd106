"""Pinboard's XML backup."""

import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from imports.formats import pinboard_xml
from imports.formats.base import UnreadableFileError
from imports.formats.head import make_head

SAMPLE = Path(__file__).parents[2] / "samples/pinboard-xml/backup.xml"


def read_sample() -> list[Any]:
    return list(pinboard_xml.parse(io.BytesIO(SAMPLE.read_bytes())))


def read(markup: str) -> list[Any]:
    return list(pinboard_xml.parse(io.BytesIO(markup.encode())))


def test_a_post_is_a_bookmark_with_its_description_as_title() -> None:
    one, two = read_sample()
    assert (one.url, one.title) == ("https://example.com/one?a=1&b=2", "One & only")
    assert one.description == "First line\nsecond line"
    assert one.tags == ["python", "web"]
    assert (one.created, one.private, one.unread) == (datetime(2024, 1, 1, tzinfo=UTC), True, True)
    assert (two.title, two.description, two.tags, two.private, two.unread) == ("", "", [], False, False)


def test_posts_without_a_backup_around_them_are_cut_off() -> None:
    items = pinboard_xml.parse(io.BytesIO(b'<posts><post href="a"/>\n'))
    assert next(items).url == "a"  # type: ignore[union-attr]  # a post, no notice
    with pytest.raises(UnreadableFileError, match="after item 1"):
        next(items)


def test_an_empty_backup_is_empty() -> None:
    assert read('<?xml version="1.0"?><posts user="x"></posts>') == []
    assert read('<posts user="x"/>') == []


def test_entities_of_a_document_type_are_not_expanded() -> None:
    doctype = '<!DOCTYPE posts [<!ENTITY a "aaaa"><!ENTITY x SYSTEM "file:///etc/hostname">]>'
    (item,) = read(f'{doctype}<posts><post href="&a;&x;"/></posts>')
    assert item.url == "&a;&x;"


@pytest.mark.parametrize(
    "start",
    [
        "<posts>",
        '\n<?xml version="1.0"?>\n<!-- a comment -->\n<POSTS user="x">',
        '<!DOCTYPE posts SYSTEM "x"><posts/>',
    ],
)
def test_the_root_element_tells_the_format(start: str) -> None:
    assert pinboard_xml.matches(make_head(start.encode()))


@pytest.mark.parametrize("start", ["", "<postscript>", "<html><posts>", '{"posts": []}', "<!-- <posts> -->"])
def test_other_files_are_not_taken_for_it(start: str) -> None:
    assert not pinboard_xml.matches(make_head(start.encode()))
