"""The list of tags."""

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django.asserts import assertNumQueries

from bookmarks.listing import TAG_PAGE_SIZE
from bookmarks.models import Tag
from tests.bookmarks.pages import text_of
from tests.factories import make_bookmark, make_user

pytestmark = pytest.mark.django_db


def shown(browser: Client, **query: str) -> list[tuple[str, int]]:
    response = browser.get("/tags/", query)
    return [(tag.name, tag.bookmark_count) for tag in response.context["page"].rows]


def test_own_tags_are_listed_by_name_with_the_number_of_their_bookmarks(browser: Client, owner: User) -> None:
    make_bookmark(owner, tags=["walls", "Craft"])
    make_bookmark(owner, tags=["walls", "a, b"])
    make_bookmark(make_user(), tags=["walls", "foreign"])
    assert shown(browser) == [("a, b", 1), ("Craft", 1), ("walls", 2)]
    assert 'href="/bookmarks/?tag=a%2C%20b"' in text_of(browser.get("/tags/"))


def test_a_tag_that_no_bookmark_carries_any_more_is_not_listed(browser: Client, owner: User) -> None:
    make_bookmark(owner, tags=["gone"]).delete()
    assert Tag.objects.exists()
    assert shown(browser) == []
    assert "There are no tags yet" in text_of(browser.get("/tags/"))


def test_tags_can_be_searched(browser: Client, owner: User) -> None:
    make_bookmark(owner, tags=["dry walls", "Wallpaper", "craft", "100%"])
    assert shown(browser, q="WALL") == [("dry walls", 1), ("Wallpaper", 1)]
    assert shown(browser, q="%") == [("100%", 1)]
    assert "No tag has this in its name" in text_of(browser.get("/tags/", {"q": "nowhere"}))


def test_tags_are_found_whatever_their_case(browser: Client, owner: User) -> None:
    make_bookmark(owner, tags=["Ökologie", "ПРИВЕТ мир", "Straße"])
    assert shown(browser, q="öKO") == [("Ökologie", 1)]
    assert shown(browser, q="привет") == [("ПРИВЕТ мир", 1)]
    assert shown(browser, q="STRASSE") == [("Straße", 1)]


def test_many_tags_come_in_pages_that_keep_the_search(browser: Client, owner: User) -> None:
    for start in range(0, TAG_PAGE_SIZE + 20, 80):
        make_bookmark(owner, tags=[f"tag {number:04}" for number in range(start, start + 80)])
    first, second = shown(browser, q="tag"), shown(browser, q="tag", after=f"tag {TAG_PAGE_SIZE - 1:04}")
    assert (len(first), first[0], second[0]) == (TAG_PAGE_SIZE, ("tag 0000", 1), (f"tag {TAG_PAGE_SIZE:04}", 1))
    assert second == shown(browser, q="tag", page="2")
    assert len(second) == 20
    assert shown(browser, q="tag", before=second[0][0]) == first
    assert shown(browser, page="last")[-1] == second[-1]
    following = f'rel="next" href="?q=tag&amp;page=2&amp;after=tag+{TAG_PAGE_SIZE - 1:04}"'
    assert following in text_of(browser.get("/tags/?q=tag"))


def test_bookmarks_of_a_tag_are_counted_so_far(browser: Client, owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bookmarks.models.TAG_COUNTED", 3)
    monkeypatch.setattr("bookmarks.views.TAG_COUNTED", 3)
    for number in range(5):
        make_bookmark(owner, tags=["many", "few"][: 2 if number < 2 else 1])
    assert shown(browser) == [("few", 2), ("many", 3)]
    assert "3+<span" in text_of(browser.get("/tags/"))


def test_the_list_takes_as_many_queries_for_many_tags_as_for_one(browser: Client, owner: User) -> None:
    for number in (1, 60):
        make_bookmark(owner, tags=[f"{number} {index}" for index in range(number)])
        # session, user, tags
        with assertNumQueries(3):
            browser.get("/tags/")
