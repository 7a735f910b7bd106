"""What an export writes, in which order, and how it reads the database."""

import json
import re
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from lxml import html
from pytest_django import DjangoAssertNumQueries

from bookmarks.exports import EXPORTS, rows
from bookmarks.models import Bookmark, Tag, Tagging
from tests.factories import make_bookmark, make_user

pytestmark = pytest.mark.django_db

SAVED = datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)
CAIRN = "{https://cairn.example/ns/}"


@pytest.fixture
def user() -> User:
    return make_user("me")


@pytest.fixture
def small_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "ROWS_PER_READ", 2)
    monkeypatch.setattr(rows, "_ROWS_PER_WINDOW", 3)
    monkeypatch.setattr(rows, "_BYTES_PER_CHUNK", 100)


def exported(user: User, name: str) -> bytes:
    return b"".join(EXPORTS[name].export(Bookmark.objects.owned_by(user)))


def collection(user: User) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(exported(user, "activitystreams"))
    return found


def links(user: User) -> list[html.HtmlElement]:
    return html.fromstring(exported(user, "netscape")).findall(".//a")


def outlines(user: User) -> list[ET.Element]:
    return list(ET.fromstring(exported(user, "opml")).iter("outline"))


def make_full_bookmark(user: User) -> Bookmark:
    return make_bookmark(
        user,
        "https://example.com/?a=1&b=<2>",
        title='A "title" & <b>more</b>',
        description='First line\nsecond <line> & "quotes"',
        tags=["web", "Python"],
        created=SAVED,
        updated=SAVED + timedelta(days=1),
        feed_url="https://example.com/feed?a&b",
        image_url="https://example.com/image.png?a&b",
        unread=True,
        archived=True,
        favorite=True,
        private=True,
    )


def test_a_collection_has_the_agreed_head(user: User) -> None:
    before = datetime.now(UTC)
    make_bookmark(user)

    found = collection(user)

    assert found["@context"][0] == "https://www.w3.org/ns/activitystreams"
    terms = found["@context"][1]
    assert terms["pebbling"] == "https://pebbling.club/ns/"
    assert terms["feedUrl"] == "pebbling:feedUrl"
    assert found["type"] == "Collection"
    assert found["totalItems"] == len(found["items"]) == 1
    assert before <= datetime.fromisoformat(found["published"]) <= datetime.now(UTC)


def test_a_collection_begins_before_anything_is_counted_and_says_how_many_it_holds(user: User) -> None:
    for number in range(3):
        make_bookmark(user, f"https://example.com/{number}")
    with CaptureQueriesContext(connection) as captured:
        chunks = EXPORTS["activitystreams"].export(Bookmark.objects.owned_by(user))
        head = next(chunks)
        assert len(captured) == 0
        Bookmark.objects.filter(url="https://example.com/1").delete()
        found = json.loads(head + b"".join(chunks))
    assert found["totalItems"] == len(found["items"]) == 2
    assert not any("COUNT(" in query["sql"] for query in captured)


def test_a_link_has_all_that_a_bookmark_has(user: User) -> None:
    make_full_bookmark(user)

    assert collection(user)["items"] == [
        {
            "type": "Link",
            "url": "https://example.com/?a=1&b=<2>",
            "href": "https://example.com/?a=1&b=<2>",
            "name": 'A "title" & <b>more</b>',
            "published": "2024-01-02T03:04:05Z",
            "updated": "2024-01-03T03:04:05Z",
            "summary": 'First line\nsecond <line> & "quotes"',
            "tag": ["Python", "web"],
            "feedUrl": "https://example.com/feed?a&b",
            "image": "https://example.com/image.png?a&b",
            "cairn:unread": True,
            "cairn:archived": True,
            "cairn:favorite": True,
            "cairn:private": True,
        }
    ]


