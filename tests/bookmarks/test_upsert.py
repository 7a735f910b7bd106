"""The bulk write path, on whichever database the suite runs."""

from datetime import UTC, datetime
from itertools import pairwise
from random import Random

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bookmarks.drafts import BookmarkDraft, Duplicates, draft, utc_text
from bookmarks.models import Bookmark, Revision, Tag, Tagging
from bookmarks.upsert import BookmarkGoneError, Outcome, edit_bookmark, existing_pages, upsert_bookmarks
from tests.factories import make_bookmark, make_user

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 1, 1, tzinfo=UTC)
OLD = datetime(2010, 5, 6, 7, 8, 9, 123456, tzinfo=UTC)


def write(user: User, *drafts: BookmarkDraft, duplicates: str = "skip", import_id: int | None = None) -> Outcome:
    with transaction.atomic():
        return upsert_bookmarks(user.pk, drafts, duplicates=Duplicates(duplicates), import_id=import_id, now=NOW)


def stored(user: User) -> list[tuple[object, ...]]:
    """Return all that is kept of a user's bookmarks, in an order of its own."""
    return sorted(
        (
            *(b.url, b.title, b.description, b.feed_url, b.image_url, b.created, b.updated),
            *(b.unread, b.archived, b.favorite, b.private, tuple(sorted(tag.name for tag in b.tags.all()))),
        )
        for b in Bookmark.objects.owned_by(user).prefetch_related("tags")
    )


def test_a_new_bookmark_keeps_what_its_draft_says() -> None:
    user = make_user()
    made = draft(
        url="https://example.com/", title="A title", description="Some\nlines", tags=["One", "two, three"],
        created=OLD, updated=NOW, unread=True, archived=True, favorite=True, private=True,
        feed_url="https://example.com/feed", image_url="https://example.com/image",
    )  # fmt: skip
    assert write(user, made, import_id=7) == Outcome(1, 0, 0)
    assert stored(user) == [
        (
            *("https://example.com/", "A title", "Some\nlines", "https://example.com/feed"),
            *("https://example.com/image", OLD, NOW, True, True, True, True, ("One", "two, three")),
        )
    ]
    bookmark = Bookmark.objects.get()
    assert (bookmark.added_by_import, bookmark.written_by_import) == (7, 7)


def test_an_unknown_date_is_the_moment_of_the_import() -> None:
    user = make_user()
    write(user, draft(url="https://example.com/"))
    assert (Bookmark.objects.get().created, Bookmark.objects.get().updated) == (NOW, NOW)


def test_skip_leaves_what_is_there() -> None:
    user = make_user()
    make_bookmark(user, "https://example.com/a", title="mine", tags=["mine"], created=OLD)
    before = stored(user)
    outcome = write(
        user,
        draft(url="https://example.com/a/", title="theirs", tags=["theirs"]),
        draft(url="https://example.com/b"),
        import_id=1,
    )
    assert outcome == Outcome(1, 0, 1)
    assert [row for row in stored(user) if row[0] == "https://example.com/a"] == before
    assert not Tag.objects.filter(key="theirs").exists()


def test_overwrite_replaces_everything_and_keeps_the_earlier_date() -> None:
    user = make_user()
    make_bookmark(
        user, "https://example.com/a", title="mine", description="x", tags=["mine"], created=OLD, unread=True
    )
    assert write(user, draft(url="https://example.com/a", title="theirs", created=NOW), duplicates="overwrite") == (
        0,
        1,
        0,
    )
    ((_, title, description, _, _, created, updated, unread, *_, tags),) = stored(user)
    assert (title, description, created, updated, unread, tags) == ("theirs", "", OLD, NOW, False, ())


def test_overwrite_takes_an_earlier_date_from_the_file() -> None:
    user = make_user()
    make_bookmark(user, "https://example.com/a", created=NOW)
    write(user, draft(url="https://example.com/a", created=OLD), duplicates="overwrite")
    assert Bookmark.objects.get().created == OLD


def test_merge_joins_what_is_there_with_what_comes() -> None:
    user = make_user()
    make_bookmark(user, "https://example.com/a", title="a long title", tags=["one"], created=NOW)
    coming = draft(url="https://example.com/a", title="short", description="a note", tags=["ONE", "two"], created=OLD)
    assert write(user, coming, duplicates="merge") == Outcome(0, 1, 0)
    ((_, title, description, _, _, created, *_, tags),) = stored(user)
    assert (title, description, created, tags) == ("a long title", "a note", OLD, ("one", "two"))


def test_importing_the_same_twice_changes_nothing_under_skip() -> None:
    user = make_user()
    drafts = [draft(url=f"https://example.com/{n}", tags=["a", str(n)]) for n in range(50)]
    write(user, *drafts, import_id=1)
    before = stored(user)
    assert write(user, *drafts, import_id=2) == Outcome(0, 0, 50)
    assert stored(user) == before


def test_a_tag_keeps_the_case_it_was_first_written_with() -> None:
    user = make_user()
    make_bookmark(user, tags=["Python"])
    write(user, draft(url="https://example.com/b", tags=["PYTHON"]), import_id=1)
    assert [tag.name for tag in Tag.objects.owned_by(user)] == ["Python"]
    assert Tagging.objects.count() == 2


