"""Bookmarks and tags in the administration."""

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from bookmarks.models import Bookmark, Tag
from tests.bookmarks.pages import text_of
from tests.factories import make_bookmark, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin_browser(client: Client) -> Client:
    client.force_login(make_user("boss", is_staff=True, is_superuser=True))
    return client


@pytest.fixture
def owner() -> User:
    return make_user("ada")


def test_bookmarks_can_be_found_by_title_url_and_owner(admin_browser: Client, owner: User) -> None:
    make_bookmark(owner, "https://example.com/needle", title="Hay")
    make_bookmark(make_user("bob"), "https://example.com/other", title="Straw")
    for query in ("Hay", "needle", "ada"):
        page = text_of(admin_browser.get(reverse("admin:bookmarks_bookmark_changelist"), {"q": query}))
        assert "Hay" in page
        assert "Straw" not in page


def test_flags_and_texts_can_be_changed_but_not_what_makes_a_bookmark_unique(
    admin_browser: Client, owner: User
) -> None:
    bookmark = make_bookmark(owner, "https://example.com/a", title="Before", tags=["one", "two"])
    url = reverse("admin:bookmarks_bookmark_change", args=[bookmark.pk])
    assert "one, two" in text_of(admin_browser.get(url))
    dates = {"created_0": "2020-01-01", "created_1": "00:00:00", "updated_0": "2020-01-01", "updated_1": "00:00:00"}
    sent = {"title": "After", "url": "javascript:alert(1)", "unique_hash": "x", "archived": "on", **dates}
    assert admin_browser.post(url, sent).status_code == 302
    after = Bookmark.objects.get()
    assert (after.title, after.archived, after.url) == ("After", True, "https://example.com/a")
    assert (after.unique_hash, after.owner) == (bookmark.unique_hash, owner)
    assert after.tags.count() == 2


def test_deleting_a_bookmark_or_a_tag_takes_off_the_tag_alone(admin_browser: Client, owner: User) -> None:
    bookmark = make_bookmark(owner, tags=["one", "two"])
    tag = Tag.objects.get(key="one")
    page = admin_browser.post(reverse("admin:bookmarks_tag_delete", args=[tag.pk]), {"post": "yes"})
    assert page.status_code == 302
    assert [tag.name for tag in bookmark.tags.all()] == ["two"]
    admin_browser.post(reverse("admin:bookmarks_bookmark_delete", args=[bookmark.pk]), {"post": "yes"})
    assert not Bookmark.objects.exists()
    assert [tag.name for tag in Tag.objects.all()] == ["two"]


@pytest.mark.parametrize("model", ["bookmark", "tag"])
def test_nothing_is_added_in_the_administration(admin_browser: Client, model: str) -> None:
    assert admin_browser.get(reverse(f"admin:bookmarks_{model}_changelist")).status_code == 200
    assert admin_browser.get(reverse(f"admin:bookmarks_{model}_add")).status_code == 403


def test_the_administration_is_for_staff(client: Client, owner: User) -> None:
    client.force_login(owner)
    response = client.get(reverse("admin:bookmarks_bookmark_changelist"))
    assert response.status_code == 302
