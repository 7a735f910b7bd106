"""What the list of bookmarks shows: which of them, in which order, which page. Reads only; knows no templates.

A page begins where another one ended, which its address says (`after`, `before`). Its number is for the eye, and for
addresses without a place: the first pages can be counted off.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import NamedTuple, Self
from urllib.parse import urlencode

from django.db import connection
from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from bookmarks import finding, search
from bookmarks.drafts import one_line, tag_key
from bookmarks.finding import ORDERS, Found, Place, find
from bookmarks.models import Bookmark, Tag, TagQuerySet
from bookmarks.ranking import RANKED, RANKED_OF_MANY, ranked

PAGE_SIZE = 50
TAG_PAGE_SIZE = 300
FLAG_LABELS = {
    ("unread", True): _("Unread"),
    ("unread", False): _("Read"),
    ("favorite", True): _("Favourites"),
    ("favorite", False): _("No favourites"),
    ("archived", True): _("Archived"),
    ("archived", False): _("Not archived"),
    ("private", True): _("Private"),
    ("private", False): _("Not private"),
}
SORT_LABELS = {
    "relevance": _("Best match first"),
    "newest": _("Newest first"),
    "oldest": _("Oldest first"),
    "title": _("By title"),
}
FLAGS = tuple(dict.fromkeys(name for name, _wanted in FLAG_LABELS))
# What most people have least of: the list is read through the index of the first.
_RAREST_FIRST = ("favorite", "private", "unread", "archived")
SORTS = ("newest", "oldest", "title")
# Pages beyond are reached by going on, from either end.
COUNTED_PAGES = 200
_LONGEST_QUERY = 200
_LARGEST_ID = 2**63 - 1


class FlagChoice(NamedTuple):
    """A filter by a flag that can be ticked: `value` is 1 for bookmarks that have it, 0 for those that have not."""

    name: str
    value: str
    label: str | Promise
    is_on: bool


@dataclass(frozen=True)
class Filters:
    """What a person asked to see. Every value from outside gives some list: what makes no sense is left out."""

    q: str = ""
    tags: tuple[str, ...] = ()
    flags: dict[str, bool] = field(default_factory=dict)
    import_id: int | None = None
    sort: str = ""

    @classmethod
    def from_query(cls, query: QueryDict) -> Self:
        """Read `q`, any number of `tag`, a flag's name as 1 (only) or 0 (without), `import` and `sort`."""
        tags = (one_line(tag) for tag in query.getlist("tag"))
        sort = query.get("sort", "")
        return cls(
            q=one_line(query.get("q", ""))[:_LONGEST_QUERY].strip(),
            tags=tuple(dict.fromkeys(tag for tag in tags if tag)),
            flags={name: query[name] == "1" for name in FLAGS if query.get(name) in {"0", "1"}},
            import_id=whole_number(query.get("import", "")),
            sort=sort if sort in SORTS else "",
        )

    @property
    def order(self) -> str:
        """What the list is sorted by: what was asked for; else what is searched by relevance, and the rest by date."""
        return self.sort or ("relevance" if self.q else SORTS[0])

    @property
    def sort_choices(self) -> list[tuple[str, str | Promise, bool]]:
        """The orders on offer, as value, label and whether it is this one."""
        values = ("relevance", *SORTS) if self.q else SORTS
        return [(value, SORT_LABELS[value], value == self.order) for value in values]

    @property
    def is_narrow(self) -> bool:
        """Whether some bookmarks may be left out."""
        return bool(self.q or self.tags or self.flags or self.import_id is not None)

    @property
    def without_import(self) -> str:
        """The query string of the same filters for bookmarks of any origin."""
        return replace(self, import_id=None).query_string()

    @property
    def tag_choices(self) -> list[tuple[str, str]]:
        """Each tag asked for, with the query string of the same filters without it."""
        return [
            (tag, replace(self, tags=tuple(other for other in self.tags if other != tag)).query_string())
            for tag in self.tags
        ]

    @property
    def flag_choices(self) -> list[FlagChoice]:
        """What can be ticked: every flag, or what was asked of it; and leaving out what is archived."""
        return [
            FlagChoice(name, str(int(wanted)), label, name in self.flags)
            for (name, wanted), label in FLAG_LABELS.items()
            if self.flags.get(name, wanted) == wanted and (wanted or name == "archived" or name in self.flags)
        ]

    def query_string(self, **place: str) -> str:
        """Return the filters as they stand in a URL, beginning with a question mark; empty when there are none.

        `place` are parameters that say which page of the list is meant.
        """
        pairs = [("q", self.q)] if self.q else []
        pairs += [("tag", tag) for tag in self.tags]
        pairs += [(name, str(int(wanted))) for name, wanted in self.flags.items()]
        pairs += [("import", str(self.import_id))] if self.import_id is not None else []
        is_default = self.sort in {"", replace(self, sort="").order}
        pairs += [] if is_default else [("sort", self.sort)]
        pairs += [pair for pair in place.items() if pair[1]]
        return f"?{urlencode(pairs)}" if pairs else ""

    def conditions(self, owner_id: int) -> list[search.Condition] | None:
        """Return what must be true of the owner's bookmarks that were asked for; None if it is of none."""
        conditions = search.conditions(owner_id, self.q) if self.q else []
        if conditions is None:
            return None
        conditions += [_tagged(owner_id, tag_key(tag)) for tag in self.tags]
        conditions += [
            _flagged(owner_id, name) if self.flags[name] else _unflagged(name)
            for name in sorted(self.flags, key=_RAREST_FIRST.index)
        ]
        if self.import_id is not None:
            conditions.append(_imported(self.import_id))
        return conditions


