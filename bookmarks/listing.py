"""What the list of bookmarks shows: which of them, in which order, which page. Reads only; knows no templates."""

from dataclasses import dataclass, field, replace
from typing import NamedTuple, Self
from urllib.parse import urlencode

from django.db.models import Model, Prefetch, QuerySet, Value
from django.db.models.functions import Coalesce, Lower, NullIf
from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from bookmarks.drafts import one_line, tag_key
from bookmarks.models import Bookmark, BookmarkQuerySet, Tag, TagQuerySet

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
FLAGS = tuple(dict.fromkeys(name for name, _wanted in FLAG_LABELS))
SORTS = ("newest", "oldest", "title")
_LONGEST_QUERY = 200
_LAST_PAGE = 10_000_000
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
    sort: str = "newest"

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
            sort=sort if sort in SORTS else SORTS[0],
        )

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

    def query_string(self, *, page: int = 1) -> str:
        """Return the filters as they stand in a URL, beginning with a question mark; empty when there are none."""
        pairs = [("q", self.q)] if self.q else []
        pairs += [("tag", tag) for tag in self.tags]
        pairs += [(name, str(int(wanted))) for name, wanted in self.flags.items()]
        pairs += [("import", str(self.import_id))] if self.import_id is not None else []
        pairs += [("sort", self.sort)] if self.sort != SORTS[0] else []
        pairs += [("page", str(page))] if page > 1 else []
        return f"?{urlencode(pairs)}" if pairs else ""

    def apply(self, bookmarks: BookmarkQuerySet) -> BookmarkQuerySet:
        """Return the bookmarks that were asked for, in the order that was asked for."""
        if self.q:
            bookmarks = bookmarks.matching(self.q)
        for tag in self.tags:
            bookmarks = bookmarks.tagged(tag_key(tag))
        if self.import_id is not None:
            bookmarks = bookmarks.filter(added_by_import=self.import_id)
        return _sorted(bookmarks.filter(**self.flags), self.sort)


@dataclass(frozen=True)
class Page[Row]:
    """One page of a list, whose number begins with 1, and whether others come after it."""

    rows: list[Row]
    number: int
    size: int
    has_next: bool

    @property
    def has_previous(self) -> bool:
        """Whether others come before it."""
        return self.number > 1

    @property
    def first(self) -> int:
        """The place of its first row in the whole list, from 1."""
        return (self.number - 1) * self.size + 1

    @property
    def last(self) -> int:
        """The place of its last row in the whole list, which is its length when nothing comes after it."""
        return self.first + len(self.rows) - 1

    @property
    def next_number(self) -> int:
        """The number of the page after it."""
        return self.number + 1

    @property
    def previous_number(self) -> int:
        """The number of the page before it."""
        return self.number - 1


def bookmark_page(bookmarks: BookmarkQuerySet, filters: Filters, *, page: str = "") -> Page[Bookmark]:
    """Return a page of what `filters` leave of `bookmarks`, with their tags: two queries, whatever their number."""
    tags = Prefetch("tags", Tag.objects.order_by("key"))
    return _page(filters.apply(bookmarks).prefetch_related(tags), page, PAGE_SIZE)


def tag_page(tags: TagQuerySet, *, q: str = "", page: str = "") -> Page[Tag]:
    """Return a page of the tags in use whose name has `q` in it, with `bookmark_count`: one query."""
    found = tags.with_counts()
    if q:
        found = found.filter(key__contains=tag_key(q))
    return _page(found, page, TAG_PAGE_SIZE)


def _page[Row: Model](rows: QuerySet[Row], page: str, size: int) -> Page[Row]:
    """Read one row more than fit, which says whether others follow: counting a million of them would take longer.

    A page that is no number is the first one.
    """
    number = min(whole_number(page) or 1, _LAST_PAGE)
    start = (number - 1) * size
    found = list(rows[start : start + size + 1])
    return Page(found[:size], number, size, len(found) > size)


def whole_number(text: str) -> int | None:
    """Return a positive number that fits a database's key, or None for any other text."""
    if not (text.isascii() and text.isdecimal() and len(text) < 20):
        return None
    number = int(text)
    return number if 0 < number <= _LARGEST_ID else None


def _sorted(bookmarks: BookmarkQuerySet, sort: str) -> BookmarkQuerySet:
    if sort == "oldest":
        return bookmarks.order_by("created", "pk")
    if sort == "title":
        return bookmarks.order_by(Lower(Coalesce(NullIf("title", Value("")), "url")), "pk")
    return bookmarks.order_by("-created", "-pk")
