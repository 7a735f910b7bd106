"""What holds for every format that is read as markup: pieces of any size, absurd depth, floods of broken tags."""

import io
import time
from pathlib import Path

import pytest

from imports.formats import instapaper_html, netscape, opml, pinboard_xml, pocket_html, safari_plist
from imports.formats.base import Format, ParsedItem, UnreadableFileError
from imports.formats.markup import ItemReader, parse_html_items

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


class Links(ItemReader):
    """Notes each link's address as it comes."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def start(self, tag: str, attrib: dict[str, str]) -> None:
        self.depth += 1
        if tag == "a":
            self.addresses.append(attrib.get("href", ""))


def read_up_to_error(each: Format, data: bytes) -> tuple[int, str]:
    count = 0
    try:
        for _ in each.parse(io.BytesIO(data)):
            count += 1
    except UnreadableFileError as error:
        return count, str(error)
    return count, ""


@every_file
@pytest.mark.parametrize("size", [8, 13, 97])
def test_pieces_of_any_size_give_the_same_items(each: Format, path: Path, size: int) -> None:
    data = path.read_bytes()
    assert list(each.parse(Dribble(data, size))) == list(each.parse(io.BytesIO(data)))


@pytest.mark.parametrize("size", range(1, 30))
def test_a_raw_text_element_is_defused_wherever_a_piece_ends(size: int) -> None:
    markup = b"x" * 20 + b"<a href=1>the <plaintext> and <TEXTAREA\n> and <script>, <titles></a><a href=2>" + b"y" * 20
    reader = Links()
    pieces = (markup[start : start + size] for start in range(0, len(markup), size))
    assert list(parse_html_items(pieces, reader)) == []
    assert reader.addresses == ["1", "2"]


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
def test_absurd_depth_is_read_or_refused_in_words(each: Format, unit: str) -> None:
    started = time.monotonic()
    _, error = read_up_to_error(each, b"<plist>" + unit.encode() * 100_000 + b"</x>" * 50_000)
    assert "nested too deeply" in error
    assert time.monotonic() - started < 30


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
