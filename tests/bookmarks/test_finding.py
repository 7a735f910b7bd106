"""Every way in which a page is found shows what a plain reading of all bookmarks would."""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any, NamedTuple

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from bookmarks import finding, search
from bookmarks.finding import ORDERS, Place, find
from bookmarks.listing import Filters
from bookmarks.models import Bookmark, Tag, Tagging
from tests.factories import make_user

pytestmark = pytest.mark.django_db
NUMBER = 90
START = datetime(2020, 1, 1, tzinfo=UTC)
QUERIES = [
    Filters(q="granite"),
    Filters(q="gra"),
    Filters(q="granite seldom"),
    Filters(q="granite", flags={"unread": True}),
    Filters(q="granite", flags={"archived": False}, tags=("often",)),
    Filters(q="example.com/1"),
    Filters(tags=("often",)),
    Filters(tags=("often", "rare")),
    Filters(tags=("rare",), flags={"favorite": True, "unread": True}),
    Filters(tags=("nowhere",)),
    Filters(flags={"unread": True}),
    Filters(flags={"unread": True, "favorite": True}),
    Filters(flags={"unread": False, "archived": True}),
    Filters(flags={"private": False}),
    Filters(import_id=1),
    Filters(import_id=1, q="granite", flags={"archived": True}),
]


class Way(NamedTuple):
    """What decides how a page is found."""

    large: int
    glanced: int
    few: int
    counted: int = 20_000


WAYS = {
    "fetched and sorted": Way(1_000, 0, 1_000),
    "beside a set of keys": Way(1_000, 0, -1),
    "through more than are counted": Way(1_000, 0, -1, counted=8),
    "at a glance": Way(0, 1_000, -1),
    "at a second glance": Way(0, 12, -1),
    "at no glance": Way(0, 1, 5),
}


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    name: str = request.param
    monkeypatch.setattr(finding, "LARGE", WAYS[name].large)
    monkeypatch.setattr(finding, "GLANCED", WAYS[name].glanced)
    monkeypatch.setattr(finding, "GLANCED_FAR", 5 * WAYS[name].glanced)
    monkeypatch.setattr(finding, "FEW", WAYS[name].few)
    monkeypatch.setattr(finding, "_COUNTED", WAYS[name].counted)
    return name


@pytest.fixture
def owner() -> User:
    """Return somebody with bookmarks in no order, of which many have the same date or the same title."""
    people = [make_user(), make_user()]
    chance = random.Random(4711)
    for person in people:
        tags = Tag.objects.bulk_create(Tag(owner=person, name=name, key=name) for name in ("often", "rare"))
        made = Bookmark.objects.bulk_create(
            Bookmark(
                owner=person,
                url=f"https://example.com/{number}",
                unique_hash=f"{number:032x}",
                title=chance.choice(["", "A page", "Page", "page of granite", "Granite, seldom"]),
                created=START + timedelta(days=chance.randrange(20), microseconds=chance.randrange(2)),
                unread=chance.random() < 0.5,
                favorite=chance.random() < 0.3,
                archived=chance.random() < 0.5,
                private=chance.random() < 0.1,
                added_by_import=chance.randrange(3),
            )
            for number in range(NUMBER)
        )
        odds = ((tags[0], 0.6), (tags[1], 0.1))
        Tagging.objects.bulk_create(
            Tagging(bookmark=bookmark, tag=tag)
            for bookmark, (tag, odd) in product(made, odds)
            if chance.random() < odd
        )
    search.rebuild(lambda _number: None)
    return people[0]


def is_wanted(bookmark: Bookmark, filters: Filters) -> bool:
    """Tell without an index whether filters leave a bookmark."""
    tags = {tag.key for tag in bookmark.tags.all()}
    text = f"{bookmark.title} {bookmark.url}".lower()
    words = set(search.words(f"{text} {' '.join(tags)}"))
    return (
        all(any(wanted.fits(word) for word in words) for wanted in search.wanted(filters.q))
        and ("/" not in filters.q or filters.q in text)
        and tags >= set(filters.tags)
        and all(getattr(bookmark, name) == value for name, value in filters.flags.items())
        and filters.import_id in {None, bookmark.added_by_import}
    )


