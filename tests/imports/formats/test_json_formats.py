"""What holds for every JSON format: the real exports, detection, cut-off files, and values of any type."""

import csv
import io
import json
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imports.formats import (
    chrome,
    delicious,
    elcurator,
    firefox,
    goodlinks,
    karakeep,
    linkding_json,
    linkwarden,
    misskey_favorites,
    omnivore,
    pinboard_json,
    pocket_api,
    readability,
    tab_session_manager,
    wallabag_v1,
    wallabag_v2,
)
from imports.formats.base import Format, Parsed, ParsedItem, RejectedItem, UnreadableFileError
from imports.formats.head import make_head

OWN_SAMPLES = Path(__file__).parents[2] / "samples"
REAL_SAMPLES = Path(__file__).parents[4] / "shared/samples"

FORMATS: dict[str, Format] = {
    "chrome-json": chrome,
    "delicious-json": delicious,
    "elcurator-json": elcurator,
    "firefox-json": firefox,
    "goodlinks-json": goodlinks,
    "karakeep-json": karakeep,
    "linkding-json": linkding_json,
    "linkwarden-json": linkwarden,
    "misskey-favorites": misskey_favorites,
    "omnivore-json": omnivore,
    "pinboard-json": pinboard_json,
    "pocket-api-json": pocket_api,
    "readability-json": readability,
    "tab-session-manager-json": tab_session_manager,
    "wallabag-v1-json": wallabag_v1,
    "wallabag-v2-json": wallabag_v2,
}
READ_TWICE = {chrome, firefox, karakeep, linkwarden}
every_format = pytest.mark.parametrize("chosen", FORMATS.values(), ids=lambda chosen: chosen.NAME)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)


def own_sample(chosen: Format) -> bytes:
    (path,) = (OWN_SAMPLES / chosen.NAME).iterdir()
    return path.read_bytes()


def parse(chosen: Format, data: bytes) -> list[Parsed]:
    return list(chosen.parse(io.BytesIO(data)))


def manifest() -> list[dict[str, str]]:
    path = REAL_SAMPLES / "MANIFEST.tsv"
    if not path.exists():
        return []
    with path.open(encoding="utf-8") as file:
        return [row for row in csv.DictReader(file, delimiter="\t") if row["format"] in FORMATS]


def scheme(url: str) -> str:
    """Return the scheme as the manifest names it."""
    parts = urlsplit(url)
    if parts.scheme in {"http", "https"}:
        return parts.scheme if parts.netloc else "malformed-http"
    return parts.scheme


@pytest.mark.skipif(not REAL_SAMPLES.exists(), reason="The real exports are not beside the project.")
@pytest.mark.parametrize("row", manifest(), ids=lambda row: row["path"])
def test_real_exports_hold_what_the_manifest_counts(row: dict[str, str]) -> None:
    chosen = FORMATS[row["format"]]
    data = (REAL_SAMPLES / row["path"]).read_bytes()
    if row["confidence"] == "must-reject":
        with pytest.raises(UnreadableFileError):
            parse(chosen, data)
        return
    schemes = [scheme(item.url) for item in parse(chosen, data) if isinstance(item, ParsedItem)]
    bookmarks = [name for name in schemes if name in {"http", "https"}]
    others = {name: schemes.count(name) for name in schemes if name not in {"http", "https"}}
    assert len(bookmarks) in {int(row["expected_bookmarks"]), *alternatives(row)}
    assert others == json.loads(row["non_http_items"] or "{}")
    assert [name for name, candidate in FORMATS.items() if candidate.matches(make_head(data))] == [row["format"]]


def alternatives(row: dict[str, str]) -> Iterator[int]:
    """Yield the other count a policy may arrive at, as the notes give it."""
    if row["confidence"] == "policy" and (match := re.search(r"lenient (\d+)", row["notes"])):
        yield int(match[1])


@every_format
def test_each_format_recognises_its_own_sample_and_no_other(chosen: Format) -> None:
    head = make_head(own_sample(chosen))
    assert [candidate.NAME for candidate in FORMATS.values() if candidate.matches(head)] == [chosen.NAME]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"[1, null, []]",
        b'[{"url": "https://x.example/"}]',
        b'[{"type": "Note", "url": "https://x.example/"}]',
        b'{"type": "Collection", "items": [{"type": "Link", "href": "https://x.example/"}]}',
        b'{"list": "x", "lists": 3, "posts": {}, "bookmarks": null, "collections": [], "roots": [], "results": 1}',
        b"<!DOCTYPE NETSCAPE-Bookmark-file-1>",
        b"url,title\nhttps://x.example/,X\n",
        b"\x89PNG\r\n\x1a\n",
    ],
)
def test_no_format_claims_what_is_not_its_own(data: bytes) -> None:
    assert [chosen.NAME for chosen in FORMATS.values() if chosen.matches(make_head(data))] == []