def test_a_link_leaves_out_what_a_bookmark_does_not_have(user: User) -> None:
    make_bookmark(user, "https://example.com/", created=SAVED, updated=SAVED)

    assert collection(user)["items"] == [
        {
            "type": "Link",
            "url": "https://example.com/",
            "href": "https://example.com/",
            "name": "",
            "published": "2024-01-02T03:04:05Z",
            "updated": "2024-01-02T03:04:05Z",
        }
    ]


def test_microseconds_are_written_where_there_are_any(user: User) -> None:
    make_bookmark(user, created=SAVED.replace(microsecond=70))

    assert collection(user)["items"][0]["published"] == "2024-01-02T03:04:05.000070Z"


def test_a_netscape_link_has_all_that_a_bookmark_has(user: User) -> None:
    make_full_bookmark(user)

    (link,) = links(user)

    assert dict(link.attrib) == {
        "href": "https://example.com/?a=1&b=<2>",
        "add_date": "1704164645",
        "last_modified": "1704251045",
        "private": "1",
        "toread": "1",
        "archived": "1",
        "data-important": "true",
        "tags": "Python,web",
        "feedurl": "https://example.com/feed?a&b",
        "data-cover": "https://example.com/image.png?a&b",
    }
    assert link.text == 'A "title" & <b>more</b>'
    assert b'<DD>First line\nsecond &lt;line&gt; &amp; "quotes"\n</DL>' in exported(user, "netscape")


def test_a_netscape_link_says_that_it_is_public_and_read(user: User) -> None:
    make_bookmark(user, created=SAVED, updated=SAVED)

    (link,) = links(user)

    assert set(link.attrib) == {"href", "add_date", "last_modified", "private", "toread"}
    assert link.get("private") == link.get("toread") == "0"


@pytest.mark.parametrize(
    "tags", [["a, b", "c"], ["two words"], ["toread"], ["Linkding:bookmarks.archived", "z"]], ids=str
)
def test_tags_that_readers_could_mistake_are_also_given_as_json(user: User, tags: list[str]) -> None:
    make_bookmark(user, tags=tags)

    (link,) = links(user)

    assert link.get("tags") == ",".join(tags)
    assert json.loads(link.get("data-tags", "")) == tags


def test_a_description_that_linkding_would_take_apart_is_an_attribute(user: User) -> None:
    make_bookmark(user, description="one\n[linkding-notes]two[/linkding-notes]")

    (link,) = links(user)

    assert link.get("description") == "one\n[linkding-notes]two[/linkding-notes]"
    assert b"<DD>" not in exported(user, "netscape")


def test_a_date_that_would_be_taken_for_safaris_is_in_milliseconds(user: User) -> None:
    make_bookmark(user, created=datetime(1995, 12, 31, tzinfo=UTC), updated=datetime(1996, 1, 1, tzinfo=UTC))

    (link,) = links(user)

    assert (link.get("add_date"), link.get("last_modified")) == ("820368000000", "820454400")


def test_an_outline_has_all_that_a_bookmark_has(user: User) -> None:
    make_full_bookmark(user)

    (outline,) = outlines(user)

    assert outline.attrib == {
        "text": 'A "title" & <b>more</b>',
        "type": "rss",
        "xmlUrl": "https://example.com/feed?a&b",
        "htmlUrl": "https://example.com/?a=1&b=<2>",
        "created": "Tue, 02 Jan 2024 03:04:05 GMT",
        f"{CAIRN}updated": "Wed, 03 Jan 2024 03:04:05 GMT",
        "description": 'First line\nsecond <line> & "quotes"',
        "category": "Python,web",
        f"{CAIRN}image": "https://example.com/image.png?a&b",
        f"{CAIRN}unread": "true",
        f"{CAIRN}archived": "true",
        f"{CAIRN}favorite": "true",
        f"{CAIRN}private": "true",
    }


