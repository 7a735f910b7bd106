"""OPML, well-formed or not."""

import io
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any

import pytest

from imports.formats import opml
from imports.formats.base import ParsedItem, UnreadableFileError
from imports.formats.head import make_head

SAMPLE = Path(__file__).parents[2] / "samples/opml/feeds.opml"
NEW_YEAR = datetime(2024, 1, 1, tzinfo=UTC)


def read_sample() -> list[Any]:
    return list(opml.parse(io.BytesIO(SAMPLE.read_bytes())))


def read(body: str) -> list[Any]:
    return list(opml.parse(io.BytesIO(f'<opml version="2.0"><head/><body>{body}</body></opml>'.encode())))


def read_one(attributes: str) -> ParsedItem:
    (item,) = read(f"<outline {attributes}/>")
    assert isinstance(item, ParsedItem)
    return item


def test_feeds_and_links_are_bookmarks_in_the_folders_around_them() -> None:
    birds, rhine, plain = read_sample()
    assert birds == ParsedItem(
        url="https://birds.example/",
        feed_url="https://birds.example/feed",
        title="Birds & bees",
        description="Twice a week",
        tags=["wings", "animals", "birds"],
        folders=("Nature",),
        created=NEW_YEAR,
        source=birds.source,
    )
    assert rhine.url == rhine.feed_url == "https://rhine.example/feed?a=1&b=2"
    assert (rhine.title, rhine.folders) == ("The\xa0Rhine", ("Nature", "Rivers"))
    assert (plain.url, plain.title, plain.folders, plain.feed_url) == ("https://example.com/link", "A link", (), "")


@pytest.mark.parametrize(
    ("attributes", "url", "feed_url"),
    [
        ('xmlUrl="f" htmlUrl="h" url="u"', "h", "f"),
        ('xmlUrl="f" htmlUrl=" " url="u"', "u", "f"),
        ('XMLURL="f"', "f", "f"),
        ("HTMLurl='h'", "h", ""),
        ('type="include" url=" u "', "u", ""),
        ("url=unquoted ", "unquoted", ""),
        ('url="first" url="second"', "first", ""),
        ('url="javascript:x"', "javascript:x", ""),
    ],
)
def test_the_page_comes_before_the_feed(attributes: str, url: str, feed_url: str) -> None:
    item = read_one(attributes)
    assert (item.url, item.feed_url) == (url, feed_url)


@pytest.mark.parametrize("attributes", ['text="a remark"', 'xmlUrl="" htmlUrl=" "', ""])
def test_an_outline_without_an_address_is_no_bookmark(attributes: str) -> None:
    assert read(f"<outline {attributes}/>") == []


@pytest.mark.parametrize(
    ("category", "tags"),
    [
        ("news", ["news"]),
        ("news, world news ,", ["news", "world news"]),
        ("news,sports,/news/sports", ["news", "sports"]),
        (" / , root1 / , root2// /node2 ", ["root1", "root2", "node2"]),
        ("", []),
    ],
)
def test_categories_are_tags_and_paths_several_tags(category: str, tags: list[str]) -> None:
    assert read_one(f'url="u" category="{category}"').tags == tags


@pytest.mark.parametrize(
    ("attributes", "title"),
    [
        ('text="a" title="b"', "a"),
        ('text=" " title=" b "', "b"),
        ('text="one\n two&#10;three"', "one two three"),
        ('text="&lt;b&gt; &amp;amp; &eacute; &nope;"', "<b> &amp; é &nope;"),
        ("", ""),
    ],
)
def test_the_text_is_the_title_on_one_line(attributes: str, title: str) -> None:
    assert read_one(f"{attributes} url='u'").title == title


def test_what_our_own_export_adds_is_read_back() -> None:
    tags = escape('["a,b", "c/d"]')
    item = read_one(
        f'url="u" text="t" category="a,b,c/d" cairn:tags="{tags}" cairn:image="i" cairn:unread="true"'
        ' cairn:archived="true" cairn:favorite="true" cairn:private="true" description="one&#10;&#9;two"'
        ' created="Mon, 01 Jan 2024 00:00:00 GMT" cairn:updated="Tue, 02 Jan 2024 00:00:00 GMT"'
    )
    assert item.tags == ["a,b", "c/d"]
    assert (item.unread, item.archived, item.favorite, item.private) == (True, True, True, True)
    assert (item.image_url, item.description) == ("i", "one\n\ttwo")
    assert (item.created, item.updated) == (NEW_YEAR, datetime(2024, 1, 2, tzinfo=UTC))


