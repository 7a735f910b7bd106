"""JSON cut out of a stream: by the hundred where it is regular, one by one where it is not, and all the same."""

import io
import json
import tracemalloc
from collections.abc import Iterator
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imports.formats import json_stream
from imports.formats.base import UnreadableFileError
from imports.formats.json_stream import LARGEST_VALUE, JsonStream

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
objects = st.lists(
    st.dictionaries(st.sampled_from(["type", "url", "},{", '"', "tag"]), json_values, min_size=1), max_size=12
)


class Counted(io.BytesIO):
    """A stream that knows how much of it was read."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.given = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self.given += len(data)
        return data


class Trickle(io.BytesIO):
    """A stream that gives three bytes at a time."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(3)


def stream_of(data: bytes) -> JsonStream:
    return JsonStream(io.BytesIO(data))


def elements_of(data: bytes) -> list[bytes | None]:
    return list(stream_of(data).elements())


def decoded(data: bytes) -> list[object]:
    return [json.loads(text or b"null") for text in elements_of(data)]


def error_of(data: bytes) -> str:
    with pytest.raises(UnreadableFileError) as caught:
        elements_of(data)
    return str(caught.value)


def spaced(values: list[object], separator: str, indent: int | None) -> bytes:
    """Write a list with `separator` instead of each comma between its elements."""
    return f"[{separator.join(json.dumps(value, indent=indent) for value in values)}]".encode()


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_stream, "_CHUNK", 64)
    monkeypatch.setattr(json_stream, "_WORTH_A_BATCH", 16)
    monkeypatch.setattr(json_stream, "_LUMP", 48)


