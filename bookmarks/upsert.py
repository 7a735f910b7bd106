"""The one way bookmarks are written: a batch of drafts becomes rows, inside the caller's transaction.

First, without the database (`get_ready`): join drafts of one page within the batch, name its tags, and take out the
words for the full-text index. Then a batch does this, whichever database is below:

1. take the owner's write lock, so that what is read next stays true until commit;
2. find the rows that are already there;
3. decide for each page in Python (`bookmarks.drafts`): insert, rewrite, or leave;
4. keep a revision of each row that an import is about to change;
5. insert the new rows with ids of our own choosing, rewrite the changed ones, and set their tags;
6. enter what was written in the full-text index (`bookmarks.search`), where nothing else is written any more.

Because everything that could clash is known before the first write, the inserts need no conflict clause, and
run at the speed of the driver (`bookmarks.insertion`).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import reduce
from typing import Any, NamedTuple

import msgspec
from django.db import connection
from django.db.backends.utils import CursorWrapper

from bookmarks import search
from bookmarks.drafts import BookmarkDraft, Duplicates, clean_tags, dated, earlier, later, merged, utc_text
from bookmarks.insertion import insert_rows


class BookmarkGoneError(LookupError):
    """The bookmark is not there, or not there any more."""


class Outcome(NamedTuple):
    """What became of a batch: `created` + `updated` + `skipped` is the number of drafts."""

    created: int
    updated: int
    skipped: int


class Batch(NamedTuple):
    """Drafts for one owner with all that can be worked out of them without the database, before a transaction begins.

    `pages` has one draft for each page, by unique_hash, and `terms` what the full-text index will have of it. `tags`
    has the name of each tag by its comparison form: of several spellings, the first in code point order.
    """

    owner_id: int
    duplicates: Duplicates
    drafts: list[BookmarkDraft]
    pages: dict[str, BookmarkDraft]
    terms: dict[str, str]
    tags: dict[str, str]


class Change(NamedTuple):
    """What a bookmark is and what it would become."""

    before: BookmarkDraft
    after: BookmarkDraft


class _Row(NamedTuple):
    """A bookmark that is already there. `ours` says that the running import wrote what it holds."""

    pk: int
    created: str
    ours: bool


_JOIN = {Duplicates.SKIP: earlier, Duplicates.OVERWRITE: later, Duplicates.MERGE: merged}
_FIELDS = BookmarkDraft.__struct_fields__[:-1]
_INSERTED = ("id", "owner_id", "added_by_import", "written_by_import", *_FIELDS)


def upsert_bookmarks(
    owner_id: int,
    drafts: Sequence[BookmarkDraft],
    *,
    duplicates: Duplicates,
    import_id: int | None = None,
    now: datetime | None = None,
) -> Outcome:
    """Write `drafts` for one owner and say what became of them. Must run inside a transaction.

    `import_id` names the import that writes; None is a person. Of drafts that meet a row which the same import
    wrote, the better one by the rule of `duplicates` stays, so that the order of a file does not matter.
    `now` stands for unknown dates; an import passes one moment for all its batches.
    """
    return write_batch(get_ready(owner_id, drafts, duplicates=duplicates, now=now), import_id=import_id)


def get_ready(
    owner_id: int,
    drafts: Iterable[BookmarkDraft],
    *,
    duplicates: Duplicates,
    now: datetime | None = None,
    are_new: bool = True,
) -> Batch:
    """Return `drafts` as a batch for `write_batch`; touches no database, so that any thread may do it.

    Unless most of the pages `are_new`, what the full-text index needs is left to the writing, which then does it for
    the new ones alone. Everything else is as in `upsert_bookmarks`.
    """
    moment = utc_text(now or datetime.now(UTC))
    dated_drafts = [dated(draft, moment) for draft in drafts]
    pages = _joined(dated_drafts, duplicates)
    terms = {key: _terms(owner_id, draft) for key, draft in pages.items()} if are_new else {}
    return Batch(owner_id, duplicates, dated_drafts, pages, terms, _tag_names(dated_drafts))


def write_batch(batch: Batch, *, import_id: int | None) -> Outcome:
    """Write what `get_ready` gave, as `upsert_bookmarks` does."""
    with connection.cursor() as cursor:
        return _Writer(cursor, batch.owner_id, import_id, batch.duplicates).write(batch)


def _joined(drafts: Sequence[BookmarkDraft], duplicates: Duplicates) -> dict[str, BookmarkDraft]:
    """Return one draft for each page, by unique_hash."""
    pages = {draft.unique_hash: draft for draft in drafts}
    if len(pages) == len(drafts):
        return pages
    groups: dict[str, list[BookmarkDraft]] = {}
    for draft in drafts:
        groups.setdefault(draft.unique_hash, []).append(draft)
    return {key: reduce(_JOIN[duplicates], group) for key, group in groups.items()}


def _terms(owner_id: int, draft: BookmarkDraft) -> str:
    return search.terms(owner_id, draft.title, draft.url, draft.description, [key for key, _ in draft.tags])


def _tag_names(drafts: Iterable[BookmarkDraft]) -> dict[str, str]:
    """Return the name of each tag, by its comparison form: of several spellings the first in code point order."""
    pairs = {pair for draft in drafts for pair in draft.tags}
    # Of equal keys the last stays.
    return dict(sorted(pairs, reverse=True))


def existing_pages(owner_id: int, hashes: Collection[str]) -> set[str]:
    """Return those of `hashes` (each a unique_hash) that the owner has a bookmark for."""
    with connection.cursor() as cursor:
        return set(_Writer(cursor, owner_id, None, Duplicates.SKIP).existing(hashes))


def foreseen_changes(owner_id: int, drafts: Sequence[BookmarkDraft], duplicates: Duplicates) -> list[Change]:
    """Return what an import of `drafts` would make of those whose page the owner has, without writing anything."""
    moment = utc_text(datetime.now(UTC))
    with connection.cursor() as cursor:
        writer = _Writer(cursor, owner_id, None, duplicates)
        pages = _joined([dated(draft, moment) for draft in drafts], duplicates)
        existing = writer.existing(pages)
        before = writer.stored([row.pk for row in existing.values()])
        after = writer.changes(pages, existing)
    return [Change(before[pk], after[pk]) for pk in after if pk in before]


def edit_bookmark(owner_id: int, pk: int, draft: BookmarkDraft) -> None:
    """Make the owner's bookmark `pk` what a person's `draft` says, keeping when it was created.

    Where its new URL is that of another bookmark of the owner, the two become one. Must run inside a transaction.
    Raises BookmarkGoneError when the owner has no such bookmark.
    """
    now = utc_text(datetime.now(UTC))
    with connection.cursor() as cursor:
        writer = _Writer(cursor, owner_id, None, Duplicates.MERGE)
        writer.lock_owner()
        kept = writer.stored([pk]).get(pk)
        if kept is None:
            raise BookmarkGoneError(pk)
        edited = msgspec.structs.replace(draft, created=kept.created, updated=now)
        twin = writer.existing([draft.unique_hash]).get(draft.unique_hash)
        if twin is None or twin.pk == pk:
            writer.rewrite({pk: edited}, writer.tag_ids(_tag_names([edited])))
            return
        writer.delete([pk])
        writer.write(get_ready(owner_id, [edited], duplicates=Duplicates.MERGE))


def lock_owner(owner_id: int) -> None:
    """Keep every other writer of the owner's bookmarks waiting until the end of the transaction."""
    with connection.cursor() as cursor:
        _Writer(cursor, owner_id, None, Duplicates.SKIP).lock_owner()


