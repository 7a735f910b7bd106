"""The services whose export is a flat list: each field of each sample, stated here by hand."""

import io
import json
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from imports.formats import (
    delicious,
    elcurator,
    goodlinks,
    linkding_json,
    misskey_favorites,
    omnivore,
    pinboard_json,
    pocket_api,
    readability,
    tab_session_manager,
    url_json,
    wallabag_v1,
    wallabag_v2,
)
from imports.formats.base import Format, Parsed, ParsedItem, RejectedItem
from imports.formats.head import make_head

SAMPLES = Path(__file__).parents[2] / "samples"
SAVED = datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)
NEXT_DAY = datetime(2024, 1, 3, 3, 4, 5, tzinfo=UTC)
ELCURATOR_SAVED = datetime(2015, 9, 9, 11, 10, 32, tzinfo=UTC)

EXPECTED: dict[Format, list[Parsed]] = {
    pinboard_json: [
        ParsedItem(
            url="https://shared.example/",
            title="Shared",
            description="A note & more",
            tags=("one", "two"),
            created=SAVED,
        ),
        ParsedItem(url="https://private.example/", unread=True, private=True),
        ParsedItem(url="https://silent.example/", title="Says nothing"),
        RejectedItem(reason="A bookmark without an address.", title="Gone"),
    ],
    delicious: [
        ParsedItem(
            url="https://private.example/",
            title="Private",
            description="Note",
            tags=("one", "two words"),
            created=SAVED,
            private=True,
        ),
        ParsedItem(url="https://public.example/", title="Public"),
    ],
    wallabag_v1: [
        ParsedItem(url="https://read.example/", title="Read", tags=("one", "two words"), archived=True, favorite=True),
        ParsedItem(url="https://unread.example/", title="Unread", unread=True),
    ],
    wallabag_v2: [
        ParsedItem(
            url="https://read.example/",
            title="Read",
            description="> what it says\nwhat I think\n\n> second",
            tags=("one", "two"),
            created=SAVED,
            updated=NEXT_DAY,
            archived=True,
            favorite=True,
            image_url="https://read.example/image.png",
        ),
        ParsedItem(url="https://unread.example/", title="Unread", created=SAVED, updated=NEXT_DAY, unread=True),
        RejectedItem(reason="An article without an address.", title="No address"),
    ],
    omnivore: [
        ParsedItem(
            url="https://archived.example/",
            title="Archived",
            description="Fish & chips",
            tags=("one", "two"),
            created=SAVED,
            updated=datetime(2024, 1, 3, 3, 4, 5, 120_000, tzinfo=UTC),
            archived=True,
            image_url="https://archived.example/image.png",
        ),
        ParsedItem(url="https://active.example/", title="Active", created=SAVED),
    ],
    tab_session_manager: [
        ParsedItem(
            url="https://tab.example/",
            title="Tab",
            tags=("work",),
            folders=("Research",),
            created=SAVED,
            private=True,
        ),
        ParsedItem(url="about:newtab", title="New", tags=("work",), folders=("Research",), created=SAVED),
        RejectedItem(reason="A tab without an address.", title="Nothing"),
    ],
    readability: [
        ParsedItem(
            url="https://kept.example/",
            title="Kept",
            description="It\N{RIGHT SINGLE QUOTATION MARK}s like that\N{HORIZONTAL ELLIPSIS}",
            tags=("one",),
            created=datetime(2016, 8, 25, 12, 5, tzinfo=UTC),
            archived=True,
            favorite=True,
        )
    ],
    goodlinks: [
        ParsedItem(
            url="https://read.example/",
            title="Read",
            description="Note",
            tags=("one",),
            created=datetime(2024, 1, 2, 3, 4, 5, 250_000, tzinfo=UTC),
            archived=True,
            favorite=True,
            image_url="https://read.example/image.png",
        ),
        ParsedItem(url="https://original.example/", title="New", created=SAVED),
    ],
    pocket_api: [
        ParsedItem(
            url="https://archived.example/",
            title="Archived",
            description="Note",
            tags=("one", "two"),
            created=SAVED,
            updated=datetime(2024, 1, 2, 3, 5, tzinfo=UTC),
            archived=True,
            favorite=True,
            image_url="https://archived.example/image.png",
        ),
        ParsedItem(url="https://unread.example/", title="Unread", unread=True),
        RejectedItem(reason="An item that was deleted in Pocket.", url="https://deleted.example/"),
    ],
    elcurator: [
        ParsedItem(url="https://saved.example/", title="Saved", tags=("one",), created=ELCURATOR_SAVED, favorite=True),
        ParsedItem(url="https://listed.example/", title="Listed", description="Note", created=ELCURATOR_SAVED),
    ],
    misskey_favorites: [
        ParsedItem(
            url="https://other.example/@x/b",
            title="First line",
            description="First line\nsecond line",
            created=SAVED,
        ),
        ParsedItem(url="https://other.example/notes/d", title="A warning", description="Hidden", created=SAVED),
        RejectedItem(
            reason="A note of the server that made the export: the file does not hold its address.",
            title="Written here",
        ),
    ],
    linkding_json: [
        ParsedItem(
            url="https://private.example/",
            title="Site title",
            description="Description\n\nNotes",
            tags=("one", "two"),
            created=datetime(2024, 1, 2, 3, 4, 5, 123_456, tzinfo=UTC),
            updated=NEXT_DAY,
            unread=True,
            archived=True,
            private=True,
            image_url="https://private.example/image.png",
        ),
        ParsedItem(url="https://shared.example/", title="Shared", created=SAVED, updated=NEXT_DAY),
    ],
    url_json: [
        ParsedItem(
            url="https://one.example/",
            title="One",
            description="A note",
            tags=("one", "two"),
            folders=("Bridges", "Old"),
            created=SAVED,
            updated=datetime(2024, 1, 2, 3, 5, tzinfo=UTC),
            archived=True,
            favorite=True,
            private=True,
            image_url="https://one.example/cover.png",
        ),
        ParsedItem(
            url="https://two.example/",
            title="Two",
            tags=("one", "two"),
            folders=("Bridges", "New"),
            created=SAVED,
            unread=True,
            private=True,
        ),
        RejectedItem(reason="A bookmark without an address.", title="None"),
        RejectedItem(reason="An entry that is not a bookmark but a bare value."),
    ],
}


