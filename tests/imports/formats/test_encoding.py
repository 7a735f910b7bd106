import io
import random
import tracemalloc
from typing import Any

import pytest

from imports.formats.base import UnreadableFileError
from imports.formats.encoding import Utf8Stream, as_utf8, declared_encoding, encoding_by_marks

TEXT = "Zoë’s café — 書籤, 🏳️‍🌈 and more\r\n"


def read(data: bytes) -> tuple[str, int]:
    stream = as_utf8(io.BytesIO(data))
    return stream.read().decode(), stream.replaced


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"]
)
def test_unicode_is_read_in_every_form_without_its_mark(encoding: str) -> None:
    text = "Some words in Latin letters first, for the pattern of NUL bytes. " + TEXT
    marks = {"utf-32-le": b"\xff\xfe\0\0", "utf-32-be": b"\0\0\xfe\xff"}
    assert read(marks.get(encoding, b"") + text.encode(encoding)) == (text, 0)


def test_text_in_windows_1252_is_read_where_nothing_is_declared() -> None:
    assert read("Zoë’s café – “naïve”".encode("cp1252")) == ("Zoë’s café – “naïve”", 0)


@pytest.mark.parametrize(
    ("declaration", "encoding", "text"),
    [
        ('<META HTTP-EQUIV="Content-Type" CONTENT="text/html; charset=Shift_JIS">', "cp932", "書籤 テスト"),
        ("<meta charset='windows-1251'>", "cp1251", "Закладки"),
        ("<meta charset=koi8-r>", "koi8_r", "Закладки"),
        ('<meta charset="gb2312">', "gb18030", "书签"),
        ('<meta charset="iso-8859-2">', "iso8859_2", "Záložky"),
        ('<meta charset="euc-kr">', "cp949", "북마크"),
        ('<meta charset="ISO-8859-1">', "cp1252", "“quoted”"),
        ('<meta charset="utf-8">', "cp1252", "déjà"),
        ('<meta charset="x-nonsense">', "cp1252", "déjà"),
        ('<meta charset="utf-7">', "cp1252", "déjà"),
    ],
)
def test_a_declared_encoding_counts_where_the_bytes_are_not_utf8(declaration: str, encoding: str, text: str) -> None:
    assert read(f"{declaration}{text}".encode(encoding)) == (declaration + text, 0)


def test_a_wrong_declaration_does_not_spoil_valid_utf8() -> None:
    text = '<meta charset="windows-1251">' + TEXT
    assert read(text.encode()) == (text, 0)


def test_an_encoding_declared_in_xml_is_honoured_and_then_rewritten() -> None:
    data = '<?xml version="1.0" encoding="ISO-8859-2"?><a>Záložky</a>'.encode("iso8859_2")
    assert read(data) == ('<?xml version="1.0" encoding="utf-8"?><a>Záložky</a>', 0)


def test_invalid_bytes_among_valid_utf8_are_replaced_and_counted() -> None:
    assert read(b"Caf\xc3\xa9 \xff and \xc3\xa9\xe9.") == ("Café \ufffd and é\ufffd.", 2)


def test_what_was_utf8_so_far_stays_utf8() -> None:
    before = ("é" * 300_000).encode()
    text, replaced = read(before + b"caf\xe9 caf\xe9")
    assert replaced == 2
    assert text == "é" * 300_000 + "caf\ufffd caf\ufffd"


def test_what_was_ascii_so_far_becomes_windows_1252() -> None:
    assert read(b"a" * 700_000 + b"caf\xe9") == ("a" * 700_000 + "café", 0)


def test_a_replacement_character_that_the_file_holds_is_not_counted() -> None:
    assert read("é\ufffdé".encode() + b"\xff") == ("é\ufffdé\ufffd", 1)


def test_a_character_cut_by_the_end_of_the_file_is_replaced() -> None:
    assert read("é書".encode()[:-1]) == ("é\ufffd", 1)


def test_bytes_without_meaning_in_windows_1252_are_counted() -> None:
    assert read(b"caf\xe9 \x81") == ("café \ufffd", 1)


@pytest.mark.parametrize("width", [1, 2, 3, 5, 7, 4096])
def test_the_size_of_reads_makes_no_difference(width: int) -> None:
    text = TEXT * 40
    stream = as_utf8(io.BytesIO(text.encode()))
    assert b"".join(iter(lambda: stream.read(width), b"")).decode() == text


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1252"])
def test_chunks_may_end_anywhere(encoding: str) -> None:
    dice = random.Random(3)

    class Drips(io.RawIOBase):
        def __init__(self, data: bytes) -> None:
            super().__init__()
            self.rest = data

        def readable(self) -> bool:
            return True

        def read(self, size: int = -1, /) -> bytes:
            size = min(size, dice.choice((1, 2, 3, 70_000)))
            piece, self.rest = self.rest[:size], self.rest[size:]
            return piece

    text = "Zoë’s café – “naïve” €\n" * 9000 + ("" if encoding == "cp1252" else "🏳️" * 90_000)
    stream = as_utf8(Drips(text.encode(encoding)))  # type: ignore[arg-type] # as much of a stream as is used
    assert stream.read().decode() == text
    assert stream.replaced == 0


class Breaking(io.RawIOBase):
    """A stream that hands out some pieces and then fails."""

    def __init__(self, *pieces: bytes) -> None:
        super().__init__()
        self.pieces = list(pieces)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self.pieces:
            raise UnreadableFileError("It breaks here.")
        piece = self.pieces.pop(0)
        buffer[: len(piece)] = piece
        return len(piece)


@pytest.mark.parametrize("pieces", [(b"a" * 10,), (b"a" * 5000,), (b"a" * 5000, b"b" * 5000, "ü".encode())])
@pytest.mark.parametrize("size", [-1, 7, 8192, 1 << 20])
def test_all_that_is_good_comes_before_a_failure(pieces: tuple[bytes, ...], size: int) -> None:
    stream = as_utf8(io.BufferedReader(Breaking(*pieces)))
    read = b""
    with pytest.raises(UnreadableFileError, match="It breaks here"):
        while piece := stream.read(size):
            read += piece
    assert read == b"".join(pieces)
    with pytest.raises(UnreadableFileError, match="It breaks here"):
        stream.read(size)


def test_lines_can_be_read_and_the_original_stays_open() -> None:
    original = io.BytesIO("ä\nö\n".encode("utf-16"))
    stream = as_utf8(original)
    assert list(stream) == ["ä\n".encode(), "ö\n".encode()]
    assert isinstance(stream, Utf8Stream)
    stream.close()
    assert not original.closed


@pytest.mark.parametrize("unit", [b"abc\n", "ü書\n".encode(), b"caf\xe9\n"])
def test_memory_is_constant(unit: bytes) -> None:
    stream = as_utf8(io.BytesIO(unit * (16_000_000 // len(unit))))
    tracemalloc.start()
    while stream.read(1 << 16):
        pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 << 20


def test_short_or_plain_beginnings_give_no_encoding_away() -> None:
    for head in (b"", b"a", b"a\0", b"abcdefgh", b"\0" * 64, b"a\0b"):
        assert encoding_by_marks(head) == ("", 0)
    assert declared_encoding(b"no declaration") == ""