def test_an_outline_with_an_address_is_no_folder_but_may_hold_others() -> None:
    items = read(
        '<outline text="f"><outline url="a" text="t"><outline url="b"/></outline><outline url="c"/></outline>'
    )
    assert [(item.url, item.folders) for item in items] == [("a", ("f",)), ("b", ("f",)), ("c", ("f",))]


def test_a_path_of_absurd_depth_is_cut() -> None:
    (item,) = read('<outline text="f">' * 300 + '<outline url="a"/>' + "</outline>" * 300)
    assert item.folders == ("f",) * 100


@pytest.mark.parametrize(
    "markup",
    [
        "<opml><body><outline url='a'/></body>",
        "<opml><body><outline url='a'/></bogus:end>",
        "<opml><body><outline url='a'></body></opml>",
        "<opml><body><outline url='a' text=\"b /></body></opml>",
        "<opml xmlns><body & x><outline url='a' & text='b'/><outline text=\"x<y\"/></opml>",
        "<opml><body><outline url='a'/></outline></outline></opml>\n<!-- by a reader -->\n",
        "<?xml version='1.0'?>\n<opml><head><title>&undefined;</title></head><outline url=a /></opml>",
    ],
)
def test_malformed_lists_are_read(markup: str) -> None:
    (item,) = opml.parse(io.BytesIO(markup.encode()))
    assert isinstance(item, ParsedItem)
    assert item.url == "a"


@pytest.mark.parametrize(
    "rest",
    ["", "\n  ", "<outline text='f'>", "<outline url='http", "<", "</body", "<!--</body></opml>"],
)
def test_a_list_cut_off_gives_what_is_before_it_and_says_where(rest: str) -> None:
    items = opml.parse(io.BytesIO(f"<opml><body><outline url='a'/>{rest}".encode()))
    assert next(items).url == "a"  # type: ignore[union-attr]  # an outline, no notice
    with pytest.raises(UnreadableFileError, match="breaks off after item 1"):
        next(items)


def test_entities_of_a_document_type_are_not_expanded() -> None:
    bomb = "".join(f'<!ENTITY e{number} "{f"&e{number - 1};" * 10}">' for number in range(1, 12))
    markup = (
        f'<!DOCTYPE opml [<!ENTITY e0 "lol">{bomb}<!ENTITY file SYSTEM "file:///etc/hostname">'
        '<!ENTITY % remote SYSTEM "http://127.0.0.1:9/x.dtd"> %remote;]>'
        '<opml><body><outline url="a" text="&e11;&file;"/></body></opml>'
    )
    (item,) = opml.parse(io.BytesIO(markup.encode()))
    assert isinstance(item, ParsedItem)
    assert item.title == "&e11;&file;"


@pytest.mark.parametrize(
    "start",
    ["<opml>", '\n<?xml version="1.0"?><!-- x --><OPML version="1.0">', "<!DOCTYPE opml [<!ENTITY a 'b'>]><opml/>"],
)
def test_the_root_element_tells_the_format(start: str) -> None:
    assert opml.matches(make_head(start.encode()))


@pytest.mark.parametrize(
    "start", ["", "opml", "<html><opml>", '{"a": "<opml>"}', "<rss><opml>", "<opmlx>", "garbage<opml>"]
)
def test_other_files_are_not_taken_for_it(start: str) -> None:
    assert not opml.matches(make_head(start.encode()))


@pytest.mark.parametrize(
    ("attributes", "url"),
    [
        ('htmlUrl="/" xmlUrl="https://a.example/feed"', "https://a.example/feed"),
        ('htmlUrl="about:blank" url="HTTP://a.example/" xmlUrl="https://a.example/feed"', "HTTP://a.example/"),
        ('htmlUrl="mailto:a@a.example" xmlUrl="feed://a.example/"', "mailto:a@a.example"),
    ],
)
def test_of_several_addresses_one_on_the_web_is_taken(attributes: str, url: str) -> None:
    (item,) = opml.parse(io.BytesIO(f"<opml><body><outline {attributes}/></body></opml>".encode()))
    assert isinstance(item, ParsedItem)
    assert item.url == url
