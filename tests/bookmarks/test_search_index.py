"""The full-text index: which words it has, that every way of writing keeps it current, and how it is made anew."""

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection, transaction
from django.http import QueryDict
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from bookmarks import bulk, ranking, search
from bookmarks.drafts import Duplicates, draft
from bookmarks.listing import Filters, Wish, bookmark_page
from bookmarks.models import Bookmark, Tag
from bookmarks.search import Wanted, wanted, words
from bookmarks.undo import take_back
from bookmarks.upsert import delete_bookmarks, edit_bookmark, upsert_bookmarks
from tests.factories import make_bookmark, make_user


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Dry-stone WALLS, 2nd ed.", ["dry", "stone", "walls", "2nd", "ed"]),
        ("Größe Café ΑΒΓ Straße ё", ["grosse", "cafe", "αβγ", "strasse", "е"]),
        ("snake_case c++ C#", ["snake", "case", "c", "c"]),
        ("日本語 Python入門", ["日本", "本語", "語", "python", "入門", "門"]),
        ("がく か\u3099く", ["がく", "く", "がく", "く"]),
        ("한국어 책", ["한국어", "책"]),
        ("हिन्दी भाषा।", ["हिन्दी", "भाषा"]),
        ("العَرَبِيَّة", ["العربية"]),
        ("ﬁne ①", ["fine", "1"]),
        ("a" * 100, ["a" * 40]),
        ("\x00 \ud800 ' \" * ( ) : & | ! \\", []),
        ("", []),
    ],
)
def test_words_are_without_case_accents_and_signs(text: str, found: list[str]) -> None:
    assert words(text) == found


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("stone wal", [("stone", True), ("wal", True)]),
        ("go to it", [("go", False), ("to", False), ("it", True)]),
        ("it", [("it", True)]),
        ("c", [("c", False)]),
        ("walls.example/dr", [("walls", False), ("example", False), ("dr", True)]),
        ("https://a.example", [("a", False), ("example", True)]),
        ("日本語", [("日本", False), ("本語", False)]),
        ("日", [("日", True)]),
        ("% _ *", []),
    ],
)
def test_words_are_looked_for_as_beginnings_unless_they_are_very_short(
    query: str, found: list[tuple[str, bool]]
) -> None:
    assert wanted(query) == [Wanted(*each) for each in found]


@given(st.text())
def test_every_text_is_found_by_itself(text: str) -> None:
    indexed = words(text)
    assert all(any(word.fits(other) for other in indexed) for word in wanted(" ".join(text.split()[:20])))
    assert not any(set(word) & set(" '\"\\:&|!()*<>") for word in indexed)


def index_of() -> dict[int, str]:
    key = "rowid" if connection.vendor == "sqlite" else "id"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {key}, terms FROM bookmarks_search")
        return {pk: " ".join(sorted(terms.replace("'", "").split())) for pk, terms in cursor.fetchall()}


def found(owner: User, query: str) -> list[str]:
    return [bookmark.title for bookmark in bookmark_page(owner.pk, Filters(q=query)).rows]