@every_format
def test_names_and_sentences_are_there_for_people(chosen: Format) -> None:
    assert re.fullmatch(r"[a-z0-9-]+", chosen.NAME)
    assert chosen.LABEL
    assert chosen.WHERE.endswith(".")


@every_format
def test_a_file_cut_off_anywhere_gives_whole_items_and_then_says_so(chosen: Format) -> None:
    data = own_sample(chosen).rstrip()
    whole = parse(chosen, data)
    for end in range(len(data)):
        items = list(until_error(chosen, data[:end]))
        assert [address(item) for item in items] == [address(item) for item in whole[: len(items)]]


def until_error(chosen: Format, data: bytes) -> Iterator[Parsed]:
    with pytest.raises(UnreadableFileError) as caught:
        yield from chosen.parse(io.BytesIO(data))
    assert str(caught.value).endswith(".")


def address(item: Parsed) -> tuple[str, str]:
    assert isinstance(item, ParsedItem | RejectedItem)
    return item.url, item.title


@every_format
def test_a_stream_that_cannot_go_back_gives_the_same(chosen: Format) -> None:
    class OneWay(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def seek(self, *_: object) -> int:
            raise io.UnsupportedOperation

    data = own_sample(chosen)
    assert list(chosen.parse(OneWay(data))) == parse(chosen, data)


@every_format
@pytest.mark.parametrize("step", [1, 7, 100])
def test_the_size_of_the_reads_changes_nothing(chosen: Format, step: int) -> None:
    class Slow(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(min(size or 0, step))

    data = own_sample(chosen)
    assert list(chosen.parse(Slow(data))) == parse(chosen, data)


@pytest.mark.parametrize(
    "chosen", [chosen for chosen in FORMATS.values() if chosen not in READ_TWICE], ids=lambda chosen: chosen.NAME
)
def test_the_first_item_is_there_before_the_rest_is_read(chosen: Format) -> None:
    class Counting(io.BytesIO):
        given = 0

        def read(self, size: int | None = -1, /) -> bytes:
            data = super().read(size)
            self.given += len(data)
            return data

    stream = Counting(repeated(json.loads(own_sample(chosen))))
    assert next(chosen.parse(stream))
    assert stream.given <= 128 * 1024


def repeated(value: object) -> bytes:
    """Return an export of the same shape with a megabyte of entries."""
    if isinstance(value, dict):
        key = next(key for key in ("list", "bookmarks", "results") if key in value)
        entries = value[key]
        if isinstance(entries, dict):
            entry = json.dumps(next(iter(entries.values())))
            return b'{"%s": {%s}}' % (key.encode(), ", ".join(f'"{n}": {entry}' for n in range(5000)).encode())
        return b'{"%s": %s}' % (key.encode(), json.dumps(entries[:1] * 5000).encode())
    assert isinstance(value, list)
    return json.dumps(value[:1] * 5000).encode()


@every_format
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_values_of_any_type_anywhere_lead_to_no_other_error(chosen: Format, data: st.DataObject) -> None:
    value = json.loads(own_sample(chosen))
    for _ in range(data.draw(st.integers(1, 4))):
        value = mutated(value, data)
    raw = json.dumps(value).encode()
    chosen.matches(make_head(raw))
    with suppress(UnreadableFileError):
        for item in parse(chosen, raw):
            check_types(item)


def mutated(value: object, data: st.DataObject) -> object:
    """Return the value with one of its parts, anywhere in it, replaced by any JSON value."""
    if isinstance(value, dict) and value and data.draw(st.integers(0, 9)):
        key = data.draw(st.sampled_from(sorted(value)))
        return value | {key: mutated(value[key], data)}
    if isinstance(value, list) and value and data.draw(st.integers(0, 9)):
        index = data.draw(st.integers(0, len(value) - 1))
        return [*value[:index], mutated(value[index], data), *value[index + 1 :]]
    return data.draw(json_values)


def check_types(item: Parsed) -> None:
    if not isinstance(item, ParsedItem):
        return
    texts = (item.url, item.title, item.description, item.feed_url, item.image_url, *item.tags, *item.folders)
    assert all(isinstance(text, str) for text in texts)
    assert item.url
    for flag in (item.unread, item.archived, item.favorite, item.private):
        assert isinstance(flag, bool)


@every_format
@settings(deadline=None)
@given(data=st.binary(max_size=200))
def test_no_bytes_lead_to_any_other_error(chosen: Format, data: bytes) -> None:
    with suppress(UnreadableFileError):
        parse(chosen, data)


def broken_stream() -> BinaryIO:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            data = super().read(100 if size is None or size > 100 else size)
            if not data:
                raise UnreadableFileError("The archive is damaged.")
            return data

    return Broken(b'{"roots": {}, "list": [], "bookmarks": [], "collections": [')


@every_format
def test_a_stream_that_breaks_breaks_the_parse_with_its_own_sentence(chosen: Format) -> None:
    with pytest.raises(UnreadableFileError):
        list(chosen.parse(broken_stream()))
