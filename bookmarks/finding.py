"""From what was asked for to the primary keys of one page, in work that does not grow with the account.

Every page begins where another ended (keyset paging), and is read in one of two ways. If one of the conditions holds
for few bookmarks, those are fetched through its index and sorted. Otherwise bookmarks are read in the order of the
list, from an index, and tested one by one until the page is full: as each condition holds for many, that is soon.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple, Self

from django.db import connection

from bookmarks.drafts import one_line, utc_text
from bookmarks.models import TITLE_SORTED_LENGTH
from bookmarks.search import Condition

# So many bookmarks are fetched and sorted in some 40 ms.
FEW = 10_000

# As the index bookmark_by_title has it.
_TITLE = "LOWER(COALESCE(NULLIF(b.title, ''), b.url))"
_TITLE_KEYS = {
    "sqlite": f"SUBSTR({_TITLE}, 1, {TITLE_SORTED_LENGTH})",
    "postgresql": f"LEFT({_TITLE}, {TITLE_SORTED_LENGTH})",
}
_LARGEST_ID = 2**63 - 1


class Order(NamedTuple):
    """What bookmarks are sorted by, and by primary key where that is the same."""

    name: str
    is_descending: bool


ORDERS = {
    "newest": Order("created", is_descending=True),
    "oldest": Order("created", is_descending=False),
    "title": Order("title", is_descending=False),
}


class Few(NamedTuple):
    """A condition that holds for few bookmarks, and for how many."""

    number: int
    condition: Condition


class Place(NamedTuple):
    """Where a bookmark stands in an order: `key` is its date of creation (see `utc_text`) or its lower-case title."""

    key: str
    pk: int

    def __str__(self) -> str:
        return f"{self.pk}.{self.key}"

    @classmethod
    def read(cls, text: str, order: Order) -> Self | None:
        """Return what `str` wrote, or None for any other text."""
        pk, _, key = text.partition(".")
        if not (pk.isascii() and pk.isdecimal() and len(pk) < 20 and int(pk) <= _LARGEST_ID):
            return None
        if order.name == "title":
            return cls(one_line(key)[:TITLE_SORTED_LENGTH], int(pk))
        try:
            return cls(utc_text(datetime.fromisoformat(key).replace(tzinfo=UTC)), int(pk))
        except ValueError:
            return None


def find(
    owner_id: int,
    conditions: Sequence[Condition],
    order: Order,
    *,
    limit: int,
    offset: int = 0,
    after: Place | None = None,
    before: Place | None = None,
    from_end: bool = False,
    few: Few | None,
) -> list[Place]:
    """Return where the first `limit` of the owner's bookmarks stand for which all conditions hold: one query.

    `few` is what `fewest` says of the conditions. They are those that follow `after`, or those that come right before
    `before` or at the end; always in order.
    """
    is_backward = before is not None or from_end
    select = _Select(owner_id, order, after or before, is_backward=is_backward)
    sql, params = select.sort(few, conditions) if few else select.walk(conditions)
    with connection.cursor() as cursor:
        cursor.execute(f"{sql} LIMIT %s OFFSET %s", [*params, limit, offset])
        places = [Place(key if isinstance(key, str) else utc_text(key), pk) for pk, key in cursor.fetchall()]
    return places[::-1] if is_backward else places


def fewest(conditions: Sequence[Condition]) -> Few | None:
    """Return the condition that holds for the fewest bookmarks if they are FEW at the most: one query, or none."""
    counted = [condition for condition in conditions if condition.keys]
    if not counted:
        return None
    counts = ", ".join(f"(SELECT count(*) FROM ({condition.keys} LIMIT {FEW + 1}) few)" for condition in counted)
    with connection.cursor() as cursor:
        params: list[Any] = [value for condition in counted for value in condition.keys_params]
        cursor.execute(f"SELECT {counts}", params)
        number, place = min((number, place) for place, number in enumerate(cursor.fetchone()))
    return Few(number, counted[place]) if number <= FEW else None


def using(index: str) -> str:
    """Return what has SQLite read a table through an index: it would not see that one is smaller than the others."""
    return f" INDEXED BY {index}" if connection.vendor == "sqlite" else ""


class _Select:
    """Writes the queries of one order, from one place on."""

    def __init__(self, owner_id: int, order: Order, beyond: Place | None, *, is_backward: bool) -> None:
        self.owner_id = owner_id
        self.key = _TITLE_KEYS[connection.vendor] if order.name == "title" else "b.created"
        self.is_descending = order.is_descending != is_backward
        self.is_date = order.name != "title"
        self.beyond = beyond

    def walk(self, conditions: Sequence[Condition]) -> tuple[str, list[Any]]:
        """Read in the order of an index and test each."""
        where, params = self._where(conditions)
        return (
            f"SELECT b.id, {self.key} FROM bookmarks_bookmark b WHERE {where} ORDER BY {self._order(self.key)}",
            params,
        )

    def sort(self, few: Few, conditions: Sequence[Condition]) -> tuple[str, list[Any]]:
        """Fetch the few for which a condition holds, and sort what is left of them.

        The limit tells the database's planner how many they are, and the fences have it begin with them.
        """
        where, params = self._where([other for other in conditions if other is not few.condition])
        sql = (
            f"WITH found AS MATERIALIZED (SELECT b.id, {self.key} AS place "
            f"FROM ({few.condition.keys} LIMIT {2 * few.number + 100}) few CROSS JOIN bookmarks_bookmark b "
            f"WHERE b.id = few.pk AND {where}) SELECT id, place FROM found ORDER BY {self._order('place', pk='id')}"
        )
        return sql, [*few.condition.keys_params, *params]

    def _where(self, conditions: Sequence[Condition]) -> tuple[str, list[Any]]:
        tests = ["b.owner_id = %s"]
        params: list[Any] = [self.owner_id]
        if self.beyond is not None:
            mark = "%s::timestamptz" if self.is_date and connection.vendor == "postgresql" else "%s"
            tests.append(f"({self.key}, b.id) {'<' if self.is_descending else '>'} ({mark}, %s)")
            utc = "+00:00" if mark != "%s" else ""
            params += [f"{self.beyond.key}{utc}", self.beyond.pk]
        for condition in conditions:
            tests.append(condition.holds)
            params += condition.holds_params
        return " AND ".join(tests), params

    def _order(self, key: str, *, pk: str = "b.id") -> str:
        direction = "DESC" if self.is_descending else "ASC"
        return f"{key} {direction}, {pk} {direction}"