def assert_current() -> None:
    """Compare the index with one made anew, after asking FTS5 whether what it has agrees with itself."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO bookmarks_search (bookmarks_search) VALUES ('integrity-check')")
    before = index_of()
    call_command("rebuild_search", "--empty")
    assert index_of() == before
    assert before.keys() == set(Bookmark.objects.values_list("pk", flat=True))


@pytest.fixture
def shelf(db: None) -> User:
    owner = make_user("owner")
    make_bookmark(owner, "https://example.com/one", title="First", tags=["Größe", "b c"], description="apples")
    make_bookmark(owner, "https://example.com/two", title="Second", tags=["b c"])
    make_bookmark(make_user(), "https://example.com/one", title="First of others", tags=["other"])
    return owner


def test_imports_that_add_and_overwrite_keep_it_current_and_so_does_taking_them_back(shelf: User) -> None:
    drafts = [draft(url=f"https://example.com/{n}", title=f"Number {n}", tags=["imported"]) for n in ("one", "three")]
    with transaction.atomic():
        upsert_bookmarks(shelf.pk, drafts, duplicates=Duplicates.OVERWRITE, import_id=5)
    assert set(found(shelf, "imported")) == {"Number one", "Number three"}
    assert found(shelf, "apples") == []
    assert_current()
    with transaction.atomic():
        take_back(shelf.pk, 5, after=0, limit=100)
    assert found(shelf, "imported") == []
    assert found(shelf, "apples grosse") == ["First"]
    assert_current()


@pytest.mark.parametrize("duplicates", list(Duplicates))
def test_every_rule_for_duplicates_keeps_it_current(shelf: User, duplicates: Duplicates) -> None:
    drafts = [draft(url="https://example.com/one", title="Again and longer", tags=["new"]) for _ in range(2)]
    with transaction.atomic():
        upsert_bookmarks(shelf.pk, drafts, duplicates=duplicates, import_id=6)
    assert bool(found(shelf, "again")) == (duplicates is not Duplicates.SKIP)
    assert_current()


def test_a_person_who_edits_joins_and_deletes_keeps_it_current(shelf: User) -> None:
    one, two = Bookmark.objects.owned_by(shelf).order_by("pk")
    with transaction.atomic():
        edit_bookmark(shelf.pk, two.pk, draft(url="https://example.com/four", title="Fourth"))
    assert (found(shelf, "fourth"), found(shelf, "second")) == (["Fourth"], [])
    with transaction.atomic():
        edit_bookmark(shelf.pk, two.pk, draft(url="https://example.com/one", title="Joined to the first"))
    assert_current()
    one.delete()
    with transaction.atomic():
        delete_bookmarks(shelf.pk, list(Bookmark.objects.owned_by(shelf).values_list("pk", flat=True)))
    assert len(index_of()) == 1
    shelf.delete()
    Bookmark.objects.all().delete()
    assert index_of() == {}


def test_bulk_changes_keep_it_current(shelf: User) -> None:
    own = Bookmark.objects.owned_by(shelf)
    with transaction.atomic():
        bulk.add_tags(own, shelf.pk, ["Added"])
    assert set(found(shelf, "added")) == {"First", "Second"}
    with transaction.atomic():
        bulk.remove_tags(own, ["b c", "ADDED"])
    assert found(shelf, "added") == []
    with transaction.atomic():
        bulk.FLAG_ACTIONS["archive"](own)
    assert_current()


def test_the_administration_keeps_it_current(shelf: User, client: Client) -> None:
    client.force_login(make_user("boss", is_staff=True, is_superuser=True))
    one, two = Bookmark.objects.owned_by(shelf).order_by("pk")
    day = {"created_0": "2020-01-01", "created_1": "00:00", "updated_0": "2020-01-01", "updated_1": "00:00"}
    change = reverse("admin:bookmarks_bookmark_change", args=[one.pk])
    assert client.post(change, {"title": "Renamed", **day}).status_code == 302
    assert found(shelf, "renamed") == ["Renamed"]
    tag = Tag.objects.get(owner=shelf, key="b c")
    assert client.post(reverse("admin:bookmarks_tag_delete", args=[tag.pk]), {"post": "yes"}).status_code == 302
    assert found(shelf, "renamed b") == []
    tags = {
        "action": "delete_selected",
        "_selected_action": list(Tag.objects.values_list("pk", flat=True)),
        "post": "yes",
    }
    client.post(reverse("admin:bookmarks_tag_changelist"), tags)
    bookmarks = {"action": "delete_selected", "_selected_action": [two.pk], "post": "yes"}
    client.post(reverse("admin:bookmarks_bookmark_changelist"), bookmarks)
    assert not Tag.objects.exists()
    assert_current()


def test_a_rebuild_mends_what_is_missing_wrong_or_too_much(shelf: User) -> None:
    right = index_of()
    one, two = Bookmark.objects.owned_by(shelf).order_by("pk")
    with transaction.atomic(), connection.cursor() as cursor:
        search.index(cursor, [search.Document(one.pk, shelf.pk, "Wrong", "https://wrong.example", "", [])])
        search.index(cursor, [search.Document(two.pk + 100, shelf.pk, "Gone", "https://gone.example", "", [])])
        cursor.execute(
            f"DELETE FROM bookmarks_search WHERE {'rowid' if connection.vendor == 'sqlite' else 'id'} = {two.pk}"
        )
    assert index_of() != right
    call_command("rebuild_search")
    assert index_of() == right


def test_a_rebuild_goes_in_parts(
    shelf: User, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    right = index_of()
    monkeypatch.setattr(search, "_PART", 2)
    parts: list[int] = []
    search.rebuild(parts.append)
    assert parts == [2, 1, 0]
    assert index_of() == right
    call_command("rebuild_search")
    assert capsys.readouterr().out == "3 bookmarks are indexed.\n"


def test_a_table_that_a_migration_makes_anew_gets_its_trigger_back(shelf: User) -> None:
    with connection.cursor() as cursor:
        on = "" if connection.vendor == "sqlite" else " ON bookmarks_bookmark"
        cursor.execute(f"DROP TRIGGER bookmarks_search_delete{on}")
    call_command("migrate", verbosity=0)
    Bookmark.objects.all().delete()
    assert index_of() == {}


@pytest.mark.parametrize(
    ("title", "query", "is_found"),
    [
        ("日本語の本", "日本語", True),
        ("日本語の本", "本", True),
        ("日本語の本", "語本", False),
        ("ภาษาไทย", "ไทย", True),
        ("한국어를 배우자", "한국어", True),
        ("Пётр Ильич", "петр", True),
        ("Ærøskøbing", "ÆRØ", True),
        ("C++ and node.js", "node.js", True),
        ("C++ and node or js", "node.js", False),
        ("under_score", "score", True),
    ],
)
def test_words_of_many_scripts_are_found(db: None, title: str, query: str, is_found: bool) -> None:
    owner = make_user()
    make_bookmark(owner, title=title)
    make_bookmark(owner, title="Another")
    assert found(owner, query) == ([title] if is_found else [])


def test_escapes_in_an_address_are_searched_as_what_they_stand_for(db: None) -> None:
    owner = make_user()
    make_bookmark(owner, "https://example.com/gr%C3%B6%C3%9Fe/%E6%97%A5%E6%9C%AC", title="Found")
    assert found(owner, "größe") == found(owner, "日本") == ["Found"]
    assert found(owner, "c3") == []


def test_nobody_finds_what_is_of_others_whatever_their_numbers(db: None) -> None:
    people = [make_user() for _ in range(12)]
    for person in people:
        make_bookmark(person, title=f"walls of {person.username}")
    assert [found(person, "walls") for person in people] == [[f"walls of {person.username}"] for person in people]
    # A word that looks like the mark of another owner.
    assert found(people[0], f"{people[1].pk}xwalls") == []


def test_the_best_match_comes_first_and_the_newest_of_equals(db: None) -> None:
    owner = make_user()
    make_bookmark(owner, "https://example.com/a", title="Text", description="about granite")
    make_bookmark(owner, "https://example.com/granite", title="Address")
    make_bookmark(owner, "https://example.com/b", title="Tag", tags=["granite"])
    make_bookmark(owner, "https://example.com/c", title="Granites and other stones")
    make_bookmark(owner, "https://example.com/d", title="Old granite")
    make_bookmark(owner, "https://example.com/e", title="New granite")
    assert found(owner, "granite") == [
        "New granite",
        "Old granite",
        "Tag",
        "Granites and other stones",
        "Address",
        "Text",
    ]
    oldest = bookmark_page(owner.pk, Filters(q="granite", sort="oldest"))
    assert [row.title for row in oldest.rows][:2] == ["Text", "Address"]


@pytest.mark.parametrize("few", [True, False])
def test_after_the_best_matches_the_older_ones_follow(db: None, monkeypatch: pytest.MonkeyPatch, few: bool) -> None:
    monkeypatch.setattr("bookmarks.listing.PAGE_SIZE", 2)
    monkeypatch.setattr("bookmarks.listing.RANKED", 4 if few else 1_000)
    monkeypatch.setattr("bookmarks.listing.RANKED_OF_MANY", 1_000 if few else 4)
    monkeypatch.setattr("bookmarks.finding.FEW", 100 if few else 0)
    owner = make_user()
    for number, title in enumerate(["granite", "x", "y", "granite", "z", "granite", "w"]):
        make_bookmark(owner, f"https://example.com/{number}", title=f"{title} {number}", description="granite")
    pages: list[list[str]] = []
    wish: dict[str, str] | None = {"page": "1"}
    while wish is not None:
        query = QueryDict(mutable=True)
        query.update(wish)
        page = bookmark_page(owner.pk, Filters(q="granite"), Wish.from_query(query))
        pages.append([bookmark.title for bookmark in page.rows])
        wish = page.next
    assert pages == [["granite 5", "granite 3"], ["w 6", "z 4"], ["y 2", "x 1"], ["granite 0"]]


HOSTILE = [
    *('"', '""', "'", "a'b", 'a"b', "a AND b", "a OR", "NOT", "NEAR(a b)", "a*", "*", "^a", "a:b", "title:a"),
    *("{a b} : c", "-a", "+a", "(a", "a)", "a & b | !c", "a:*", "a <-> b", "\\", "a\\", "%s", "%(a)s", "%%", "_"),
    *(
        "\x00",
        "a\x00b",
        "\ud800",
        "\U0010ffff",
        "𝔊𝔯öße",
        "🦄",
        "a" * 10_000,
        "a " * 5_000,
        "日" * 10_000,
        "é" * 10_000,
    ),
    *(
        "'; DROP TABLE x --",
        "\u202eabc",
        "ﷺ" * 200,
        "\u0301\u0301",
        "1x",
        "a.b/c",
        "../..",
        "https://",
        "http://[::1]/",
    ),
]


@pytest.mark.parametrize("query", HOSTILE, ids=range(len(HOSTILE)))
def test_nothing_that_can_be_typed_is_an_error(db: None, client: Client, query: str) -> None:
    owner = make_user()
    client.force_login(owner)
    make_bookmark(owner, title=query.replace("\ud800", ""), tags=["a"], description="a b c")
    for sort in ("", "title"):
        response = client.get(
            "/bookmarks/", {"q": query.encode("utf-8", "replace").decode(), "sort": sort, "tag": "a"}
        )
        assert response.status_code == 200


def test_ranking_counts_what_is_there_even_if_a_bookmark_is_gone_meanwhile(db: None) -> None:
    bookmark = make_bookmark(make_user(), title="granite")
    assert ranking.ranked([bookmark.pk, bookmark.pk + 1], wanted("granite")) == [bookmark.pk]
