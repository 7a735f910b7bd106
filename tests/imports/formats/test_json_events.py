"""JSON read piece by piece: whatever is in the document, wherever a read ends."""

import io
import json
import tracemalloc
from collections.abc import Iterator
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imports.formats import json_events
from imports.formats.base import UnreadableFileError
from imports.formats.json_events import JsonReader, elements, leading_objects, rewindable

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


class Trickle(io.RawIOBase):
    """A stream that gives a few bytes at a time, and counts them."""

    def __init__(self, data: bytes, step: int) -> None:
        self._data = io.BytesIO(data)
        self._step = step
        self.given = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data = self._data.read(self._step if size < 0 else min(size, self._step))
        self.given += len(data)
        return data


def read_all(data: bytes, *, under: tuple[str, ...] = ()) -> list[object]:
    return list(elements(io.BytesIO(data), under=under))


@settings(deadline=None)
@given(st.lists(json_values, max_size=5), st.integers(1, 7), st.sampled_from([None, 1]), st.booleans())
def test_any_list_comes_back_whatever_the_size_of_the_reads(
    values: list[object], step: int, indent: int | None, is_ascii: bool
) -> None:
    data = json.dumps(values, indent=indent, ensure_ascii=is_ascii).encode("utf-8", "surrogatepass")
    assert list(elements(Trickle(data, step))) == json.loads(data.decode("utf-8", "replace"))  # type: ignore[arg-type] # RawIOBase has what is used of BinaryIO


@settings(deadline=None)
@given(st.binary(max_size=60) | st.text(alphabet='[]{}",:\\u0123456789-+.eE truefalsn\n', max_size=60).map(str.encode))
def test_no_bytes_lead_to_any_other_error(data: bytes) -> None:
    for under in ((), ("", "a")):
        with suppress(UnreadableFileError):
            read_all(data, under=under)


def test_values_are_found_under_keys_of_an_object_and_nowhere_else() -> None:
    data = (
        b'{"x": [1], "list": [2, {"list": [3]}], "y": {"list": [4]}, "z": 5, "other": {"a": 6, "b": [7]}, "n": null}'
    )
    assert read_all(data, under=("list", "other", "n")) == [2, {"list": [3]}, 6, [7]]


def test_an_escaped_key_is_the_key_it_spells() -> None:
    assert read_all(rb'{"l\u0069st": [1], "a\"b": [2]}', under=("list", 'a"b')) == [1, 2]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('["a\nb\tc"]', ["a\nb\tc"]),
        ('["a\x00b", "\\u0000"]', ["a\x00b", "\x00"]),
        ('["\\ud800", "\\udc00x", "\\ud83d\\ude00"]', ["\ud800", "\udc00x", "\U0001f600"]),
        ("[1,,2,]", [1, 2]),
        ('[{"a": 1, "a": 2}]', [{"a": 2}]),
        ("[NaN, Infinity, -Infinity, 1e400]", [None, None, None, float("inf")]),
        ("[" + "9" * 10_000 + ", -" + "9" * 10_000 + ", 1." + "3" * 10_000 + "]", [None, None, 4 / 3]),
        ("\ufeff[1]", [1]),
        (" \n\t[ 1 ] \n\x00\x00", [1]),
    ],
)
def test_what_strict_readers_refuse_is_read(text: str, expected: list[object]) -> None:
    assert read_all(text.encode("utf-8", "surrogatepass")) == expected


