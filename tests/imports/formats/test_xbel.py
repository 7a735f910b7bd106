"""XBEL."""

import io
from datetime import UTC, datetime
from pathlib import Path

import pytest

from imports.formats import xbel
from imports.formats.base import ParsedItem, UnreadableFileError
from imports.formats.head import make_head

SAMPLE = Path(__file__).parents[2] / "samples/xbel/konqueror.xbel"


def items(markup: bytes) -> list[ParsedItem]:
    return [item for item in xbel.parse(io.BytesIO(markup)) if isinstance(item, ParsedItem)]


def test_every_field_of_the_sample_arrives() -> None:
    one, two, notes = items(SAMPLE.read_bytes())
    assert (one.url, one.title) == ("https://one.example/?a=1&b=2", "One <1>")
    assert one.description == "A note\non two lines"
    assert one.folders == ("Bridges & more",)
    assert one.created == datetime(2004, 5, 6, 7, 8, 9, tzinfo=UTC)
    assert one.updated == datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert (two.url, two.title, two.folders) == ("https://two.example/", "", ())
    assert (notes.url, notes.folders) == ("file:///home/ann/notes.txt", ())


def test_elements_that_are_not_closed_lose_nothing() -> None:
    markup = (
        b'<xbel><folder><title>A<bookmark href="https://a.example/"><title>One</title>'
        b'<bookmark href="https://b.example/"></info></folder></folder>'
        b'<bookmark href="https://c.example/"><title>Three</title><title>No</title></xbel>'
    )
    found = items(markup)
    assert [(item.url, item.title) for item in found] == [
        ("https://a.example/", "One"),
        ("https://b.example/", ""),
        ("https://c.example/", "Three"),
    ]
    assert found[2].folders == ()


def test_a_file_cut_short_gives_the_open_bookmark_and_says_so() -> None:
    parsed = xbel.parse(io.BytesIO(b'<xbel><bookmark href="https://a.example/"><title>One</title>'))
    first = next(parsed)
    assert isinstance(first, ParsedItem)
    assert first.title == "One"
    with pytest.raises(UnreadableFileError, match="breaks off after item 1"):
        next(parsed)


@pytest.mark.parametrize(
    ("start", "is_one"),
    [
        ("<xbel>", True),
        ('\n<?xml version="1.0"?><!-- x --><!DOCTYPE xbel PUBLIC "-//x"><XBEL version="1.0">', True),
        ("<xbelx>", False),
        ("text <xbel>", False),
    ],
)
def test_the_root_element_tells_the_format(start: str, is_one: bool) -> None:
    assert xbel.matches(make_head(start.encode())) is is_one
