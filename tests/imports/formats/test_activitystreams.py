"""ActivityStreams: what in a file is a bookmark, what it says, and what is said of the rest."""

import io
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imports.formats import activitystreams
from imports.formats.activitystreams import matches, parse
from imports.formats.base import Notice, Parsed, ParsedItem, RejectedItem, UnreadableFileError
from imports.formats.head import make_head
from imports.formats.json_stream import LARGEST_VALUE

SAMPLES = Path(__file__).parents[2] / "samples" / "activitystreams"
CONTEXT = "https://www.w3.org/ns/activitystreams"
PAGE = "https://example.org/page"
PUBLIC = f"{CONTEXT}#Public"


def parsed(value: object) -> list[Parsed]:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return list(parse(io.BytesIO(data)))


def collection(*items: object, **members: object) -> dict[str, object]:
    return {"@context": CONTEXT, "type": "Collection", "items": list(items), **members}


def only(*items: object) -> ParsedItem:
    (item,) = parsed(collection(*items))
    assert isinstance(item, ParsedItem), item
    return item


def rejected(*items: object) -> RejectedItem:
    (item,) = parsed(collection(*items))
    assert isinstance(item, RejectedItem), item
    return item


def urls(value: object) -> list[str]:
    return [item.url for item in parsed(value) if isinstance(item, ParsedItem)]


def notices(value: object) -> list[str]:
    return [item.text for item in parsed(value) if isinstance(item, Notice)]


def broken(data: bytes) -> tuple[list[Parsed], str]:
    """Return what comes before the error, and the error."""
    items: list[Parsed] = []
    with pytest.raises(UnreadableFileError) as caught:
        items.extend(parse(io.BytesIO(data)))
    return items, str(caught.value)


def test_the_own_collection_is_read_exactly() -> None:
    items = parsed((SAMPLES / "collection.json").read_bytes())
    first, nameless, unfurled, fallback, without, script, note, bare, number = items
    assert isinstance(first, ParsedItem)
    assert (first.url, first.title) == (
        "https://example.org/cairns?a=1&b=2",
        "How to build a cairn & keep it <standing>",
    )
    assert first.description == "First the big stones.\n\nThen <b>the small</b> ones &amp; moss."
    assert first.tags == ("stones", "out doors", "a, b", "#sharp")
    assert first.created == datetime(2012, 5, 6, 7, 8, 9, 123, UTC)
    assert first.updated == datetime(2013, 1, 1, tzinfo=UTC)
    assert (first.unread, first.archived, first.favorite, first.private) == (True, False, False, True)
    assert first.feed_url == "https://example.org/feed.xml"
    assert first.image_url == "https://example.org/cairn.jpg"
    assert isinstance(first.source, bytes)
    assert json.loads(first.source)["type"] == "Link"
    assert isinstance(nameless, ParsedItem)
    assert (nameless.title, nameless.created) == ("", datetime(2013, 12, 31, 22, tzinfo=UTC))
    assert isinstance(unfurled, ParsedItem)
    assert (unfurled.unread, unfurled.archived, unfurled.favorite, unfurled.private) == (False, True, True, False)
    assert isinstance(fallback, ParsedItem)
    assert fallback.title == "Fallback"
    assert isinstance(without, RejectedItem)
    assert (without.reason, without.title) == ("This Link has no address.", "Without an address")
    # Whether an address is safe is decided later and in one place.
    assert isinstance(script, ParsedItem)
    assert isinstance(note, RejectedItem)
    assert note.reason == "The service that made the file could not write this item."
    assert isinstance(bare, ParsedItem)
    assert isinstance(number, RejectedItem)
    assert number.reason == "The item is neither an object nor an address."


def test_a_mastodon_outbox_gives_posts_and_boosts_and_says_what_is_none() -> None:
    post, private, boost, undo = parsed((SAMPLES / "mastodon-outbox.json").read_bytes())
    assert isinstance(post, ParsedItem)
    assert (post.url, post.title) == ("https://social.example/@ann/1", "Hello & welcome, this is about #cairns")
    assert post.tags == ("cairns",)
    assert post.created == datetime(2023, 4, 5, 6, 7, 8, tzinfo=UTC)
    assert not post.private
    assert isinstance(private, ParsedItem)
    assert (private.title, private.description, private.private) == ("Spoilers", "It was the butler.", True)
    assert isinstance(boost, ParsedItem)
    assert boost.url == "https://other.example/users/cyd/statuses/3"
    assert boost.created == datetime(2023, 4, 7, 6, 7, 8, tzinfo=UTC)
    assert isinstance(undo, RejectedItem)
    assert undo.reason == "An Undo is not a bookmark."


