"""Karakeep's export."""

import io
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from imports.formats import json_lists, karakeep
from imports.formats.base import Notice, ParsedItem, RejectedItem
from imports.formats.head import make_head

SAMPLE = Path(__file__).parents[2] / "samples/karakeep/lists-last.json"


def test_the_sample_comes_with_the_path_of_its_first_list_that_is_no_query() -> None:
    with SAMPLE.open("rb") as stream:
        listed, note, upload = karakeep.parse(stream)
    assert isinstance(listed, ParsedItem)
    assert (listed.url, listed.title, listed.description) == ("https://listed.example/", "Listed", "Note")
    assert (listed.tags, listed.folders, listed.archived) == (("one", "two", "Parent"), ("Parent", "Child"), True)
    assert listed.created == datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert isinstance(note, RejectedItem)
    assert (note.reason, note.title) == ("A text note without an address.", "Buy milk")
    assert isinstance(upload, RejectedItem)
    assert upload.title == "upload.pdf"


def test_further_lists_are_tags() -> None:
    lists = [{"id": "a", "name": "A"}, {"id": "b", "name": "B", "parentId": "a"}, {"id": "c", "name": "C"}]
    entry = {"content": {"type": "link", "url": "https://x.example/"}, "tags": ["t"], "lists": ["c", "gone", "b"]}
    (item,) = karakeep.parse(io.BytesIO(json.dumps({"bookmarks": [entry], "lists": lists}).encode()))
    assert isinstance(item, ParsedItem)
    assert (item.folders, item.tags) == (("C",), ("t", "B"))


def test_lists_first_or_last_are_the_same() -> None:
    value = json.loads(SAMPLE.read_bytes())
    turned = json.dumps({"lists": value["lists"], "bookmarks": value["bookmarks"]}).encode()
    with SAMPLE.open("rb") as stream:
        assert list(karakeep.parse(io.BytesIO(turned))) == list(karakeep.parse(stream))


def test_an_export_is_known_by_its_lists_if_they_fill_the_head() -> None:
    entry = {"id": "a", "name": "x" * 70_000, "icon": "x", "parentId": None}
    lists = [{"id": "a", "name": "x", "icon": "x", "parentId": None}, entry]
    assert karakeep.matches(make_head(json.dumps({"lists": lists, "bookmarks": []}).encode()))


def test_older_exports_without_lists_are_read() -> None:
    entry = {"createdAt": "2024-01-02T03:04:05Z", "content": {"type": "link", "url": "https://x.example/"}}
    data = json.dumps({"bookmarks": [entry, 3]}).encode()
    item, bare = karakeep.parse(io.BytesIO(data))
    assert isinstance(item, ParsedItem)
    assert (item.folders, item.created) == ((), datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC))
    assert isinstance(bare, RejectedItem)


def test_more_lists_than_are_kept_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_lists, "MAX_LISTS", 1)
    with SAMPLE.open("rb") as stream:
        notice, item, *_ = karakeep.parse(stream)
    assert isinstance(notice, Notice)
    assert isinstance(item, ParsedItem)
    assert item.folders == ("Child",)
