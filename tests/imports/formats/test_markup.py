"""What holds for every format that is read as markup: pieces of any size, absurd depth, floods of broken tags."""

import contextlib
import io
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from lxml import etree

from imports.formats import instapaper_html, markup, netscape, opml, pinboard_xml, pocket_html, safari_plist
from imports.formats.base import Format, ParsedItem, UnreadableFileError
from imports.formats.markup import ItemReader, parse_items

SAMPLES = Path(__file__).parents[2] / "samples"
FORMATS: list[Format] = [netscape, pocket_html, instapaper_html, opml, pinboard_xml, safari_plist]
FILES = [
    (each, path)
    for each in FORMATS
    for path in sorted((SAMPLES / each.NAME).glob("*"))
    if b"\0" not in path.read_bytes()
]
every_file = pytest.mark.parametrize(("each", "path"), FILES, ids=[path.name for _, path in FILES])


class Dribble(io.BytesIO):
    """A stream that hands out a few bytes at a time."""

    def __init__(self, data: bytes, size: int) -> None:
        super().__init__(data)
        self.size = size

    def read(self, size: int | None = -1) -> bytes:
        return super().read(self.size if size is None or size < 0 else min(size, self.size))


class Recorder(ItemReader):
    """Notes all tags, and text joined, as they come."""

    def __init__(self) -> None:
        super().__init__()
        self.text = []
        self.events: list[str | tuple[str, dict[str, str]]] = []

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self.close()
        self.events.append((tag, attributes))

    def end(self, tag: str) -> None:
        self.start(f"/{tag}", {})

    def close(self) -> None:
        if text := "".join(self.text or ()):
            self.events.append(text)
        self.text = []


class Browserlike:
    """Notes the start tags that lxml sees, which tells tags apart as browsers do."""

    def __init__(self) -> None:
        self.tags: list[tuple[str, dict[str, str]]] = []

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag not in ("html", "head", "body"):
            self.tags.append((tag, dict(attributes)))

    def close(self) -> None:
        pass


def events_of(markup: str, *, size: int = 1 << 16, is_xml: bool = False) -> list[Any]:
    recorder = Recorder()
    stream = Dribble(markup.encode("utf-8", "surrogatepass"), size)
    assert list(parse_items(stream.read, recorder, is_xml=is_xml)) == []
    return recorder.events


def read_up_to_error(each: Format, data: bytes) -> tuple[int, str]:
    count = 0
    try:
        for _ in each.parse(io.BytesIO(data)):
            count += 1
    except UnreadableFileError as error:
        return count, str(error)
    return count, ""


@every_file
@pytest.mark.parametrize("size", [1, 13, 97])
def test_pieces_of_any_size_give_the_same_items(each: Format, path: Path, size: int) -> None:
    data = path.read_bytes()
    assert list(each.parse(Dribble(data, size))) == list(each.parse(io.BytesIO(data)))


TOKENS = [
    ("", []),
    ("text", ["text"]),
    ("<DT>", [("dt", {})]),
    ("</Dt >x", [("/dt", {}), "x"]),
    ("<a href=x>", [("a", {"href": "x"})]),
    ("<a\nHREF = 'a>b' b=\"c<d\" e f=>", [("a", {"href": "a>b", "b": "c<d", "e": "", "f": ""})]),
    ("<a href=x/>", [("a", {"href": "x/"})]),
    ("<br/><br />", [("br", {}), ("br", {})]),
    ("<a a=1 A=2 a>", [("a", {"a": "1"})]),
    ("<a x=a'b\"c y=d>", [("a", {"x": "a'b\"c", "y": "d"})]),
    ("<a 'b' c=d>", [("a", {"'b'": "", "c": "d"})]),
    ("<a b='c'd='e'>", [("a", {"b": "c", "d": "e"})]),
    ("<x:y z:a='b'>", [("x:y", {"z:a": "b"})]),
    ("a < b <3 << <> <= x", ["a < b <3 << <> <= x"]),
    ("<", "cut"),
    ("a <", "cut"),
    ("<a", "cut"),
    ("<a b='c", "cut"),
    ("</", "cut"),
    ("<!", "cut"),
    ("<!-- a", "cut"),
    ("<![CDATA[ a", "cut"),
    ("a<!-- <b> -- > -->c", ["ac"]),
    ("a<!-->b<!--->c", ["abc"]),
    ("<!DOCTYPE x [<!ENTITY a 'b'>]>&a;", ["]>&a;"]),
    ("<?xml version='1.0'?>a</>b</ c>d", ["abd"]),
    ("a<![CDATA[<b>&amp;]] ]]>c", ["a<b>&amp;]] c"]),
    ("&amp;amp; &lt;b&gt; &eacute &#233; &#xE9; &nope; &", ["&amp; <b> é é é &nope; &"]),
    ("<a b='&amp;amp; &lt; &eacute; &#233;&#xE9 &nope; &'>", [("a", {"b": "&amp; < é éé &nope; &"})]),
    ("<a b='?a&copy=1&notit&lt&amp'>", [("a", {"b": "?a&copy=1&notit<&"})]),
    (f"&#{'1' * 5000};<a b='&#{'1' * 5000};'>", ["\ufffd", ("a", {"b": "\ufffd"})]),
    ("<a b='&#x110000;&#0;&#xd800;'>", [("a", {"b": "\ufffd\ufffd\ufffd"})]),
    ("a\r\nb\rc\nd", ["a\nb\nc\nd"]),
    ("<a b='c\r\nd'>", [("a", {"b": "c\nd"})]),
    ("caf\u00e9 \U0001f600 \ud800", ["caf\u00e9 \U0001f600 \ufffd\ufffd\ufffd"]),
    ("<\u00e9>", ["<\u00e9>"]),
    ('<a b="c\'>d</a><e f="g">h', [("a", {"b": "c"}), "d", ("/a", {}), ("e", {"f": "g"}), "h"]),
    ("<a b='c>d<e f='g'>h", [("a", {"b": "c"}), "d", ("e", {"f": "g"}), "h"]),
    ("<a b='c>d<e>f='>h", [("a", {"b": "c>d<e>f="}), "h"]),
    ('<a b="c>d<e>f', [("a", {"b": "c"}), "d", ("e", {}), "f"]),
]


