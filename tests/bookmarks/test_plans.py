"""How the databases go about every page of bookmarks and tags: through indexes, and never through a whole table.

The tables here are small. SQLite's plans do not depend on that; PostgreSQL, which would rather read a small table
through, or sort what is few, is told to do so only where no index helps.
"""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext

from bookmarks import finding, search
from bookmarks.drafts import Duplicates, draft
from bookmarks.listing import Filters, Wish, bookmark_page, tag_page
from bookmarks.models import Bookmark, Tag, Tagging
from bookmarks.upsert import upsert_bookmarks
from tests.factories import make_user

pytestmark = pytest.mark.django_db
NUMBER = 400
WINDOW = 77
TABLES = ("bookmarks_bookmark", "bookmarks_tag", "bookmarks_tagging", "bookmarks_search")
PLACE = "after=1.2015-06-01"
PAGES = [
    "/bookmarks/",
    "/bookmarks/?page=50",
    "/bookmarks/?page=last",
    f"/bookmarks/?page=900&{PLACE}",
    "/bookmarks/?sort=oldest",
    "/bookmarks/?sort=title",
    "/bookmarks/?sort=title&after=1.page",
    "/bookmarks/?sort=title&page=last",
    "/bookmarks/?unread=1",
    f"/bookmarks/?favorite=1&sort=oldest&{PLACE}",
    "/bookmarks/?archived=0&unread=1",
    "/bookmarks/?tag=often",
    "/bookmarks/?tag=rare&tag=often",
    "/bookmarks/?tag=rare&sort=title",
    "/bookmarks/?import=1",
    "/bookmarks/?q=seldom",
    "/bookmarks/?q=always",
    "/bookmarks/?q=alw",
    "/bookmarks/?q=always+page",
    "/bookmarks/?q=always&sort=title",
    "/bookmarks/?q=seldom&tag=often&unread=1",
    "/bookmarks/?q=example.com/5",
    "/tags/",
    "/tags/?after=often",
    "/tags/?page=last",
]


@pytest.fixture
def owner() -> User:
    owners = [make_user(), make_user()]
    for each in owners:
        fill(each)
    search.rebuild(lambda _number: None)
    search.tidy()
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"ANALYZE {', '.join(TABLES)}")
            cursor.execute("SET LOCAL enable_seqscan = off")
    return owners[0]


def fill(owner: User) -> None:
    """Make bookmarks of which some tags, words and flags are frequent and some are not."""
    tags = Tag.objects.bulk_create(Tag(owner=owner, name=name, key=name) for name in ("often", "rare"))
    Tag.objects.bulk_create(Tag(owner=owner, name=f"t{n}", key=f"t{n}") for n in range(50))
    start = datetime(2010, 1, 1, tzinfo=UTC)
    made = Bookmark.objects.bulk_create(
        Bookmark(
            owner=owner,
            url=f"https://example.com/{n}",
            unique_hash=f"{n:032x}",
            title=f"page {n} {'seldom' if n % 50 == 0 else 'always'}",
            created=start + timedelta(hours=n * 7 % NUMBER * 24 * 7),
            unread=n % 10 == 0,
            favorite=n % 100 == 0,
            archived=n % 3 == 0,
            added_by_import=1 if n % 50 == 0 else 2,
        )
        for n in range(NUMBER)
    )
    Tagging.objects.bulk_create(Tagging(bookmark=bookmark, tag=tags[n % 100 == 0]) for n, bookmark in enumerate(made))


def statements(owner: User, address: str) -> list[str]:
    """Return the queries for what a page shows."""
    path, _, query = address.partition("?")
    asked = QueryDict(query)
    with CaptureQueriesContext(connection) as captured:
        if path == "/tags/":
            tag_page(Tag.objects.owned_by(owner), wish=Wish.from_query(asked))
        else:
            bookmark_page(owner.pk, Filters.from_query(asked), Wish.from_query(asked))
    return [query["sql"] for query in captured]


