"""What all pages share: their frame, their security headers, messages, error pages."""

import re
from html.parser import HTMLParser
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from tests.factories import make_bookmark, make_user

PAGES = [
    "/bookmarks/",
    "/bookmarks/?q=nowhere&tag=walls&unread=1",
    "/bookmarks/new",
    "/bookmarks/{pk}/edit",
    "/bookmarks/{pk}/delete",
    "/tags/",
    "/accounts/profile/",
    "/accounts/settings/",
    "/accounts/password/",
    "/nowhere",
]


class Outline(HTMLParser):
    """What a screen reader's list of headings and landmarks is made of."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.ids += [value for name, value in attrs if name == "id" and value]


@pytest.fixture
def ada(db: None) -> User:
    return make_user("ada")


@pytest.fixture
def bookmark_pk(ada: User) -> int:
    make_bookmark(ada, tags=["walls"])
    return make_bookmark(ada, title="Dry stone walls", tags=["walls", "a, b"]).pk


@pytest.fixture
def browser(client: Client, ada: User) -> Client:
    client.force_login(ada)
    return client


def page_of(response: Any) -> str:
    return str(response.content.decode())


@pytest.mark.parametrize("path", PAGES)
def test_every_page_has_one_heading_one_main_part_and_a_place_for_news(
    browser: Client, bookmark_pk: int, path: str
) -> None:
    outline = Outline()
    outline.feed(page_of(browser.get(path.format(pk=bookmark_pk))))
    assert outline.tags.count("h1") == outline.tags.count("main") == outline.tags.count("title") == 1
    assert {"content", "live", "confirm"} <= set(outline.ids)
    assert len(outline.ids) == len(set(outline.ids))


@pytest.mark.parametrize("path", PAGES)
def test_every_page_is_served_under_a_strict_policy(browser: Client, bookmark_pk: int, path: str) -> None:
    policy = browser.get(path.format(pk=bookmark_pk)).headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy


def test_the_user_menu_has_new_import_profile_and_settings(browser: Client) -> None:
    page = page_of(browser.get("/bookmarks/"))
    menu = page[page.index('id="user-menu"') :]
    assert re.findall(r"<li><a href=\"([^\"]+)\">(\w+)</a></li>", menu)[:4] == [
        ("/bookmarks/new", "New"),
        (reverse("imports:import"), "Import"),
        ("/accounts/profile/", "Profile"),
        ("/accounts/settings/", "Settings"),
    ]
    assert "Administration" not in page


def test_the_navigation_is_for_people_who_are_logged_in(client: Client, ada: User) -> None:
    page = page_of(client.get("/accounts/login/"))
    assert "user-menu" not in page
    assert reverse("imports:import") not in page


@pytest.mark.parametrize(("path", "name"), [("/bookmarks/", "Bookmarks"), ("/tags/", "Tags"), ("/import/", "Import")])
def test_the_navigation_marks_where_one_is(browser: Client, path: str, name: str) -> None:
    assert re.findall(r'aria-current="page">(\w+)<', page_of(browser.get(path))) == [name]


def test_a_message_is_shown_once(browser: Client) -> None:
    browser.post("/bookmarks/new", {"url": "https://example.com/"})
    assert page_of(browser.get("/bookmarks/")).count("The bookmark was added.") == 1
    assert "The bookmark was added." not in page_of(browser.get("/bookmarks/"))


def test_an_address_without_a_page_is_not_found_in_our_own_look(browser: Client) -> None:
    response = browser.get("/nowhere")
    assert response.status_code == 404
    assert "Page not found" in page_of(response)
    assert list(get_messages(response.wsgi_request)) == []


def test_an_unexpected_error_is_a_page_without_its_details(
    ada: User, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_args: object, **_kwargs: object) -> None:
        raise RuntimeError("a secret detail")

    monkeypatch.setattr("bookmarks.views.tag_page", broken)
    client = Client(raise_request_exception=False)
    client.force_login(ada)
    response = client.get("/tags/")
    assert response.status_code == 500
    assert "Something went wrong" in page_of(response)
    assert "secret" not in page_of(response)
    assert "a secret detail" in caplog.text
