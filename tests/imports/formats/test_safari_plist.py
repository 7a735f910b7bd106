"""Safari's property list, XML and binary."""

import io
import plistlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from imports.formats import safari_plist
from imports.formats.base import ParsedItem, UnreadableFileError
from imports.formats.head import make_head

SAMPLES = Path(__file__).parents[2] / "samples/safari-plist"
FILES = ["Bookmarks.plist", "Bookmarks.binary.plist"]
KINDS = [plistlib.FMT_XML, plistlib.FMT_BINARY]
both_kinds = pytest.mark.parametrize("kind", KINDS, ids=["XML", "binary"])
NEW_YEAR = datetime(2024, 1, 1, tzinfo=UTC)


def read(data: bytes) -> list[Any]:
    return list(safari_plist.parse(io.BytesIO(data)))


def read_up_to_error(data: bytes) -> tuple[list[Any], str]:
    items: list[Any] = []
    try:
        items.extend(safari_plist.parse(io.BytesIO(data)))
    except UnreadableFileError as error:
        return items, str(error)
    return items, ""


def folder(title: str, *children: dict[str, Any]) -> dict[str, Any]:
    return {"WebBookmarkType": "WebBookmarkTypeList", "Title": title, "Children": list(children)}


def leaf(url: str, **more: Any) -> dict[str, Any]:
    return {
        "WebBookmarkType": "WebBookmarkTypeLeaf",
        "URLString": url,
        "URIDictionary": {"title": url.upper()},
        **more,
    }


@pytest.mark.parametrize("name", FILES)
def test_folders_titles_and_the_reading_list_are_read_from_either_kind(name: str) -> None:
    ferries, oslo, later, seen = read((SAMPLES / name).read_bytes())
    assert (ferries.url, ferries.title) == ("https://example.com/ferries?a=1&b=2", "Ferries & trains")
    assert (ferries.folders, ferries.unread, ferries.created) == ((), False, None)
    assert (oslo.title, oslo.folders) == ("Oslo", ("North",))
    assert later == ParsedItem(
        url="https://example.com/later",
        title="Later",
        description="It begins so",
        created=NEW_YEAR,
        unread=True,
        image_url="https://example.com/later.jpg",
        source=later.source,
    )
    assert (seen.unread, seen.created, seen.folders) == (False, datetime(2024, 1, 2, tzinfo=UTC), ())


@both_kinds
def test_a_root_folders_name_below_another_folder_is_a_persons_choice(kind: plistlib.PlistFormat) -> None:
    tree = folder("", folder("Mine", folder("Reading List", leaf("a"))), folder("BookmarksMenu", leaf("b")), leaf("c"))
    items = read(plistlib.dumps(tree, fmt=kind))
    assert [(item.url, item.folders) for item in items] == [("a", ("Mine", "Reading List")), ("b", ()), ("c", ())]


@both_kinds
def test_values_of_other_types_and_unknown_nodes_are_passed_over(kind: plistlib.PlistFormat) -> None:
    tree = folder(
        "",
        leaf("a", WebBookmarkUUID="u", URIDictionary="no dictionary", Title=" T ", ReadingList=[1], imageURL=3),
        {"WebBookmarkType": "WebBookmarkTypeLeaf", "Data": b"\0\1", "Flag": True, "Number": 1.5},
        {"Children": "no list", "Title": "x"},
        {"Title": 7, "Children": [leaf("b"), "text", 3]},
        leaf("c", ReadingListNonSync={"PreviewText": "p"}, URIDictionary={}),
    )
    items = read(plistlib.dumps(tree, fmt=kind))
    assert [(item.url, item.title, item.description) for item in items] == [
        ("a", "T", ""),
        ("", "", ""),
        ("b", "B", ""),
        ("c", "", "p"),
    ]


def test_a_folder_whose_title_comes_first_is_read_as_well() -> None:
    tree = folder("", folder("Mine", leaf("a")))
    (item,) = read(plistlib.dumps(tree, sort_keys=False))
    assert item.folders == ("Mine",)


def test_absurd_depth_is_refused() -> None:
    _, error = read_up_to_error(b"<plist>" + b"<dict><key>Children</key><array>" * 9_999)
    assert error == "The property list is nested too deeply to be one of Safari's."


@both_kinds
def test_a_path_of_absurd_depth_is_cut(kind: plistlib.PlistFormat) -> None:
    tree = leaf("a")
    for _ in range(150):
        tree = folder("f", tree)
    (item,) = read(plistlib.dumps(tree, fmt=kind))
    assert item.folders == ("f",) * 100


