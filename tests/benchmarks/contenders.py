"""The ways of importing that are compared. Each writes an export file's items for one user, and is timed whole."""

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from django.contrib.auth.models import User
from django.core.files import File
from django.db import connection, transaction

from bookmarks import search, upsert
from bookmarks.canonical import unique_hash
from bookmarks.drafts import BookmarkDraft, Duplicates, InvalidDraftError, draft, tag_key
from bookmarks.models import Bookmark, Tag, Tagging
from imports import pipeline, uploads
from imports.judge import read_file
from imports.models import ImportJob
from imports.options import ImportOptions
from imports.prepared import PreparedReader, PreparedWriter

BULK_ITEMS = 2_000
PROGRESS_ITEMS = 10
# What says which import wrote a bookmark, as an undo needs it: a column with an index.
_WRITERS = {"added_by_import": 1, "written_by_import": 1}
_FIELDS = BookmarkDraft.__struct_fields__[:-1]


def ours(path: Path, user: User, *, duplicates: str = "skip") -> tuple[float, int]:
    """Return the seconds that the product takes, from the stored upload to the finished job, and its usual batch."""
    with path.open("rb") as file:
        options = ImportOptions(duplicate_handling=Duplicates(duplicates))
        job = uploads.submit(File(file, name=path.name), user, options, queued=False)
    positions = [0]
    start = time.perf_counter()
    pipeline.run_to_end(job, lambda position, _total: positions.append(position))
    return time.perf_counter() - start, round(positions[-1] / max(len(positions) - 1, 1))


def ours_without_revisions(path: Path, user: User, *, duplicates: str) -> tuple[float, int]:
    """Return what `ours` does for an import that could not be undone."""
    # There is no switch for it, as they must always be kept.
    kept = upsert._SQL[connection.vendor]
    kept.keep_revision = "SELECT %s, %s"
    return ours(path, user, duplicates=duplicates)


def ours_without_index(path: Path, user: User, *, duplicates: str) -> tuple[float, int]:
    """Return what `ours` does for bookmarks that no search would find: what its full-text index costs."""
    search.enter = lambda *_args, **_options: None
    upsert._terms = lambda *_args: ""
    return ours(path, user, duplicates=duplicates)


def per_row(path: Path, user: User, *, duplicates: str) -> float:
    """Return the seconds of an import as one writes it first: for each item a lookup, a save, and its tags.

    As in any task of a queue, Django commits each statement that is in no transaction. The progress of the job is
    saved after every ten items.
    """
    items = json.loads(path.read_text())["items"]
    job = ImportJob.objects.create(user=user, file_size=path.stat().st_size, total_bookmarks=len(items))
    start = time.perf_counter()
    for number, item in enumerate(items, start=1):
        _import_row(item, user, duplicates)
        if number % PROGRESS_ITEMS == 0:
            job.processed_bookmarks = number
            job.save()
    return time.perf_counter() - start


def _import_row(item: dict[str, Any], user: User, duplicates: str) -> None:
    if not item["url"].startswith("http"):
        return
    key = unique_hash(item["url"])
    bookmark = Bookmark.objects.filter(owner=user, unique_hash=key).first()
    if bookmark is not None and duplicates == "skip":
        return
    bookmark = bookmark or Bookmark(owner=user, unique_hash=key, url=item["url"])
    bookmark.title = item["name"]
    bookmark.description = item["summary"]
    bookmark.created = datetime.fromisoformat(item["published"])
    bookmark.save()
    tags = [
        Tag.objects.get_or_create(owner=user, key=tag_key(name), defaults={"name": name})[0] for name in item["tag"]
    ]
    bookmark.tags.set(tags)


def bulk_create(path: Path, user: User, *, duplicates: str = "skip") -> float:
    """Return the seconds of the best import that Django's bulk_create gives: sets, batches, ignored conflicts."""
    items = json.loads(path.read_text())["items"]
    start = time.perf_counter()
    tag_ids: dict[str, int] = {}
    for drafts in _batches(_drafts(items), BULK_ITEMS):
        with transaction.atomic():
            _bulk_batch(drafts, user, tag_ids)
    return time.perf_counter() - start