def test_lines_of_json_are_read_whatever_each_is() -> None:
    one, two, three = parsed((SAMPLES / "links.jsonl").read_bytes())
    assert isinstance(one, ParsedItem)
    assert isinstance(two, ParsedItem)
    assert two.tags == ("single",)
    assert isinstance(three, ParsedItem)
    assert (three.url, three.title) == ("https://example.org/3", "Three")
    assert three.description == "A summary\n\nThe whole text"
    assert three.created == datetime(2021, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_embedded_pages_are_followed_and_remote_ones_are_named() -> None:
    data = (SAMPLES / "pages.json").read_bytes()
    assert urls(data) == ["https://example.org/1", "tag:example.org,2020:2", "https://example.org/3"]
    (notice,) = notices(data)
    assert notice.startswith("A part of the list is at https://example.org/list?page=3, not in this file.")


def test_pages_before_their_collection_has_said_what_it_is_are_followed_too() -> None:
    page = {"items": ["https://example.org/1"], "type": "CollectionPage"}
    assert urls({"first": page, "type": "Collection"}) == ["https://example.org/1"]


@pytest.mark.parametrize("first", [PAGE, {"type": "Link", "href": PAGE}])
@pytest.mark.parametrize("key", ["first", "next"])
def test_a_remote_page_is_named_however_it_is_referred_to(key: str, first: object) -> None:
    (notice,) = notices({"@context": CONTEXT, "type": "Collection", "totalItems": 3, key: first})
    assert PAGE in notice


def test_a_page_that_is_none_is_left_out_and_named() -> None:
    first = {"type": "Create", "object": PAGE}
    (notice,) = parsed({"@context": CONTEXT, "type": "Collection", "first": first})
    assert isinstance(notice, Notice)


def test_a_remote_page_of_a_list_among_the_items_is_named() -> None:
    value = collection({"type": "Collection", "items": [PAGE], "next": "https://example.org/2"})
    assert urls(value) == [PAGE]
    assert len(notices(value)) == 1
    assert "https://example.org/2" in notices(value)[0]


def test_pages_within_pages_without_end_are_cut_short() -> None:
    data = b'{"type":"Collection","first":' * 3000 + b'{"items":["https://example.org/"]}' + b"}" * 3000
    assert urls(data) == []


def test_a_collection_that_names_a_number_but_holds_nothing_says_so() -> None:
    assert notices(collection(totalItems=7)) == [
        "The collection is said to have 7 items, but none of them is in the file."
    ]
    assert notices(collection(PAGE, totalItems=7)) == []
    assert notices(collection(totalItems=0)) == []


@pytest.mark.parametrize(
    "value",
    [
        [{"type": "Link", "href": PAGE}],
        [PAGE],
        {"type": "OrderedCollection", "orderedItems": [PAGE]},
        {"type": "OrderedCollection", "items": [PAGE]},
        {"type": "Collection", "orderedItems": [PAGE]},
        {"type": ["Collection", "Thing"], "items": PAGE},
        {"type": f"{CONTEXT}#Collection", "items": {"type": "Link", "href": PAGE}},
        {"items": [{"type": "Link", "href": PAGE}]},
        {"data": [{"type": "Note", "url": PAGE}]},
        {"@context": {}, "type": "Link", "url": PAGE},
        {"@context": f"{CONTEXT}#", "id": PAGE},
        {"@context": ["http://www.w3.org/ns/activitystreams", {"a": "b"}], "type": "Note", "url": PAGE},
        {"@context": {"as": CONTEXT}, "type": "as:Note", "url": PAGE},
        {"type": "Like", "object": PAGE},
        collection(collection(PAGE)),
        collection({"type": "Collection", "first": {"type": "CollectionPage", "items": [PAGE]}}),
    ],
    ids=repr,
)
def test_every_shape_of_a_file_is_recognised_and_read(value: object) -> None:
    assert matches(make_head(json.dumps(value).encode()))
    assert urls(value) == [PAGE]


def test_an_object_of_a_type_of_its_own_is_known_by_its_audience() -> None:
    review = {"type": "Review", "id": PAGE, "attributedTo": "https://example.org/u", "to": [PUBLIC], "content": "Good"}
    assert matches(make_head(json.dumps(review).encode()))
    assert urls(review) == [PAGE]
    assert not matches(make_head(json.dumps({"type": "Review", "id": PAGE, "to": "Ann"}).encode()))
    assert not matches(make_head(json.dumps({"@context": "https://schema.org", **review}).encode()))
    assert not matches(make_head(b'{"type": "email", "id": "7", "to": ["ann@example.org"], "cc": []}'))


def test_addresses_alone_are_recognised_before_the_collection_has_said_what_it_is() -> None:
    assert matches(make_head(json.dumps({"orderedItems": [PAGE]}).encode()))
    assert not matches(make_head(json.dumps({"orderedItems": ["page"]}).encode()))


@pytest.mark.parametrize(
    "value",
    [
        {"@context": 3, "type": "Collection", "items": []},
        {"@context": "http://schema.org", "@type": "Person", "name": "x"},
        {"roots": {"bookmark_bar": {"type": "folder", "children": []}}},
        {"type": "text/x-moz-place-container", "children": []},
        [{"href": PAGE, "description": "x", "time": "2020-01-01T00:00:00Z"}],
        [{"url": PAGE, "title": "x", "type": "link"}],
        {"bookmarks": [{"content": {"type": "link", "url": PAGE}}]},
        {"version": "https://jsonfeed.org/version/1.1", "items": [{"id": "1", "url": PAGE}]},
        {"type": "Note"},
        {"data": {"type": "Note", "url": PAGE}},
        {},
        [],
        ["not an address"],
        [[PAGE]],
    ],
    ids=repr,
)
def test_other_json_is_not_recognised(value: object) -> None:
    assert not matches(make_head(json.dumps(value).encode()))


@pytest.mark.parametrize(
    "cut", [b'{"@context":"https://www.w3.org/ns/activitystreams","ty', b'{"type":"Collection","items":[{"type":"Lin']
)
def test_the_beginning_of_a_file_is_enough_to_recognise_it(cut: bytes) -> None:
    assert matches(make_head(cut))


def test_a_link_has_its_address_in_href_or_url() -> None:
    assert only({"type": "Link", "href": PAGE, "url": "https://example.org/other"}).url == PAGE
    assert only({"type": "Link", "href": "", "url": PAGE}).url == PAGE
    assert only({"type": "Link", "href": None, "url": [{"href": PAGE}]}).url == PAGE
    assert only({"href": PAGE}).url == PAGE


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://a.example/", "https://a.example/"),
        ({"type": "Link", "href": "https://a.example/"}, "https://a.example/"),
        (["https://a.example/", {"type": "Link", "href": "https://b.example/"}], "https://a.example/"),
        ([{"href": "https://b.example/"}, "https://a.example/"], "https://a.example/"),
        (["https://b.example/", {"href": "https://a.example/", "mediaType": "text/html"}], "https://a.example/"),
        ([{"href": "https://a.example/x.pdf"}, {"href": "https://b.example/x.ps"}], "https://a.example/x.pdf"),
        (["tag:example.org,2000:x", {"href": "https://a.example/"}], "https://a.example/"),
        ([None, 3, {}, {"href": 7}, "https://a.example/"], "https://a.example/"),
        ("images/sally.jpg", "images/sally.jpg"),
        (None, PAGE),
        ([], PAGE),
        (7, PAGE),
    ],
    ids=repr,
)
def test_an_object_is_found_at_its_page_else_at_its_id(url: object, expected: str) -> None:
    assert only({"type": "Note", "id": PAGE, "url": url}).url == expected


