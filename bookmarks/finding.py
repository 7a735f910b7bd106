"""From what was asked for to the primary keys of one page, in work that does not grow with the account.

Every page begins where another ended (keyset paging). In a large account the first bookmarks of the list are tested
one by one: of what is frequent a page is full then. Otherwise each condition is counted through its index. If one
holds for few bookmarks, those are fetched and sorted. If not, the list's own index is read in order beside the set of
those for which it holds, and only what is in both is tested. A search is asked for its keys once, and known by them.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple, Self

from django.db import connection

from bookmarks.drafts import one_line, utc_text
from bookmarks.models import TITLE_SORTED_LENGTH
from bookmarks.search import Condition

# Who has more has a large account. To learn it takes some 2 ms.
LARGE = 30_000
# So many bookmarks are tested in 6 to 9 ms; and so many if it can be foreseen that a page is full in half of them.
GLANCED = 2_500
GLANCED_FAR = 24_000
# So many are fetched and sorted in 10 to 25 ms.
FEW = 5_000
# No condition is counted any further, nor are more keys fetched than these.
_COUNTED = 20_000
_ALL = 2**31 - 1

# As the index bookmark_by_title has it.
_TITLE = "LOWER(COALESCE(NULLIF(b.title, ''), b.url))"
_TITLE_KEYS = {
    "sqlite": f"SUBSTR({_TITLE}, 1, {TITLE_SORTED_LENGTH})",
    "postgresql": f"LEFT({_TITLE}, {TITLE_SORTED_LENGTH})",
}
_LARGEST_ID = 2**63 - 1
# How keys that are known already are given back: the query for them, and its parameter.
_LISTED: dict[str, tuple[str, Callable[[list[int]], object]]] = {
    "sqlite": ("SELECT value AS pk FROM json_each(%s)", json.dumps),
    "postgresql": ("SELECT unnest(%s::bigint[]) AS pk", list),
}


class Order(NamedTuple):
    """What bookmarks are sorted by, and by primary key where that is the same."""

    name: str
    is_descending: bool


ORDERS = {
    "newest": Order("created", is_descending=True),
    "oldest": Order("created", is_descending=False),
    "title": Order("title", is_descending=False),
}


class Counted(NamedTuple):
    """A condition, and for how many bookmarks it holds: exact below _COUNTED."""

    number: int
    condition: Condition


class Found(NamedTuple):
    """Where bookmarks stand, in order, and how many were asked for: others may follow where there are as many."""

    places: list["Place"]
    limit: int


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
    limit_of_few: int = 0,
    offset: int = 0,
    after: Place | None = None,
    before: Place | None = None,
    from_end: bool = False,
) -> Found:
    """Return where the first `limit` of the owner's bookmarks stand for which all conditions hold.

    They are those that follow `after`, or those that come right before `before` or at the end; always in order. With
    `limit_of_few` it may be as many instead, if they are FEW at the most. It takes six queries, or less.
    """
    is_backward = before is not None or from_end
    select = _Select(owner_id, conditions, order, after or before, is_backward=is_backward)
    found = _find(select, limit, limit_of_few or limit, offset)
    return found._replace(places=found.places[::-1]) if is_backward else found


def _find(select: "_Select", limit: int, limit_of_few: int, offset: int) -> Found:
    if select.is_listed():
        return Found(select.walked(limit, offset), limit)
    if select.is_large():
        seen = _glanced(select, limit + offset)
        if len(seen) == limit + offset:
            return Found(seen[offset:], limit)
    few = fewest([condition for condition in select.conditions if not condition.is_costly])
    costly = next((condition for condition in select.conditions if condition.is_costly), None)
    if costly is not None and (few is None or few.number > FEW):
        fetched = select.fetch(costly)
        if few is None or few.number == _COUNTED or select.lists(few.condition) or fetched.number <= FEW:
            few = fetched
    if few is not None and few.number <= FEW:
        return Found(select.sorted(few.condition, limit_of_few, offset), limit_of_few)
    return Found(select.walked(limit, offset, through=few and few.condition), limit)


def _glanced(select: "_Select", number: int) -> list[Place]:
    """Return the first that are seen at a glance, or at a second one where the first one promises enough of them."""
    seen = select.walked(number, 0, window=GLANCED)
    if len(seen) < number <= len(seen) * GLANCED_FAR / GLANCED / 2:
        seen = select.walked(number, 0, window=GLANCED_FAR)
    return seen


def fewest(conditions: Sequence[Condition]) -> Counted | None:
    """Return the one that holds for the fewest bookmarks, of conditions that have an index: one query, or none."""
    counted = [condition for condition in conditions if condition.keys]
    if not counted:
        return None
    counts = ", ".join(f"(SELECT count(*) FROM ({condition.keys_of(_COUNTED)}) few)" for condition in counted)
    with connection.cursor() as cursor:
        params: list[Any] = [value for condition in counted for value in condition.keys_params]
        cursor.execute(f"SELECT {counts}", params)
        number, place = min((number, place) for place, number in enumerate(cursor.fetchone()))
    return Counted(number, counted[place])


def using(index: str) -> str:
    """Return what has SQLite read a table through an index: it would not see that one is smaller than the others."""
    return f" INDEXED BY {index}" if connection.vendor == "sqlite" else ""


class _Select:
    """Reads the owner's bookmarks for which conditions hold in one order, from one place on."""

    def __init__(
        self,
        owner_id: int,
        conditions: Sequence[Condition],
        order: Order,
        beyond: Place | None,
        *,
        is_backward: bool,
    ) -> None:
        self.owner_id = owner_id
        self.conditions = conditions
        self._key = _TITLE_KEYS[connection.vendor] if order.name == "title" else "b.created"
        self._is_descending = order.is_descending != is_backward
        self._is_date = order.name != "title"
        self._beyond = beyond

    def is_listed(self) -> bool:
        """Tell whether an index has just what is asked for, in its order."""
        return all(condition == self._listed(None) for condition in self.conditions)

    def lists(self, condition: Condition) -> bool:
        """Tell whether a condition has an index in the order that is asked for."""
        return self._listed(condition) is condition

    def is_large(self) -> bool:
        """Tell whether the owner has more than LARGE bookmarks."""
        own = "SELECT id FROM bookmarks_bookmark WHERE owner_id = %s"
        return bool(self._rows(f"{own} ORDER BY created, id LIMIT 1 OFFSET {LARGE}", [self.owner_id]))

    def walked(self, limit: int, offset: int, *, window: int = 0, through: Condition | None = None) -> list[Place]:
        """Read in the order of an index and test each; of a `window` that many at the most.

        `through` is a condition of which the set of keys is made first.
        """
        listed = self._listed(through)
        where, params = self._where(basis=listed)
        if through is not None and through is not listed:
            # The database must not take it for a way to find them: IS TRUE keeps it from seeing one.
            where += f" AND (b.id IN ({through.keys_of(_ALL)})) IS TRUE"
            params += through.keys_params
        index = using(listed.dated_index) if listed else ""
        walk = f"SELECT b.id, {self._key} AS place FROM bookmarks_bookmark b{index} WHERE {where}"
        order = f"ORDER BY {self._order(self._key)}"
        tests, test_params = _tests(
            condition for condition in self.conditions if condition is not listed and condition is not through
        )
        if not window:
            return self._places(f"{walk}{tests} {order}", [*params, *test_params], limit, offset)
        # SQLite would test the whole window before it sorts what is in order already.
        again = "" if connection.vendor == "sqlite" else f" ORDER BY {self._order('b.place')}"
        sql = f"SELECT b.id, b.place FROM ({walk} {order} LIMIT {window}) b WHERE TRUE{tests}{again}"
        return self._places(sql, [*params, *test_params], limit, offset)

    def fetch(self, costly: Condition) -> Counted:
        """Ask one of the conditions for its keys, and know it by them from now on if they are fewer than _COUNTED."""
        keys = [pk for (pk,) in self._rows(costly.keys_of(_COUNTED), list(costly.keys_params))]
        if len(keys) == _COUNTED:
            return Counted(_COUNTED, costly)
        listed, parameter = _LISTED[connection.vendor]
        known = costly._replace(keys=listed, keys_params=(parameter(keys),))
        self.conditions = [known if condition is costly else condition for condition in self.conditions]
        return Counted(len(keys), known)

    def sorted(self, few: Condition, limit: int, offset: int) -> list[Place]:
        """Fetch those for which a condition holds that holds for few, and sort what is left of them.

        The fences have the database begin with the few.
        """
        where, params = self._where(basis=None)
        tests, test_params = _tests(condition for condition in self.conditions if condition is not few)
        sql = (
            f"WITH few AS MATERIALIZED ({few.keys_of(FEW)}), found AS MATERIALIZED ("
            f"SELECT b.id, {self._key} AS place FROM few CROSS JOIN bookmarks_bookmark b "
            f"WHERE b.id = few.pk AND {where}{tests}) "
            f"SELECT found.id, found.place FROM found ORDER BY {self._order('found.place', pk='found.id')}"
        )
        return self._places(sql, [*few.keys_params, *params, *test_params], limit, offset)

    def _listed(self, through: Condition | None) -> Condition | None:
        """Return the condition that has an index of its own in the order of dates, if that is what is asked for."""
        if not self._is_date:
            return None
        if through is not None and through.dated_index:
            return through
        return next((condition for condition in self.conditions if condition.dated_index), None)

    def _where(self, *, basis: Condition | None) -> tuple[str, list[Any]]:
        tests = ["b.owner_id = %s", *([f"b.{basis.dated_holds}"] if basis else [])]
        params: list[Any] = [self.owner_id]
        if self._beyond is not None:
            mark = "%s::timestamptz" if self._is_date and connection.vendor == "postgresql" else "%s"
            tests.append(f"({self._key}, b.id) {'<' if self._is_descending else '>'} ({mark}, %s)")
            utc = "+00:00" if mark != "%s" else ""
            params += [f"{self._beyond.key}{utc}", self._beyond.pk]
        return " AND ".join(tests), params

    def _order(self, key: str, *, pk: str = "b.id") -> str:
        direction = "DESC" if self._is_descending else "ASC"
        return f"{key} {direction}, {pk} {direction}"

    def _places(self, sql: str, params: list[Any], limit: int, offset: int) -> list[Place]:
        return _placed(self._rows(f"{sql} LIMIT %s OFFSET %s", [*params, limit, offset]))

    @staticmethod
    def _rows(sql: str, params: list[Any]) -> list[tuple[Any, ...]]:
        with connection.cursor() as cursor:
            cursor.execute(sql, params)
            rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def _placed(rows: Iterable[tuple[Any, ...]]) -> list[Place]:
    return [Place(key if isinstance(key, str) else utc_text(key), pk) for pk, key in rows]


def _tests(conditions: Iterable[Condition]) -> tuple[str, list[Any]]:
    tests = ""
    params: list[Any] = []
    for condition in conditions:
        tests += f" AND {condition.holds}"
        params += condition.holds_params
    return tests, params
