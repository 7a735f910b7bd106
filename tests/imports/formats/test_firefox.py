"""Firefox's backups, old and new, plain and compressed."""

import io
import json
from datetime import UTC, datetime
from pathlib import Path

import lz4.block
import pytest

from imports.formats import firefox
from imports.formats.base import ParsedItem, RejectedItem, UnreadableFileError
from imports.formats.head import make_head

SAMPLE = Path(__file__).parents[2] / "samples/firefox-json/with-tags-root.json"
MAGIC = b"mozLz40\0"


def compressed(data: bytes, *, size: int | None = None) -> bytes:
    block: bytes = lz4.block.compress(data, store_size=False)
    return MAGIC + (len(data) if size is None else size).to_bytes(4, "little") + block


def parse(data: bytes) -> list[object]:
    return list(firefox.parse(io.BytesIO(data)))


def tree(*children: object, **fields: object) -> bytes:
    return json.dumps({"type": "text/x-moz-place-container", "children": children, **fields}).encode()


def test_the_sample_comes_with_tags_of_both_kinds_folders_dates_and_notes() -> None:
    tagged, query, numbered, feed = parse(SAMPLE.read_bytes())
    assert isinstance(tagged, ParsedItem)
    assert (tagged.url, tagged.title, tagged.description) == ("https://tagged.example/", "Tagged", "A note")
    assert tagged.tags == ("own", "shared", "from the root")
    assert tagged.folders == ()
    assert tagged.created == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    assert tagged.updated == datetime(2023, 11, 14, 22, 15, tzinfo=UTC)
    assert isinstance(query, ParsedItem)
    assert (query.url, query.folders) == ("place:sort=8", ("Folder",))
    assert isinstance(numbered, ParsedItem)
    assert (numbered.url, numbered.tags) == ("https://number.example/", ("from the root",))
    assert isinstance(feed, RejectedItem)
    assert (feed.reason, feed.url) == ("A live bookmark: a feed, not a page.", "https://feed.example/")


def test_a_compressed_backup_holds_the_same() -> None:
    data = SAMPLE.read_bytes()
    assert parse(compressed(data)) == parse(data)
    assert firefox.matches(make_head(compressed(data)))


def test_roots_are_known_by_each_of_their_marks_and_by_name_only_at_the_top() -> None:
    place = {"type": "text/x-moz-place", "uri": "https://x.example/"}
    kind = "text/x-moz-place-container"
    roots: list[dict[str, object]] = [
        {"root": "bookmarksMenuFolder"},
        {"guid": "unfiled_____"},
        {"annos": [{"name": "mobile/bookmarksRoot", "value": 1}]},
        {"title": "Weitere Lesezeichen"},
    ]
    for root in roots:
        folder = {"title": "Weitere Lesezeichen", "type": kind, "children": [place]}
        (item,) = parse(tree({"title": "Root", "type": kind, "children": [folder], **root}))
        assert isinstance(item, ParsedItem)
        assert item.folders == ("Weitere Lesezeichen",)


def test_sorted_keys_change_nothing() -> None:
    data = SAMPLE.read_bytes()
    ordered = json.dumps(json.loads(data), sort_keys=True).encode()
    assert parse(ordered) == parse(data)
    padding = {"title": "x" * 70_000, "type": "text/x-moz-place", "uri": "https://x.example/"}
    long = json.dumps(json.loads(tree({"type": "text/x-moz-place"}, padding)), sort_keys=True)
    assert firefox.matches(make_head(long.encode()))


def test_an_entry_without_a_kind_is_a_bookmark_if_it_has_an_address() -> None:
    items = parse(
        tree({"uri": "https://x.example/"}, {"title": "Nothing"}, {"type": "text/x-moz-place"}, 7, {"typeCode": 9})
    )
    assert isinstance(items[0], ParsedItem)
    assert [item.reason for item in items if isinstance(item, RejectedItem)] == [
        "An entry of a kind that Firefox does not know, which Firefox leaves out as well.",
        "A bookmark without an address.",
        "An entry that is not a bookmark but a bare value.",
        "An entry of a kind that Firefox does not know, which Firefox leaves out as well.",
    ]


def test_folders_and_separators_are_no_items() -> None:
    kinds = ("text/x-moz-place-container", "text/x-moz-place-separator")
    assert parse(tree(*({"type": kind} for kind in kinds), {"typeCode": 2}, {"typeCode": 3})) == []


def test_a_declared_size_above_the_bound_is_refused_before_any_memory_is_taken() -> None:
    with pytest.raises(UnreadableFileError, match="larger than 64 MB"):
        parse(compressed(b"{}", size=firefox.MAX_DECOMPRESSED_BYTES + 1))


@pytest.mark.parametrize(
    "data",
    [
        MAGIC,
        MAGIC + b"\x05",
        MAGIC + b"\x10\0\0\0",
        MAGIC + b"\x10\0\0\0garbage",
        compressed(SAMPLE.read_bytes())[:-5],
        compressed(SAMPLE.read_bytes(), size=10),
    ],
)
def test_a_damaged_block_is_refused(data: bytes) -> None:
    with pytest.raises(UnreadableFileError):
        parse(data)


def test_more_tagged_addresses_than_are_kept_lose_only_their_tags(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(firefox, "MAX_FOLDERS", 1)
    items = [item for item in parse(SAMPLE.read_bytes()) if isinstance(item, ParsedItem)]
    assert [item.tags for item in items] == [("own", "shared", "from the root"), (), ()]


def test_roots_without_marks_are_known_by_the_names_that_firefox_gives_them() -> None:
    page = {"type": "text/x-moz-place", "uri": "https://x.example/"}
    inner = {"type": "text/x-moz-place-container", "title": "menu", "children": [page]}
    items = parse(tree({"type": "text/x-moz-place-container", "title": "menu", "children": [page, inner]}))
    assert [item.folders for item in items if isinstance(item, ParsedItem)] == [(), ("menu",)]
