import time

import pytest

from imports.formats.encoding import HEAD_BYTES
from imports.formats.head import make_head, partial_json, refusal


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": [1, 2.5, {"b": "c', {"a": [1, 2.5, {"b": "c"}]}),
        ('{"a": 1, "b', {"a": 1}),
        ('{"a": 1, "b"', {"a": 1}),
        ('{"a": 1, "b":', {"a": 1}),
        ('["cut \\u00', ["cut "]),
        ('["cut \\', ["cut "]),
        ('["a\\"b', ['a"b']),
        ("[1,, 2,]", [1, 2]),
        ('["two\nlines"]', ["two\nlines"]),
        ('[{"a": true}, {"b": null}] {"c": 1}', [{"a": True}, {"b": None}]),
        ("[1 nonsense, 2]", [1]),
        ('{"a" 1}', {}),
        ('{"a": 1, : 2}', {"a": 1}),
        ('{"a": 1, 5: 2}', {"a": 1}),
        ('{"a", "b": 1}', {}),
        ("[1}", [1]),
        ("{]", {}),
        (
            "[NaN, -Infinity, 1e999, 1.2.3, -]",
            [pytest.approx(float("nan"), nan_ok=True), float("-inf"), float("inf"), None],
        ),
        ("[" + "9" * 50 + "]", [float("9" * 50)]),
        ('["\\x"]', ["\\x"]),
        ('"text"', "text"),
        ("7", 7),
        ("", None),
        ("nothing", None),
        ("]", None),
    ],
)
def test_json_is_read_as_far_as_it_reaches(text: str, value: object) -> None:
    assert partial_json(text) == value


def test_nesting_is_followed_to_its_bound() -> None:
    value = partial_json("[" * 5000)
    depth = 0
    while isinstance(value, list) and value:
        value = value[0]
        depth += 1
    assert depth == 99


@pytest.mark.parametrize(
    "unit",
    ["[", '{"a":', '"\\', '["a",', '"\\"', "1,", '""', "[[],", "{},", '{"a":[', "\\\\", "-", "9", " ", ",", ":"],
)
def test_hostile_beginnings_take_linear_time(unit: str) -> None:
    text = "[" + unit * (HEAD_BYTES // len(unit))
    began = time.process_time()
    partial_json(text)
    make_head(text.encode())
    assert time.process_time() - began < 1.5


def test_a_head_knows_the_columns_of_a_table() -> None:
    assert make_head(b'\xef\xbb\xbf URL ,"Title, long",tags\nhttps://example.org/,a,b\n').columns == (
        "url",
        "title, long",
        "tags",
    )
    assert make_head(b"sep=;\nLink;Name\n").columns == ("link", "name")
    assert make_head("Href\tÜBER\n".encode("utf-16")).columns == ("href", "über")
    for no_table in (b"", b"\n \n", b"<p>a,b</p>", b"[1,2]", b'{"a": 1, "b": 2}', b"https://example.org/,Title\n"):
        assert make_head(no_table).columns == ()


def test_a_binary_file_has_no_text() -> None:
    for raw in (b"\x89PNG\r\n\x1a\n" + b"text" * 50, b"bplist00" + b"a" * 90, b"mozLz40\0{}", bytes(range(32)) * 20):
        assert make_head(raw).text == ""


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        (b"", "The file is empty."),
        (b" \r\n\t \0", "There is nothing but white space in the file."),
        (b"\xff\xfe \0\n\0", "There is nothing but white space in the file."),
        (b"\x89PNG\r\n\x1a\n", "This is an image."),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "This is an image."),
        (b"GIF89a", "This is an image."),
        (b"%PDF-1.7", "This is a PDF document."),
        (b"SQLite format 3\0" + b"\0" * 99, "export them instead."),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "an office program."),
        (b"7z\xbc\xaf\x27\x1c", "This is a 7-Zip archive."),
        (bytes(range(256)) * 8, "This is not a text file."),
        (b'{"a": 1}', "This is JSON, but not an export that Cairn knows."),
        (b"42", "This is JSON, but not an export that Cairn knows."),
        (b'"text"', "This is JSON, but not an export that Cairn knows."),
        (b"[]", "This is JSON, but there is nothing in it."),
        (b"{ }", "This is JSON, but there is nothing in it."),
        (b'{"a": 1,\n "b" 2}', "The file is not valid JSON (line 2, column 6)."),
        (b"\n\n[1, 2,\n oops]", "The file is not valid JSON (line 4, column 2)."),
        (b'{"a": [1', "The file is not valid JSON (line 1, column 9)."),
        (b"[" * 60_000, "This is JSON, but nested too deeply."),
        (b"[" + b"9" * 6000 + b"]", "This is JSON, but not an export that Cairn knows."),
        (b"<!DOCTYPE html><title>Hello</title>", "This is a web page, but not an export of bookmarks."),
        (b"<!-- hello -->\n<html>", "This is a web page, but not an export of bookmarks."),
        (b"<rss><channel/></rss>", "This is XML, but not an export that Cairn knows."),
        (b"first,second\n1,2\n", "This looks like a table, but it has no column named “url”."),
        (b"garbage", "This file is not an export that Cairn knows."),
    ],
)
def test_a_refusal_says_what_the_file_is_and_what_is_understood(raw: bytes, sentence: str) -> None:
    text = refusal(make_head(raw))
    assert sentence in text
    assert "Cairn reads exports of browsers" in text


def test_json_that_goes_on_beyond_the_head_is_not_called_broken() -> None:
    long = b'{"a": ["' + b"x" * HEAD_BYTES
    assert "not an export" in refusal(make_head(long))
    many = b'{"a": [' + b'"word", ' * HEAD_BYTES
    assert "not an export" in refusal(make_head(many))
    broken = b'{"a": oops [' + b'"word", ' * HEAD_BYTES
    assert "not valid JSON (line 1, column 7)" in refusal(make_head(broken))
