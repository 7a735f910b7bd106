"""Netscape bookmark files: every dialect's folders, tags, dates, flags and texts, and broken ones too."""

import io
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imports.formats import netscape
from imports.formats.base import ParsedItem, UnreadableFileError
from imports.formats.head import make_head
from imports.formats.reading import open_export

SAMPLES = Path(__file__).parents[2] / "samples/netscape"
SHARED = (Path(__file__).parents[3] / "../shared/samples/netscape").resolve()
NEW_YEAR = datetime(2024, 1, 1, tzinfo=UTC)
DAY_AFTER = datetime(2024, 1, 2, tzinfo=UTC)


def read(markup: str) -> list[Any]:
    return list(netscape.parse(io.BytesIO(markup.encode())))


def read_one(markup: str) -> ParsedItem:
    (item,) = read(markup)
    assert isinstance(item, ParsedItem)
    return item


def read_file(path: Path) -> list[Any]:
    with path.open("rb") as stream:
        return list(open_export(stream).events())


def link(*, attributes: str = "", title: str = "t", rest: str = "") -> str:
    return f'<DL><p>\n<DT><A HREF="https://example.com/" {attributes}>{title}</A>\n{rest}</DL><p>'


def test_a_firefox_export_keeps_folders_tags_texts_and_dates() -> None:
    query, bread, soup, news, script, untitled = read_file(SAMPLES / "firefox.html")
    assert query.url == "place:sort=8&maxResults=10"
    assert bread == ParsedItem(
        url="https://kochen.example/brot?a=1&b=2",
        title="Brot & Brötchen",
        description="Sauerteig <b>ohne</b> Hefe",
        tags=["backen", "roter Faden"],
        folders=("Küche",),
        created=NEW_YEAR,
        updated=DAY_AFTER,
        source=bread.source,
    )
    assert soup.folders == ("Küche", "Suppen")
    assert soup.description == ""
    assert (news.folders, news.feed_url) == ((), "https://nachrichten.example/rss")
    assert script.url == "javascript:alert(1)"
    assert (untitled.title, untitled.folders) == ("", ())


def test_linkding_writes_its_flags_as_attributes_and_a_tag_and_its_notes_within_the_description() -> None:
    kept, later = read_file(SAMPLES / "linkding.html")
    assert kept.description == "About <gardens>\n\nFirst note\n\n* with a list"
    assert kept.tags == ["garden"]
    assert (kept.archived, kept.private, kept.unread) == (True, True, False)
    assert (later.archived, later.private, later.unread) == (False, False, True)
    assert (kept.created, kept.updated) == (NEW_YEAR, DAY_AFTER)


def test_pinboard_separates_tags_by_spaces_and_marks_what_is_to_be_read() -> None:
    one, two = read_file(SAMPLES / "pinboard.html")
    assert one.tags == ["python", "web"]
    assert one.description == "A note\nover two lines"
    assert (one.private, one.unread) == (True, True)
    assert (two.tags, two.private, two.unread) == (["c++"], False, False)


def test_raindrop_has_a_cover_a_favourite_mark_and_tags_of_several_words() -> None:
    (lisbon,) = read_file(SAMPLES / "raindrop.html")
    assert lisbon.tags == ["slow travel"]
    assert lisbon.folders == ("Travel",)
    assert lisbon.favorite
    assert lisbon.image_url == "https://example.com/lisbon.jpg"


@pytest.mark.skipif(not SHARED.is_dir(), reason="the collected samples are not here")
def test_one_instant_in_three_units_is_one_date() -> None:
    items = read_file(SHARED / "sissbruecker-linkding__simple_valid_import_file.html")
    assert {item.created for item in items} == {datetime(2021, 3, 21, 14, 39, 19, tzinfo=UTC)}
    assert [item.tags for item in items] == [["tag1"], ["tag2"], ["tag3"]]
    assert [item.description for item in items] == [f"test description {number}" for number in (1, 2, 3)]


