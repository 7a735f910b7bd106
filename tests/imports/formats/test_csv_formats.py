"""What each service's table becomes, field by field, from our own samples."""

import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from imports.formats import (
    instapaper_csv,
    link_lines,
    pocket_csv,
    raindrop_csv,
    readwise_reader_csv,
    url_csv,
)
from imports.formats.base import Format, ParsedItem, RejectedItem
from imports.formats.head import make_head
from imports.formats.reading import open_export

SAMPLES = Path(__file__).parents[2] / "samples"


def items(path: str) -> list[Any]:
    with (SAMPLES / path).open("rb") as stream:
        return list(open_export(stream).events())


def parsed(each: Format, text: str) -> Any:
    (item,) = each.parse(io.BytesIO(text.encode()))
    return item


def fields(item: ParsedItem) -> dict[str, Any]:
    """Pick the fields that differ from those of a bare address."""
    bare = ParsedItem(url="")
    names = [name for name in item.__struct_fields__ if name != "source"]
    named = {name: getattr(item, name) for name in names if getattr(item, name) != getattr(bare, name)}
    return {name: tuple(value) if isinstance(value, list) else value for name, value in named.items() if value != []}


def test_pocket() -> None:
    tides, bread, untitled, elm, nothing, ftp = items("pocket-csv/part_000000.csv")
    assert fields(tides) == {
        "url": "https://tides.example.org/fundy",
        "title": "Tides of the Bay of Fundy",
        "tags": ("sea", "far away"),
        "created": datetime(2018, 11, 4, 15, 5, 37, tzinfo=UTC),
        "unread": True,
    }
    assert (bread.title, bread.archived, bread.unread) == ("Bread, slowly", True, False)
    assert untitled.title == ""
    assert (elm.title, elm.url) == ("An elm,a map", "https://maps.example.org/elm")
    assert isinstance(nothing, RejectedItem)
    assert nothing.source == ",,1600322801,,unread\n"
    assert ftp.url == "ftp://files.example.org/reader.txt"


def test_pocket_as_others_write_it() -> None:
    (item,) = items("pocket-csv/third-party-order.csv")
    assert fields(item) == {
        "url": "https://third.example.org/a",
        "title": "Other columns",
        "tags": ("one", "two words"),
        "created": datetime(2019, 5, 4, 10, tzinfo=UTC),
        "archived": True,
    }


def test_instapaper() -> None:
    first, second, third, fourth, nothing = items("instapaper-csv/instapaper-export.csv")
    assert fields(first) == {
        "url": "https://letters.example.org/1",
        "title": "Letters, first part",
        "description": 'A line that was "selected"',
        "tags": ("post", "slow reading"),
        "created": datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC),
        "unread": True,
    }
    assert (second.archived, second.unread, second.folders) == (True, False, ())
    assert (third.favorite, third.folders) == (True, ())
    assert (fourth.folders, fourth.tags) == (("Harbour towns",), ["a"])
    assert isinstance(nothing, RejectedItem)
    (old,) = items("instapaper-csv/without-timestamp.csv")
    assert fields(old) == {"url": "https://letters.example.org/5", "title": "An older file", "unread": True}


def test_raindrop() -> None:
    kites, plain, half = items("raindrop-csv/raindrop.csv")
    assert fields(kites) == {
        "url": "https://kites.example.org/",
        "title": "Kites & wind",
        "description": "My own note\nover two lines\n\nWhat the page says\xa0itself\n\nA marked sentence",
        "tags": ("wind", "paper kites"),
        "folders": ("Air", "Kites"),
        "created": datetime(2024, 9, 3, 20, 6, 53, 347_000, tzinfo=UTC),
        "favorite": True,
        "image_url": "https://kites.example.org/cover.png",
    }
    assert fields(plain) == {
        "url": "https://plain.example.org/",
        "title": "No folder",
        "created": datetime(2024, 9, 3, 20, 6, 53, tzinfo=UTC),
    }
    assert half.title == 'Broken "quote'


def test_raindrop_keeps_angle_brackets_in_titles_and_says_nothing_twice() -> None:
    text = (
        "title,note,excerpt,url,cover,highlights\n"
        "The <b> tag,Same words,Same,https://example.org/,,Highlight:Same words\n,,,,x,\n"
    )
    first, nothing = raindrop_csv.parse(io.BytesIO(text.encode()))
    assert isinstance(first, ParsedItem)
    assert (first.title, first.description) == ("The <b> tag", "Same words")
    assert isinstance(nothing, RejectedItem)


def test_raindrop_titles_with_absurd_references_are_read() -> None:
    text = f"title,excerpt,url,cover\na &amp; b &#{'9' * 5000};,,https://example.org/,\n"
    assert parsed(raindrop_csv, text).title == "a & b \ufffd"