def put_back(owner_id: int, befores: Mapping[int, Mapping[str, Any]], *, import_id: int) -> None:
    """Make the owner's bookmarks, by primary key, what their revisions hold (see `bookmarks.models.Revision`).

    Tags that have to be made anew for them count as made by the import that is taken back. Must run inside a
    transaction, after `lock_owner`.
    """
    drafts = {pk: _draft_before(before) for pk, before in befores.items()}
    writers = {pk: before["written_by_import"] for pk, before in befores.items()}
    with connection.cursor() as cursor:
        writer = _Writer(cursor, owner_id, import_id, Duplicates.OVERWRITE)
        writer.rewrite(drafts, writer.tag_ids(_tag_names(drafts.values())), writers=writers)


def delete_bookmarks(owner_id: int, pks: list[int]) -> None:
    """Delete bookmarks of the owner with their tags and revisions. Must run inside a transaction."""
    with connection.cursor() as cursor:
        _Writer(cursor, owner_id, None, Duplicates.SKIP).delete(pks)


class _Writer:
    """Writes batches of one owner: what they are written with, and the steps it takes."""

    def __init__(self, cursor: CursorWrapper, owner_id: int, import_id: int | None, duplicates: Duplicates) -> None:
        self.cursor = cursor
        self.owner_id = owner_id
        self.import_id = import_id
        self.duplicates = duplicates
        self.sql = _SQL[connection.vendor]

    def write(self, batch: Batch) -> Outcome:
        """Run all steps."""
        self.lock_owner()
        existing = self.existing(batch.pages)
        new = [draft for key, draft in batch.pages.items() if key not in existing]
        changed = self.changes(batch.pages, existing)
        tag_ids = self.tag_ids(self.tags_of(batch, existing, changed))
        inserted = self.insert(new, tag_ids)
        self.rewrite(changed, tag_ids, revised=[row.pk for row in existing.values() if not row.ours])
        self.index(inserted, batch.terms)
        met = len(batch.drafts) - len(new)
        return Outcome(len(new), 0, met) if self.duplicates is Duplicates.SKIP else Outcome(len(new), met, 0)

    def tags_of(self, batch: Batch, existing: dict[str, _Row], changed: dict[int, BookmarkDraft]) -> dict[str, str]:
        """Return the names of all tags that the batch has a say in, by their comparison forms.

        Drafts that lose to another of their file are among those who say how a tag is written, or the order of a file
        would matter; those whose page stays as it is are not.
        """
        untouched = {key for key, row in existing.items() if self.duplicates is Duplicates.SKIP and not row.ours}
        names = batch.tags
        if untouched:
            names = _tag_names(draft for draft in batch.drafts if draft.unique_hash not in untouched)
        more = _tag_names(changed.values())
        return {**names, **{key: min(name, names.get(key, name)) for key, name in more.items()}}

    def lock_owner(self) -> None:
        """Keep every other writer of this owner's bookmarks waiting until commit."""
        if self.sql.lock:
            self.cursor.execute(self.sql.lock, [self.owner_id])

    def existing(self, hashes: Iterable[str]) -> dict[str, _Row]:
        """Return the rows that these pages have already, by unique_hash."""
        query = self.sql.look_up("bookmarks_bookmark", ("unique_hash", "id", "created", "written_by_import"))
        self.cursor.execute(query, [self.owner_id, self.sql.listed(list(hashes))])
        return {
            key: _Row(pk, _text(created), self.import_id is not None and writer == self.import_id)
            for key, pk, created, writer in self.cursor.fetchall()
        }

    def changes(self, pages: dict[str, BookmarkDraft], existing: dict[str, _Row]) -> dict[int, BookmarkDraft]:
        """Return what the rows that are there become, by primary key; rows that stay as they are are left out."""
        merging = self.duplicates is Duplicates.MERGE
        stored = self.stored([row.pk for row in existing.values() if row.ours or merging])
        changed = {}
        for key, row in existing.items():
            if row.pk in stored:
                draft = _JOIN[self.duplicates](stored[row.pk], pages[key])
                if draft != stored[row.pk]:
                    changed[row.pk] = draft
            elif self.duplicates is Duplicates.OVERWRITE:
                created = min(row.created, pages[key].created or row.created)
                changed[row.pk] = msgspec.structs.replace(pages[key], created=created)
        return changed

    def stored(self, pks: list[int]) -> dict[int, BookmarkDraft]:
        """Return whole rows with their tags as drafts, by primary key."""
        if not pks:
            return {}
        self.cursor.execute(
            f"SELECT g.bookmark_id, t.key, t.name FROM bookmarks_tagging g JOIN bookmarks_tag t ON t.id = g.tag_id "
            f"WHERE g.bookmark_id {self.sql.among}",
            [self.sql.listed(pks)],
        )
        tags: dict[int, list[tuple[str, str]]] = {}
        for pk, key, name in self.cursor.fetchall():
            tags.setdefault(pk, []).append((key, name))
        # With the owner among the conditions, SQLite would walk through all of the owner's bookmarks instead.
        self.cursor.execute(
            f"SELECT owner_id, id, {', '.join(_FIELDS)} FROM bookmarks_bookmark WHERE id {self.sql.among}",
            [self.sql.listed(pks)],
        )
        return {
            pk: _draft(fields, tags.get(pk, []))
            for owner_id, pk, *fields in self.cursor.fetchall()
            if owner_id == self.owner_id
        }

    def insert(self, drafts: list[BookmarkDraft], tag_ids: dict[str, int]) -> dict[int, BookmarkDraft]:
        """Insert pages that are not there yet; return them by primary key."""
        if not drafts:
            return {}
        pks = self.sql.new_ids(self.cursor, "bookmarks_bookmark", len(drafts))
        writer = (self.owner_id, self.import_id, self.import_id)
        rows = [(pk, *writer, *msgspec.structs.astuple(draft)[:-1]) for pk, draft in zip(pks, drafts, strict=True)]
        insert_rows(self.cursor, "bookmarks_bookmark", _INSERTED, rows)
        inserted = dict(zip(pks, drafts, strict=True))
        self.tag(inserted, tag_ids)
        return inserted

    def index(self, inserted: dict[int, BookmarkDraft], terms: dict[str, str]) -> None:
        """Enter new pages in the full-text index, whose `terms` may be known by unique_hash.

        Comes last: FTS5 collects what a transaction enters, but begins anew when a key is not above the one before.
        """
        known = terms or {draft.unique_hash: _terms(self.owner_id, draft) for draft in inserted.values()}
        rows = [(pk, known[draft.unique_hash]) for pk, draft in inserted.items()]
        search.enter(self.cursor, rows, are_new=True)

    def rewrite(
        self,
        changed: dict[int, BookmarkDraft],
        tag_ids: dict[str, int],
        *,
        writers: Mapping[int, int | None] | None = None,
        revised: Collection[int] = (),
    ) -> None:
        """Give rows that are there new contents and new tags.

        `writers` tells for each row which import wrote that content, where it is not the one that runs. Of the rows
        that are `revised` by an import, what they were before is kept.
        """
        if not changed:
            return
        writers = writers or dict.fromkeys(changed, self.import_id)
        pks = self.sql.listed(list(changed))
        kept = [pk for pk in revised if pk in changed]
        if kept and self.import_id is not None:
            self.cursor.execute(self.sql.keep_revision, [self.import_id, self.sql.listed(kept)])
        self.cursor.executemany(
            f"UPDATE bookmarks_bookmark SET {', '.join(f'{name} = %s' for name in _FIELDS)}, "
            f"written_by_import = %s WHERE id = %s",
            [(*msgspec.structs.astuple(draft)[:-1], writers[pk], pk) for pk, draft in changed.items()],
        )
        self.cursor.execute(f"DELETE FROM bookmarks_tagging WHERE bookmark_id {self.sql.among}", [pks])
        self.tag(changed, tag_ids)
        search.enter(self.cursor, [(pk, _terms(self.owner_id, draft)) for pk, draft in changed.items()])

    def delete(self, pks: list[int]) -> None:
        """Delete rows of this owner with their tags and revisions."""
        for table, column in (
            ("bookmarks_tagging", "bookmark_id"),
            ("bookmarks_revision", "bookmark_id"),
            ("bookmarks_bookmark", "id"),
        ):
            self.cursor.execute(f"DELETE FROM {table} WHERE {column} {self.sql.among}", [self.sql.listed(pks)])

    def tag(self, drafts: dict[int, BookmarkDraft], tag_ids: dict[str, int]) -> None:
        """Tag untagged rows as their drafts say."""
        pairs = [(pk, tag_ids[key]) for pk, draft in drafts.items() for key, _ in draft.tags]
        if pairs:
            insert_rows(self.cursor, "bookmarks_tagging", ("bookmark_id", "tag_id"), pairs)

    def tag_ids(self, names: dict[str, str]) -> dict[str, int]:
        """Return the ids of tags, given as their names by comparison form, making those that are not there yet.

        Of the spellings that one import brings, the first in code point order stays, whatever their order.
        """
        if not names:
            return {}
        query = self.sql.look_up("bookmarks_tag", ("key", "id", "name", "added_by_import"))
        self.cursor.execute(query, [self.owner_id, self.sql.listed(list(names))])
        found = self.cursor.fetchall()
        better = [
            (names[key], pk)
            for key, pk, name, writer in found
            if writer is not None and writer == self.import_id and names[key] < name
        ]
        if better:
            self.cursor.executemany("UPDATE bookmarks_tag SET name = %s WHERE id = %s", better)
        tag_ids = {key: pk for key, pk, _, _ in found}
        missing = [key for key in names if key not in tag_ids]
        if missing:
            pks = self.sql.new_ids(self.cursor, "bookmarks_tag", len(missing))
            tag_ids |= zip(missing, pks, strict=True)
            rows = [(tag_ids[key], self.owner_id, names[key], key, self.import_id) for key in missing]
            columns = ("id", "owner_id", "name", "key", "added_by_import")
            insert_rows(self.cursor, "bookmarks_tag", columns, rows)
        return tag_ids


