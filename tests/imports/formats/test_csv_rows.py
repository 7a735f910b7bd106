import io
import time
import tracemalloc
from typing import Any

import pytest

from imports.formats.base import RejectedItem, UnreadableFileError
from imports.formats.csv_rows import MAX_ROW_CHARACTERS, Row, read_rows, tag_names, text_lines


def rows(text: str | bytes) -> list[Any]:
    return list(read_rows(io.BytesIO(text.encode() if isinstance(text, str) else text)))


def urls(text: str | bytes) -> list[str]:
    return [row.first("url") if isinstance(row, Row) else "rejected" for row in rows(text)]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_a_table_may_be_separated_in_any_usual_way(delimiter: str) -> None:
    text = f'title|url|note\n"a{delimiter}b"|https://example.org/|\n'.replace("|", delimiter)
    (row,) = rows(text)
    assert (row.first("title"), row.first("url"), row.first("note")) == (f"a{delimiter}b", "https://example.org/", "")


def test_headers_are_found_in_any_case_and_order_and_padded() -> None:
    (row,) = rows('\n" Title "; URL ;"unknown"\nOne;https://example.org/;x;too;many\n')
    assert row.first("url") == "https://example.org/"
    assert row.first("nothing", "unknown") == "x"


def test_of_a_repeated_column_the_first_counts() -> None:
    (row,) = rows("url,url\nhttps://first.example/,https://second.example/\n")
    assert row.first("url") == "https://first.example/"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_cells_may_hold_line_breaks_and_quotes(end: str) -> None:
    text = 'url,note\nhttps://1.example/,"two\nlines and ""quotes"""\nhttps://2.example/,end'.replace("\n", end)
    first, second = rows(text)
    assert first.first("note") == 'two\nlines and "quotes"'
    assert first.source == 'https://1.example/,"two\nlines and ""quotes"""\n'
    assert second.first("note") == "end"


def test_blank_rows_are_no_items() -> None:
    assert urls('url,title\n\n ,\n,,\n"",""\nhttps://example.org/,a\n\n') == ["https://example.org/"]


def test_short_rows_lack_their_last_cells() -> None:
    (row,) = rows("url,title,note\nhttps://example.org/\n")
    assert row.first("title", "note") == ""


def test_an_unquoted_comma_in_a_title_does_not_move_the_address() -> None:
    (row,) = rows("id,title,url,tags\n1,One, two, three,https://example.org/,a\n")
    assert (row.first("title"), row.first("url"), row.first("tags")) == ("One,two,three", "https://example.org/", "a")


def test_nul_bytes_are_dropped() -> None:
    (row,) = rows(b"url,title\nhttps://exam\0ple.org/,a\0\n")
    assert (row.first("url"), row.first("title")) == ("https://example.org/", "a")


def test_an_unclosed_quote_costs_one_row() -> None:
    text = 'url,title\nhttps://1.example/,"open\nhttps://2.example/,b\nhttps://3.example/,"closed, well"\nhttps://4.example/,d\n'
    first, *others = rows(text)
    assert isinstance(first, RejectedItem)
    assert first.source == 'https://1.example/,"open\n'
    assert "never closed" in first.reason
    assert [row.first("url") for row in others] == [f"https://{number}.example/" for number in (2, 3, 4)]


def test_an_unclosed_quote_in_a_long_file_costs_one_row() -> None:
    many = [f"https://{number}.example/,title\n" for number in range(100_000)]
    result = urls("url,title\n" + "".join([*many[:10], '"https://open.example/,title\n', *many[10:]]))
    assert result[10] == "rejected"
    assert len(result) == 100_001
    assert result.count("rejected") == 1


def test_where_too_much_would_be_read_twice_an_unclosed_quote_costs_all_it_swallows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("imports.formats.csv_rows._MAX_REREAD_CHARACTERS", 0)
    assert urls('url,title\n"open\nhttps://1.example/,"b"\nhttps://2.example/,c\n') == [
        "rejected",
        "https://2.example/",
    ]


def test_a_file_that_ends_within_quotes_keeps_its_last_row() -> None:
    (row,) = rows('url,title\nhttps://example.org/,"cut of')
    assert (row.first("url"), row.first("title")) == ("https://example.org/", "cut of")


