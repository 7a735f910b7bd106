"""What every format keeps to, whatever its files look like; each registered format runs through all of it."""

import html
import io
import itertools
import re
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from imports.formats import registry
from imports.formats.base import Format, Notice, ParsedItem, RejectedItem, UnreadableFileError
from imports.formats.head import make_head
from imports.formats.reading import open_export
from tests.imports.formats.shapes import SHAPES

SAMPLES = Path(__file__).parents[2] / "samples"
OWN_SAMPLES = [(each, path) for each in registry.FORMATS for path in sorted((SAMPLES / each.NAME).glob("*"))]
every_format = pytest.mark.parametrize("each", registry.FORMATS, ids=lambda each: each.NAME)
# A format without a shape yet is tested on its samples alone.
SHAPED = [each for each in registry.FORMATS if each.NAME in SHAPES]
every_shape = pytest.mark.parametrize("each", SHAPED, ids=lambda each: each.NAME)
every_sample = pytest.mark.parametrize(
    ("each", "path"), OWN_SAMPLES, ids=[f"{each.NAME}/{path.name}" for each, path in OWN_SAMPLES]
)
# Folders or lists may be named after what is in them, so these files are read once to the end beforehand.
READ_AHEAD = ("chrome-json", "firefox-json", "linkwarden", "karakeep")

HOSTILE = [
    ("https://example.org/?a=1&b=2", "Fish & chips <b>bold</b>"),
    ("javascript:alert(1)", "<script>alert(1)</script>"),
    ("https://example.org/'\"><img src=x onerror=alert(1)>", '" onmouseover="alert(1)'),
    ("https://example.org/%00%ff", "{{ 7 * 7 }} ${7*7} %s %(name)s"),
    ("https://example.org/\u202egnp.exe", "ﷺ 🏳️‍🌈 e\u0301 \u200b \u2028."),
    ("https://example.org/" + "a" * 9000, "long " * 20),
    ("__class__.__init__", "self"),
]


