"""Chrome's Bookmarks file."""

import io
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from imports.formats import chrome, json_tree
from imports.formats.base import Notice, ParsedItem, RejectedItem, UnreadableFileError

SAMPLE = Path(__file__).parents[2] / "samples/chrome-json/Bookmarks"


def parse(value: object) -> list[object]:
    return list(chrome.parse(io.BytesIO(json.dumps(value).encode())))


def bar(*children: object) -> dict[str, object]:
    return {"roots": {"bookmark_bar": {"children": list(children), "name": "Bar", "type": "folder"}}}


def test_the_sample_comes_with_folders_dates_and_notes() -> None:
    with SAMPLE.open("rb") as stream:
        first, deep, script, thrown_away, unsorted = chrome.parse(stream)
    saved = datetime(2024, 1, 17, 21, 20, tzinfo=UTC)
    assert isinstance(first, ParsedItem)
    assert (first.url, first.title) == ("https://bar.example/", "On the bar")
    assert (first.description, first.created, first.folders) == ("Read twice & kept", saved, ())
    assert isinstance(deep, ParsedItem)
    assert (deep.url, deep.folders, deep.created) == ("https://deep.example/", ("Outer", "Inner"), None)
    assert isinstance(script, ParsedItem)
    assert (script.url, script.folders) == ("javascript:void(0)", ("Outer",))
    assert isinstance(thrown_away, RejectedItem)
    assert (thrown_away.reason, thrown_away.title) == ("A bookmark in the browser's trash.", "Thrown away")
    assert isinstance(unsorted, ParsedItem)
    assert unsorted.folders == ()


def test_a_folder_may_be_named_before_or_after_what_it_holds() -> None:
    leaf = {"type": "url", "url": "https://x.example/"}
    for folder in (
        {"name": "F", "children": [leaf], "type": "folder"},
        {"children": [leaf], "type": "folder", "name": "F"},
    ):
        (item,) = parse(bar(folder))
        assert isinstance(item, ParsedItem)
        assert item.folders == ("F",)


def test_a_folder_without_a_name_is_no_part_of_the_path() -> None:
    (item,) = parse(bar({"name": "", "children": [{"name": "F", "children": [{"url": "https://x.example/"}]}]}))
    assert isinstance(item, ParsedItem)
    assert item.folders == ("F",)


def test_what_is_no_bookmark_says_so() -> None:
    items = parse(
        bar({"type": "url", "name": "Nothing"}, {"type": "separator", "name": "Line"}, "text", {"type": "folder"})
    )
    reasons = [item.reason for item in items if isinstance(item, RejectedItem)]
    assert reasons == [
        "A bookmark without an address.",
        "An entry that is neither a bookmark nor a folder.",
        "An entry that is not a bookmark but a bare value.",
    ]
    assert len(items) == 3


def test_a_cut_off_file_gives_what_is_whole_without_the_folder_left_open() -> None:
    data = json.dumps(bar({"children": [{"url": "https://a.example/"}, {"url": "https://b.exa"}], "name": "F"}))
    items = chrome.parse(io.BytesIO(data[: data.index("https://b.exa") + 8].encode()))
    item = next(items)
    assert isinstance(item, ParsedItem)
    assert (item.url, item.folders) == ("https://a.example/", ())
    with pytest.raises(UnreadableFileError, match="cut off"):
        next(items)


def test_a_bomb_of_folders_is_refused() -> None:
    data = b'{"roots": {"bookmark_bar": {"children": [' + b'{"children": [' * 100_000
    with pytest.raises(UnreadableFileError, match="too deeply"):
        list(chrome.parse(io.BytesIO(data)))


def test_more_folders_than_are_kept_are_told_and_cost_only_their_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(json_tree, "MAX_FOLDERS", 3)
    folders = [{"children": [{"url": f"https://{name}.example/"}], "name": name} for name in "abcd"]
    notice, *items = parse(bar(*folders))
    assert isinstance(notice, Notice)
    assert "more than 3 folders" in notice.text
    paths = [item.folders for item in items if isinstance(item, ParsedItem)]
    assert len(paths) == 4
    assert paths[0] == ("a",)
    assert paths[3] == ()
