"""Linkwarden's export."""

import io
from datetime import UTC, datetime
from pathlib import Path

import pytest

from imports.formats import json_lists, linkwarden
from imports.formats.base import Notice, ParsedItem, RejectedItem

SAMPLE = Path(__file__).parents[2] / "samples/linkwarden/backup.json"


def test_the_sample_comes_with_paths_pins_and_the_date_before_the_import() -> None:
    with SAMPLE.open("rb") as stream:
        pinned, upload, orphan, loop, loose = linkwarden.parse(stream)
    assert isinstance(pinned, ParsedItem)
    assert (pinned.url, pinned.title, pinned.description) == ("https://pinned.example/", "Pinned", "Note")
    assert (pinned.tags, pinned.folders, pinned.favorite) == (("one",), ("Parent", "Child"), True)
    assert pinned.created == datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert pinned.updated == datetime(2024, 2, 2, 3, 4, 5, tzinfo=UTC)
    assert "textContent" not in str(pinned.source)
    assert isinstance(upload, RejectedItem)
    assert upload.title == "upload.pdf"
    assert [item.folders for item in (orphan, loop, loose) if isinstance(item, ParsedItem)] == [
        ("Orphan",),
        ("Own ancestor",),
        (),
    ]
    assert isinstance(orphan, ParsedItem)
    assert not orphan.favorite


def test_what_is_no_collection_and_no_link_is_rejected_and_the_rest_is_read() -> None:
    data = (
        b'{"x": [1], "collections": [3, {"links": [4, {"url": "https://x.example/"}], "name": "Late", "id": 1},'
        b' {"links": null}, {"links": {"url": "https://y.example/"}}], "pinnedLinks": [5, {"id": null}]}'
    )
    first, second, item = linkwarden.parse(io.BytesIO(data))
    assert isinstance(first, RejectedItem)
    assert isinstance(second, RejectedItem)
    assert (first.source, second.source) == (3, 4)
    assert isinstance(item, ParsedItem)
    assert (item.folders, item.favorite) == (("Late",), False)


def test_collections_that_are_no_list_hold_nothing() -> None:
    assert list(linkwarden.parse(io.BytesIO(b'{"collections": {"links": []}}'))) == []


def test_more_collections_than_are_kept_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_lists, "MAX_LISTS", 1)
    with SAMPLE.open("rb") as stream:
        notice, item, *_ = linkwarden.parse(stream)
    assert isinstance(notice, Notice)
    assert "more than 1 folders" in notice.text
    assert isinstance(item, ParsedItem)
    assert item.folders == ("Child",)