@pytest.mark.skipif(not SHARED.is_dir(), reason="the collected samples are not here")
def test_links_whose_quotes_are_broken_are_all_read() -> None:
    items = read_file(SHARED / "ddg-apple__bookmarks_safari_tp_dirty.html")
    assert [(item.url, item.title) for item in items][:6] == [
        ("https://www.apple.com/", "Apple"),
        ("https://www.icloud.com/", "iCloud"),
        ("https://www.yahoo.com/", "Yahoo"),
        ("https://www.bing.com/", "Bing"),
        ("https://www.google.com/?client=safari&channel=mac_bm", "Google"),
        ("https://www.wikipedia.org/", "Wikipedia"),
    ]
    assert len(items) == 16


@pytest.mark.parametrize(
    ("attributes", "tags"),
    [
        ('TAGS="a,b c, d "', ["a", "b c", "d"]),
        ('TAGS="a b"', ["a b"]),
        ('TAGS="a b" PRIVATE="0"', ["a", "b"]),
        ('TAGS="a,b c" PRIVATE="0"', ["a", "b c"]),
        ('TAGS=" , ,"', []),
        ('TAGS=""', []),
        ("TAGS", []),
        ("", []),
        ('tags="first" TAGS="second"', ["first"]),
        ('TAGS="a &amp; b,&lt;i&gt;"', ["a & b", "<i>"]),
        ('TAGS="x,y" DATA-TAGS=\'["x,y", "toread"]\'', ["x,y", "toread"]),
        ("TAGS=\"x,y\" DATA-TAGS='broken'", ["x", "y"]),
    ],
)
def test_tags_are_separated_by_commas_or_by_spaces_where_tags_hold_none(attributes: str, tags: list[str]) -> None:
    assert read_one(link(attributes=attributes)).tags == tags


@pytest.mark.parametrize(
    ("attributes", "flags"),
    [
        ('PRIVATE="1"', {"private"}),
        ('PRIVATE="true" TOREAD="yes"', {"private", "unread"}),
        ('PRIVATE="0" TOREAD="0" ARCHIVED="" FAVORITE="false"', set()),
        ('UNREAD="1"', {"unread"}),
        ('TAGS="toread"', {"unread"}),
        ('TAGS="linkding:bookmarks.archived"', {"archived"}),
        ('ARCHIVED="1"', {"archived"}),
        ('duckduckgo:favorite="true"', {"favorite"}),
        ('DATA-IMPORTANT="true"', {"favorite"}),
        ('FAVORITE="1"', {"favorite"}),
        ('DATA-TAGS=\'["toread"]\' TAGS="toread"', set()),
    ],
)
def test_flags_come_from_attributes_and_from_tags_that_stand_for_them(attributes: str, flags: set[str]) -> None:
    item = read_one(link(attributes=attributes))
    assert {flag for flag in ("private", "unread", "archived", "favorite") if getattr(item, flag)} == flags
    assert "linkding:bookmarks.archived" not in item.tags


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        ("1704067200", NEW_YEAR),
        ("1704067200000", NEW_YEAR),
        ("1704067200000000", NEW_YEAR),
        ("725760000", NEW_YEAR),
        ("01/Jan/2024:01:00:00 +0100", NEW_YEAR),
        ("2024-01-01T00:00:00Z", NEW_YEAR),
        ("0", None),
        ("-86400", None),
        ("invalid", None),
        ("", None),
    ],
)
def test_dates_are_read_in_every_unit_and_implausible_ones_are_unknown(date: str, expected: datetime | None) -> None:
    item = read_one(link(attributes=f'ADD_DATE="{date}" LAST_MODIFIED="{date}"'))
    assert (item.created, item.updated) == (expected, expected)


def test_folders_nest_and_end_where_their_list_ends() -> None:
    items = read(
        "<DL><p><DT><A HREF=a>0</A><DT><H3>One</H3><DL><p><DT><A HREF=b>1</A>"
        "<dt><h3 folded>Two,\n three</h3><DD>About two<dl><dt><a href=c>2</a></dl></p>"
        "<DT><A HREF=d>1</A></DL><p><DT><A HREF=e>0</A></DL>"
    )
    assert [item.folders for item in items] == [(), ("One",), ("One", "Two, three"), ("One",), ()]
    assert [item.description for item in items] == [""] * 5


