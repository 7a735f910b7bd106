"""Opera's hotlist."""

import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from imports.formats import opera_adr
from imports.formats.base import ParsedItem, RejectedItem
from imports.formats.head import make_head

SAMPLE = Path(__file__).parents[2] / "samples/opera-adr/bookmarks.adr"


def read_sample() -> list[Any]:
    return list(opera_adr.parse(io.BytesIO(SAMPLE.read_bytes())))


def read(text: str) -> list[Any]:
    return list(opera_adr.parse(io.BytesIO(f"Opera Hotlist version 2.0\n{text}".encode())))


def test_folders_texts_and_dates_are_kept_and_the_trash_is_reported() -> None:
    sign, shelf, top, gone = read_sample()
    assert sign == ParsedItem(
        url="https://example.com/?a=b&c=d",
        title="Ein = Zeichen",
        description="Erste Zeile\nZweite Zeile",
        folders=("Bücher", "Krimis"),
        created=datetime(2005, 1, 1, tzinfo=UTC),
        source=sign.source,
    )
    assert (shelf.title, shelf.folders, shelf.created) == ("Im Regal", ("Bücher",), None)
    assert (top.title, top.folders) == ("Oben", ())
    assert isinstance(gone, RejectedItem)
    assert (gone.url, gone.title, gone.reason) == ("https://example.com/weg", "Weg", "It was in Opera's trash folder.")


def test_a_block_without_an_end_an_unmatched_end_and_unknown_blocks_are_read() -> None:
    items = read("-\n-\n#CONTACT\nNAME=c\nURL=x\n#NOTE\nNAME=n\nURL=https://example.com/n\n#URL\nno field\nURL=last")
    assert [(item.url, item.title) for item in items] == [("https://example.com/n", "n"), ("last", "")]


def test_what_is_in_a_folder_in_the_trash_is_in_the_trash() -> None:
    items = read("#FOLDER\nTRASH FOLDER=YES\n#FOLDER\nNAME=f\n#URL\nURL=a\n-\n#URL\nURL=b\n-\n#URL\nURL=c")
    assert [type(item) for item in items] == [RejectedItem, RejectedItem, ParsedItem]


def test_a_root_folder_and_nameless_ones_are_no_folders() -> None:
    items = read("#FOLDER\nNAME=Bookmarks bar\n#FOLDER\n#FOLDER\nNAME=f\n#URL\nURL=a")
    assert [item.folders for item in items] == [("f",)]


def test_absurd_lines_fields_and_depths_are_cut() -> None:
    many = "".join(f"K{number}=v\n" for number in range(300))
    (item,) = read("#FOLDER\nNAME=f\n" * 300 + f"#URL\n{many}URL=late\n" + "#URL\nURL=" + "x" * 600_000 + "\nNAME=t")[
        1:
    ]
    assert item.folders == ("f",) * 100
    assert (len(item.url), item.title) == ((1 << 18) - 4, "t")


def test_bytes_that_are_no_text_do_not_raise() -> None:
    (item,) = opera_adr.parse(io.BytesIO(b"Opera Hotlist version 2.0\n#URL\nURL=\xff\x00=\nNAME=\xed\xa0\x80"))
    assert isinstance(item, ParsedItem)


def test_the_first_line_tells_the_format() -> None:
    assert opera_adr.matches(make_head(b"\xef\xbb\xbfOpera Hotlist version 2.0\r\n"))
    assert not opera_adr.matches(make_head(b"An Opera Hotlist"))


def test_a_name_of_several_lines_is_a_title_of_one() -> None:
    (note,) = read("#NOTE\nNAME=One\x02\x02two\nURL=https://example.com/n")
    assert note.title == "One two"