def _tagged(owner_id: int, key: str) -> search.Condition:
    tag = "(SELECT id FROM bookmarks_tag WHERE owner_id = %s AND key = %s)"
    return search.Condition(
        f"(SELECT count(*) FROM bookmarks_tagging g WHERE g.bookmark_id = b.id AND g.tag_id = {tag}) = 1",
        (owner_id, key),
        f"SELECT bookmark_id AS pk FROM bookmarks_tagging WHERE tag_id = {tag} LIMIT {{most}}",
        (owner_id, key),
    )


def _flagged(owner_id: int, name: str) -> search.Condition:
    # In the words of the index, or SQLite would not know that it may use it.
    is_on = f"{name} = 1" if connection.vendor == "sqlite" else name
    index = f"bookmark_{name}"
    flagged = f"bookmarks_bookmark{finding.using(index)} WHERE owner_id = %s AND {is_on}"
    keys = f"SELECT id AS pk FROM {flagged} LIMIT {{most}}"
    return search.Condition(_read(name), (), keys, (owner_id,), index, is_on)


def _unflagged(name: str) -> search.Condition:
    return search.Condition(f"NOT {_read(name)}")


def _imported(import_id: int) -> search.Condition:
    keys = "SELECT id AS pk FROM bookmarks_bookmark WHERE added_by_import = %s LIMIT {most}"
    return search.Condition(f"{_read('added_by_import')} = %s", (import_id,), keys, (import_id,))


def _read(column: str) -> str:
    """Return what reads a column of the bookmark `b`, also where the query has only its primary key."""
    return f"(SELECT r.{column} FROM bookmarks_bookmark r WHERE r.id = b.id)"


@dataclass(frozen=True)
class Wish:
    """Which page a person asked for. Values from outside that make no sense mean the first one."""

    page: str = ""
    after: str = ""
    before: str = ""

    @classmethod
    def from_query(cls, query: QueryDict) -> Self:
        """Read `page`, which is a number or `last`, and the place that it comes `after` or `before`."""
        after, before = query.get("after", ""), query.get("before", "")
        return cls(query.get("page", ""), after, "" if after else before)

    def as_query(self) -> dict[str, str]:
        """Return the parameters of the address that asks for it; none for the first page."""
        is_first = not self.has_place and self.number == 1
        return {} if is_first else {"page": self.page, "after": self.after, "before": self.before}

    @property
    def has_place(self) -> bool:
        """Whether it says where the page begins or ends, other than by its number."""
        return bool(self.after or self.before or self.is_last)

    @property
    def is_backward(self) -> bool:
        """Whether it says where the page ends."""
        return self.is_last or bool(self.before)

    @property
    def is_last(self) -> bool:
        """Whether the end of the list is meant."""
        return self.page == "last"

    @property
    def number(self) -> int:
        """The number of the page; 0 where it is not known."""
        return whole_number(self.page) or (0 if self.has_place else 1)


FIRST = Wish()


@dataclass(frozen=True)
class Page[Row]:
    """One page of a list, what its number is (from 1; 0 if not known), and what leads to those around it."""

    rows: list[Row]
    number: int
    size: int
    next: dict[str, str] | None = None
    previous: dict[str, str] | None = None
    is_too_deep: bool = False

    @property
    def has_next(self) -> bool:
        """Whether others come after it."""
        return self.next is not None

    @property
    def has_previous(self) -> bool:
        """Whether others come before it."""
        return self.previous is not None

    @property
    def first(self) -> int:
        """The place of its first row in the whole list, from 1."""
        return (self.number - 1) * self.size + 1

    @property
    def last(self) -> int:
        """The place of its last row in the whole list, which is its length when nothing comes after it."""
        return self.first + len(self.rows) - 1