def test_each_owner_has_bookmarks_and_tags_of_their_own() -> None:
    one, other = make_user(), make_user()
    write(one, draft(url="https://example.com/", tags=["a"]))
    assert write(other, draft(url="https://example.com/", tags=["a"])) == Outcome(1, 0, 0)
    assert Tag.objects.count() == 2
    assert existing_pages(one.pk, [draft(url="https://example.com/").unique_hash, "none"]) == {
        draft(url="https://example.com/").unique_hash
    }


@pytest.mark.parametrize("duplicates", ["overwrite", "merge"])
def test_an_import_keeps_what_a_bookmark_was_before_it_changed_it_the_first_time(duplicates: str) -> None:
    user = make_user()
    mine = make_bookmark(user, "https://example.com/a", title="mine", tags=["x", "Y"], created=OLD, unread=True)
    for title in ("theirs, at length", "theirs, at even more length"):
        write(user, draft(url=mine.url, title=title), duplicates=duplicates, import_id=5)
    revision = Revision.objects.get()
    assert (revision.bookmark_id, revision.import_id) == (mine.pk, 5)
    before = revision.before
    assert (before["url"], before["title"], sorted(before["tags"])) == (mine.url, "mine", ["Y", "x"])
    assert before["created"].replace("T", " ") == utc_text(OLD)
    assert bool(before["unread"]) is True
    assert before["written_by_import"] is None


def test_rows_that_an_import_added_itself_need_no_revision() -> None:
    user = make_user()
    write(user, draft(url="https://example.com/a"), duplicates="overwrite", import_id=5)
    write(user, draft(url="https://example.com/a", title="again"), duplicates="overwrite", import_id=5)
    assert not Revision.objects.exists()


def test_a_batch_takes_the_same_number_of_queries_whatever_its_size() -> None:
    counts = []
    for number, size in enumerate((2, 200)):
        user = make_user()
        drafts = [draft(url=f"https://example.com/{n}", tags=[f"tag{n}", "all"]) for n in range(size)]
        with CaptureQueriesContext(transaction.get_connection()) as queries:
            write(user, *drafts, import_id=number)
        counts.append(len([query for query in queries if "VALUES" not in query["sql"]]))
    assert counts[0] == counts[1]


def test_editing_changes_one_bookmark_and_keeps_when_it_was_created() -> None:
    user = make_user()
    mine = make_bookmark(user, "https://example.com/a", title="old", tags=["a"], created=OLD)
    with transaction.atomic():
        edit_bookmark(user.pk, mine.pk, draft(url="https://example.com/new", title="new", tags=["b"]))
    changed = Bookmark.objects.get()
    assert (changed.pk, changed.url, changed.title, changed.created) == (
        mine.pk,
        "https://example.com/new",
        "new",
        OLD,
    )
    assert changed.unique_hash == draft(url="https://example.com/new").unique_hash
    assert [tag.name for tag in changed.tags.all()] == ["b"]


def test_editing_an_address_into_that_of_another_bookmark_joins_the_two() -> None:
    user = make_user()
    make_bookmark(user, "https://example.com/a", title="a", tags=["a"], created=OLD)
    mine = make_bookmark(user, "https://example.com/b", title="longer", tags=["b"])
    with transaction.atomic():
        edit_bookmark(user.pk, mine.pk, draft(url="https://example.com/a", title="longer", tags=["b"]))
    joined = Bookmark.objects.get()
    assert (joined.title, joined.created) == ("longer", OLD)
    assert sorted(tag.name for tag in joined.tags.all()) == ["a", "b"]


def test_a_bookmark_that_is_gone_or_another_users_cannot_be_edited() -> None:
    user = make_user()
    theirs = make_bookmark(make_user(), "https://example.com/theirs")
    for pk in (theirs.pk, theirs.pk + 1):
        with pytest.raises(BookmarkGoneError), transaction.atomic():
            edit_bookmark(user.pk, pk, draft(url="https://example.com/new"))
    assert [bookmark.url for bookmark in Bookmark.objects.all()] == ["https://example.com/theirs"]


moments = st.none() | st.datetimes(datetime(2000, 1, 1), datetime(2025, 1, 1), timezones=st.just(UTC))
drafts_of_few_pages = st.lists(
    st.builds(
        draft,
        url=st.sampled_from([f"https://example.com/{n}" for n in range(4)]),
        title=st.sampled_from(["", "a", "bb"]),
        description=st.sampled_from(["", "x"]),
        tags=st.lists(st.sampled_from(["a", "A", "b"]), max_size=2),
        created=moments,
        updated=moments,
        unread=st.booleans(),
    ),
    max_size=12,
)


@pytest.mark.parametrize("duplicates", list(Duplicates))
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drafts=drafts_of_few_pages, shuffle=st.randoms(use_true_random=False), cuts=st.sets(st.integers(1, 11)))
def test_any_split_and_any_order_of_a_file_gives_the_same_database(
    duplicates: Duplicates, drafts: list[BookmarkDraft], shuffle: Random, cuts: set[int]
) -> None:
    whole, split = make_user(), make_user()
    for user in (whole, split):
        make_bookmark(user, "https://example.com/0", title="before", tags=["before"], created=OLD)
    one = write(whole, *drafts, duplicates=duplicates, import_id=whole.pk)
    shuffled = list(drafts)
    shuffle.shuffle(shuffled)
    edges = [0, *sorted(cut for cut in cuts if cut < len(drafts)), len(drafts)]
    parts = [
        write(split, *shuffled[start:end], duplicates=duplicates, import_id=split.pk) for start, end in pairwise(edges)
    ]
    assert stored(split) == stored(whole)
    assert tuple(map(sum, zip(*parts, strict=True))) == tuple(one)