def test_an_id_that_is_not_on_the_web_is_no_address() -> None:
    assert rejected({"type": "Note", "id": "tag:example.org,2020:1"}).reason == "This Note has no address."
    assert rejected({"type": "Note", "id": 4, "name": "Four"}).title == "Four"
    assert rejected({}).reason == "This item has no address."


@pytest.mark.parametrize("kind", ["Create", "Announce", "Like", "Add", "Bookmark", "Save", "Share"])
def test_activities_that_save_something_are_about_their_object(kind: str) -> None:
    saved = {"type": kind, "id": "https://example.org/activity", "url": "https://example.org/activity", "name": "n"}
    assert only({**saved, "object": PAGE}).url == PAGE
    assert only({**saved, "object": {"type": "Page", "id": PAGE}}).url == PAGE
    assert only({**saved, "object": {"type": "Create", "object": {"type": "Note", "url": PAGE}}}).url == PAGE
    assert urls(collection({**saved, "object": [PAGE, {"type": "Note", "url": PAGE}]})) == [PAGE, PAGE]
    assert rejected(saved).reason == f"This {kind} does not say what it is about."
    assert rejected({**saved, "object": {"type": "Person", "url": PAGE}}).reason == "A Person is not a bookmark."
    assert rejected({**saved, "object": 23}).reason == "The item is neither an object nor an address."