@pytest.mark.parametrize(
    ("heading", "folders"),
    [
        ("<H3>Bookmarks bar</H3>", ()),
        ("<H3>LESEZEICHENLEISTE</H3>", ()),
        ("<H3>その他のブックマーク</H3>", ()),
        ('<H3 PERSONAL_TOOLBAR_FOLDER="true">Meine Leiste</H3>', ()),
        ('<H3 UNFILED_BOOKMARKS_FOLDER="true">Sonstiges</H3>', ()),
        ("<H3></H3>", ()),
        ("<H2>Recipes</H2>", ("Recipes",)),
        ("<H3>Recipes", ("Recipes",)),
        ("<H3>Re<b>ci</b>pes</H3>", ("Recipes",)),
    ],
)
def test_a_browsers_own_root_folders_and_nameless_ones_are_no_folders(heading: str, folders: tuple[str, ...]) -> None:
    item = read_one(f"<DL><DT>{heading}<DL><p><DT><A HREF=x>t</A></DL></DL>")
    assert item.folders == folders


def test_a_root_folders_name_below_another_folder_is_a_persons_choice() -> None:
    item = read_one("<DL><DT><H3>Mine</H3><DL><DT><H3>Other bookmarks</H3><DL><DT><A HREF=x>t</A></DL></DL></DL>")
    assert item.folders == ("Mine", "Other bookmarks")


def test_a_reading_list_is_to_be_read_and_no_folder() -> None:
    items = read(
        '<DT><H3 FOLDED id="com.apple.ReadingList">Später</H3><DL><DT><A HREF=x>a</A></DL>'
        "<DT><H3>Reading List</H3><DL><DT><A HREF=y>b</A></DL><DT><A HREF=z>c</A>"
    )
    assert [(item.unread, item.folders) for item in items] == [(True, ()), (True, ()), (False, ())]


def test_a_heading_without_a_list_names_no_folder() -> None:
    items = read(
        "<DL><DT><H3>Empty</H3><DT><A HREF=x>a</A><DL><DT><A HREF=y>b</A></DL></DL><DL><DT><A HREF=z>c</A></DL>"
    )
    assert [item.folders for item in items] == [(), (), ()]


def test_a_path_of_absurd_depth_is_cut() -> None:
    depth = 300
    item = read_one("<DT><H3>f</H3><DL>" * depth + "<DT><A HREF=x>t</A>" + "</DL>" * depth)
    assert item.folders == ("f",) * 100


@pytest.mark.parametrize(
    ("markup", "description"),
    [
        ("<DD>One line\n", "One line"),
        ("<DD>  Two\n  lines \n\n", "Two\n  lines"),
        ("<DD>Entities &amp;amp; once &lt;b&gt;\n", "Entities &amp; once <b>"),
        ("<DD>a <b>bold</b> word", "a bold word"),
        ("<DD>a<br>b<P>c", "a\nb\nc"),
        ('<DD>see <a href="https://elsewhere.example">there</a>, please', "see there, please"),
        ("<DD>first<DD>second", "first\nsecond"),
        ("<DD>", ""),
        ("", ""),
        ("<DD>said</DD> unsaid", "said"),
        ("<DD>x[linkding-notes]y[/linkding-notes]z", "x\n\ny\n\nz"),
        ("<DD>x[linkding-notes]y", "x\n\ny"),
    ],
)
def test_a_description_is_the_text_up_to_the_next_bookmark(markup: str, description: str) -> None:
    assert read_one(link(rest=markup)).description == description


@pytest.mark.parametrize(
    ("rest", "description"),
    [("", "From Vivaldi"), ("<DD>Text", "Text\n\nFrom Vivaldi"), ("<DD>Same: From Vivaldi", "Same: From Vivaldi")],
)
def test_a_description_in_an_attribute_is_kept_beside_the_text(rest: str, description: str) -> None:
    assert read_one(link(attributes='DESCRIPTION="From Vivaldi"', rest=rest)).description == description


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("", ""),
        ("  a  b ", "a  b"),
        ("one\n    two\r\nthree", "one two three"),
        ("A &amp; B &amp;lt;", "A & B &lt;"),
        ("<b>bold</b> &#9731;", "bold ☃"),
        ("x</DT>", "x"),
    ],
)
def test_a_title_is_one_line_of_plain_text(title: str, expected: str) -> None:
    assert read_one(link(title=title)).title == expected


def test_text_between_bookmarks_belongs_to_none() -> None:
    assert [item.title for item in read("<DL>x<DT>y<A HREF=a>1</A>z<HR>q<DT><A HREF=b>2</A></DL>w")] == ["1", "2"]