def _text(moment: datetime | str) -> str:
    """Return a date as a raw cursor gives it (SQLite: text, PostgreSQL: datetime) as a draft has it."""
    return moment if isinstance(moment, str) else utc_text(moment)


def _draft(row: Sequence[Any], tags: list[tuple[str, str]]) -> BookmarkDraft:  # a row holds several types
    values = dict(zip(_FIELDS, row, strict=True))
    for name in ("created", "updated"):
        values[name] = _text(values[name])
    for name in ("unread", "archived", "favorite", "private"):
        values[name] = bool(values[name])
    return BookmarkDraft(**values, tags=tuple(sorted(tags)))


def _draft_before(before: Mapping[str, Any]) -> BookmarkDraft:  # a revision holds several types
    values = {name: before[name] for name in _FIELDS}
    for name in ("created", "updated"):
        values[name] = values[name].replace("T", " ")
    return BookmarkDraft(**values, tags=clean_tags(before["tags"]))


class _Sqlite:
    """How SQLite takes a batch. Its IMMEDIATE transactions have one writer at a time already."""

    lock = ""
    among = "IN (SELECT value FROM json_each(%s))"
    keep_revision = """
        INSERT INTO bookmarks_revision (bookmark_id, import_id, before)
        SELECT b.id, %s, json_object(
            'unique_hash', unique_hash, 'url', url, 'title', title, 'description', description,
            'feed_url', feed_url, 'image_url', image_url, 'created', created, 'updated', updated,
            'unread', unread, 'archived', archived, 'favorite', favorite, 'private', private,
            'written_by_import', written_by_import,
            'tags', (SELECT json_group_array(t.name) FROM bookmarks_tagging g
                     JOIN bookmarks_tag t ON t.id = g.tag_id WHERE g.bookmark_id = b.id))
        FROM bookmarks_bookmark b
        WHERE b.id IN (SELECT value FROM json_each(%s))
        ON CONFLICT DO NOTHING
    """

    @staticmethod
    def look_up(table: str, columns: Sequence[str]) -> str:
        """Return the query for rows of (an owner) whose first column is (listed), and unique for the owner."""
        among = "IN (SELECT value FROM json_each(%s))"
        return f"SELECT {', '.join(columns)} FROM {table} WHERE owner_id = %s AND {columns[0]} {among}"

    @staticmethod
    def listed(values: list[int] | list[str]) -> str:
        """Return the parameter for `among`: one JSON array, however many values there are."""
        return msgspec.json.encode(values).decode()

    @staticmethod
    def new_ids(cursor: CursorWrapper, table: str, count: int) -> Sequence[int]:
        """Return ids that were never used, also not by deleted rows."""
        cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = %s", [table])
        (last,) = cursor.fetchone() or (0,)
        return range(last + 1, last + 1 + count)


