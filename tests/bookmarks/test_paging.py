"""Going through the list: from page to page, from either end, in every order, from whatever address."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from bookmarks import finding, listing
from bookmarks.listing import COUNTED_PAGES
from bookmarks.models import Bookmark
from tests.bookmarks.pages import HTMX, text_of, titles
from tests.factories import make_bookmark, make_user

pytestmark = pytest.mark.django_db
SIZE = 3
START = datetime(2020, 1, 1, tzinfo=UTC)
QUERIES = [
    "",
    "sort=oldest",
    "sort=title",
    "tag=odd",
    "tag=odd&sort=title",
    "archived=0",
    "unread=1&sort=oldest",
    "unread=1&archived=0",
    "q=page",
    "q=page&sort=title",
    "q=page&sort=newest&tag=odd",
]


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "PAGE_SIZE", SIZE)


@pytest.fixture
def browser(client: Client, owner: User) -> Client:
    client.force_login(owner)
    for number in range(11):
        make_bookmark(
            owner,
            # Several have the same date, and several the same title.
            created=START + timedelta(days=number // 4, microseconds=number // 2 % 2),
            title=f"Page {number * 7 % 5}" if number % 6 else "",
            description="page",
            tags=["odd" if number % 2 else "even"],
            unread=number % 3 == 0,
            archived=number % 4 == 0,
        )
    make_bookmark(make_user(), title="Page of somebody else", tags=["odd"])
    return client


def keys(browser: Client, address: str) -> list[int]:
    return [bookmark.pk for bookmark in browser.get(address, headers=HTMX).context["page"].rows]


def link(browser: Client, address: str, rel: str) -> str:
    found = re.search(rf'rel="{rel}" href="([^"]+)"', text_of(browser.get(address, headers=HTMX)))
    return unescape(found[1]) if found else ""


def walked(browser: Client, address: str, rel: str) -> list[list[int]]:
    pages = []
    while address:
        response = browser.get(address, headers=HTMX)
        pages.append([bookmark.pk for bookmark in response.context["page"].rows])
        found = re.search(rf'rel="{rel}" href="([^"]+)"', text_of(response))
        address = unescape(found[1]) if found else ""
    return pages


@pytest.mark.parametrize("few", [0, 1_000], ids=["in order of the list", "by what is rare"])
@pytest.mark.parametrize("query", QUERIES)
def test_going_on_shows_everything_once_and_going_back_shows_the_same(
    browser: Client, monkeypatch: pytest.MonkeyPatch, query: str, few: int
) -> None:
    with monkeypatch.context() as whole:
        whole.setattr(listing, "PAGE_SIZE", 100)
        wanted = keys(browser, f"/bookmarks/?{query}")
    monkeypatch.setattr(finding, "FEW", few)
    assert len(wanted) > 1
    pages = walked(browser, f"/bookmarks/?{query}", "next")
    assert [pk for page in pages for pk in page] == wanted
    assert {len(page) for page in pages[:-1]} <= {SIZE}
    address = f"/bookmarks/?{query}"
    for _ in pages[1:3]:
        address = link(browser, address, "next")
    assert walked(browser, address, "prev")[::-1] == pages[:3]


@pytest.mark.parametrize(
    "query", [query for query in QUERIES if not query.startswith("q=page&sort") and query != "q=page"]
)
def test_the_last_page_is_the_end_of_the_list_and_leads_back_to_its_beginning(browser: Client, query: str) -> None:
    wanted = [pk for page in walked(browser, f"/bookmarks/?{query}", "next") for pk in page]
    pages = walked(browser, f"/bookmarks/?{query}&page=last", "prev")
    assert [pk for page in pages[::-1] for pk in page] == wanted
    assert pages[0] == wanted[-SIZE:]
    assert not link(browser, f"/bookmarks/?{query}&page=last", "next")


def test_a_number_alone_leads_to_its_page(browser: Client) -> None:
    pages = walked(browser, "/bookmarks/", "next")
    assert [keys(browser, f"/bookmarks/?page={number}") for number in range(1, len(pages) + 1)] == pages


def test_a_number_that_is_too_far_leads_to_both_ends(browser: Client) -> None:
    page = text_of(browser.get(f"/bookmarks/?page={COUNTED_PAGES + 1}&sort=title"))
    assert "has no number of its own" in page
    assert 'href="/bookmarks/?sort=title&amp;page=last"' in page


def test_what_is_added_or_deleted_meanwhile_moves_nothing_to_another_page(browser: Client, owner: User) -> None:
    pages = walked(browser, "/bookmarks/", "next")
    second = link(browser, "/bookmarks/", "next")
    make_bookmark(owner, title="New")
    Bookmark.objects.filter(pk__in=pages[0]).delete()
    assert keys(browser, second) == pages[1]


@pytest.mark.parametrize(
    "place",
    [
        "x",
        "1",
        "1.",
        ".2020-01-01",
        "1.\x00",
        "1.9999-99-99",
        "9" * 30 + ".2020-01-01",
        "-1.2020-01-01",
        "1.2020",
        "é.é",
    ],
)
@pytest.mark.parametrize("name", ["after", "before"])
@pytest.mark.parametrize("sort", ["newest", "title"])
def test_a_place_that_is_none_is_no_error(browser: Client, place: str, name: str, sort: str) -> None:
    response = browser.get("/bookmarks/", {name: place, "sort": sort})
    assert response.status_code == 200
    assert set(titles(response)) <= {"", *(f"Page {number}" for number in range(5))} | {
        row.url for row in Bookmark.objects.all()
    }


@pytest.mark.parametrize("query", ["after=1.0001-01-01", "before=1.0001-01-01", "after=1.9999-12-31+23:59:59.999999"])
def test_the_ends_of_time_are_places(browser: Client, query: str) -> None:
    assert browser.get(f"/bookmarks/?{query}").status_code == 200


def test_a_place_shows_nothing_of_others(browser: Client, client: Client) -> None:
    place = link(browser, "/bookmarks/", "next")
    client.force_login(make_user())
    assert keys(client, place) == []


@pytest.mark.parametrize("query", [*QUERIES, "page=2", "page=last"])
def test_a_page_takes_as_many_queries_for_many_bookmarks_as_for_few(browser: Client, owner: User, query: str) -> None:
    numbers = set()
    for _ in range(2):
        with CaptureQueriesContext(connection) as captured:
            browser.get(f"/bookmarks/?{query}")
        numbers.add(len(captured))
        for _number in range(12):
            make_bookmark(owner, title="Page", tags=["odd"], unread=True, description="page")
    assert len(numbers) == 1