def in_order(owner: User, filters: Filters, name: str) -> list[int]:
    """Return all that filters leave, sorted by Python."""
    every = Bookmark.objects.filter(owner=owner).prefetch_related("tags")
    found = [bookmark for bookmark in every if is_wanted(bookmark, filters)]
    keys: dict[str, Callable[[Bookmark], object]] = {
        "title": lambda bookmark: bookmark.display_title.lower(),
        "created": lambda bookmark: bookmark.created,
    }
    key = keys[ORDERS[name].name]
    found.sort(key=lambda bookmark: (key(bookmark), bookmark.pk), reverse=ORDERS[name].is_descending)
    return [bookmark.pk for bookmark in found]


@pytest.mark.parametrize("name", ORDERS)
def test_every_way_finds_the_same_in_every_order_and_from_every_place(owner: User, way: str, name: str) -> None:
    order = ORDERS[name]
    for filters in QUERIES:
        conditions = filters.conditions(owner.pk)
        assert conditions is not None

        def keys(conditions: list[search.Condition] = conditions, **place: Any) -> list[int]:  # what `find` takes
            return [found.pk for found in find(owner.pk, conditions, order, **place).places]

        wanted = in_order(owner, filters, name)
        places: list[Place] = find(owner.pk, conditions, order, limit=NUMBER).places
        assert [place.pk for place in places] == wanted, filters
        assert keys(limit=7) == wanted[:7]
        assert keys(limit=7, offset=5) == wanted[5:12]
        assert keys(limit=7, from_end=True) == wanted[-7:]
        for place in places[3::17]:
            at = wanted.index(place.pk)
            assert keys(limit=7, after=place) == wanted[at + 1 : at + 8]
            assert keys(limit=7, before=place) == wanted[max(at - 7, 0) : at]


def test_some_of_what_is_looked_for_is_there_and_some_is_not(owner: User) -> None:
    numbers = {len(in_order(owner, filters, "newest")) for filters in QUERIES}
    assert {0} < numbers
    assert max(numbers) > 2 * NUMBER / 3
    assert len(numbers) > len(QUERIES) / 2


@pytest.mark.parametrize(
    ("way", "times"), [("beside a set of keys", 1), ("through more than are counted", 2)], indirect=["way"]
)
def test_a_search_is_asked_for_its_keys_once_unless_they_are_too_many(owner: User, way: str, times: int) -> None:
    conditions = Filters(q="granite", tags=("often",)).conditions(owner.pk)
    assert conditions is not None
    with CaptureQueriesContext(connection) as captured:
        assert find(owner.pk, conditions, ORDERS["newest"], limit=10).places
    asked = {"sqlite": " MATCH ", "postgresql": "bookmarks_search_keys("}[connection.vendor]
    assert sum(query["sql"].count(asked) for query in captured) == times


def test_more_are_asked_for_where_few_are_there(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    conditions = Filters(q="granite").conditions(owner.pk)
    assert conditions is not None
    number = len(in_order(owner, Filters(q="granite"), "newest"))
    for few, limit in ((number, 20), (number - 1, 10)):
        monkeypatch.setattr(finding, "FEW", few)
        found = find(owner.pk, conditions, ORDERS["newest"], limit=10, limit_of_few=20)
        assert (found.limit, len(found.places)) == (limit, limit)


@pytest.mark.parametrize(
    ("filters", "queries"),
    [
        (Filters(), 1),
        (Filters(flags={"unread": True}), 1),
        (Filters(q="granite"), 2),
        (Filters(q="granite", flags={"favorite": True}, tags=("rare",)), 5),
    ],
)
def test_what_is_frequent_in_a_large_account_is_seen_at_a_glance(
    owner: User, monkeypatch: pytest.MonkeyPatch, filters: Filters, queries: int
) -> None:
    monkeypatch.setattr(finding, "LARGE", 10)
    monkeypatch.setattr(finding, "GLANCED", 30)
    conditions = filters.conditions(owner.pk)
    assert conditions is not None
    with CaptureQueriesContext(connection) as captured:
        find(owner.pk, conditions, ORDERS["newest"], limit=4)
    assert len(captured) <= queries
    assert any("LIMIT 30" in query["sql"] for query in captured) == (queries > 1)
