"""Pages of bookmarks: list, adding, editing, deleting, exports; to whom they show what, with how many queries."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.urls import reverse
from pytest_django.asserts import assertNumQueries

from bookmarks.exports import EXPORTS, ExportFormat
from bookmarks.listing import PAGE_SIZE
from bookmarks.models import Bookmark, Tag
from tests.bookmarks.pages import HTMX, said, text_of, titles
from tests.factories import make_bookmark, make_user

pytestmark = pytest.mark.django_db
WRITES = ["/bookmarks/new", "/bookmarks/bulk", "/bookmarks/{pk}/edit", "/bookmarks/{pk}/delete"]


def make_many(owner: User, number: int) -> None:
    start = datetime(2020, 1, 1, tzinfo=UTC)
    for index in range(number):
        tags = [f"tag {index % 7}", f"other {index % 3}"]
        make_bookmark(owner, title=f"Number {index}", created=start + timedelta(days=index), tags=tags)


def test_the_front_page_leads_to_the_list(browser: Client) -> None:
    assert browser.get("/").headers["Location"] == "/bookmarks/"
    assert browser.get("/bookmarks/").status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/bookmarks/",
        "/bookmarks/new",
        "/bookmarks/1/edit",
        "/bookmarks/1/delete",
        "/bookmarks/export/activitystream.json",
        "/tags/",
        "/accounts/profile/",
        "/accounts/settings/",
        "/accounts/password/",
    ],
)
def test_nobody_is_sent_to_log_in_and_then_back(client: Client, path: str) -> None:
    make_user()
    response = client.get(path)
    assert response.status_code == 302
    assert response.headers["Location"] == f"/accounts/login/?next={path}"


@pytest.mark.parametrize(
    ("headers", "back"),
    [
        ({"Referer": "http://testserver/bookmarks/?q=x"}, "?next=http%3A//testserver/bookmarks/%3Fq%3Dx"),
        ({"Referer": "https://elsewhere.example/"}, ""),
        ({}, ""),
    ],
)
def test_after_logging_in_again_a_form_leads_to_the_page_it_was_on(
    client: Client, headers: dict[str, str], back: str
) -> None:
    make_user()
    response = client.post("/bookmarks/bulk", headers=headers)
    assert (response.status_code, response.headers["Location"]) == (302, f"/accounts/login/{back}")


def test_htmx_is_told_to_load_the_login_page_and_not_to_show_it_in_a_list(client: Client) -> None:
    make_user()
    headers = {**HTMX, "HX-Current-URL": "http://testserver/bookmarks/?page=2"}
    response = client.get("/bookmarks/?page=3", headers=headers)
    assert (response.status_code, response.content) == (401, b"")
    assert response.headers["HX-Redirect"] == "/accounts/login/?next=/bookmarks/%3Fpage%3D2"


@pytest.mark.parametrize(
    "path", ["/bookmarks/new", "/bookmarks/bulk", "/bookmarks/{pk}/edit", "/bookmarks/{pk}/delete"]
)
def test_nobody_changes_nothing(client: Client, owner: User, path: str) -> None:
    bookmark = make_bookmark(owner, "https://example.com/kept", title="Kept")
    response = client.post(
        path.format(pk=bookmark.pk),
        {"url": "https://example.com/new", "bookmark": bookmark.pk, "do": "delete", "confirmed": "1"},
    )
    assert response.headers["Location"].startswith("/accounts/login/")
    assert list(Bookmark.objects.values_list("title", flat=True)) == ["Kept"]


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("action", ["edit", "delete"])
def test_the_bookmark_of_somebody_else_is_not_found(browser: Client, method: str, action: str) -> None:
    foreign = make_bookmark(make_user(), "https://example.com/foreign", title="Foreign")
    response = getattr(browser, method)(f"/bookmarks/{foreign.pk}/{action}", {"url": "https://example.com/mine"})
    assert response.status_code == 404
    assert Bookmark.objects.get().url == "https://example.com/foreign"


def test_whose_page_has_an_address_that_is_none_is_led_to_the_login_all_the_same(client: Client) -> None:
    response = client.get("/bookmarks/", headers={**HTMX, "HX-Current-URL": "http://["})
    assert response.status_code == 401
    assert response.headers["HX-Redirect"] == "/accounts/login/"


@pytest.mark.parametrize("path", ["/bookmarks/999999/edit", "/bookmarks/99999999999999999999999999/edit"])
def test_a_bookmark_that_does_not_exist_is_not_found(browser: Client, path: str) -> None:
    assert browser.get(path).status_code == 404


def test_the_list_shows_own_bookmarks_only_newest_first(browser: Client, owner: User) -> None:
    make_bookmark(make_user(), title="Foreign")
    make_many(owner, 3)
    assert titles(browser.get("/bookmarks/")) == ["Number 2", "Number 1", "Number 0"]


def test_a_bookmark_is_shown_with_its_url_note_tags_and_marks(browser: Client, owner: User) -> None:
    make_bookmark(
        owner,
        "https://example.com/x?a=1&b=2",
        title="<b>Bold</b>",
        description="A note",
        tags=["c&d", "e, f"],
        unread=True,
    )
    page = text_of(browser.get("/bookmarks/"))
    assert 'href="https://example.com/x?a=1&amp;b=2"' in page
    assert "&lt;b&gt;Bold&lt;/b&gt;" in page
    assert "<b>Bold" not in page
    assert "A note" in page
    assert 'href="/bookmarks/?tag=c%26d"' in page
    assert 'href="/bookmarks/?tag=e%2C%20f"' in page
    assert '<span class="badge-soft">Unread</span>' in page
    assert "Favourite</span>" not in page


def test_without_a_title_the_url_stands_in(browser: Client, owner: User) -> None:
    make_bookmark(owner, "https://example.com/untitled")
    assert titles(browser.get("/bookmarks/")) == ["https://example.com/untitled"]


def test_pages_follow_one_another_without_gap_or_overlap(browser: Client, owner: User) -> None:
    make_many(owner, PAGE_SIZE + 3)
    first, second = browser.get("/bookmarks/"), browser.get("/bookmarks/?page=2")
    assert len(titles(first)) == PAGE_SIZE
    assert titles(first)[-1] == "Number 3"
    assert titles(second) == ["Number 2", "Number 1", "Number 0"]
    assert 'rel="next" href="/bookmarks/?page=2&amp;after=' in text_of(first)
    assert 'rel="prev"' not in text_of(first)
    assert 'rel="prev" href="/bookmarks/"' in text_of(second)
    assert 'rel="next"' not in text_of(second)


@pytest.mark.parametrize("page", ["", "0", "-1", "x", "1.5", "٣", "9" * 30])
def test_a_page_that_is_no_number_is_the_first(browser: Client, owner: User, page: str) -> None:
    make_many(owner, 1)
    assert titles(browser.get("/bookmarks/", {"page": page})) == ["Number 0"]


@pytest.mark.parametrize("page", ["2", "200"])
def test_a_page_beyond_the_last_says_that_it_is_empty(browser: Client, owner: User, page: str) -> None:
    make_many(owner, 1)
    response = browser.get("/bookmarks/", {"page": page})
    assert response.status_code == 200
    assert "nothing on this page" in text_of(response)


def test_a_list_without_bookmarks_invites_to_import(browser: Client) -> None:
    page = text_of(browser.get("/bookmarks/"))
    assert "Bring your bookmarks home" in page
    assert f'class="btn btn-primary" href="{reverse("imports:import")}"' in page


def test_the_list_takes_as_many_queries_for_many_bookmarks_as_for_one(browser: Client, owner: User) -> None:
    browser.get("/bookmarks/")
    for more in (1, 4, PAGE_SIZE):
        make_many(owner, more)
        # session, user, bookmarks, their tags
        with assertNumQueries(5):
            browser.get("/bookmarks/")


def test_htmx_gets_the_part_that_changes_and_caches_know(browser: Client, owner: User) -> None:
    make_many(owner, 2)
    whole, part = browser.get("/bookmarks/"), browser.get("/bookmarks/", headers=HTMX)
    assert "<!doctype html>" in text_of(whole)
    assert "<html" not in text_of(part)
    assert text_of(part).lstrip().startswith('<div id="results"')
    assert titles(part) == titles(whole)
    assert "HX-Request" in whole.headers["Vary"]
    assert "HX-Request" in part.headers["Vary"]


def test_a_bookmark_is_added_with_all_that_the_form_says(browser: Client, owner: User) -> None:
    response = browser.post(
        "/bookmarks/new",
        {
            "url": "https://example.com/new",
            "title": "New",
            "description": "Why",
            "tags": 'one, "t, wo"',
            "unread": "on",
            "private": "on",
            "feed_url": "https://example.com/feed",
            "image_url": "https://example.com/image.png",
        },
    )
    assert (response.status_code, response.headers["Location"]) == (303, "/bookmarks/")
    bookmark = Bookmark.objects.get(owner=owner)
    assert (bookmark.url, bookmark.title, bookmark.description) == ("https://example.com/new", "New", "Why")
    assert sorted(tag.name for tag in bookmark.tags.all()) == ["one", "t, wo"]
    assert (bookmark.unread, bookmark.archived, bookmark.favorite, bookmark.private) == (True, False, False, True)
    assert (bookmark.feed_url, bookmark.image_url) == ("https://example.com/feed", "https://example.com/image.png")
    assert said(response) == ["The bookmark was added."]


def test_adding_a_page_that_is_there_joins_the_two_and_says_so(browser: Client, owner: User) -> None:
    kept = make_bookmark(owner, "https://example.com/page", title="A longer title", tags=["old"])
    response = browser.post("/bookmarks/new", {"url": "https://EXAMPLE.com/page/?utm_source=x", "tags": "new"})
    bookmark = Bookmark.objects.get(owner=owner)
    assert bookmark.pk == kept.pk
    assert bookmark.title == "A longer title"
    assert sorted(tag.name for tag in bookmark.tags.all()) == ["new", "old"]
    assert said(response) == ["You had this page already: what you entered was added to its bookmark."]


def test_the_same_page_of_somebody_else_is_a_bookmark_of_its_own(browser: Client, owner: User) -> None:
    make_bookmark(make_user(), "https://example.com/page")
    browser.post("/bookmarks/new", {"url": "https://example.com/page"})
    assert Bookmark.objects.filter(unique_hash=Bookmark.objects.get(owner=owner).unique_hash).count() == 2


def test_a_form_with_a_mistake_comes_back_as_it_was_sent(browser: Client) -> None:
    response = browser.post("/bookmarks/new", {"url": "javascript:alert(1)", "tags": 'x, "y, z"', "title": "T"})
    page = text_of(response)
    assert "javascript: address" in page
    assert 'value="x, &quot;y, z&quot;"' in page
    assert not Bookmark.objects.exists()


def test_the_bookmarklet_fills_the_form_and_tells_of_a_page_that_is_there(browser: Client, owner: User) -> None:
    known = make_bookmark(owner, "https://example.com/known")
    page = text_of(browser.get("/bookmarks/new", {"url": "https://example.com/other", "title": "<i>Other</i>"}))
    assert 'value="https://example.com/other"' in page
    assert 'value="&lt;i&gt;Other&lt;/i&gt;"' in page
    assert "You saved this page" not in page
    page = text_of(browser.get("/bookmarks/new", {"url": "https://example.com/known/"}))
    assert "You saved this page" in page
    assert reverse("bookmarks:edit", args=[known.pk]) in page


def test_editing_shows_and_changes_everything_but_when_it_was_saved(browser: Client, owner: User) -> None:
    saved = datetime(2011, 5, 6, tzinfo=UTC)
    bookmark = make_bookmark(
        owner, "https://example.com/a", title="Before", tags=["x, y", "z"], created=saved, favorite=True, unread=True
    )
    page = text_of(browser.get(f"/bookmarks/{bookmark.pk}/edit"))
    assert 'value="Before"' in page
    assert 'value="&quot;x, y&quot;, z"' in page
    response = browser.post(
        f"/bookmarks/{bookmark.pk}/edit",
        {"url": "https://example.com/b", "title": "After", "tags": '"x, y", new', "archived": "on"},
    )
    assert said(response) == ["The bookmark was saved."]
    bookmark.refresh_from_db()
    assert (bookmark.url, bookmark.title, bookmark.created) == ("https://example.com/b", "After", saved)
    assert bookmark.updated > saved
    assert sorted(tag.name for tag in bookmark.tags.all()) == ["new", "x, y"]
    assert (bookmark.unread, bookmark.archived, bookmark.favorite) == (False, True, False)


def test_saving_the_form_unchanged_changes_no_content(browser: Client, owner: User) -> None:
    bookmark = make_bookmark(
        owner,
        "https://example.com/same",
        title="Same",
        description="Two\n\nparagraphs",
        tags=["a, b", "c"],
        private=True,
        feed_url="https://example.com/feed",
    )
    initial = browser.get(f"/bookmarks/{bookmark.pk}/edit").context["form"]
    sent = {field.name: field.value() for field in initial if field.value() not in (None, False)}
    browser.post(f"/bookmarks/{bookmark.pk}/edit", sent)
    after = Bookmark.objects.get()
    for name in ("pk", "url", "title", "description", "unread", "private", "feed_url", "image_url", "created"):
        assert getattr(after, name) == getattr(bookmark, name)
    assert sorted(tag.name for tag in after.tags.all()) == ["a, b", "c"]


def test_editing_a_url_into_that_of_another_bookmark_makes_the_two_one(browser: Client, owner: User) -> None:
    make_bookmark(owner, "https://example.com/one", tags=["one"])
    other = make_bookmark(owner, "https://example.com/two", tags=["two"])
    response = browser.post(f"/bookmarks/{other.pk}/edit", {"url": "https://example.com/one", "tags": "two"})
    bookmark = Bookmark.objects.get(owner=owner)
    assert sorted(tag.name for tag in bookmark.tags.all()) == ["one", "two"]
    assert said(response) == ["You had a bookmark of this page already: the two are one now."]


def test_saving_a_bookmark_that_was_deleted_meanwhile_is_not_found(browser: Client, owner: User) -> None:
    bookmark = make_bookmark(owner, "https://example.com/one")
    reads = 0

    def delete_before_the_second_read(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        nonlocal reads
        reads += "bookmarks_bookmark" in sql
        if reads == 2:
            reads += 1
            bookmark.delete()
        return execute(sql, params, many, context)

    with connection.execute_wrapper(delete_before_the_second_read):
        response = browser.post(f"/bookmarks/{bookmark.pk}/edit", {"url": "https://example.com/two"})
    assert reads > 2
    assert response.status_code == 404
    assert not Bookmark.objects.filter(url="https://example.com/two").exists()


def test_deleting_asks_first_and_then_deletes_that_one(browser: Client, owner: User) -> None:
    make_bookmark(owner, title="Stays", tags=["shared"])
    bookmark = make_bookmark(owner, title="Goes", tags=["shared"])
    page = browser.get(f"/bookmarks/{bookmark.pk}/delete")
    assert "Goes" in text_of(page)
    assert Bookmark.objects.count() == 2
    response = browser.post(f"/bookmarks/{bookmark.pk}/delete")
    assert response.status_code == 303
    assert said(response) == ["The bookmark was deleted."]
    assert [b.title for b in Bookmark.objects.all()] == ["Stays"]
    assert Tag.objects.get().bookmarks.count() == 1


def test_htmx_deletes_and_gets_the_list_with_the_message(browser: Client, owner: User) -> None:
    bookmark = make_bookmark(owner, title="Goes")
    make_bookmark(owner, title="Stays")
    url = f"/bookmarks/{bookmark.pk}/delete?next={quote('/bookmarks/?q=st')}"
    response = browser.post(url, headers=HTMX, follow=True)
    assert response.redirect_chain == [("/bookmarks/?q=st", 303)]
    assert titles(response) == ["Stays"]
    assert 'hx-swap-oob="beforeend:#live"' in text_of(response)
    assert "The bookmark was deleted." in text_of(response)


@pytest.mark.parametrize("path", ["/bookmarks/new", "/bookmarks/{pk}/edit", "/bookmarks/{pk}/delete"])
@pytest.mark.parametrize(
    ("wanted", "given_back"),
    [
        ("/bookmarks/?q=x&page=3", "/bookmarks/?q=x&page=3"),
        ("https://evil.example/", "/bookmarks/"),
        ("//evil.example/", "/bookmarks/"),
        ("javascript:alert(1)", "/bookmarks/"),
        ("/\\evil.example", "/bookmarks/"),
    ],
)
def test_after_a_change_one_is_back_where_one_was_but_never_elsewhere(
    browser: Client, owner: User, path: str, wanted: str, given_back: str
) -> None:
    bookmark = make_bookmark(owner)
    response = browser.post(path.format(pk=bookmark.pk), {"url": "https://example.com/saved", "next": wanted})
    assert response.headers["Location"] == given_back


@pytest.mark.parametrize("form", EXPORTS.values(), ids=EXPORTS)
def test_an_export_is_streamed_as_a_download_of_own_bookmarks_only(
    browser: Client, owner: User, form: ExportFormat
) -> None:
    make_bookmark(owner, "https://example.com/mine", title="Mine")
    make_bookmark(make_user(), "https://example.com/foreign")
    response = browser.get(f"/bookmarks/export/{form.file_name}")
    assert response.streaming
    assert response.headers["Content-Disposition"] == f'attachment; filename="{form.file_name}"'
    assert response.headers["Content-Type"] == form.content_type
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    sent = b"".join(response)
    assert b"https://example.com/mine" in sent
    assert b"foreign" not in sent


def test_the_files_have_the_agreed_names(browser: Client) -> None:
    assert {form.file_name for form in EXPORTS.values()} == {"activitystream.json", "netscape.html", "bookmarks.opml"}
    assert browser.get("/bookmarks/export/other.txt").status_code == 404


def test_a_bulk_change_cannot_be_got(browser: Client) -> None:
    assert browser.get("/bookmarks/bulk").status_code == 405


@pytest.mark.parametrize(
    "path", ["/bookmarks/new", "/bookmarks/bulk", "/bookmarks/{pk}/edit", "/bookmarks/{pk}/delete"]
)
def test_a_form_from_another_site_is_refused(owner: User, path: str) -> None:
    bookmark = make_bookmark(owner)
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(owner)
    response = strict.post(path.format(pk=bookmark.pk), {"url": "https://example.com/x", "bookmark": bookmark.pk})
    assert response.status_code == 403
    assert "this form has expired" in text_of(response)
    assert Bookmark.objects.get().url == bookmark.url