def test_a_separator_ends_a_bookmark_and_is_none() -> None:
    items = read("<DT><A HREF=a>1</A><DD>d<HR>not d<DT><A HREF=b>2</A>")
    assert [(item.title, item.description) for item in items] == [("1", "d"), ("2", "")]


def test_unclosed_links_and_lists_end_where_the_next_begins() -> None:
    items = read(
        "<DL><DT><A HREF=a>1\n<DT><A HREF=b>2<DD>d\n<A ADD_DATE=1704067200 HREF=c>3<A HREF=d>4\n<DT><H3>f</H3>"
    )
    assert [(item.url, item.title, item.description) for item in items] == [
        ("a", "1", ""),
        ("b", "2", "d"),
        ("c", "3", ""),
        ("d", "4", ""),
    ]


@pytest.mark.parametrize(
    ("attributes", "url"),
    [
        ("HREF='https://example.com/?a=1&b=2&amp;c=3&copy=4'", "https://example.com/?a=1&b=2&c=3&copy=4"),
        ('HREF=" https://example.com/\n  long "', "https://example.com/  long"),
        ("HREF=?KvNdlQ", "?KvNdlQ"),
        ('HREF="data:text/html,<b>x</b>"', "data:text/html,<b>x</b>"),
        ('HREF="https://example.com/?q=a>b<c"', "https://example.com/?q=a>b<c"),
        ("HREF='file:///C:/x'", "file:///C:/x"),
        ('HREF=""', ""),
        ('ADD_DATE="1704067200"', ""),
        ('FEEDURL="https://example.com/rss"', "https://example.com/rss"),
    ],
)
def test_any_address_is_given_as_a_browser_would_read_it(attributes: str, url: str) -> None:
    assert read_one(f"<DL><DT><A {attributes}>t</A></DL>").url == url


def test_an_anchor_that_leads_nowhere_is_no_bookmark() -> None:
    assert read("<DL><DT><A NAME=top>Top</A></DL>") == []


def test_attributes_that_look_like_code_change_nothing() -> None:
    item = read_one(
        '<DL><DT><A bookmarks="x" class="y" __init__=1 take="2" depth="9" end start=\'"\' HREF="https://example.com/"'
        ' href="https://evil.example/" self._link=3 ADD_DATE=1704067200 =x>t</A></DL>'
    )
    assert (item.url, item.title, item.created) == ("https://example.com/", "t", NEW_YEAR)


def test_an_icon_is_not_kept_with_the_source() -> None:
    item = read_one(link(attributes='ICON="data:image/png;base64,AAAA" SHORTCUTURL="k"'))
    assert item.source == {"href": "https://example.com/", "shortcuturl": "k"}


@pytest.mark.parametrize(
    "markup",
    [
        '<DT><A HREF="https://example.com/1">one</A><DT><A HREF="https://exam',
        "<DT><A HREF=https://example.com/1>one</A><",
        "<DT><A HREF=https://example.com/1>one</A>\n</D",
        "<DT><A HREF=https://example.com/1>one</A><DT><A ICON=" + "x" * 200_000,
        "<DT><A HREF=https://example.com/1>one</A><!-- a comment <DT><A HREF=https://example.com/2>two</A>",
    ],
)
def test_a_file_cut_off_inside_a_tag_gives_what_is_before_it_and_says_where(markup: str) -> None:
    items = netscape.parse(io.BytesIO(markup.encode()))
    assert next(items).url == "https://example.com/1"  # type: ignore[union-attr]  # a link, no notice
    with pytest.raises(UnreadableFileError, match="breaks off after item 1"):
        next(items)


@pytest.mark.parametrize("tag", ["script", "style", "title", "textarea", "xmp", "iframe", "plaintext", "TITLE"])
def test_a_tag_written_into_a_text_without_escaping_swallows_nothing(tag: str) -> None:
    items = read(f"<DT><A HREF=a>The <{tag}> element</A><DD>or <{tag}/>" + "<DT><A HREF=b>next</A>" * 9_999)
    assert len(items) == 10_000
    assert (items[0].title, items[1].title) == ("The  element", "next")