@pytest.mark.parametrize(("markup", "events"), TOKENS)
@pytest.mark.parametrize("size", [1, 2, 3, 7, 1 << 16])
def test_tags_and_text_are_told_apart_whatever_the_size_of_the_pieces(markup: str, events: Any, size: int) -> None:
    if events == "cut":
        with pytest.raises(UnreadableFileError, match="breaks off"):
            events_of(markup, size=size)
    else:
        assert events_of(markup, size=size) == events


def test_in_xml_a_tag_may_be_its_own_end() -> None:
    assert events_of("<a/><b c='d' /><e f=g/>", is_xml=True) == [
        *[("a", {}), ("/a", {}), ("b", {"c": "d"}), ("/b", {})],
        *[("e", {"f": "g/"}), ("/e", {})],
    ]


@given(
    st.lists(
        st.sampled_from([*"<>/='\"&; \n\tabx0#!-", "<x", "</x>", "y=", "&amp;", "&copy", "&lt;", "é", "<!--", "-->"])
    )
)
def test_start_tags_are_those_that_an_independent_parser_sees(pieces: list[str]) -> None:
    text = "".join(pieces) + "<z>"
    # A browser takes what runs on for the value it seems to be.
    assume(not markup._RUNAWAY_QUOTE.search(text))
    recorder, browserlike = Recorder(), Browserlike()
    with contextlib.suppress(UnreadableFileError):
        list(parse_items(io.BytesIO(text.encode()).read, recorder))
    parser = etree.HTMLParser(target=browserlike, encoding="utf-8")  # type: ignore[arg-type]  # lxml needs less
    parser.feed(b"<html>" + text.encode())
    parser.close()
    tags = [event for event in recorder.events if isinstance(event, tuple) and not event[0].startswith("/")]
    # Where quotes or a comment are left open, more is read here than a browser would.
    assert tags[: len(browserlike.tags)] == browserlike.tags
    assert ("z", {}) not in browserlike.tags or len(tags) == len(browserlike.tags)


def test_no_more_attributes_are_kept_than_any_tag_needs() -> None:
    ((_, attributes),) = events_of("<a b='first' " + " ".join(f"c{number}" for number in range(9_999)) + " b='last'>")
    assert (attributes["b"], len(attributes)) == ("first", 256)


def test_a_tag_that_never_ends_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(markup, "_MAX_TOKEN_LENGTH", 100_000)
    with pytest.raises(UnreadableFileError, match="does not end"):
        events_of("<a b='" + "c" * 1_000_000)
    assert events_of("x" * 1_000_000) == ["x" * 1_000_000]


@every_file
def test_a_file_cut_off_at_any_place_gives_some_of_its_items_and_no_other_error(each: Format, path: Path) -> None:
    whole = path.read_bytes()
    total, error = read_up_to_error(each, whole)
    assert not error
    for end in range(len(whole)):
        if whole[end - 1 : end] in (b"<", b">", b'"', b"=", b"&", b";") or whole[end : end + 1] in (b"<", b">"):
            count, _ = read_up_to_error(each, whole[:end])
            assert count <= total


@pytest.mark.parametrize(
    ("each", "unit"),
    [
        (netscape, "<DL>"),
        (netscape, "<DL><DT><H3>f</H3>"),
        (opml, "<outline text=f>"),
        (safari_plist, "<dict><key>Children</key><array>"),
    ],
)
def test_absurd_depth_is_read_in_little_time(each: Format, unit: str) -> None:
    started = time.monotonic()
    read_up_to_error(each, b"<plist>" + unit.encode() * 50_000 + b"</x>" * 50_000 + b"</dl></outline></dict>" * 9_999)
    assert time.monotonic() - started < 20


@pytest.mark.parametrize("each", FORMATS, ids=lambda each: each.NAME)
@pytest.mark.parametrize(
    "unit",
    [
        *(
            "<a <a <a",
            "&amp",
            "&",
            "<!--",
            "<",
            "</",
            "<a href=x>",
            "<a href='",
            '<a href="x>',
            "<li><a href=x>t",
            "<!",
        ),
        *("</dl>", "</p>", "<DT><A HREF=x>t</A><DD>", "<outline url=x>", "<post href=x />", "<![CDATA[", "<?xml "),
        *("<title", "<title>", "<plaintext>", "<a\0b=\1>", "<a a=1 a=2 b=3 c=4>", "<key>a</key><string>b</string>"),
    ],
)
def test_floods_of_broken_markup_end_soon(each: Format, unit: str) -> None:
    started = time.monotonic()
    read_up_to_error(each, b"<plist>" + unit.encode() * (200_000 // len(unit)))
    assert time.monotonic() - started < 10


def test_one_line_of_ten_megabytes_is_read() -> None:
    icon = "data:image/png;base64," + "A" * 10_000_000
    markup = f'<DL><DT><A HREF=a ICON="{icon}" ADD_DATE=1704067200>t</A><DD>{"d" * 10_000_000}<DT><A HREF=b>u</A></DL>'
    first, second = netscape.parse(io.BytesIO(markup.encode()))
    assert isinstance(first, ParsedItem)
    assert isinstance(second, ParsedItem)
    assert (first.url, len(first.description), second.url) == ("a", 10_000_000, "b")