def test_readwise_reader() -> None:
    granite, slate, feed, chalk, flint = items("readwise-reader-csv/reader.csv")
    assert fields(granite) == {
        "url": "https://stone.example.org/granite",
        "title": "Granite",
        "tags": ("stone", "hill walks"),
        "created": datetime(2026, 3, 14, 23, 55, 23, 291_000, tzinfo=UTC),
        "unread": True,
    }
    assert (slate.archived, slate.unread) == (True, False)
    assert isinstance(feed, RejectedItem)
    assert (feed.title, feed.url, "feed" in feed.reason) == ("Marble", "https://stone.example.org/marble", True)
    assert (chalk.tags, chalk.unread, chalk.created) == (["soft"], True, datetime(2022, 11, 6, 4, 33, 50, tzinfo=UTC))
    assert (flint.tags, flint.unread, flint.created) == (
        ["sharp", "fire"],
        True,
        datetime(2022, 11, 6, 4, 33, 51, tzinfo=UTC),
    )


def test_readwise_reader_without_an_address_or_a_column_of_tags() -> None:
    assert isinstance(parsed(readwise_reader_csv, "Title,URL,Document tags\nNothing,,\n"), RejectedItem)
    assert parsed(readwise_reader_csv, "Title,URL\nOne,https://example.org/\n").title == "One"
    assert parsed(readwise_reader_csv, "URL,Document tags\nhttps://example.org/,[a\n").tags == ["[a"]


def test_any_table() -> None:
    oil, wicks = items("url-csv/semicolons.csv")
    assert fields(oil) == {
        "url": "https://lamps.example.org/oil",
        "title": "Lamp oils",
        "description": "Burns; slowly",
        "tags": ("light", "oil"),
        "folders": ("House", "Light"),
        "created": datetime(2020, 2, 3, tzinfo=UTC),
        "favorite": True,
        "private": True,
    }
    assert fields(wicks) == {"url": "https://lamps.example.org/wicks", "title": "Wicks"}
    first, second = items("url-csv/tabs.tsv")
    assert (first.tags, second.tags, second.title) == (["one", "two"], [], "Second")
    single, mail = items("url-csv/single.csv")
    assert (single.url, mail.url) == ("https://single.example.org/", "mailto:someone@example.org")


def test_any_table_with_flags_and_dates() -> None:
    text = (
        "link,is_archived,to read,private,updated_at,feed_url,thumbnail,status,created_at\n"
        "https://example.org/,TRUE,1,yes,2024-05-06T07:08:09Z,https://example.org/feed,https://example.org/i.png,x,1700000000000\n"
    )
    assert fields(parsed(url_csv, text)) == {
        "url": "https://example.org/",
        "archived": True,
        "unread": True,
        "private": True,
        "updated": datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC),
        "created": datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC),
        "feed_url": "https://example.org/feed",
        "image_url": "https://example.org/i.png",
    }
    assert parsed(url_csv, "url,status\nhttps://example.org/,archive\n").archived
    assert isinstance(parsed(url_csv, "url,title\n,Nothing\n"), RejectedItem)
    assert isinstance(parsed(url_csv, "url,title\n" + "x" * 1_100_000), RejectedItem)


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("url\n", True),
        ("url\nhttps://example.org/\n", True),
        ("URL\nmailto:someone\n", True),
        ("link\nsome words\n", False),
        ("title,note\nhttps://example.org/,x\n", False),
        ("name;Link\n", True),
        ("Name,Website\nOne,https://example.org/\n", True),
        ("Name,Address\nOne,1 Long Lane\n", False),
        ("Name,Address\n", False),
    ],
)
def test_a_table_is_told_by_a_column_of_addresses(text: str, is_one: bool) -> None:
    assert url_csv.matches(make_head(text.encode())) is is_one


def test_onetab() -> None:
    first, second, third, settings = items("link-lines/onetab.txt")
    assert (first.url, first.title) == ("https://one.example.org/a|b", "First | with a bar")
    assert (second.url, second.title) == ("https://one.example.org/2", "Second")
    assert (third.url, third.title) == ("https://one.example.org/3", "")
    assert settings.url == "chrome://settings/"


def test_a_pasted_list() -> None:
    found = items("link-lines/pasted.md")
    assert [(item.url, item.title) for item in found[:5]] == [
        ("https://bridges.example.org/a_(old)", "A bridge"),
        ("https://bridges.example.org/b", "Another bridge"),
        ("https://bridges.example.org/c", ""),
        ("http://bridges.example.org/d", "A task"),
        ("https://bridges.example.org/e", ""),
    ]
    assert isinstance(found[5], RejectedItem)
    assert found[5].source == "that line is no link"


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("https://example.org/", True),
        ("\n\nhttps://a.example/ | A\n\n\nhttps://b.example/ | B\n", True),
        ("Links\n" + "https://example.org/\n" * 5, True),
        ("some words\nhttps://example.org/\n", False),
        ("Hello: a letter\n", False),
        ("", False),
    ],
)
def test_a_list_is_told_by_its_lines(text: str, is_one: bool) -> None:
    assert link_lines.matches(make_head(text.encode())) is is_one


