"""Makes what tests work on. Plain functions; every argument has a default that fits."""

from datetime import datetime
from itertools import count
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from bookmarks.drafts import Duplicates, draft
from bookmarks.models import Bookmark
from bookmarks.upsert import upsert_bookmarks
from imports.models import ImportJob
from imports.options import ImportOptions

_numbers = count(1)


def make_user(username: str = "", **fields: Any) -> User:
    """Return a saved user with the password "a password"."""
    return User.objects.create_user(username or f"user{next(_numbers)}", password="a password", **fields)


def make_bookmark(owner: User, url: str = "", *, created: datetime | None = None, **fields: Any) -> Bookmark:
    """Return a saved bookmark; `fields` are those of `bookmarks.drafts.draft`, `tags` names among them."""
    made = draft(url=url or f"https://example.com/{next(_numbers)}", created=created, **fields)
    with transaction.atomic():
        upsert_bookmarks(owner.pk, [made], duplicates=Duplicates.OVERWRITE)
    return Bookmark.objects.get(owner=owner, unique_hash=made.unique_hash)


def make_job(user: User, **fields: Any) -> ImportJob:
    """Return a saved job without a stored file or a message in the queue."""
    number = next(_numbers)
    values = {
        "file_path": f"imports/{user.pk}/2026-11-28-1430-{number:08x}.json",
        "file_name": f"bookmarks-{number}.json",
        "file_size": 2048,
        "import_options": ImportOptions().as_json(),
    }
    return ImportJob.objects.create(user=user, **{**values, **fields})