def test_a_last_link_whose_quote_is_not_closed_is_read_up_to_the_end_of_its_tag() -> None:
    one, two = read("<DT><A HREF=a>one</A>\n<DT><A HREF=\"https://example.com/2>two's</A>\n<DD>it's</DL>\n")
    assert (one.url, two.url, two.title, two.description) == ("a", "https://example.com/2", "two's", "it's")


def test_text_that_only_looks_like_a_tag_at_the_end_is_no_break() -> None:
    assert read_one("<DT><A HREF=x>t</A><DD>1 < 2").description == "1 < 2"


@given(st.text(), st.text(), st.lists(st.text(), max_size=4))
def test_whatever_is_escaped_comes_back_as_it_was(title: str, description: str, words: list[str]) -> None:
    title, description = plain(title), plain(description)
    tags = [tag for word in words if (tag := plain(word).replace(",", "").strip())]
    item = read_one(
        f'<DL><p><DT><A HREF="https://example.com/" TAGS="{escape(",".join(tags))},">{escape(title)}</A>\n'
        f"<DD>{escape(description)}\n</DL><p>"
    )
    assert item.title == " ".join(filter(None, map(str.strip, title.split("\n"))))
    assert item.description == description.strip()
    assert item.tags == tags


def plain(text: str) -> str:
    """Text as an export holds it: no surrogates, no control characters but line feeds, no linkding notes."""
    kept = "".join(char for char in text if char == "\n" or (char.isprintable() and char != "[") or char == "\xa0")
    return kept.encode("utf-8", "ignore").decode()


@pytest.mark.parametrize(
    "start",
    [
        "<!DOCTYPE NETSCAPE-Bookmark-file-1>",
        "<!doctype netscape-bookmark-file-1>",
        "\n\n  junk <!DOCTYPE NETSCAPE-Bookmark-file-1>",
        "<!-- licence " + "x" * 600 + " -->\n<!DOCTYPE NETSCAPE-Bookmark-file-1>",
        "<TITLE>Bookmarks</TITLE><H1>Bookmarks</H1>\n<DL><p>\n<DT><A HREF=x>",
        "<dl>\n<dt><a href=x>",
        "\n<DT><A HREF='x'>No Date</A>",
        "<html><head><title>My bookmarks</title></head><body><h1>Mine</h1><dl><p><dt><h3>F</h3><dl><p><dt><a href=x>",
        "<ul><li><a href=x ADD_DATE='1'>t</a>",
    ],
)
def test_an_export_is_recognised_by_its_content(start: str) -> None:
    assert netscape.matches(make_head(start.encode()))


@pytest.mark.parametrize(
    "page",
    [
        "",
        "<DT>\n",
        "plain text about NETSCAPE bookmarks",
        "<!DOCTYPE html><html><body><p><a href=x>a link</a></body></html>",
        "<!DOCTYPE html><title>The format</title><pre>&lt;!DOCTYPE NETSCAPE-Bookmark-file-1&gt;</pre>",
        "<p>&lt;!DOCTYPE\nNETSCAPE-Bookmark-file-1&gt; is how it begins",
        "<!DOCTYPE html><html><head><script>x</script></head><body><dl class=index><dt><a href=x>term</a></dl>",
        "<html><body><nav>Menu</nav><dl><dt><a href=x>term</a></dl></body></html>",
        "<html><body><h1>Links</h1><ul><li><a href=x>one</a></ul></body></html>",
        '{"html": "<DL><p><DT>"}',
    ],
)
def test_a_web_page_with_links_is_not_taken_for_an_export(page: str) -> None:
    assert not netscape.matches(make_head(page.encode()))


def test_a_description_ahead_of_its_link_is_the_links() -> None:
    markup = (
        '<DL><p><DT><DD>One</DD> <A HREF="https://a.example/">A</A>'
        '<DT><H3>Folder</H3><DD>Of the folder<DL><p><DT><A HREF="https://b.example/">B</A></DL><p>'
        '<DD>Of nothing<DT><A HREF="https://c.example/">C</A></DL>'
    )
    assert [(item.title, item.description) for item in read(markup)] == [("A", "One"), ("B", ""), ("C", "")]


def test_older_linkding_had_another_tag_for_the_archive() -> None:
    item = read_one(link(attributes='TAGS="one,linkding:archived"'))
    assert (item.tags, item.archived) == (["one"], True)