class _Postgresql:
    """How PostgreSQL takes a batch."""

    lock = "SELECT pg_advisory_xact_lock(hashtext('bookmarks of one owner'), %s::int)"
    among = "= ANY(%s)"
    keep_revision = """
        INSERT INTO bookmarks_revision (bookmark_id, import_id, before)
        SELECT b.id, %s, jsonb_build_object(
            'unique_hash', unique_hash, 'url', url, 'title', title, 'description', description,
            'feed_url', feed_url, 'image_url', image_url,
            'created', created AT TIME ZONE 'UTC', 'updated', updated AT TIME ZONE 'UTC',
            'unread', unread, 'archived', archived, 'favorite', favorite, 'private', private,
            'written_by_import', written_by_import,
            'tags', (SELECT coalesce(jsonb_agg(t.name), '[]') FROM bookmarks_tagging g
                     JOIN bookmarks_tag t ON t.id = g.tag_id WHERE g.bookmark_id = b.id))
        FROM bookmarks_bookmark b
        WHERE b.id = ANY(%s)
        ON CONFLICT DO NOTHING
    """

    @staticmethod
    def look_up(table: str, columns: Sequence[str]) -> str:
        """Return the query for rows of (an owner) whose first column is (listed), and unique for the owner.

        Looked up one by one, by OFFSET: while the server has not yet counted a table that grows fast, it would rather
        go through all that the owner has.
        """
        return (
            f"SELECT found.* FROM (SELECT %s::int AS owner_id, unnest(%s::text[]) AS key) wanted CROSS JOIN LATERAL "
            f"(SELECT {', '.join(columns)} FROM {table} t WHERE t.owner_id = wanted.owner_id "
            f"AND t.{columns[0]} = wanted.key OFFSET 0) found"
        )

    @staticmethod
    def listed(values: list[int] | list[str]) -> list[int] | list[str]:
        """Return the parameter for `among`: one array, however many values there are."""
        return values

    @staticmethod
    def new_ids(cursor: CursorWrapper, table: str, count: int) -> Sequence[int]:
        """Return ids that were never used, also not by deleted rows."""
        sequence = "(SELECT pg_get_serial_sequence(%s, 'id')::regclass)"
        cursor.execute(f"SELECT nextval({sequence}) FROM generate_series(1, %s)", [table, count])
        return [pk for (pk,) in cursor.fetchall()]


_SQL: dict[str, type[_Sqlite] | type[_Postgresql]] = {"sqlite": _Sqlite, "postgresql": _Postgresql}
