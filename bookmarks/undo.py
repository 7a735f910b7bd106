"""Takes an import back: what it added goes, what it changed is again what it was, and what a person edited stays.

Where a later import has written to the same bookmark, that one inherits what this one knew: a bookmark that this one
added counts as added by the later one, and the later one's revision becomes what was there before both. So imports
can be taken back in any order, and taking back all of them leaves what there was at first.
"""

from typing import Any, NamedTuple

from django.db.models import OuterRef, QuerySet, Subquery

from bookmarks.models import Bookmark, Revision, Tag, Tagging
from bookmarks.upsert import delete_bookmarks, lock_owner, put_back


class TakenBack(NamedTuple):
    """What became of some bookmarks of an import. `last` is the primary key of the last one."""

    removed: int
    restored: int
    kept: int
    last: int


def remaining(import_id: int, *, after: int = 0) -> int:
    """Return how many bookmarks with a primary key over `after` the import has added or changed."""
    changed = _revisions(import_id).exclude(bookmark__added_by_import=import_id)
    return _added(import_id).filter(pk__gt=after).count() + changed.filter(bookmark__gt=after).count()


def take_back(owner_id: int, import_id: int, *, after: int, limit: int) -> TakenBack | None:
    """Take up to `limit` bookmarks of an import back, by primary key, beginning after the one that is `after`.

    Returns None when none is left. Must run inside a transaction.
    """
    lock_owner(owner_id)
    added = _added(import_id).filter(pk__gt=after).order_by("pk").values_list("pk", flat=True)[:limit]
    changed = _revisions(import_id).filter(bookmark__gt=after).order_by("bookmark_id")
    pks = sorted({*added, *changed.values_list("bookmark_id", flat=True)[:limit]})[:limit]
    if not pks:
        return None
    batch = _Batch(owner_id, import_id, pks)
    counts = batch.take_back()
    batch.hand_on()
    return TakenBack(*counts, pks[-1])


def remove_unused_tags(owner_id: int, import_id: int) -> None:
    """Delete the tags that the import has made and that no bookmark carries any more.

    One that is still carried counts as made by whoever wrote such a bookmark, and so goes with the last of them.
    """
    made = Tag.objects.filter(owner=owner_id, added_by_import=import_id)
    made.filter(bookmarks=None).delete()
    carried = Tagging.objects.filter(tag=OuterRef("pk"))
    made.update(added_by_import=Subquery(carried.values("bookmark__written_by_import")[:1]))


def _added(import_id: int) -> QuerySet[Bookmark]:
    return Bookmark.objects.filter(added_by_import=import_id)


def _revisions(import_id: int) -> QuerySet[Revision]:
    return Revision.objects.filter(import_id=import_id)


def _inherit(heir: Revision, before: dict[str, Any]) -> None:
    """Have a revision tell what was before the import that is taken back; what its own import wrote is no `before`."""
    if before["written_by_import"] == heir.import_id:
        heir.delete()
        return
    heir.before = before
    heir.save(update_fields=["before"])


class _Batch:
    """Some bookmarks of an import, with all that is known of them."""

    def __init__(self, owner_id: int, import_id: int, pks: list[int]) -> None:
        self.owner_id, self.import_id = owner_id, import_id
        self.rows = {row.pk: row for row in Bookmark.objects.filter(pk__in=pks)}
        own = Revision.objects.filter(import_id=import_id, bookmark__in=pks)
        self.before: dict[int, dict[str, Any]] = dict(own.values_list("bookmark", "before"))  # as `Revision` says
        heirs = Revision.objects.filter(bookmark__in=pks, before__written_by_import=import_id)
        self.heirs: dict[int, list[Revision]] = {}
        for heir in heirs.exclude(import_id=import_id).order_by("pk"):
            self.heirs.setdefault(heir.bookmark_id, []).append(heir)

    def hand_on(self) -> None:
        """Let later imports know what was before this one, and forget it here."""
        added_by: dict[int | None, list[int]] = {}
        for pk, row in self.rows.items():
            is_added = row.added_by_import == self.import_id
            before, adder = self.before.get(pk), None
            for number, heir in enumerate(self.heirs.get(pk, [])):
                # Where this import went on after another one, it has a revision, too; but at first there was nothing.
                if before is None or (is_added and number == 0):
                    adder = heir.import_id
                    heir.delete()
                else:
                    _inherit(heir, before)
            if is_added:
                added_by.setdefault(adder, []).append(pk)
        for importer, pks in added_by.items():
            Bookmark.objects.filter(pk__in=pks).update(added_by_import=importer)
        Revision.objects.filter(import_id=self.import_id, bookmark__in=list(self.before)).delete()

    def take_back(self) -> tuple[int, int, int]:
        """Remove and restore what nobody else has written to since; return how many were removed, restored, kept."""
        untouched = {pk for pk, row in self.rows.items() if row.written_by_import == self.import_id}
        restored = {pk: self.before[pk] for pk in untouched if pk in self.before}
        removed = untouched - restored.keys()
        put_back(self.owner_id, restored, import_id=self.import_id)
        delete_bookmarks(self.owner_id, sorted(removed))
        for pk in removed:
            del self.rows[pk]
        return len(removed), len(restored), len(self.rows) - len(restored)