@pytest.mark.parametrize(
    "kind",
    [
        *(
            "Undo",
            "Delete",
            "Remove",
            "Reject",
            "Block",
            "Flag",
            "Follow",
            "Accept",
            "Join",
            "Leave",
            "Offer",
            "Update",
        ),
        *("Person", "Dislike", "Place", "Relationship", "Tombstone", "Mention", "Hashtag", "toot:Emoji", "x#Travel"),
    ],
)
def test_what_is_no_bookmark_is_rejected_by_its_name(kind: str) -> None:
    item = rejected({"type": kind, "url": PAGE, "href": PAGE, "object": PAGE, "name": "Its name"})
    name = kind.removeprefix("toot:").removeprefix("x#")
    assert item.reason == f"{'An' if name[0] in 'AEIOU' else 'A'} {name} is not a bookmark."
    assert (item.url, item.title) == (PAGE, "Its name")


def test_an_unknown_activity_is_no_bookmark_and_an_unknown_object_is() -> None:
    assert rejected({"type": "Zot", "actor": "x", "object": PAGE}).reason == "A Zot is not a bookmark."
    assert rejected({"actor": "x", "object": PAGE}).reason == "An activity is not a bookmark."
    assert rejected({"type": "x#", "actor": "x", "object": PAGE}).reason == "An activity is not a bookmark."
    assert only({"type": "Recipe", "url": PAGE}).url == PAGE
    assert only({"type": 16, "id": PAGE}).url == PAGE


def test_parts_of_an_object_never_count() -> None:
    parts = ("replies", "attachment", "tag", "icon", "image", "preview", "inReplyTo", "generator", "attributedTo")
    part = {"type": "Image", "url": PAGE, "items": [PAGE]}
    assert rejected({"type": "Note", **dict.fromkeys(parts, part)}).reason == "This Note has no address."
    assert urls({"@context": CONTEXT, "type": "Note", "id": PAGE, **dict.fromkeys(parts, part)}) == [PAGE]


def test_a_saved_thing_has_the_date_it_was_saved_at() -> None:
    note = {"type": "Note", "url": PAGE, "published": "2001-01-01T00:00:00Z"}
    assert only({"type": "Like", "published": "2002-02-02T00:00Z", "object": note}).created == datetime(
        2002, 2, 2, tzinfo=UTC
    )
    assert only({"type": "Like", "object": note}).created == datetime(2001, 1, 1, tzinfo=UTC)
    created = {"type": "Create", "published": "2003-03-03T00:00:00Z", "object": note}
    assert only(created).created == datetime(2001, 1, 1, tzinfo=UTC)
    assert only({**created, "object": PAGE}).created == datetime(2003, 3, 3, tzinfo=UTC)
    assert only({"type": "Announce", "published": "2004-04-04T00:00:00Z", "object": created}).created == datetime(
        2004, 4, 4, tzinfo=UTC
    )