class Slow(io.RawIOBase):
    """A stream that cannot seek, hands out little at a time, and counts what was read."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self.position = 0
        self._data = data

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = self._data[self.position : self.position + min(len(buffer), 1 << 12)]
        buffer[: len(piece)] = piece
        self.position += len(piece)
        return len(piece)


def many(count: int) -> list[tuple[str, str]]:
    return [(f"https://example.org/{number}", f"Page {number}") for number in range(count)]


def events_of(data: bytes) -> list[Any]:
    """Everything up to the end, or to where the file breaks."""
    events: list[Any] = []
    try:
        events.extend(open_export(io.BytesIO(data)).events())
    except UnreadableFileError as error:
        events.append(error)
    return events


def items_of(events: list[Any]) -> list[Any]:
    return [event for event in events if isinstance(event, ParsedItem | RejectedItem)]


@every_format
def test_a_format_names_itself_and_has_a_sample(each: Format) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", each.NAME)
    assert each.LABEL == each.LABEL.strip() != ""
    assert len(each.WHERE) > 10
    assert each.EXTENSIONS
    assert all(extension == "" or re.fullmatch(r"\.[a-z0-9]+", extension) for extension in each.EXTENSIONS)
    assert list((SAMPLES / each.NAME).glob("*"))


@every_sample
def test_a_sample_is_recognised_by_its_content_and_read_to_the_end(each: Format, path: Path) -> None:
    export = open_export(io.BytesIO(path.read_bytes()))
    assert export.format == each.NAME
    assert any(isinstance(event, ParsedItem) for event in export.events())
    assert list(export.events()) == list(export.events())


@every_shape
def test_nothing_else_is_recognised_in_its_files(each: Format) -> None:
    head = make_head(SHAPES[each.NAME].file(many(50)))
    others = itertools.takewhile(lambda other: other is not each, registry.FORMATS)
    assert each.matches(head)
    assert not any(other.matches(head) for other in others)


@every_format
def test_other_files_are_not_recognised(each: Format) -> None:
    for data in (b"", b" \n", b"[]", b"{}", b"[1, 2]", b'{"a": null}', b"<html><p>Hello</p></html>", b"\x00\xff" * 99):
        assert not each.matches(make_head(data))


@every_shape
def test_every_item_of_a_file_comes_out_in_order(each: Format) -> None:
    pairs = many(3000)
    events = events_of(SHAPES[each.NAME].file(pairs))
    assert [(event.url, event.title) for event in events] == pairs


@every_shape
def test_hostile_texts_come_out_as_they_are_in_the_file(each: Format) -> None:
    if each.NAME in ("opera-adr", "link-lines"):
        pytest.skip("its texts are lines, which have no way to write some characters")
    items = items_of(events_of(SHAPES[each.NAME].file(HOSTILE)))
    assert [item.url for item in items] == [url for url, _ in HOSTILE]
    shown = [html.unescape(re.sub(r"\s+", " ", re.sub(r"</?\w+>", "", title))).strip() for _, title in HOSTILE]
    read = [html.unescape(re.sub(r"\s+", " ", re.sub(r"</?\w+>", "", item.title))).strip() for item in items]
    assert read == shown


@every_shape
def test_reading_is_lazy(each: Format) -> None:
    data = SHAPES[each.NAME].file(many(20_000))
    stream = Slow(data)
    parsed = each.parse(io.BufferedReader(stream, 1 << 12))
    assert isinstance(parsed, Iterator)
    assert stream.position == 0
    assert isinstance(next(parsed), ParsedItem)
    if each.NAME not in READ_AHEAD:
        assert stream.position < len(data) / 4


@every_shape
def test_memory_does_not_grow_with_the_file(each: Format) -> None:
    peaks = []
    for count in (2_000, 10_000):
        stream = io.BufferedReader(Slow(SHAPES[each.NAME].file(many(count))))
        tracemalloc.start()
        for _ in each.parse(stream):
            pass
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # Buffers may take up to a megabyte; the items kept would take four.
    assert peaks[1] < peaks[0] + 1_600_000


@every_sample
def test_a_file_cut_off_anywhere_gives_what_comes_before(each: Format, path: Path) -> None:
    data = path.read_bytes()
    whole = items_of(events_of(data))
    for end in sorted({*range(0, len(data), max(1, len(data) // 80)), *range(max(0, len(data) - 30), len(data))}):
        events = events_of(data[:end])
        assert all(isinstance(event, ParsedItem | RejectedItem | Notice | UnreadableFileError) for event in events)
        # The last two may be cut in themselves, or have lost what comes after them.
        urls = [item.url for item in items_of(events)][:-2]
        assert urls == [item.url for item in whole][: len(urls)]


@every_shape
def test_a_file_may_have_any_encoding(each: Format) -> None:
    pairs = [(f"https://example.org/{number}", f"Café {number} – “naïve”") for number in range(30)]
    data = SHAPES[each.NAME].file(pairs)
    text = data.decode()
    if text.isascii():
        text = text.replace("\\u00e9", "é").replace("\\u00ef", "ï").replace("\\u201c", "“").replace("\\u201d", "”")
        text = text.replace("\\u2013", "–")
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"):
        export = open_export(io.BytesIO(text.encode(encoding)))
        events = list(export.events())
        assert export.format == each.NAME, encoding
        assert [(event.url, event.title) for event in events if isinstance(event, ParsedItem)] == pairs, encoding


@every_shape
def test_invalid_bytes_are_replaced_and_reported(each: Format) -> None:
    data = SHAPES[each.NAME].file([("https://example.org/1", "Caf1"), *many(5)])
    data = data.replace(b"Caf1", "Café Zoë ".encode() + b"\xe9\xff")
    events = events_of(data)
    items = items_of(events)
    assert items[0].title.startswith("Café Zoë")
    assert "\ufffd" in items[0].title
    assert len(items) == 6
    assert any(isinstance(event, Notice) and re.match(r"\d places", event.text) for event in events)


def test_shapes_are_of_formats_that_there_are() -> None:
    assert SHAPES.keys() <= {each.NAME for each in registry.FORMATS}
    assert len(SHAPED) >= 30


def test_every_extension_is_offered_to_the_file_dialog() -> None:
    extensions = registry.accepted_extensions()
    assert {".html", ".json", ".csv", ".plist", ".gz", ".zip", ".tgz", ".tar"} <= set(extensions)
    assert "" not in extensions
    assert list(extensions) == sorted(set(extensions))


def test_the_table_of_formats_has_a_row_for_each() -> None:
    lines = registry.format_table().split("\n")
    assert len(lines) == 2 + len(registry.FORMATS)
    for each in registry.FORMATS:
        assert sum(f"| `{each.NAME}` |" in line for line in lines) == 1
    assert all(line.startswith("| ") and line.count(" | ") == 3 for line in lines)


def test_a_name_that_no_format_has_is_refused() -> None:
    with pytest.raises(UnreadableFileError, match="no format named"):
        registry.format_named("nonsense")