def parse(chosen: Format, data: bytes) -> list[Parsed]:
    return list(chosen.parse(io.BytesIO(data)))


def without_source(item: Parsed) -> Parsed:
    return item if not isinstance(item, ParsedItem | RejectedItem) else msgspec.structs.replace(item, source=None)


@pytest.mark.parametrize("chosen", EXPECTED, ids=lambda chosen: chosen.NAME)
def test_every_field_of_the_sample_arrives(chosen: Format) -> None:
    (path,) = (SAMPLES / chosen.NAME).iterdir()
    with path.open("rb") as stream:
        items = list(chosen.parse(stream))
    assert [without_source(item) for item in items] == EXPECTED[chosen]


@pytest.mark.parametrize("chosen", EXPECTED, ids=lambda chosen: chosen.NAME)
def test_entries_that_are_no_objects_are_rejected_items(chosen: Format) -> None:
    items = parse(chosen, b'["text", 7, null, [1]]') if chosen not in {readability, pocket_api} else []
    items = items or parse(chosen, b'{"bookmarks": ["text", 7, null, [1]], "list": []}')
    items = items or parse(chosen, b'{"list": {"a": "text", "b": 7, "c": null, "d": [1]}}')
    assert [item.source for item in items if isinstance(item, RejectedItem)] == ["text", 7, None, [1]]


