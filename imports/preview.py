"""What an import would do, found out by going through the prepared file without writing anything."""

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path

import msgspec

from bookmarks.drafts import BookmarkDraft, Duplicates
from bookmarks.models import Tag
from bookmarks.upsert import Change, existing_pages, foreseen_changes
from imports.prepared import Frame, PreparedReader

BATCH_ITEMS = 5_000
SHOWN_TAGS = 100
SHOWN_REASONS = 50
SHOWN_EXAMPLES = 10
# To look at what would change in a bookmark, all of it has to be read: so not in every one.
EXAMINED_PAGES = 2_000
OTHER_REASONS = "Other reasons."
_SHOWN_LENGTH = 300


class Example(msgspec.Struct, frozen=True):
    """A bookmark that is there already, and what would change in it: (field, before, after)."""

    url: str
    title: str
    changes: list[tuple[str, str, str]]


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """What an import would do: its counters, and what is behind them.

    `joined` items repeat a page of the same file; `present` pages are bookmarked already, of which the first
    `examined` were looked at for what would change: `fields` says how often each field.
    """

    total: int
    created: int
    updated: int
    skipped: int
    failed: int
    joined: int
    present: int
    reasons: dict[str, int]
    new_tags: int
    tag_names: list[str]
    examined: int
    fields: dict[str, int]
    examples: list[Example]

    def as_json(self) -> dict[str, object]:
        """Return the preview as `ImportJob.preview` keeps it."""
        return {
            **msgspec.to_builtins(self),
            "examples": [
                {
                    "url": example.url,
                    "title": example.title,
                    "changes": [dict(zip(("field", "before", "after"), c, strict=True)) for c in example.changes],
                }
                for example in self.examples
            ],
        }


def foretell(path: Path, user_id: int, duplicates: Duplicates, keep_going: Callable[[], bool]) -> Preview | None:
    """Return what importing the prepared file at `path` would do, or None when told to stop.

    Memory does not grow with the file: what was seen is kept in a temporary file.
    """
    # A database without a name is a temporary file.
    with closing(sqlite3.connect("")) as seen, PreparedReader(path) as reader:
        finding = _Finding(seen, user_id, duplicates)
        while frame := reader.take(BATCH_ITEMS):
            if not keep_going():
                return None
            finding.take(frame)
        return finding.preview()


class _Finding:
    """What is known after a part of the file."""

    def __init__(self, seen: sqlite3.Connection, user_id: int, duplicates: Duplicates) -> None:
        self._seen, self._user_id, self._duplicates = seen, user_id, duplicates
        seen.execute("CREATE TABLE page (hash TEXT PRIMARY KEY, is_there INTEGER) WITHOUT ROWID")
        seen.execute("CREATE TABLE tag (key TEXT PRIMARY KEY, name TEXT) WITHOUT ROWID")
        self._total = self._failed = self._examined = 0
        self._reasons: Counter[str] = Counter()
        self._fields: Counter[str] = Counter()
        self._examples: list[Example] = []

    def take(self, frame: Frame) -> None:
        """Take the next items into account."""
        self._total += len(frame)
        self._failed += len(frame.rejects)
        for reject in frame.rejects:
            is_shown = reject.reason in self._reasons or len(self._reasons) < SHOWN_REASONS
            self._reasons[reject.reason if is_shown else OTHER_REASONS] += 1
        pages = {draft.unique_hash: draft for draft in frame.drafts}
        there = existing_pages(self._user_id, pages)
        self._seen.executemany("INSERT OR IGNORE INTO page VALUES (?, ?)", [(page, page in there) for page in pages])
        is_skipping = self._duplicates is Duplicates.SKIP
        self._note_tags(d for d in frame.drafts if not (is_skipping and d.unique_hash in there))
        if not is_skipping and self._examined < EXAMINED_PAGES:
            room = EXAMINED_PAGES - self._examined
            self._examine([pages[page] for page in pages if page in there][:room])

    def _note_tags(self, drafts: Iterable[BookmarkDraft]) -> None:
        tags = {pair for draft in drafts for pair in draft.tags}
        self._seen.executemany("INSERT OR IGNORE INTO tag VALUES (?, ?)", tags)

    def _examine(self, drafts: list[BookmarkDraft]) -> None:
        self._examined += len(drafts)
        for change in foreseen_changes(self._user_id, drafts, self._duplicates):
            differences = _differences(change)
            self._fields.update(field for field, _before, _after in differences)
            if differences and len(self._examples) < SHOWN_EXAMPLES:
                before = change.before
                self._examples.append(
                    Example(before.url[:_SHOWN_LENGTH], before.title[:_SHOWN_LENGTH], differences),
                )

    def preview(self) -> Preview:
        """Return what all that was taken amounts to."""
        created, present = (
            self._seen.execute("SELECT count(*) FROM page WHERE is_there = ?", [there]).fetchone()[0]
            for there in (False, True)
        )
        met = self._total - self._failed - created
        is_skipping = self._duplicates is Duplicates.SKIP
        new_tags, tag_names = self._new_tags()
        return Preview(
            total=self._total,
            created=created,
            updated=0 if is_skipping else met,
            skipped=met if is_skipping else 0,
            failed=self._failed,
            joined=met - present,
            present=present,
            reasons=dict(self._reasons.most_common()),
            new_tags=new_tags,
            tag_names=tag_names,
            examined=self._examined,
            fields=dict(self._fields.most_common()),
            examples=self._examples,
        )

    def _new_tags(self) -> tuple[int, list[str]]:
        """Return how many tags the import would make, and the first of them."""
        count = 0
        names: list[str] = []
        rows = self._seen.execute("SELECT key, name FROM tag ORDER BY key")
        while some := dict(rows.fetchmany(500)):
            known = set(Tag.objects.filter(owner=self._user_id, key__in=some).values_list("key", flat=True))
            new = [name for key, name in some.items() if key not in known]
            names += new[: SHOWN_TAGS - len(names)]
            count += len(new)
        return count, names


def _differences(change: Change) -> list[tuple[str, str, str]]:
    """Return the fields in which a bookmark would change, with what they are before and after."""
    fields = [name for name in BookmarkDraft.__struct_fields__ if name not in {"unique_hash", "updated"}]
    pairs = ((name, getattr(change.before, name), getattr(change.after, name)) for name in fields)
    return [(name, _text(before), _text(after)) for name, before, after in pairs if before != after]


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(name for _key, name in value)
    return str(value)[:_SHOWN_LENGTH]
