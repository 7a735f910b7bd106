"""Changes to several bookmarks at once."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from bookmarks.models import Bookmark
from tests.bookmarks.pages import HTMX, said, text_of, titles
from tests.factories import make_bookmark, make_user

pytestmark = pytest.mark.django_db
SAVED = datetime(2012, 3, 4, tzinfo=UTC)
ACTIONS = ["tag", "untag", "archive", "unarchive", "read", "unread", "favorite", "unfavorite", "delete"]


def post(browser: Client, do: str, *bookmarks: Bookmark, **fields: str) -> Any:
    return browser.post("/bookmarks/bulk", {"do": do, "bookmark": [b.pk for b in bookmarks], **fields})


def tags_of(bookmark: Bookmark) -> list[str]:
    return sorted(tag.name for tag in bookmark.tags.all())


def written_by_an_import(*bookmarks: Bookmark) -> None:
    Bookmark.objects.filter(pk__in=[b.pk for b in bookmarks]).update(written_by_import=5)


def test_tags_are_added_beside_those_that_are_there(browser: Client, owner: User) -> None:
    one = make_bookmark(owner, title="One", description="D", tags=["old"], unread=True, created=SAVED)
    two = make_bookmark(owner, archived=True, private=True, favorite=True)
    other = make_bookmark(owner, tags=["old"])
    response = post(browser, "tag", one, two, tags='new, "a, b"')
    assert said(response) == ["2 bookmarks were changed."]
    assert tags_of(one) == ["a, b", "new", "old"]
    assert tags_of(two) == ["a, b", "new"]
    assert tags_of(other) == ["old"]
    one.refresh_from_db()
    two.refresh_from_db()
    assert (one.title, one.description, one.created, one.unread) == ("One", "D", SAVED, True)
    assert one.updated > SAVED
    assert (two.unread, two.archived, two.private, two.favorite) == (False, True, True, True)


def test_tags_are_removed_whatever_their_case_from_those_that_have_them(browser: Client, owner: User) -> None:
    one = make_bookmark(owner, tags=["Old", "kept"], created=SAVED)
    two = make_bookmark(owner, tags=["kept"], created=SAVED)
    other = make_bookmark(owner, tags=["old"])
    written_by_an_import(one, two)
    post(browser, "untag", one, two, tags="OLD, never")
    assert (tags_of(one), tags_of(two), tags_of(other)) == (["kept"], ["kept"], ["Old"])
    one.refresh_from_db()
    two.refresh_from_db()
    assert one.updated > SAVED
    assert one.written_by_import is None
    assert (two.updated, two.written_by_import) == (SAVED, 5)


@pytest.mark.parametrize(
    ("do", "flag", "becomes"),
    [
        ("archive", "archived", True),
        ("unarchive", "archived", False),
        ("read", "unread", False),
        ("unread", "unread", True),
        ("favorite", "favorite", True),
        ("unfavorite", "favorite", False),
    ],
)
def test_a_flag_is_set_on_those_that_lack_it(
    browser: Client, owner: User, do: str, flag: str, *, becomes: bool
) -> None:
    without: dict[str, Any] = {"created": SAVED, flag: not becomes}
    lacking, other = make_bookmark(owner, **without), make_bookmark(owner, **without)
    having = make_bookmark(owner, **{**without, flag: becomes})
    written_by_an_import(lacking, having)
    post(browser, do, lacking, having)
    for bookmark in (lacking, having, other):
        bookmark.refresh_from_db()
    assert [getattr(b, flag) for b in (lacking, having, other)] == [becomes, becomes, not becomes]
    assert lacking.updated > SAVED
    assert lacking.written_by_import is None
    assert (having.updated, having.written_by_import) == (SAVED, 5)


def test_deleting_asks_on_a_page_and_then_deletes_those(browser: Client, owner: User) -> None:
    one, two = make_bookmark(owner, title="One", tags=["t"]), make_bookmark(owner, title="Two")
    make_bookmark(owner, title="Three")
    asked = post(browser, "delete", one, two)
    assert asked.status_code == 200
    page = text_of(asked)
    assert "Delete these bookmarks?" in page
    assert f'name="bookmark" value="{one.pk}"' in page
    assert f'name="bookmark" value="{two.pk}"' in page
    assert Bookmark.objects.count() == 3
    response = post(browser, "delete", one, two, confirmed="1")
    assert said(response) == ["2 bookmarks were deleted."]
    assert [b.title for b in Bookmark.objects.all()] == ["Three"]


@pytest.mark.parametrize("do", ACTIONS)
def test_one_foreign_bookmark_among_own_ones_makes_it_all_not_found(browser: Client, owner: User, do: str) -> None:
    fields: dict[str, Any] = {"tags": ["kept"], "unread": do != "unread", "archived": do == "unarchive"}
    mine, foreign = make_bookmark(owner, **fields), make_bookmark(make_user(), **fields)
    before = list(Bookmark.objects.order_by("pk").values())
    tag = {"tags": "kept" if do == "untag" else "new"}
    assert post(browser, do, mine, foreign, **tag, confirmed="1").status_code == 404
    assert post(browser, do, foreign, **tag, confirmed="1").status_code == 404
    assert list(Bookmark.objects.order_by("pk").values()) == before
    assert tags_of(mine) == tags_of(foreign) == ["kept"]


@pytest.mark.parametrize("pk", ["x", "", "-1", "0", "999999", "9" * 30, "1.5", "1 OR 1=1"])
def test_what_is_no_bookmark_makes_it_not_found(browser: Client, owner: User, pk: str) -> None:
    mine = make_bookmark(owner)
    response = browser.post("/bookmarks/bulk", {"do": "delete", "bookmark": [mine.pk, pk], "confirmed": "1"})
    assert response.status_code == 404
    assert Bookmark.objects.exists()


@pytest.mark.parametrize("do", ["", "explode", "__class__"])
def test_an_unknown_action_is_not_found(browser: Client, owner: User, do: str) -> None:
    assert post(browser, do, make_bookmark(owner)).status_code == 404


def test_nothing_selected_is_said(browser: Client) -> None:
    response = post(browser, "archive")
    assert (response.status_code, said(response)) == (303, ["No bookmark was selected."])


@pytest.mark.parametrize(("tags", "message"), [("", "This field is required."), ("x" * 65, "A tag has at most 64")])
@pytest.mark.parametrize("do", ["tag", "untag"])
def test_tags_that_cannot_be_are_said(browser: Client, owner: User, do: str, tags: str, message: str) -> None:
    response = post(browser, do, make_bookmark(owner), tags=tags)
    assert response.status_code == 303
    assert said(response)[0].startswith(message)


def test_htmx_gets_the_list_as_it_is_now_with_the_message(browser: Client, owner: User) -> None:
    one = make_bookmark(owner, title="One")
    make_bookmark(owner, title="Two")
    response = browser.post(
        "/bookmarks/bulk",
        {"do": "archive", "bookmark": one.pk, "next": "/bookmarks/?archived=1"},
        headers=HTMX,
        follow=True,
    )
    assert response.redirect_chain == [("/bookmarks/?archived=1", 303)]
    assert titles(response) == ["One"]
    assert "1 bookmark was changed." in text_of(response)
    assert "<html" not in text_of(response)


@pytest.mark.parametrize("do", ACTIONS)
def test_many_bookmarks_take_as_many_queries_as_few(browser: Client, owner: User, do: str) -> None:
    def queries(number: int) -> int:
        made = [
            make_bookmark(owner, tags=["t"], unread=do != "unread", archived=do == "unarchive") for _ in range(number)
        ]
        with CaptureQueriesContext(
            connection,
        ) as captured:
            post(browser, do, *made, tags="t" if do == "untag" else "new", confirmed="1")
        return len(captured)

    queries(2)
    # A batch is one statement on PostgreSQL and on SQLite one executemany, which Django logs as one query.
    assert queries(2) == queries(40)