def _bulk_batch(drafts: list[BookmarkDraft], user: User, tag_ids: dict[str, int]) -> None:
    pages = {made.unique_hash: made for made in drafts}
    there = set(Bookmark.objects.filter(owner=user, unique_hash__in=pages).values_list("unique_hash", flat=True))
    new = [made for key, made in pages.items() if key not in there]
    names = {key: name for made in new for key, name in made.tags if key not in tag_ids}
    Tag.objects.bulk_create(
        (Tag(owner=user, key=key, name=name, added_by_import=1) for key, name in names.items()), ignore_conflicts=True
    )
    tag_ids.update(Tag.objects.filter(owner=user, key__in=names).values_list("key", "pk"))
    rows = Bookmark.objects.bulk_create(
        Bookmark(owner=user, **_WRITERS, **dict(zip(_FIELDS, msgspec.structs.astuple(made)[:-1], strict=True)))
        for made in new
    )
    Tagging.objects.bulk_create(
        Tagging(bookmark_id=row.pk, tag_id=tag_ids[key])
        for row, made in zip(rows, new, strict=True)
        for key, _ in made.tags
    )


def bare_driver(path: Path, user: User, *, batch: int = 1_000, is_indexed: bool = False) -> float:
    """Return the seconds that the driver alone takes to write the same rows, prepared before, in such batches.

    SQLite: executemany. PostgreSQL: COPY into the tables. Nothing is looked up, checked or counted. `is_indexed` also
    writes the rows of the full-text index, which every other contender but ours leaves out.
    """
    rows, taggings, tags, terms = _prepared_rows(path, user)
    insert = _INSERT[connection.vendor]
    columns = ("id", "owner_id", *_WRITERS, *_FIELDS)
    start = time.perf_counter()
    with transaction.atomic(), connection.cursor() as cursor:
        insert(cursor, "bookmarks_tag", ("id", "owner_id", "added_by_import", "name", "key"), tags)
    position = 0
    for chunk in _batches(iter(rows), batch):
        last = chunk[-1][0]
        end = position
        while end < len(taggings) and taggings[end][0] <= last:
            end += 1
        with transaction.atomic(), connection.cursor() as cursor:
            insert(cursor, "bookmarks_bookmark", columns, chunk)
            insert(cursor, "bookmarks_tagging", ("bookmark_id", "tag_id"), taggings[position:end])
            if is_indexed:
                search.enter(cursor, terms[chunk[0][0] - 1 : last], are_new=True)
        position = end
    return time.perf_counter() - start


def _executemany(cursor: Any, table: str, columns: tuple[str, ...], rows: list[Any]) -> None:
    marks = ", ".join(["%s"] * len(columns))
    cursor.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", rows)


def _copy(cursor: Any, table: str, columns: tuple[str, ...], rows: list[Any]) -> None:
    with cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


_INSERT: dict[str, Callable[[Any, str, tuple[str, ...], list[Any]], None]] = {
    "sqlite": _executemany,
    "postgresql": _copy,
}


def _prepared_rows(path: Path, user: User) -> tuple[list[Any], list[Any], list[Any], list[tuple[int, str]]]:
    """Return bookmarks, taggings, tags and the words of bookmarks, ids included: what the product would write."""
    prepared = path.with_suffix(".frames")
    with path.open("rb") as file, PreparedWriter(prepared) as writer:
        read_file(file, ImportOptions(), writer, lambda: True)
    seen: set[str] = set()
    tag_ids: dict[str, tuple[int, str]] = {}
    rows: list[Any] = []
    taggings: list[Any] = []
    terms: list[tuple[int, str]] = []
    with PreparedReader(prepared) as reader:
        while frame := reader.take(BULK_ITEMS):
            for made in frame.drafts:
                if made.unique_hash in seen:
                    continue
                seen.add(made.unique_hash)
                rows.append((len(seen), user.pk, *_WRITERS.values(), *msgspec.structs.astuple(made)[:-1]))
                keys = [key for key, _ in made.tags]
                terms.append((len(seen), search.terms(user.pk, made.title, made.url, made.description, keys)))
                for key, name in made.tags:
                    pk, _ = tag_ids.setdefault(key, (len(tag_ids) + 1, name))
                    taggings.append((len(seen), pk))
    return rows, taggings, [(pk, user.pk, 1, name, key) for key, (pk, name) in tag_ids.items()], terms


def _drafts(items: list[dict[str, Any]]) -> Iterator[BookmarkDraft]:
    for item in items:
        try:
            yield draft(
                url=item["url"],
                title=item["name"],
                description=item["summary"],
                tags=item["tag"],
                created=datetime.fromisoformat(item["published"]).astimezone(UTC),
            )
        except InvalidDraftError:
            continue


def _batches[Item](items: Iterator[Item], size: int) -> Iterator[list[Item]]:
    batch: list[Item] = []
    for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
