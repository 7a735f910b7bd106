"""Fills a database with millions of bookmarks: one large account, and many small ones beside it.

Every run writes the same. Words and tags are skewed as in life: the n-th most frequent is about n times as rare as
the first. Dates follow no primary key, which is the hardest case: neighbours in the list are none in the table.
"""

import hashlib
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import Any, NamedTuple

from django.contrib.auth.models import User
from django.db import connection, transaction

from bookmarks import search
from bookmarks.drafts import utc_text
from tests.benchmarks.contenders import _INSERT

SMALL_ACCOUNT = 1_000
SMALL_TAGS = 30
PART = 50_000
DISTINCT_WORDS = 40_000
_POOL = 1_000_003
_SYLLABLES = ("ba", "co", "du", "fe", "gi", "ka", "lo", "mu", "ne", "pi", "ra", "so", "tu", "ve", "wi", "za")
_FIRST_DAY = datetime(2008, 1, 1, tzinfo=UTC)
_SECONDS = 17 * 365 * 86_400
_COLUMNS = (
    *("id", "owner_id", "url", "unique_hash", "title", "description", "feed_url", "image_url", "created", "updated"),
    *("unread", "archived", "favorite", "private"),
)


class Sizes(NamedTuple):
    """How much is written: bookmarks and tags of the large account, and bookmarks of all others together."""

    bookmarks: int
    tags: int
    others: int