@pytest.mark.parametrize(
    ("members", "title", "description"),
    [
        ({"name": "A < B & C", "content": "<p>Text</p>"}, "A < B & C", "Text"),
        ({"name": {"fr": "Un", "en": "One"}}, "One", ""),
        ({"nameMap": {"fr": "Un"}}, "Un", ""),
        ({"nameMap": "plain"}, "plain", ""),
        ({"name": "", "content": "<p>Text &amp; more</p>"}, "Text & more", ""),
        ({"name": None, "summary": None, "contentMap": {"de": "<b>Wort</b>"}}, "Wort", ""),
        ({"summary": "Warning", "content": "<p>One</p><p>Two</p>"}, "Warning", "One\n\nTwo"),
        ({"content": "<p>One</p><p>Two</p>"}, "One Two", "One\n\nTwo"),
        ({"content": "## A *note* <b>", "mediaType": "text/markdown"}, "## A *note* <b>", ""),
        ({"summary": "Text", "content": "Text"}, "Text", ""),
        ({"name": 7, "summary": 8, "content": []}, "", ""),
        ({}, "", ""),
    ],
    ids=repr,
)
def test_an_object_without_a_name_is_called_by_its_text(members: object, title: str, description: str) -> None:
    assert isinstance(members, dict)
    item = only({"type": "Note", "url": PAGE, **members})
    assert (item.title, item.description) == (title, description)


def test_a_title_made_of_a_long_text_is_shortened_at_a_word_and_the_text_is_kept() -> None:
    text = "stones and moss " * 50
    item = only({"type": "Note", "url": PAGE, "content": text})
    assert item.title.endswith("…")
    assert 100 < len(item.title) <= 121
    assert text.startswith(item.title.removesuffix("…") + " ")
    assert item.description == text.strip()
    assert len(only({"type": "Note", "url": PAGE, "content": "x" * 5000}).title) == 121


@pytest.mark.parametrize(
    ("members", "title", "description"),
    [
        ({"name": "", "summary": "Text"}, "", "Text"),
        ({"name": " <b>x</b> &amp; ", "summary": "<i>y</i>\n\n&lt; "}, " <b>x</b> &amp; ", "<i>y</i>\n\n&lt; "),
        ({"name": "x", "summary": "<i>y</i> &lt;", "mediaType": "text/html"}, "x", "y <"),
        ({"name": "x", "content": "<i>y</i>"}, "x", "y"),
        ({"summary": "Text"}, "Text", ""),
        ({"nameMap": {"en": "One"}, "summaryMap": {"en": "Two"}}, "One", "Two"),
        ({"name": ["odd"], "summary": {"odd": 1}}, "", ""),
    ],
    ids=repr,
)
def test_texts_of_a_link_are_plain(members: object, title: str, description: str) -> None:
    assert isinstance(members, dict)
    item = only({"type": "Link", "url": PAGE, **members})
    assert (item.title, item.description) == (title, description)


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        (["a", "#b", "c d"], ("a", "#b", "c d")),
        ("single", ("single",)),
        ({"type": "Hashtag", "name": "#one"}, ("one",)),
        (
            [{"type": "Hashtag", "name": "#one"}, {"name": "#two"}, {"type": "Tag", "name": "three"}],
            ("one", "two", "three"),
        ),
        ([{"type": "Mention", "name": "@x"}, {"type": "Emoji", "name": ":x:"}, {"type": "Person", "name": "x"}], ()),
        ([{"type": "CommunityPostTag", "preferredUsername": "news"}], ("news",)),
        ([None, 7, "", {}, {"name": 7}, ["x"]], ()),
        (7, ()),
    ],
    ids=repr,
)
@pytest.mark.parametrize("key", ["tag", "tags"])
def test_tags_are_read_in_every_shape(key: str, tag: object, expected: tuple[str, ...]) -> None:
    assert only({"type": "Link", "url": PAGE, key: tag}).tags == expected
    assert only({"type": "Note", "url": PAGE, key: tag}).tags == expected


def test_tags_of_an_activity_and_of_its_object_are_joined() -> None:
    note = {"type": "Note", "url": PAGE, "tag": ["b", "c"]}
    assert only({"type": "Save", "tag": ["a", "b"], "object": note}).tags == ("a", "b", "c")
    assert only({"type": "Save", "tag": ["a", "b"], "object": PAGE}).tags == ("a", "b")