def bookmark_page(owner_id: int, filters: Filters, wish: Wish = FIRST) -> Page[Bookmark]:
    """Return a page of the owner's bookmarks that `filters` leave.

    However many there are, it takes two queries, up to four more to find the shortest way if anything is filtered, and
    two more to sort by relevance.
    """
    conditions = filters.conditions(owner_id)
    if conditions is None:
        return Page([], 1, PAGE_SIZE)
    some = partial(find, owner_id, conditions)
    keys = None
    if filters.order == "relevance" and not wish.has_place and wish.number <= RANKED // PAGE_SIZE:
        keys = _ranked_page(some, filters.q, wish)
    keys = keys or _sorted_page(some, filters.order, wish)
    # Neither the owner nor an order is asked for: either would have SQLite walk through all of the owner's bookmarks.
    found = Bookmark.objects.order_by().in_bulk([key.pk for key in keys.rows])
    rows = [found[key.pk] for key in keys.rows if key.pk in found]
    return Page(rows, keys.number, keys.size, keys.next, keys.previous, keys.is_too_deep)


def _sorted_page(some: Callable[..., Found], name: str, wish: Wish) -> Page[Place]:
    order = ORDERS.get(name, ORDERS[SORTS[0]])
    after, before = Place.read(wish.after, order), Place.read(wish.before, order)
    wish = replace(wish, after=str(after or ""), before=str(before or ""))

    def read(offset: int, limit: int) -> list[Place]:
        return some(order, limit=limit, offset=offset, after=after, before=before, from_end=wish.is_last).places

    return _page(wish, PAGE_SIZE, read, str)


def _ranked_page(some: Callable[..., Found], q: str, wish: Wish) -> Page[Place] | None:
    """Return a page of the best matches; after the last one, the list goes on with older bookmarks.

    None for a page beyond, where many match.
    """
    places, limit = some(ORDERS["newest"], limit=RANKED_OF_MANY + 1, limit_of_few=RANKED + 1)
    most = limit - 1
    if wish.number > most // PAGE_SIZE:
        return None
    by_key = {place.pk: place for place in places[:most]}
    best = [by_key[pk] for pk in ranked(list(by_key), search.wanted(q))]
    page = _page(wish, PAGE_SIZE, lambda offset, limit: best[offset : offset + limit], str)
    number = page.number + 1
    following = {"page": str(number)} if page.has_next else None
    if not page.has_next and len(places) > most:
        following = {"page": str(number), "after": str(places[most - 1])}
    previous = {"page": str(page.number - 1)} if page.number > 2 else {}
    return replace(page, next=following, previous=previous if page.has_previous else None)


def tag_page(tags: TagQuerySet, *, q: str = "", wish: Wish = FIRST) -> Page[Tag]:
    """Return a page of the tags in use whose name has `q` in it, with `bookmark_count`: one query."""
    found = tags.with_counts()
    if q:
        found = found.filter(key__contains=tag_key(q))
    if wish.after:
        found = found.filter(key__gt=one_line(wish.after))
    if wish.before:
        found = found.filter(key__lt=one_line(wish.before))

    def read(offset: int, limit: int) -> list[Tag]:
        if wish.is_backward:
            return list(found.reverse()[:limit])[::-1]
        return list(found[offset : offset + limit])

    return _page(wish, TAG_PAGE_SIZE, read, lambda tag: tag.key)


def _page[Row](
    wish: Wish, size: int, read: Callable[[int, int], list[Row]], place_of: Callable[[Row], str]
) -> Page[Row]:
    """Read one row more than fit, which says whether others follow: counting a million of them would take longer."""
    number = wish.number
    if not wish.has_place and number > COUNTED_PAGES:
        return Page([], number, size, previous={}, is_too_deep=True)
    found = read(0 if wish.has_place else (number - 1) * size, size + 1)
    has_more = len(found) > size
    rows = found[-size:] if wish.is_backward else found[:size]
    has_next = has_more if not wish.is_backward else not wish.is_last
    has_previous = has_more if wish.is_backward else number != 1
    following = {"page": str(number + 1) if number else "", "after": place_of(rows[-1])} if rows else {}
    previous = {"page": str(number - 1) if number else "", "before": place_of(rows[0])} if rows and number != 2 else {}
    return Page(rows, number, size, following if has_next else None, previous if has_previous else None)


def whole_number(text: str) -> int | None:
    """Return a positive number that fits a database's key, or None for any other text."""
    if not (text.isascii() and text.isdecimal() and len(text) < 20):
        return None
    number = int(text)
    return number if 0 < number <= _LARGEST_ID else None