def test_an_outline_without_a_feed_is_a_link(user: User) -> None:
    make_bookmark(user, "https://example.com/")

    (outline,) = outlines(user)

    assert (outline.get("type"), outline.get("url"), outline.get("text")) == ("link", "https://example.com/", "")
    assert set(outline.attrib) == {"text", "type", "url", "created", f"{CAIRN}updated"}


@pytest.mark.parametrize("tags", [["a,b"], ["/a/b", "c"]], ids=str)
def test_tags_that_are_no_simple_category_are_also_given_as_json(user: User, tags: list[str]) -> None:
    make_bookmark(user, tags=tags)

    (outline,) = outlines(user)

    assert outline.get("category") == ",".join(tags)
    assert json.loads(outline.get(f"{CAIRN}tags", "")) == tags


def test_characters_that_xml_does_not_allow_are_replaced(user: User) -> None:
    Bookmark.objects.filter(pk=make_bookmark(user).pk).update(title="a\x01b\uffffc", description="x\ty\r\nz")

    (outline,) = outlines(user)

    assert outline.get("text") == "a\ufffdb\ufffdc"
    assert outline.get("description") == "x\ty\r\nz"


@pytest.mark.parametrize("name", EXPORTS)
def test_any_script_and_character_survives(user: User, name: str) -> None:
    make_bookmark(user, title="日本語 🪨 é \u2028 ]]>", tags=["日本"])

    data = exported(user, name)

    assert "日本語 🪨 é".encode() in data
    assert "日本".encode() in data


def test_an_empty_account_makes_a_valid_file(user: User) -> None:
    assert collection(user)["items"] == links(user) == outlines(user) == []


@pytest.mark.parametrize("name", EXPORTS)
def test_bookmarks_of_others_are_not_exported(user: User, name: str) -> None:
    make_bookmark(user, "https://example.com/mine", tags=["mine"])
    make_bookmark(make_user(), "https://example.com/theirs", tags=["theirs"])

    data = exported(user, name)

    assert b"mine" in data
    assert b"theirs" not in data


@pytest.mark.parametrize("name", EXPORTS)
def test_an_export_may_be_of_some_bookmarks_only(user: User, name: str) -> None:
    make_bookmark(user, "https://example.com/one", tags=["wanted", "also"])
    make_bookmark(user, "https://example.com/other")

    data = b"".join(EXPORTS[name].export(Bookmark.objects.owned_by(user).filter(tags__key="wanted")))

    assert b"/one" in data
    assert b"also" in data
    assert b"/other" not in data


def hashes_in_order(user: User) -> Iterator[str]:
    urls = [item["url"] for item in collection(user)["items"]]
    by_url = dict(Bookmark.objects.owned_by(user).values_list("url", "unique_hash"))
    return (by_url[url] for url in urls)


@pytest.mark.usefixtures("small_reads")
def test_the_order_is_by_second_and_hash_and_never_by_key(user: User) -> None:
    """Fractions of a second do not count, as two of the formats cannot write them."""
    moments = [SAVED + timedelta(seconds=i // 7, microseconds=999_999 - i) for i in range(21)]
    for number in range(21):
        make_bookmark(user, f"https://example.com/{number}", created=moments[number * 8 % 21])

    found = list(hashes_in_order(user))

    ordered = sorted(
        (created.replace(microsecond=0), unique_hash)
        for created, unique_hash in Bookmark.objects.owned_by(user).values_list("created", "unique_hash")
    )
    assert found == [unique_hash for _, unique_hash in ordered]
    assert len(found) == 21


@pytest.mark.usefixtures("small_reads")
@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 6, 7, 12])
def test_reads_of_any_size_give_each_bookmark_once(user: User, count: int) -> None:
    for number in range(count):
        make_bookmark(user, f"https://example.com/{number}", created=SAVED + timedelta(seconds=number))

    urls = [item["url"] for item in collection(user)["items"]]

    assert urls == [f"https://example.com/{number}" for number in range(count)]