def test_a_stray_quote_within_a_cell_is_a_character() -> None:
    assert [
        row.first("title") for row in rows('url,title\nhttps://1.example/,"a"b\nhttps://2.example/,c "d" e\n')
    ] == [
        "ab",
        'c "d" e',
    ]


def test_a_row_of_ten_megabytes_is_rejected_and_its_neighbours_are_read() -> None:
    text = "url,title\nhttps://1.example/,a\n" + "x" * 10_000_000 + "\nhttps://2.example/,b\n"
    tracemalloc.start()
    first, long, last = rows(text.encode())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (first.first("title"), last.first("title")) == ("a", "b")
    assert "longer than a million" in long.reason
    assert len(long.source) == 2000
    assert peak < 25_000_000


def test_ten_thousand_columns_are_read() -> None:
    header = ",".join(["url", *(f"column {number}" for number in range(10_000))])
    result = rows(header + "\n" + "https://example.org/" + ",x" * 10_000 + "\n")
    assert result[0].first("column 9999") == "x"


@pytest.mark.parametrize(
    "line", ['"open', 'a,"b', '"",x', '""""', '"a""', '"a"b', ",,,", '"a\nb"', '"', "a" * 400 + ',"', '"a",,"b"c,"d\n']
)
def test_hostile_quotes_take_linear_time(line: str) -> None:
    times = []
    for size in (100_000, 400_000):
        text = ("url,title\n" + (line + "\n") * (size // (len(line) + 1))).encode()
        began = time.process_time()
        for _ in read_rows(io.BytesIO(text)):
            pass
        times.append(time.process_time() - began)
    assert times[1] < 8 * times[0] + 0.5


def test_quotes_that_swallow_a_megabyte_again_and_again_are_bounded() -> None:
    unit = 'https://example.org/,"open\n' + "https://example.org/,plain text of some length, here\n" * 22_000
    began = time.process_time()
    result = urls("url,title\n" + unit * 5)
    assert result.count("rejected") == 5
    assert len(result) == 5 * 22_001
    assert time.process_time() - began < 10


@pytest.mark.parametrize("text", ["", "\n\n", "a://b,c\n", "{}\n", "sep=;\n", "title,note\na,b\n"])
def test_a_table_without_usable_header_is_refused(text: str) -> None:
    with pytest.raises(UnreadableFileError, match=r"header row|column of addresses"):
        rows(text)


def test_a_header_longer_than_any_row_is_refused() -> None:
    with pytest.raises(UnreadableFileError, match="first row is longer"):
        rows("url," * MAX_ROW_CHARACTERS)


def test_lines_end_alike_whatever_ended_them() -> None:
    assert list(text_lines(io.BytesIO(b"a\r\nb\rc\n\nd\r"), limit=10)) == ["a\n", "b\n", "c\n", "\n", "d\n"]
    assert list(text_lines(io.BytesIO("é".encode() * 5 + b"\n\xff"), limit=3)) == ["é" * 4, "\ufffd\n"]
    assert list(text_lines(io.BytesIO(b""), limit=3)) == []


def test_a_line_may_span_many_reads() -> None:
    long = "ü" * 200_000
    assert list(text_lines(io.BytesIO(f"a\n{long}\nb".encode()), limit=1 << 20)) == ["a\n", long + "\n", "b\n"]
    assert list(text_lines(io.BytesIO(f"a\n{long}\nb".encode()), limit=99)) == ["a\n", "ü" * 100, "b\n"]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", []),
        ("one", ["one"]),
        ("one two", ["one two"]),
        ("one, two ,,three", ["one", "two", "three"]),
        ("one|two, three", ["one", "two, three"]),
        ("one;two", ["one", "two"]),
        ('["one", "two, three", 4, ""]', ["one", "two, three"]),
        ("['one', 'it\\'s']", ["one", "it's"]),
        ("['one', \"it's\"]", ["one", "it's"]),
        ('["one",]', ["one"]),
        ("[one, two]", ["one", "two"]),
        ("[]", []),
        ("[" * 5000 + "]" * 5000, []),
    ],
)
def test_tags_are_split_as_services_write_them(text: str, names: list[str]) -> None:
    if text.startswith("[[["):
        assert len(tag_names(text)) <= 1
    else:
        assert tag_names(text) == names


def test_tags_may_be_kept_whole_at_other_separators() -> None:
    assert tag_names("a;b, c", separators=",") == ["a;b", "c"]
