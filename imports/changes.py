"""What an import changed in bookmarks that were there before it, field by field. Reads only."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from bookmarks.listing import Page, whole_number
from bookmarks.models import Bookmark, Revision
from imports.models import ImportJob

PAGE_SIZE = 25
_LAST_PAGE = 10_000_000
_TEXTS = {
    "url": _("Address (URL)"),
    "title": _("Title"),
    "description": _("Description"),
    "feed_url": _("Address of its feed"),
    "image_url": _("Address of an image"),
}
_DATES = {"created": _("Saved"), "updated": _("Last changed")}
_FLAGS = {
    "unread": _("Unread"),
    "archived": _("Archived"),
    "favorite": _("Favourite"),
    "private": _("Private"),
}

# A field's value: a text, a date, a flag, or the names of tags.
type Value = str | datetime | bool | list[str]


@dataclass(frozen=True)
class FieldChange:
    """One field that the import changed. `kind` says how to show its values: text, date, flag or tags."""

    label: str | Promise
    kind: str
    before: Value
    after: Value


@dataclass(frozen=True)
class ChangedBookmark:
    """A bookmark with what the import changed in it. `edited_since` says that it was written to again afterwards."""

    bookmark: Bookmark
    fields: list[FieldChange]
    edited_since: bool


def changed_page(job: ImportJob, *, page: str = "") -> Page[ChangedBookmark]:
    """Return a page of the bookmarks that the job changed: three queries, whatever their number.

    What a bookmark became is what it is now or, where a later import has changed it again, what that one met.
    """
    number = min(whole_number(page) or 1, _LAST_PAGE)
    start = (number - 1) * PAGE_SIZE
    revisions = Revision.objects.filter(import_id=job.pk).order_by("bookmark_id")
    found = list(
        revisions.select_related("bookmark").prefetch_related("bookmark__tags")[start : start + PAGE_SIZE + 1]
    )
    later = Revision.objects.filter(
        bookmark__in=[revision.bookmark_id for revision in found[:PAGE_SIZE]], before__written_by_import=job.pk
    ).exclude(import_id=job.pk)
    met = {revision.bookmark_id: revision.before for revision in later}
    rows = [_changed(job, revision, met.get(revision.bookmark_id)) for revision in found[:PAGE_SIZE]]
    following = {"page": str(number + 1)} if len(found) > PAGE_SIZE else None
    return Page(rows, number, PAGE_SIZE, following, {"page": str(number - 1)} if number > 1 else None)


def _changed(job: ImportJob, revision: Revision, met: Mapping[str, Any] | None) -> ChangedBookmark:
    bookmark = revision.bookmark
    before, after = _values(revision.before), _values(met) if met is not None else _values_now(bookmark)
    fields = [
        FieldChange(label, kind, before[name], after[name])
        for kind, labels in (("text", _TEXTS), ("tags", {"tags": _("Tags")}), ("flag", _FLAGS), ("date", _DATES))
        for name, label in labels.items()
        if before[name] != after[name]
    ]
    return ChangedBookmark(bookmark, fields, edited_since=bookmark.written_by_import != job.pk)


def _values(stored: Mapping[str, Any]) -> dict[str, Value]:  # a revision holds several types
    """Return the fields as a revision holds them. SQLite keeps flags as numbers, and no database an offset."""
    return {
        **{name: stored[name] for name in _TEXTS},
        **{name: datetime.fromisoformat(stored[name]).replace(tzinfo=UTC) for name in _DATES},
        **{name: bool(stored[name]) for name in _FLAGS},
        "tags": sorted(stored["tags"]),
    }


def _values_now(bookmark: Bookmark) -> dict[str, Value]:
    fields = {name: getattr(bookmark, name) for name in (*_TEXTS, *_DATES, *_FLAGS)}
    return {**fields, "tags": sorted(tag.name for tag in bookmark.tags.all())}