def test_a_line_of_ten_megabytes_is_rejected() -> None:
    text = "https://a.example/\n" + "https://b.example/" + "x" * 10_000_000 + "\nhttps://c.example/"
    first, long, last = link_lines.parse(io.BytesIO(text.encode()))
    assert isinstance(long, RejectedItem)
    assert isinstance(first, ParsedItem)
    assert isinstance(last, ParsedItem)
    assert (first.url, last.url) == ("https://a.example/", "https://c.example/")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_may_end_in_any_way(end: str) -> None:
    for text in (
        "url,title\nhttps://a.example/,A\nhttps://b.example/,B\n",
        "https://a.example/\nhttps://b.example/\n",
    ):
        export = open_export(io.BytesIO(text.replace("\n", end).encode()))
        assert [item.url for item in export.events() if isinstance(item, ParsedItem)] == [
            "https://a.example/",
            "https://b.example/",
        ]


@pytest.mark.parametrize(
    "header", ["Titel;Adresse;Schlagwörter;Erstellt", "Titre,Lien,Étiquettes,Ajouté", "标题\t网址\t标签\t日期"]
)
def test_headers_in_other_languages_are_known(header: str) -> None:
    mark = next(mark for mark in ";,\t" if mark in header)
    row = mark.join(("A", "https://a.example/", "one|two", "31.1.2020"))
    (item,) = open_export(io.BytesIO(f"{header}\n{row}\n".encode())).events()
    assert isinstance(item, ParsedItem)
    assert (item.title, item.url, item.tags) == ("A", "https://a.example/", ["one", "two"])
    assert item.created == datetime(2020, 1, 31, tzinfo=UTC)


def bare(text: str) -> list[Any]:
    return [event for event in open_export(io.BytesIO(text.encode())).events() if isinstance(event, ParsedItem)]


def test_a_table_without_a_header_is_named_by_sight() -> None:
    one, two = bare("2024-01-02,https://a.example/,A title,x\n,https://b.example/,,y\n")
    assert (one.url, one.title, one.created) == ("https://a.example/", "A title", datetime(2024, 1, 2, tzinfo=UTC))
    assert (two.url, two.title, two.created) == ("https://b.example/", "", None)
    assert [item.title for item in bare('https://a.example/;"A; B"\nhttps://b.example/;C D\n')] == ["A; B", "C D"]
    assert [item.title for item in bare("A title,https://a.example/\nB title,https://b.example/\n")] == [
        "A title",
        "B title",
    ]
    assert [item.url for item in bare("2024-01-02,https://a.example/,\n2024-01-02,https://b.example/,\n")] == [
        "https://a.example/",
        "https://b.example/",
    ]


def test_a_table_of_nothing_but_addresses_and_dates_has_no_titles() -> None:
    one, two = bare("https://a.example/,2024-01-02 03:04\nhttps://b.example/,2024-01-02 03:05\n")
    assert (one.url, one.title, one.created) == ("https://a.example/", "", datetime(2024, 1, 2, 3, 4, tzinfo=UTC))
    assert two.url == "https://b.example/"


def test_instapapers_table_is_known_without_its_header() -> None:
    text = 'https://a.example/,A title,,Unread,1700000000\nhttps://b.example/,"B, C",Text,Archive,1700000001\n'
    assert open_export(io.BytesIO(text.encode())).format == "instapaper-csv"
    one, two = bare(text)
    assert (one.title, one.unread) == ("A title", True)
    assert (two.title, two.description, two.archived) == ("B, C", "Text", True)
    assert two.created == datetime(2023, 11, 14, 22, 13, 21, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "https://a.example/0,1518,1.html\nhttps://a.example/0,1518,2.html\n",
        "https://a.example/x,y | A title\nhttps://b.example/x,y | B title\n",
        "https://a.example/x,y A title\n",
        "https://a.example/x,y A title\nhttps://b.example/ B title\n",
        "A title,https://a.example/\nhttps://b.example/,B title\n",
        "https://a.example/\nhttps://b.example/\n",
    ],
)
def test_a_list_of_addresses_with_commas_is_no_table(text: str) -> None:
    assert not make_head(text.encode()).columns


def test_the_formats_tell_each_other_apart() -> None:
    for each in (pocket_csv, instapaper_csv, raindrop_csv, readwise_reader_csv):
        assert not each.matches(make_head(b"url,title,folder,tags,excerpt\nhttps://example.org/,a,b,c,d\n"))