def test_invalid_utf_8_is_replaced() -> None:
    assert read_all(b'["a\xff\xc3"]') == ["a\ufffd\ufffd"]


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "The file is empty."),
        (b" \n ", "The file is empty."),
        (b"3", "The file does not hold a list of bookmarks."),
        (b'{"a": 1}', "The file does not hold a list of bookmarks."),
        (b'[1,\n {"a": "b', "The file is cut off: it ends in the middle, at line 2, character 10."),
        (b"[1, 2", "The file is cut off: it ends in the middle, at line 1, character 6."),
        (b"[1,\n2,\n x]", "The file is not valid JSON from line 3, character 2 on."),
        (b'[{"a" 1}]', "The file is not valid JSON from line 1, character 7 on."),
        (
            b'[1] {"a": 2}',
            "The list of bookmarks ends at line 1, character 5, but the file goes on with something else.",
        ),
        (b"[" * 100_000, "The file nests its data too deeply to be an export of bookmarks."),
        (b'[{"a":' * 100_000, "The file nests its data too deeply to be an export of bookmarks."),
    ],
)
def test_a_broken_document_is_named_for_what_it_is(data: bytes, sentence: str) -> None:
    with pytest.raises(UnreadableFileError) as caught:
        read_all(data)
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    "data", [b'{"a": [1], b: 2}', b'{"a": [1] "b', b'{"a', b'{"a": [1], "b" 2}', b'{"a": [1], "\\q": 2}']
)
def test_a_broken_object_gives_what_comes_before_the_break(data: bytes) -> None:
    values: list[object] = []
    with pytest.raises(UnreadableFileError):
        values.extend(elements(io.BytesIO(data), under=("a",)))
    read = [1] if b"1" in data else []
    assert list(_until_error(elements(io.BytesIO(data), under=("a",)))) == read


def _until_error(values: Iterator[object]) -> Iterator[object]:
    try:
        yield from values
    except UnreadableFileError:
        return


def test_elements_come_before_a_break_that_is_in_the_same_read() -> None:
    data = b'[{"a": 1}, {"b": 2}, {"c": \\}]'
    assert list(_until_error(elements(io.BytesIO(data)))) == [{"a": 1}, {"b": 2}]


def test_the_first_element_is_there_before_the_rest_is_read() -> None:
    stream = Trickle(b"[" + b'{"a": "b"},' * 100_000, 1000)
    assert next(elements(stream)) == {"a": "b"}  # type: ignore[arg-type] # as above
    assert stream.given <= 2000


def test_an_endless_element_ends_at_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_events, "MAX_ELEMENT_CHARACTERS", 1024 * 1024)
    with pytest.raises(UnreadableFileError, match="larger than 1 MB"):
        read_all(b'["' + b"x" * 4_000_000)


def test_an_endless_key_is_no_key() -> None:
    with pytest.raises(UnreadableFileError, match="not valid JSON"):
        read_all(b'{"' + b"x" * 1_000_000, under=("x",))


def test_memory_does_not_grow_with_the_file() -> None:
    def peak(count: int) -> int:
        data = b"[" + b",".join([b'{"a": "%s"}' % (b"x" * 100)] * count) + b"]"
        tracemalloc.start()
        for _ in elements(io.BytesIO(data)):
            pass
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return size

    assert peak(20_000) < peak(2_000) + 300_000


def test_skipping_passes_over_any_value() -> None:
    reader = JsonReader(io.BytesIO(b'[{"a": [1, {"b": 2}]}, [3], "4", 5, 6]'))
    assert reader.peek() == "["
    reader.enter()
    for _ in range(4):
        assert reader.has_element()
        reader.skip()
    assert reader.has_element()
    assert reader.value() == 6
    assert not reader.has_element()


def test_a_stream_that_cannot_go_back_is_copied() -> None:
    with rewindable(Trickle(b"[1]", 2)) as copy:  # type: ignore[arg-type] # as above
        assert copy.read() == b"[1]"
        copy.seek(0)
        assert copy.read() == b"[1]"


def test_a_stream_that_can_go_back_is_left_alone() -> None:
    stream = io.BytesIO(b"[1]")
    with rewindable(stream) as same:
        assert same is stream
    assert not stream.closed


def test_a_copy_of_a_stream_that_breaks_ends_at_the_break() -> None:
    class Breaking(Trickle):
        def read(self, size: int = -1) -> bytes:
            if self.given:
                raise UnreadableFileError("The archive is damaged.")
            return super().read(size)

    with rewindable(Breaking(b"[1, 2]", 3)) as copy:  # type: ignore[arg-type] # as above
        assert copy.read() == b"[1,"


def test_leading_objects_are_the_first_few_and_only_objects() -> None:
    assert leading_objects([1, {"a": 1}, None, {"b": 2}, [], {"c": 3}]) == [{"a": 1}, {"b": 2}]
    assert leading_objects({"x": [{"a": 1}]}, under="x") == [{"a": 1}]
    assert leading_objects({"x": {"id": {"a": 1}}}, under="x") == [{"a": 1}]
    assert leading_objects({"a": {"b": 1}}) == []
    assert leading_objects("text", under="x") == []