@pytest.mark.parametrize("chosen", EXPECTED, ids=lambda chosen: chosen.NAME)
def test_an_entry_without_an_address_is_rejected_with_what_it_held(chosen: Format) -> None:
    shapes: dict[Format, bytes] = {
        readability: b'{"bookmarks": [{"a": 1}]}',
        pocket_api: b'{"list": [{"a": 1}]}',
        tab_session_manager: b'[{"windows": [[{"a": 1}]]}]',
        misskey_favorites: b'[{"note": {"a": 1}}]',
    }
    (item,) = parse(chosen, shapes.get(chosen, b'[{"a": 1}]'))
    assert isinstance(item, RejectedItem)
    assert item.source in ({"a": 1}, {"note": {"a": 1}})


def test_pinboard_and_linkding_answers_of_the_api_are_read_as_well() -> None:
    assert len(parse(pinboard_json, b'{"date": "x", "posts": [{"href": "https://x.example/"}]}')) == 1
    assert len(parse(linkding_json, b'[{"url": "https://x.example/", "tag_names": []}]')) == 1


def test_a_linkding_bookmark_that_says_nothing_about_sharing_is_not_made_private() -> None:
    (item,) = parse(linkding_json, b'[{"url": "https://x.example/"}]')
    assert isinstance(item, ParsedItem)
    assert not item.private


def test_the_full_text_of_wallabag_is_neither_a_description_nor_held() -> None:
    for chosen in (wallabag_v1, wallabag_v2):
        (item,) = parse(chosen, b'[{"url": "https://x.example/", "content": "The page", "5": "The page"}]')
        assert isinstance(item, ParsedItem)
        assert item.description == ""
        assert isinstance(item.source, dict)
        assert "content" not in item.source


def test_wallabag_1_is_read_from_its_numbered_columns_alone() -> None:
    (item,) = parse(wallabag_v1, b'[{"0": "1", "1": "T", "2": "https://x.example/", "3": "1", "4": "1", "5": "P"}]')
    assert isinstance(item, ParsedItem)
    assert (item.url, item.title, item.archived, item.favorite) == ("https://x.example/", "T", True, True)


def test_a_long_misskey_note_has_its_beginning_as_title() -> None:
    text = "word " * 40
    data = b'[{"createdAt": "", "note": {"uri": "https://x.example/", "text": "%s"}}, {"note": "text"}]'
    item, bare = parse(misskey_favorites, data % text.encode())
    assert isinstance(item, ParsedItem)
    assert item.title == "word " * 19 + "word\N{HORIZONTAL ELLIPSIS}"
    assert item.description == text.strip()
    assert isinstance(bare, RejectedItem)


def test_sessions_of_unexpected_shape_lose_nothing_but_themselves() -> None:
    data = b'[{"windows": 3}, {"windows": {"1": 4, "2": {"1": 5}}}, 6, {"windows": [[{"url": "https://x.example/"}]]}]'
    first, second, item = parse(tab_session_manager, data)
    assert isinstance(first, RejectedItem)
    assert isinstance(second, RejectedItem)
    assert (first.source, second.source) == (5, 6)
    assert isinstance(item, ParsedItem)
    assert item.folders == ()


@pytest.mark.parametrize(
    ("value", "is_one"),
    [
        ([{"url": "https://x.example/", "name": "X"}], True),
        ({"next": None, "results": [{"link": "HTTP://x.example/", "Title": "X"}]}, True),
        ({"data": [{"uri": "https://x.example/", "created_at": "2024-01-02T03:04:05Z"}]}, True),
        ([{"url": "https://x.example/", "id": 7}], False),
        ([{"url": "/relative", "title": "X"}], False),
        ({"@context": "https://schema.org", "items": [{"url": "https://x.example/", "name": "X"}]}, False),
        ({"dependencies": [{"url": "https://x.example/", "name": "X"}]}, False),
    ],
)
def test_any_list_is_told_by_an_address_on_the_web_and_a_text_or_date(value: object, is_one: bool) -> None:
    assert url_json.matches(make_head(json.dumps(value).encode())) is is_one


def test_an_object_as_folder_is_known_by_its_name() -> None:
    (item,) = parse(url_json, b'[{"url": "https://x.example/", "collection": {"id": 5, "title": "Bridges"}}]')
    assert isinstance(item, ParsedItem)
    assert item.folders == ("Bridges",)