@pytest.mark.parametrize("chunk", [5, 64, 1 << 18])
@settings(deadline=None)
@given(
    values=objects,
    separator=st.sampled_from([",", ", ", " ,\n", ",\r\n\t  ", ",,", " , ,"]),
    indent=st.sampled_from([None, 0, 2]),
)
def test_any_list_comes_back_in_any_spacing_the_fast_way_and_the_slow_way(
    chunk: int, values: list[object], separator: str, indent: int | None
) -> None:
    data = spaced(values, separator, indent)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_stream, "_CHUNK", chunk)
        patch.setattr(json_stream, "_WORTH_A_BATCH", chunk // 4)
        assert decoded(data) == values
        patch.setattr(JsonStream, "_array_batch", lambda self, start: [])
        assert decoded(data) == values


@given(st.lists(json_values))
def test_values_of_any_kind_come_back(values: list[object]) -> None:
    assert decoded(json.dumps(values).encode()) == values


@given(st.binary(max_size=80) | st.text(alphabet='[]{}",:\\u01.-e truefalsn\n', max_size=80).map(str.encode))
def test_no_bytes_lead_to_any_other_error(data: bytes) -> None:
    for take in (JsonStream.elements, JsonStream.members, JsonStream.value, JsonStream.values):
        with suppress(UnreadableFileError):
            result = take(stream_of(data))
            if isinstance(result, Iterator):
                list(result)


def test_regular_elements_are_taken_by_the_hundred(monkeypatch: pytest.MonkeyPatch) -> None:
    one_by_one = []
    slow = JsonStream.value

    def value(self: JsonStream) -> bytes | None:
        one_by_one.append(self)
        return slow(self)

    monkeypatch.setattr(JsonStream, "value", value)
    item = {"type": "Link", "url": "https://example.org/", "tag": [{"name": "a"}, {"name": "b"}]}
    for separator, indent in ((",", None), (",\n", None), (", ", 4)):
        one_by_one.clear()
        assert len(elements_of(spaced([item] * 5000, separator, indent))) == 5000
        assert len(one_by_one) < 20


def test_elements_that_look_like_the_end_of_an_element_do_not_mislead(small_chunks: None) -> None:
    values = [{"a": '},{"a":1},{"a"'}, {"a": [{"a": 1}, {"a": "}"}]}, {"a": "\\"}, {"a": '"},{"a":"'}] * 50
    assert decoded(json.dumps(values).encode()) == values


def test_the_text_of_an_element_is_handed_on_as_it_is() -> None:
    texts = [b'{"a" : 1.50, "a":2}', b'"\\u00e9"', b"[1 ,2]", b"-0.0", b'{"b":"\\ud800"}', b'{"c":01}']
    assert elements_of(b"[" + b" , ".join(texts) + b"]") == texts


def test_an_object_gives_its_keys_and_the_caller_takes_the_values() -> None:
    stream = stream_of(b' {"a\\u0062": 1, "list": [1, 2], "c": {"d": "}"},} ')
    found = [(key, list(stream.elements()) if key == "list" else stream.value()) for key in stream.members()]
    assert found == [("ab", b"1"), ("list", [b"1", b"2"]), ("c", b'{"d": "}"}')]
    assert stream.peek() == b""


@pytest.mark.parametrize("data", [b"[1,,2]", b"[1,2,]", b"[,1,2]", b"[1 2]", b"[1, , ,\n2 , ]"])
def test_commas_too_many_and_too_few_are_let_pass(data: bytes) -> None:
    assert elements_of(data) == [b"1", b"2"]


@pytest.mark.parametrize("separator", [b"\n", b"\r\n\r\n", b" ", b""])
def test_values_in_a_row_are_taken_together(separator: bytes) -> None:
    assert stream_of(separator.join([b'{"a":1}', b'{\n"b":2}', b"[3]"])).values() == [b'{"a":1}', b'{\n"b":2}', b"[3]"]


def test_lines_are_taken_together_also_if_some_are_broken() -> None:
    assert stream_of(b'{"a":1}\n' * 50 + b'{"a":\n{"b":2}').values() == [b'{"a":1}'] * 50 + [b'{"a":']


@pytest.mark.parametrize("data", [b'{\n"a": 1\n}\n{\n"a": 2', b"", b"{'a': 1}\n{'a': 2}\n"])
def test_what_is_no_row_of_values_needs_a_closer_look(data: bytes) -> None:
    assert stream_of(data).values() == []


def test_the_end_in_the_middle_is_named_with_line_and_column() -> None:
    assert error_of('[{"a": 1},\n {"ä": 2'.encode()) == (
        "The file is cut off: it ends in the middle, at line 2, column 9."
    )
    assert error_of(b"[1, 2") == "The file is cut off: it ends in the middle, at line 1, column 6."


@pytest.mark.parametrize(
    ("data", "place"),
    [
        (b'[{"a": 1},\n  <html>]', "line 2, column 3"),
        (b'[{"a": 1}\n}', "line 2, column 1"),
        (b'[{"a": 1},\n {"b": "2"" and no more', "line 2, column 11"),
        (b"[1, nul]", "line 1, column 5"),
    ],
)
def test_what_is_no_json_is_named_with_line_and_column(data: bytes, place: str) -> None:
    assert error_of(data) == f"The file is not valid JSON from {place} on."


def test_places_are_right_after_many_chunks(small_chunks: None) -> None:
    data = "[\n" + '{"a": "é"},\n' * 100 + '    {"a": "é", <'
    assert error_of(data.encode()) == "The file is not valid JSON from line 102, column 16 on."
    assert error_of(data.replace(" <", "").encode()) == (
        "The file is cut off: it ends in the middle, at line 102, column 15."
    )


def test_an_element_that_is_broken_inside_ends_where_its_brackets_do() -> None:
    assert elements_of(b'[{"a":1},{"a":tru, "b":[{}]},{"a":2}]') == [b'{"a":1}', b'{"a":tru, "b":[{}]}', b'{"a":2}']


def test_after_a_quote_astray_reading_goes_on_with_the_next_object() -> None:
    broken = b'{"name":"5" disk","url":"b"}'
    data = b'[{"url":"a"},' + broken + b',{"url":"c"},{"url":"d"}]'
    assert elements_of(data) == [b'{"url":"a"}', broken, b'{"url":"c"}', b'{"url":"d"}']


def test_two_quotes_astray_do_not_swallow_what_is_between_them() -> None:
    good = [b'{"name":"n","url":"%d"}' % number for number in range(20_000)]
    broken = b'{"name":"5" disk","url":"b"}'
    texts = [*good[:10_000], broken, *good[10_000:], broken, good[0]]
    assert elements_of(b"[" + b",".join(texts) + b"]") == texts


def test_a_value_above_the_bound_is_stepped_over_in_bounded_memory() -> None:
    data = b'[1,{"a":"' + b"x" * (3 * LARGEST_VALUE) + b'"},[' + b"[" * LARGEST_VALUE + b"]" * LARGEST_VALUE + b"],2]"
    tracemalloc.start()
    assert elements_of(data) == [b"1", None, None, b"2"]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * LARGEST_VALUE


@pytest.mark.parametrize(
    "data",
    [
        b"[" * 100_000 + b"]" * 100_000,
        b'[{"a":' * 50_000 + b"}]" * 50_000,
        b"[" + b"9" * 10_000 + b"]",
        b'["' + b'\\"' * 500_000 + b'"]',
        b"[" + b'{"a":"},{"},' * 50_000 + b"1]",
    ],
    ids=["brackets", "objects", "digits", "escapes", "braces"],
)
def test_what_strains_a_decoder_is_stepped_over(data: bytes) -> None:
    assert elements_of(data)


def test_a_number_without_end_and_a_key_that_is_none_are_no_json() -> None:
    assert error_of(b"[" + b"9" * (2 * LARGEST_VALUE) + b"]") == "The file is not valid JSON from line 1, column 2 on."
    stream = stream_of(b'{"\\x":1}')
    assert [(key, stream.value()) for key in stream.members()] == [("", b"1")]


@pytest.mark.parametrize("data", [b'{"a" 1}', b"{a:1}", b'{"a":1 ]'])
def test_an_object_that_is_broken_between_its_members_is_no_json(data: bytes) -> None:
    stream = stream_of(data)
    with pytest.raises(UnreadableFileError, match="not valid JSON"):
        for _ in stream.members():
            stream.value()


def test_nesting_that_has_no_end_is_a_file_cut_off() -> None:
    assert "cut off" in error_of(b'[{"a":' * 20_000)


def test_the_first_element_comes_before_the_rest_is_read() -> None:
    source = Counted(b'[{"a":1}' + b',{"a":1}' * 500_000 + b"]")
    stream = JsonStream(source)
    assert next(stream.elements()) == b'{"a":1}'
    assert source.given < 1_000_000


def test_memory_stays_flat() -> None:
    source = Counted(b'[{"a":1}' + b',{"a":"%s"}' % (b"x" * 400) * 50_000 + b"]")
    tracemalloc.start()
    stream = JsonStream(source)
    assert sum(1 for _ in stream.elements()) == 50_001
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3_000_000


def test_a_stream_that_gives_little_at_a_time_is_read_all_the_same() -> None:
    stream = JsonStream(Trickle(json.dumps([{"a": "long text"}] * 1000).encode()))
    assert sum(1 for _ in stream.elements()) == 1000