@pytest.mark.usefixtures("small_reads")
def test_the_last_date_there_is_can_be_exported(user: User) -> None:
    for number in range(6):
        make_bookmark(user, f"https://example.com/{number}", created=SAVED)
    Bookmark.objects.filter(url="https://example.com/3").update(created=datetime.max.replace(tzinfo=UTC))

    urls = [item["url"] for item in collection(user)["items"]]

    assert len(urls) == 6
    assert urls[-1] == "https://example.com/3"


def fill(user: User, count: int, *, apart: timedelta) -> None:
    """Make many bookmarks of two tags each, faster than one at a time."""
    tags = Tag.objects.bulk_create(Tag(owner=user, name=f"tag{n}", key=f"tag{n}") for n in range(2))
    made = Bookmark.objects.bulk_create(
        Bookmark(owner=user, url=f"https://example.com/{n}", unique_hash=f"{n:032x}", created=SAVED + n * apart)
        for n in range(count)
    )
    Tagging.objects.bulk_create(Tagging(bookmark=bookmark, tag=tag) for bookmark in made for tag in tags)


@pytest.mark.parametrize("name", EXPORTS)
@pytest.mark.parametrize("apart", [timedelta(0), timedelta(hours=1)], ids=["at once", "spread"])
def test_queries_grow_with_reads_and_not_with_bookmarks(
    user: User, name: str, apart: timedelta, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    fill(user, 2 * rows.ROWS_PER_READ, apart=apart)

    # Two for each read, two for each of the two windows, of which the first is small, and one to count.
    with django_assert_max_num_queries(2 * 3 + 2 * 2 + 1):
        exported(user, name)


@pytest.mark.parametrize("name", EXPORTS)
def test_the_first_bookmarks_come_before_the_others_are_read(user: User, name: str) -> None:
    fill(user, 3 * rows.ROWS_PER_READ, apart=timedelta(hours=1))
    chunks = EXPORTS[name].export(Bookmark.objects.owned_by(user))

    with CaptureQueriesContext(connection) as queries:
        first = next(chunks) + next(chunks)

    assert b"https://example.com/0" in first
    assert b"https://example.com/2999" not in first
    assert len([query for query in queries if "image_url" in query["sql"]]) == 1


@pytest.mark.parametrize("name", EXPORTS)
def test_memory_does_not_grow_with_the_number_of_bookmarks(user: User, name: str) -> None:
    fill(user, 2 * rows.ROWS_PER_READ, apart=timedelta(hours=1))
    small = peak_memory(user, name)
    Bookmark.objects.all().delete()
    Tag.objects.all().delete()
    fill(user, 10 * rows.ROWS_PER_READ, apart=timedelta(hours=1))

    # Each part is read into a megabyte; the whole would take eight more.
    assert peak_memory(user, name) < small + 1_500_000


def peak_memory(user: User, name: str) -> int:
    exported(user, name)
    tracemalloc.start()
    try:
        for _ in EXPORTS[name].export(Bookmark.objects.owned_by(user)):
            pass
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", EXPORTS)
def test_chunks_are_of_a_size_that_a_socket_likes(user: User, name: str) -> None:
    fill(user, 3_000, apart=timedelta(hours=1))

    head, *chunks, _, tail = EXPORTS[name].export(Bookmark.objects.owned_by(user))

    assert chunks
    assert all(64 * 1024 <= len(chunk) < 66 * 1024 for chunk in chunks)
    assert len(head) < 1_000
    assert len(tail) < 100


def test_each_format_says_how_it_is_served() -> None:
    served = {name: (way.file_name, way.content_type) for name, way in EXPORTS.items()}

    assert served == {
        "activitystreams": ("activitystream.json", "application/activity+json"),
        "netscape": ("netscape.html", "text/html; charset=utf-8"),
        "opml": ("bookmarks.opml", "text/x-opml; charset=utf-8"),
    }
    assert all(re.fullmatch(r"[A-Z].+", way.label) for way in EXPORTS.values())
