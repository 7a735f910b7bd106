"""Searching, filtering and sorting the list."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import QueryDict
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from bookmarks.listing import Filters, bookmark_page
from tests.bookmarks.pages import text_of, titles
from tests.factories import make_bookmark, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(client: Client) -> Client:
    owner = make_user("owner")
    client.force_login(owner)
    make_shelf(owner)
    make_bookmark(make_user(), title="Foreign stones walls", tags=["walls"], unread=True)
    return client


def make_shelf(owner: User) -> None:
    def put(day: int, url: str, **fields: object) -> None:
        make_bookmark(owner, url, created=datetime(2020, 1, day, tzinfo=UTC), **fields)

    put(1, "https://walls.example/dry", title="Dry stone", description="How to build", tags=["walls", "Craft"])
    put(2, "https://example.com/100%25", title="100% sure", tags=["walls"], unread=True, favorite=True)
    put(3, "https://example.com/z", title="zebra", tags=["craft", "a, b"], archived=True)
    put(4, "https://example.com/mmm", description="No title, nur Größe", private=True, archived=True, unread=True)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["https://example.com/mmm", "zebra", "100% sure", "Dry stone"]),
        ("stone", ["Dry stone"]),
        ("STONE", ["Dry stone"]),
        ("walls", ["100% sure", "Dry stone"]),
        ("walls.example", ["Dry stone"]),
        ("build", ["Dry stone"]),
        ("craft", ["zebra", "Dry stone"]),
        ("craft walls", ["Dry stone"]),
        ("stone zebra", []),
        ("sto dr", ["Dry stone"]),
        ("one", []),
        ("e", []),
        ("ZE", ["zebra"]),
        ("100%", ["100% sure"]),
        ("%", []),
        ("_", []),
        ("grosse", ["https://example.com/mmm"]),
        ("https://walls.example/dry", ["Dry stone"]),
        ("walls.exam", ["Dry stone"]),
        ("build-dry/stone", []),
        ("  zebra  ", ["zebra"]),
        ("Größe", ["https://example.com/mmm"]),
        ("a\x00b", []),
        ("' OR 1=1 --", []),
    ],
)
def test_search_looks_in_title_url_description_and_tags_for_every_word(
    browser: Client, query: str, found: list[str]
) -> None:
    assert titles(browser.get("/bookmarks/", {"q": query})) == found


@pytest.mark.parametrize("field", ["title", "url", "description", "tags"])
@pytest.mark.parametrize(
    ("written", "asked"),
    [
        ("Ökologie", "öKOLOGIE"),
        ("ÉCOLE", "école"),
        ("Привет-мир", "пРИВЕТ"),
        ("ΑΒΓ", "αβγ"),
        ("Kjøkken", "KJØKKEN"),
        ("Élan vital", "ELA"),
    ],
)
def test_search_ignores_the_case_of_every_script(client: Client, field: str, written: str, asked: str) -> None:
    owner = make_user()
    client.force_login(owner)
    values: dict[str, Any] = {"title": written, "description": f"More about {written}.", "tags": [f"my {written}"]}
    address = f"https://example.com/{written}" if field == "url" else "https://example.com/"
    wanted = make_bookmark(owner, address, **{name: value for name, value in values.items() if name == field})
    make_bookmark(owner, title="Other", description="Ä", tags=["Ä"])
    assert titles(client.get("/bookmarks/", {"q": asked})) == [wanted.display_title]
    assert titles(client.get("/bookmarks/", {"q": f"{asked} nowhere"})) == []


@pytest.mark.parametrize(
    ("query", "queries"), [("wall", 6), ("größe", 6), ("dry größe", 6), ("walls.example", 6), ("%", 0)]
)
@pytest.mark.parametrize("others", [0, 60])
def test_a_search_costs_as_many_queries_whatever_is_found(
    query: str, queries: int, others: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    owner = make_user()
    make_bookmark(owner, "https://walls.example", title="Dry walls, GRÖßE", tags=["walls"])
    for number in range(others):
        make_bookmark(owner, f"https://walls.example/{number}", title="Dry walls, GRÖßE", tags=["walls"])
    # whether the account is large, the keys, their order, tags and texts to rank, a page's bookmarks
    with django_assert_num_queries(queries):
        page = bookmark_page(owner.pk, Filters(q=query))
    assert bool(page.rows) == bool(queries)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("tag=walls", ["100% sure", "Dry stone"]),
        ("tag=WALLS", ["100% sure", "Dry stone"]),
        ("tag=wall", []),
        ("tag=a%2C+b", ["zebra"]),
        ("tag=craft&tag=walls", ["Dry stone"]),
        ("tag=", ["https://example.com/mmm", "zebra", "100% sure", "Dry stone"]),
        ("unread=1", ["https://example.com/mmm", "100% sure"]),
        ("unread=0", ["zebra", "Dry stone"]),
        ("archived=1", ["https://example.com/mmm", "zebra"]),
        ("archived=0", ["100% sure", "Dry stone"]),
        ("favorite=1", ["100% sure"]),
        ("private=1", ["https://example.com/mmm"]),
        ("private=1&unread=1&archived=1", ["https://example.com/mmm"]),
        ("favorite=1&archived=1", []),
        ("unread=maybe", ["https://example.com/mmm", "zebra", "100% sure", "Dry stone"]),
        ("tag=walls&unread=1&q=sure", ["100% sure"]),
        ("import=3", []),
        ("import=x", ["https://example.com/mmm", "zebra", "100% sure", "Dry stone"]),
        ("sort=oldest", ["Dry stone", "100% sure", "zebra", "https://example.com/mmm"]),
        ("sort=title", ["100% sure", "Dry stone", "https://example.com/mmm", "zebra"]),
        ("sort=owner__password", ["https://example.com/mmm", "zebra", "100% sure", "Dry stone"]),
    ],
)
def test_filters_narrow_and_sorts_order(browser: Client, query: str, found: list[str]) -> None:
    assert titles(browser.get(f"/bookmarks/?{query}")) == found


def test_an_import_narrows_the_list_to_what_it_added(client: Client) -> None:
    owner = make_user()
    client.force_login(owner)
    make_bookmark(owner, title="By hand")
    imported = make_bookmark(owner, title="Imported")
    type(imported).objects.filter(pk=imported.pk).update(added_by_import=7)
    response = client.get("/bookmarks/?import=7")
    assert titles(response) == ["Imported"]
    assert "From one import" in text_of(response)


@pytest.mark.parametrize("query", ["q=nowhere", "tag=nowhere", "favorite=1&archived=1"])
def test_a_search_without_result_says_so_and_leads_back_to_all(browser: Client, query: str) -> None:
    page = text_of(browser.get(f"/bookmarks/?{query}"))
    assert "Nothing found" in page
    assert "Bring your bookmarks home" not in page
    assert "Show all bookmarks" in page


def test_the_page_shows_what_was_asked_for(browser: Client) -> None:
    page = text_of(browser.get("/bookmarks/", {"q": '"><script>', "tag": "walls", "unread": "1", "sort": "title"}))
    assert 'value="&quot;&gt;&lt;script&gt;"' in page
    assert '<input type="hidden" name="tag" value="walls">' in page
    assert 'id="unread-1" name="unread" value="1" checked' in page
    assert '<option value="title" selected>' in page


def test_links_to_other_pages_keep_what_was_asked_for(client: Client) -> None:
    owner = make_user()
    client.force_login(owner)
    for _number in range(51):
        make_bookmark(owner, tags=["a, b"], unread=True)
    page = text_of(client.get("/bookmarks/?q=example&tag=a,+b&unread=1&sort=oldest"))
    assert 'href="/bookmarks/?q=example&amp;tag=a%2C+b&amp;unread=1&amp;sort=oldest&amp;page=2&amp;after=' in page


@pytest.mark.parametrize(
    "query", ["", "q=a+b&tag=x&tag=y%2C+z&unread=1&archived=0&import=3&sort=title", "tag=%23&q=%26%3D%3F"]
)
def test_filters_written_into_a_url_read_back_the_same(query: str) -> None:
    filters = Filters.from_query(QueryDict(query))
    assert Filters.from_query(QueryDict(filters.query_string().removeprefix("?"))) == filters
    assert filters.is_narrow == bool(query)


def test_one_of_several_tags_can_be_taken_out() -> None:
    filters = Filters.from_query(QueryDict("tag=one&tag=two&q=x"))
    assert filters.tag_choices == [("one", "?q=x&tag=two"), ("two", "?q=x&tag=one")]
    assert Filters.from_query(QueryDict("tag=one")).tag_choices == [("one", "")]


def test_a_very_long_search_is_cut_rather_than_refused(browser: Client) -> None:
    assert browser.get("/bookmarks/", {"q": "word " * 5000}).status_code == 200