@pytest.mark.parametrize(
    ("to", "cc", "is_private"),
    [
        ([PUBLIC], [], False),
        (["https://example.org/followers"], [PUBLIC], False),
        ("as:Public", None, False),
        ([{"id": PUBLIC}], None, False),
        (["https://example.org/followers"], [], True),
        ("https://example.org/bob", None, True),
        ([], [], False),
        (None, None, False),
    ],
)
def test_what_is_not_for_everybody_is_private(to: object, cc: object, is_private: bool) -> None:
    assert only({"type": "Note", "url": PAGE, "to": to, "cc": cc}).private is is_private
    assert only({"type": "Create", "to": to, "cc": cc, "object": PAGE}).private is is_private
    # Whom a like is delivered to says nothing about the bookmark.
    assert only({"type": "Like", "to": to, "cc": cc, "object": PAGE}).private is False


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (PAGE, PAGE),
        ({"type": "Image", "url": PAGE}, PAGE),
        ({"type": "Link", "href": PAGE}, PAGE),
        ([{"type": "Image", "url": {"href": PAGE}}], PAGE),
        ({"url": {"url": {"url": {"url": {"url": PAGE}}}}}, ""),
        (7, ""),
    ],
    ids=repr,
)
def test_an_image_is_found_in_every_shape(image: object, expected: str) -> None:
    assert only({"type": "Link", "url": PAGE, "image": image}).image_url == expected


def test_a_feed_is_read_under_its_long_name_too_and_flags_only_if_true() -> None:
    item = only({"type": "Link", "url": PAGE, "pebbling:feedUrl": PAGE, "cairn:unread": "no", "cairn:private": 0})
    assert (item.feed_url, item.unread, item.private) == (PAGE, False, False)


@pytest.mark.parametrize(
    "published", ["2020-01-02T03:04:05.1234567Z", "2020-01-02T03:04", "2020-01-02 05:04:05+02:00"]
)
def test_dates_are_read_in_every_precision(published: str) -> None:
    created = only({"type": "Link", "url": PAGE, "published": published}).created
    assert created is not None
    assert created.replace(second=0, microsecond=0) == datetime(2020, 1, 2, 3, 4, tzinfo=UTC)


@pytest.mark.parametrize("published", [None, 7, "yesterday", "0001-01-01T00:00:00Z", ["2020-01-01T00:00:00Z"]])
def test_a_date_that_is_none_is_unknown(published: object) -> None:
    assert only({"type": "Link", "url": PAGE, "published": published, "updated": published}).created is None


@pytest.mark.parametrize(
    ("odd", "title"),
    [
        (b'"name":"two\nlines"', "two\nlines"),
        (b'"name":"\\ud800 lone"', "\ufffd lone"),
        (b'"name":"\\ud83e\\udea8 pair \\udc00"', "\U0001faa8 pair \ufffd"),
        (b'"name":"\\\\ud800 escaped","a":[1,],', "\\ud800 escaped"),
        (b'"name":"bad \xff byte"', "bad \ufffd byte"),
        (b'"name":"nul \\u0000"', "nul \0"),
        (b'"name":"first","name":"last"', "last"),
        (b'"name":"x","published":NaN', "x"),
        (b'"name":"x",,"a":[1,,2,],', "x"),
        (b'"name":"a,}","a":[1,]', "a,}"),
        (b'"name":"x","feedUrl":' + b"9" * 10_000, "x"),
        (b'"name":"x","feedUrl":1e999', "x"),
        (b'"name":"},{\\"type\\":\\"Link\\"}"', '},{"type":"Link"}'),
    ],
    ids=lambda odd: repr(odd)[:40],
)
def test_an_odd_item_is_read_and_harms_no_other(odd: bytes, title: str) -> None:
    good = b'{"type":"Link","url":"https://example.org/good"}'
    data = b'{"type":"Collection","items":[%b,{"type":"Link","url":"%b",%b},%b]}' % (good, PAGE.encode(), odd, good)
    before, item, after = parsed(data)
    assert isinstance(item, ParsedItem)
    assert (item.url, item.title) == (PAGE, title)
    assert before == after