def word(rank: int) -> str:
    """Return the word that is the rank-th most frequent, from 0: three to five syllables, each word another."""
    text, rest = "", rank * 7919 % (16**4) + (rank // 16**4) * 16**4
    for _ in range(4):
        text += _SYLLABLES[rest % 16]
        rest //= 16
    return text


def fill(sizes: Sizes, say: Callable[[str], None]) -> User:
    """Write all of it, have the database take stock, and return the user with the large account."""
    writer = _Writer(sizes)
    large = User.objects.create(username="large")
    people = -(-sizes.others // SMALL_ACCOUNT)
    User.objects.bulk_create((User(username=f"small {number}") for number in range(people)), batch_size=1_000)
    with connection.cursor() as cursor:
        indexes = _hurry(cursor)
    writer.write_tags(large.pk, people)
    started = time.perf_counter()
    half = sizes.others // 2
    # The large account lies between the others, as one that grew with them.
    blocks = (
        (1, half, 0),
        (half + 1, sizes.bookmarks, large.pk),
        (half + sizes.bookmarks + 1, sizes.others - half, 0),
    )
    for first, number, owner in blocks:
        for start in range(first, first + number, PART):
            writer.write(range(start, min(start + PART, first + number)), owner, large.pk)
            if start // PART % 10 == 0:
                say(f"{start - 1 + PART:,} bookmarks after {time.perf_counter() - started:,.0f} s")
    with connection.cursor() as cursor:
        say(f"written in {time.perf_counter() - started:,.0f} s")
        _settle(cursor, indexes)
    say(f"filled in {time.perf_counter() - started:,.0f} s")
    return large


class _Writer:
    """Draws words and tags from pools, as drawing each by its weight would take most of the time."""

    def __init__(self, sizes: Sizes) -> None:
        chance = random.Random(4711)
        self._sizes = sizes
        self._words = [word(rank) for rank in _skewed(chance, DISTINCT_WORDS)]
        self._tags = _skewed(chance, sizes.tags)
        self._small_tags = _skewed(chance, SMALL_TAGS)

    def write_tags(self, large: int, people: int) -> None:
        """Write every account's tags; names do not tell how frequent a tag is."""
        tags = self._sizes.tags
        rows = [(n + 1, large, name, name) for n in range(tags) for name in [self._tag(n)]]
        with transaction.atomic(), connection.cursor() as cursor:
            _insert(cursor, "bookmarks_tag", ("id", "owner_id", "name", "key"), rows)
            for start in range(0, people, 1_000):
                rows = [
                    (tags + 1 + person * SMALL_TAGS + n, large + 1 + person, self._tag(n), self._tag(n))
                    for person in range(start, min(start + 1_000, people))
                    for n in range(SMALL_TAGS)
                ]
                _insert(cursor, "bookmarks_tag", ("id", "owner_id", "name", "key"), rows)

    @staticmethod
    def _tag(rank: int) -> str:
        return f"{word(rank * 31 % DISTINCT_WORDS)} {rank}"

    def write(self, pks: range, owner: int, large: int) -> None:
        """Write bookmarks with these keys for one owner, or for the people with small accounts."""
        rows, taggings, documents = [], [], []
        for pk in pks:
            person = self._person(pk) if not owner else 0
            row = self._row(pk, owner or large + 1 + person)
            ranks = self._ranks(pk, self._tags if owner else self._small_tags)
            offset = 1 if owner else self._sizes.tags + 1 + person * SMALL_TAGS
            rows.append(row)
            taggings += [(pk, offset + rank) for rank in ranks]
            documents.append(search.Document(pk, row[1], row[4], row[2], row[5], [self._tag(rank) for rank in ranks]))
        with transaction.atomic(), connection.cursor() as cursor:
            _insert(cursor, "bookmarks_bookmark", _COLUMNS, rows)
            _insert(cursor, "bookmarks_tagging", ("bookmark_id", "tag_id"), taggings)
            search.index(cursor, documents, are_new=True)

    def _person(self, pk: int) -> int:
        """Return whose a bookmark is, beside the large account: everybody's lie together, as an import leaves them."""
        place = pk - 1
        return (place if place < self._sizes.others // 2 else place - self._sizes.bookmarks) // SMALL_ACCOUNT

    def _row(self, pk: int, owner: int) -> tuple[Any, ...]:
        title, text = pk * 37 % (_POOL - 20), pk * 101 % (_POOL - 20)
        words = self._words
        moment = utc_text(_FIRST_DAY + timedelta(seconds=pk * 48_271 * 7_919 % _SECONDS))
        return (
            pk,
            owner,
            f"https://{words[text]}.example/{words[title]}/{pk}",
            hashlib.md5(str(pk).encode(), usedforsecurity=False).hexdigest(),
            " ".join(words[title : title + 6]),
            " ".join(words[text : text + 14]),
            "",
            "",
            moment,
            moment,
            pk % 10 == 0,
            pk % 3 == 0,
            pk % 101 == 0,
            pk % 5 == 0,
        )

    @staticmethod
    def _ranks(pk: int, pool: list[int]) -> set[int]:
        start = pk * 53 % (_POOL - 20)
        return set(pool[start : start + 3])


def _skewed(chance: random.Random, kinds: int) -> list[int]:
    weights = list(accumulate(1 / (rank + 8) for rank in range(kinds)))
    return chance.choices(range(kinds), cum_weights=weights, k=_POOL)


def _insert(cursor: Any, table: str, columns: tuple[str, ...], rows: list[Any]) -> None:
    _INSERT[connection.vendor](cursor, table, columns, rows)


def _hurry(cursor: Any) -> list[str]:
    """Make it faster to fill the database, in ways that change nothing of what is there in the end.

    Returns the statements that make the indexes again.
    """
    if connection.vendor == "sqlite":
        for pragma in ("cache_size = -3000000", "synchronous = OFF", "foreign_keys = OFF"):
            cursor.execute(f"PRAGMA {pragma}")
        found = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name IN {}"
    else:
        # The role is one for which PostgreSQL looks up no foreign keys.
        for setting in (
            "synchronous_commit = off",
            "maintenance_work_mem = '256MB'",
            "session_replication_role = replica",
        ):
            cursor.execute(f"SET {setting}")
        found = (
            "SELECT indexname, indexdef FROM pg_indexes WHERE tablename IN {} "
            "AND indexname NOT IN (SELECT conname FROM pg_constraint)"
        )
    cursor.execute(found.format("('bookmarks_bookmark', 'bookmarks_tagging', 'bookmarks_search')"))
    indexes = dict(cursor.fetchall())
    for name in indexes:
        cursor.execute(f"DROP INDEX {name}")
    return list(indexes.values())


def _settle(cursor: Any, indexes: list[str]) -> None:
    for statement in indexes:
        cursor.execute(statement)
    if connection.vendor == "sqlite":
        for pragma in ("wal_checkpoint(TRUNCATE)", "cache_size = -16000", "foreign_keys = ON"):
            cursor.execute(f"PRAGMA {pragma}")
        return
    cursor.execute("SET session_replication_role = DEFAULT")
    for table in ("bookmark", "tag"):
        cursor.execute(
            f"SELECT setval(pg_get_serial_sequence('bookmarks_{table}', 'id'), max(id)) FROM bookmarks_{table}"
        )
    for table in ("bookmark", "tag", "tagging", "search"):
        cursor.execute(f"VACUUM ANALYZE bookmarks_{table}")