def complaints(sql: str) -> list[str]:
    """Return what in a query's plan would grow with what others have, or with all that the owner has."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(f"EXPLAIN QUERY PLAN {sql.replace('%', '%%')}")
            return [line for *_, line in cursor.fetchall() if is_bad_in_sqlite(line, sql)]
        cursor.execute(f"EXPLAIN (FORMAT JSON) {sql.replace('%', '%%')}", [])
        plan = cursor.fetchone()[0]
    root = (json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]
    return [
        f"{node['Node Type']} on {node.get('Relation Name', '')}" for node in nodes(root) if is_bad_in_postgresql(node)
    ]


def is_bad_in_sqlite(line: str, sql: str) -> bool:
    """Tell a walk through a table, and a sort of anything but what was fetched before for few."""
    if line.startswith("USE TEMP B-TREE"):
        return "found" not in sql and ("IN (" not in sql or "AS place" in sql)
    is_window = f"LIMIT {WINDOW}) b" in sql or f"LIMIT {2 * WINDOW}) b" in sql
    parts = ("SCAN found", "SCAN few", "SCAN size", "SCAN x", "SCAN CONSTANT", *(["SCAN b"] if is_window else []))
    return line.startswith("SCAN") and "INDEX" not in line and not line.startswith(parts)


def is_bad_in_postgresql(node: dict[str, object]) -> bool:
    """Tell a walk through a table that others have bookmarks or tags in."""
    return node["Node Type"] == "Seq Scan" and node.get("Relation Name") in TABLES


def nodes(node: dict[str, object]) -> Iterator[dict[str, object]]:
    """Yield a node of a plan and all that is below it."""
    yield node
    below = node.get("Plans", [])
    assert isinstance(below, list)
    for other in below:
        yield from nodes(other)


@pytest.mark.parametrize("few", [10_000, 1], ids=["few are fetched", "many are looked for in order"])
@pytest.mark.parametrize("large", [10_000, 10], ids=["in a small account", "in a large account"])
def test_every_page_is_read_through_indexes(
    owner: User, monkeypatch: pytest.MonkeyPatch, few: int, large: int
) -> None:
    monkeypatch.setattr(finding, "FEW", few)
    monkeypatch.setattr(finding, "LARGE", large)
    monkeypatch.setattr(finding, "GLANCED", WINDOW)
    monkeypatch.setattr(finding, "GLANCED_FAR", 2 * WINDOW)
    found = {(address, sql): complaints(sql) for address in PAGES for sql in statements(owner, address)}
    assert len(found) > len(PAGES)
    assert [(key, value) for key, value in found.items() if value] == []


def test_a_walk_through_a_table_would_be_noticed(owner: User) -> None:
    assert complaints("SELECT id FROM bookmarks_bookmark WHERE title = 'page'")
    assert complaints("SELECT terms FROM bookmarks_search WHERE terms = 'x'") or connection.vendor == "sqlite"


def test_the_order_of_the_list_comes_from_an_index_and_not_from_sorting(
    owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finding, "FEW", 30)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_sort = off")
    for query in ("", "sort=oldest", "sort=title", "unread=1", "after=1.2015-06-01", "sort=title&after=1.page"):
        (keys, *_) = [sql for sql in statements(owner, f"/bookmarks/?{query}") if "AS place" in sql]
        assert "found" not in keys
        way = " ".join(plan(keys))
        index = (
            "bookmark_by_title"
            if "title" in query
            else "bookmark_unread"
            if query == "unread=1"
            else "bookmark_newest"
        )
        assert index in way
        assert "Sort" not in way
        assert "TEMP B-TREE" not in way


def test_a_search_looks_up_words_of_its_owner_alone(owner: User) -> None:
    sql = [sql for sql in statements(owner, "/bookmarks/?q=alway") if "bookmarks_search" in sql]
    assert all(f"{owner.pk}xalway" in statement for statement in sql)


def test_a_batch_looks_its_pages_and_tags_up_one_by_one_in_a_table_that_grows_uncounted() -> None:
    owner = make_user()
    drafts = [draft(url=f"https://example.com/{n}", tags=[f"tag {n}"]) for n in range(3_000)]
    upsert_bookmarks(owner.pk, drafts[:2_500], duplicates=Duplicates.SKIP)
    with CaptureQueriesContext(connection) as captured:
        upsert_bookmarks(owner.pk, drafts[2_400:], duplicates=Duplicates.SKIP)
    lookups = [query["sql"] for query in captured if re.search(r"WHERE (t\.)?owner_id", query["sql"])]
    assert len(lookups) == 2
    for sql, key in zip(lookups, ("unique_hash", "key"), strict=True):
        (search_by_index,) = (line for line in plan(sql) if re.search(r"SEARCH bookmarks|Index Cond", line))
        assert "owner_id" in search_by_index
        assert key in search_by_index


def plan(sql: str) -> list[str]:
    """Return the lines of a query's plan."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {'QUERY PLAN ' if connection.vendor == 'sqlite' else ''}{sql}")
        return [str(row[-1]) for row in cursor.fetchall()]