def test_entities_of_a_document_type_are_not_expanded() -> None:
    plain = plistlib.dumps(folder("", leaf("a"))).decode()
    _, doctype, rest = plain.partition("<plist")
    markup = f'<!DOCTYPE plist [<!ENTITY b "bbb"><!ENTITY x SYSTEM "file:///etc/hostname">]>{doctype}{rest}'
    (item,) = read(markup.replace("<string>A</string>", "<string>&b;&x;&amp;amp;</string>").encode())
    assert item.title == "&b;&x;&amp;"


def test_an_xml_file_cut_off_gives_what_is_complete_and_says_where() -> None:
    whole = (SAMPLES / "Bookmarks.plist").read_bytes()
    urls = [item.url for item in read(whole)]
    for end in range(len(whole) - len("</plist>\n")):
        items, error = read_up_to_error(whole[:end])
        assert [item.url for item in items] == urls[: len(items)]
        assert error.startswith(f"The file breaks off after item {len(items)};")


def test_what_was_complete_in_open_folders_is_not_lost_when_the_file_breaks() -> None:
    tree = folder("", folder("Mine", leaf("a"), folder("Inner", leaf("b")), leaf("c")))
    whole = plistlib.dumps(tree)
    items, error = read_up_to_error(whole[: whole.index(b"<string>c</string>")])
    assert [(item.url, item.folders) for item in items] == [("a", ()), ("b", ("Inner",))]
    assert error


def test_a_binary_file_cut_off_anywhere_is_refused() -> None:
    whole = (SAMPLES / "Bookmarks.binary.plist").read_bytes()
    for end in range(8, len(whole)):
        items, error = read_up_to_error(whole[:end])
        assert (items, bool(error)) == ([], True)


def test_a_binary_file_whose_folders_contain_themselves_ends() -> None:
    # A root dictionary {"Children": [...]} whose list holds a folder that has the same list as its children.
    objects = [b"\xd1\x01\x02", b"\x58Children", b"\xa1\x03", b"\xd1\x01\x02"]
    body, offsets = b"bplist00", []
    for item in objects:
        offsets.append(len(body))
        body += item
    table = len(body)
    body += (
        bytes(offsets) + bytes(6) + bytes([1, 1]) + b"".join(n.to_bytes(8, "big") for n in (len(objects), 0, table))
    )
    items, error = read_up_to_error(body)
    assert (items, error) == ([], "The property list contains itself.")


@pytest.mark.parametrize("value", [["a"], {"Title": "x"}, {"Children": "x"}, {}])
@both_kinds
def test_another_property_list_is_refused_or_empty(kind: plistlib.PlistFormat, value: Any) -> None:
    items, error = read_up_to_error(plistlib.dumps(value, fmt=kind))
    assert items == []
    assert error == "This property list holds no Safari bookmarks." or "Children" in value


@pytest.mark.parametrize("name", FILES)
def test_a_file_above_its_limit_is_refused_with_the_limit(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(safari_plist, "_MAX_BINARY_BYTES", 500)
    monkeypatch.setattr(safari_plist, "_MAX_XML_BYTES", 1_000)
    items, error = read_up_to_error((SAMPLES / name).read_bytes())
    assert items == []
    assert "this one is larger" in error


@pytest.mark.parametrize(
    "markup",
    [
        b"<plist><string>x</string><key>k</key></dict></array><dict><key>Children</key></dict></plist>",
        b"<plist><array><dict><key>Children</key><string>x</string></dict></array></plist>",
        b"<plist><dict><key>Children</key><array>x</string></array></dict></plist>",
    ],
)
def test_stray_values_and_ends_do_not_matter(markup: bytes) -> None:
    assert read(markup) == []


def test_safaris_own_keys_tell_the_format() -> None:
    for name in FILES:
        assert safari_plist.matches(make_head((SAMPLES / name).read_bytes()))
    assert not safari_plist.matches(make_head(plistlib.dumps({"a": 1})))
    assert not safari_plist.matches(make_head(plistlib.dumps({"a": 1}, fmt=plistlib.FMT_BINARY)))
    assert not safari_plist.matches(make_head(b"<html><plist>WebBookmark"))
    assert safari_plist.matches(make_head(b"bplist00" + b"\x50" * (1 << 16)))