@pytest.mark.parametrize(
    ("broken_item", "reason"),
    [
        (b'{"type":"Link","url":tru}', "The item is not valid JSON."),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "The item is nested too deeply."),
        (b'{"object":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "The item is nested too deeply."),
        (b'{"type":"Create","object":' * 50 + b'"x"' + b"}" * 50, "The item is nested too deeply."),
        (b'{"type":"Link","name":"' + b"x" * LARGEST_VALUE + b'"}', "The item is larger than 4 MB."),
        (b"[1]", "The item is neither an object nor an address."),
        (b"null", "The item is neither an object nor an address."),
        (b'" "', "The item is neither an object nor an address."),
        (b'{"type":"Collection"}', "A collection without items is not a bookmark."),
    ],
    ids=lambda text: repr(text)[:40],
)
def test_a_broken_item_is_rejected_and_reading_goes_on(broken_item: bytes, reason: str) -> None:
    good = b'{"type":"Link","url":"https://example.org/good"}'
    before, item, after = parsed(b'{"type":"Collection","items":[%b,%b,%b]}' % (good, broken_item, good))
    assert isinstance(item, RejectedItem)
    assert item.reason == reason
    assert before == after


def test_an_element_that_carries_an_error_ends_a_failed_export() -> None:
    link = '{"type": "Link", "url": "https://example.org/1", "name": "One"}'
    failure = json.dumps(collection(error="Streaming failed: the\ndatabase is gone", totalItems=0))
    for separator in (", ", " "):
        data = f'{{"@context": "{CONTEXT}", "type": "Collection", "items": [{link}{separator}{failure}'.encode()
        items, message = broken(data)
        assert [type(item) for item in items] == [ParsedItem]
        assert message == (
            "The service that made this file reports an error in it: “Streaming failed: the database is gone”. "
            f"The file is cut off: it ends in the middle, at line 1, column {len(data) + 1}."
        )


def test_an_error_among_the_items_is_rejected_if_the_list_goes_on() -> None:
    rejected_item, item = parsed(collection({"error": "A hiccup"}, PAGE))
    assert isinstance(rejected_item, RejectedItem)
    assert rejected_item.reason == "The service that made this file reports an error in it: “A hiccup”."
    assert isinstance(item, ParsedItem)
    (last,) = parsed(collection({"error": "A hiccup"}))
    assert last == rejected_item


def test_an_export_that_is_nothing_but_an_error_says_so() -> None:
    for value in (collection(error="Export failed: x"), {"error": "Collection streaming failed"}):
        assert "reports an error in it: “" in broken(json.dumps(value).encode())[1]
    assert notices(collection(PAGE, error="Export failed: x")) == [
        "The service that made this file reports an error in it: “Export failed: x”."
    ]


def test_doubled_and_trailing_commas_cost_nothing() -> None:
    assert urls(b'{"type":"Collection","items":["https://a.example/", , "https://b.example/",],}') == [
        "https://a.example/",
        "https://b.example/",
    ]


def test_collections_one_after_the_other_are_all_read() -> None:
    one = json.dumps(collection(PAGE), indent=1).encode()
    assert urls(one + b"\n" + one + one) == [PAGE] * 3
    assert urls(json.dumps([PAGE]).encode() * 2) == [PAGE] * 2


def test_a_broken_line_among_lines_is_rejected() -> None:
    good = b'{"type":"Link","href":"https://example.org/"}\n'
    kinds = [type(item) for item in parsed(good * 3 + b'{"type":"Link","hr\n' + good)]
    assert kinds == [ParsedItem] * 3 + [RejectedItem] + [ParsedItem]


@pytest.mark.parametrize("data", [b"42", b'"text"', b"null", b'{"a": 1}', b"<html>", b"{}"])
def test_what_is_no_collection_is_refused(data: bytes) -> None:
    assert broken(data) == (
        [],
        "The file is JSON, but neither an ActivityStreams collection nor anything else that holds bookmarks.",
    )


def test_an_empty_file_and_a_context_that_is_a_number_are_refused() -> None:
    assert broken(b" ") == ([], "The file is empty.")
    assert broken(b'{"@context": 3, "type": "Collection", "items": []}')[1] == (
        "The file is no ActivityStreams collection: its “@context” is a number."
    )


def test_what_follows_the_end_is_named_with_its_place() -> None:
    items, message = broken(b'[{"type":"Link","url":"https://example.org/"}]\n<p>')
    assert len(items) == 1
    assert message == "The file is not valid JSON from line 2, column 1 on."


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.json")), ids=lambda path: path.name)
def test_a_file_cut_off_at_any_byte_gives_what_is_whole_and_says_where_it_ends(path: Path) -> None:
    data = path.read_bytes()
    whole = parsed(data)
    for end in range(1, len(data.rstrip())):
        items, message = broken(data[:end])
        counted = [item for item in items if not isinstance(item, Notice)]
        assert counted == [item for item in whole if not isinstance(item, Notice)][: len(counted)]
        assert message.startswith("The file is ")
        if data[:end].strip():
            line = data[:end].count(b"\n") + 1
            assert f"at line {line:,}, column " in message, message


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.text(max_size=20)
        | st.sampled_from(["Link", "Note", "Like", PAGE]),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["type", "id", "url", "href", "name", "nameMap", "summary", "content", "published", "tag", "image"]
                )
                | st.sampled_from(
                    ["object", "items", "first", "to", "error", "mediaType", "feedUrl", "@context", "data"]
                ),
                inner,
                max_size=5,
            )
        ),
        max_leaves=25,
    )
)
def test_members_of_any_type_lead_to_items_or_one_error(value: object) -> None:
    for document in (value, [value], collection(value)):
        try:
            items = parsed(document)
        except UnreadableFileError:
            continue
        for item in items:
            if isinstance(item, ParsedItem):
                assert item.url
                assert all(isinstance(text, str) for text in (item.url, item.title, item.description, *item.tags))
                assert isinstance(item.unread, bool)
                assert item.created is None or item.created.tzinfo is UTC
            elif isinstance(item, RejectedItem):
                assert item.reason.endswith(".")


def test_each_item_of_a_list_comes_out_as_something() -> None:
    values: list[object] = [None, 1, "", "x", [], {}, {"type": "Undo"}, {"type": "Collection"}, {"error": "x"}, PAGE]
    assert len(parsed(collection(*values))) == len(values)


def test_a_single_object_that_is_too_large_is_rejected() -> None:
    note = {"content": "x" * LARGEST_VALUE, "type": "Note", "url": PAGE}
    for value in (note, {**dict.fromkeys("abcde", "x" * (LARGEST_VALUE // 5)), "type": "Note", "id": PAGE}):
        assert [type(item) for item in parsed(value)] == [RejectedItem]


def test_sentences_hold_nothing_that_cannot_be_shown() -> None:
    (notice,) = notices(b'{"type":"Collection","totalItems":[1,],"next":"https://e.example/\\u0000\\ud800\\n2"}')
    assert "at https://e.example/\ufffd 2, not" in notice
    assert rejected({"type": "x\0Zot", "actor": 1, "object": 1}).reason == "A xZot is not a bookmark."
    assert len(rejected({"type": "Z" * 5000}).reason) < 100
    assert broken(b'{"error": "a\\u0000\\nb"}')[1].endswith(": “a b”.")


@pytest.mark.parametrize("item", [{"type": "Note", "error": "x"}, {"error": 3}, {"error": None, "name": "x"}])
def test_an_item_with_an_error_is_an_item_like_others(item: object) -> None:
    assert rejected(item).reason.endswith(" has no address.")


def test_the_word_error_in_a_broken_item_does_no_harm() -> None:
    for data in (b'{"type":"Collection","items":[{"error": "error", x}]}', b'{"type":"Note","id":"x","error":{x}}'):
        (item,) = parsed(data)
        assert isinstance(item, RejectedItem)
        assert item.reason == "The item is not valid JSON."


@pytest.mark.parametrize("data", [b"42", b'"text"', b"", b"name,url\n1,2"])
def test_what_is_no_object_is_not_recognised(data: bytes) -> None:
    assert not matches(make_head(data))


def test_the_format_describes_itself() -> None:
    assert activitystreams.NAME == "activitystreams"
    assert ".json" in activitystreams.EXTENSIONS
