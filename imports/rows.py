"""Reads jobs as their rows show them."""

from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db.models import Exists, OuterRef

from imports.fixed_query import ANY_KEY, ANY_OWNER, FixedQuery
from imports.models import ImportJob, ImportJobQuerySet

UNSHOWN = (
    *("preview", "years", "import_options", "file_path", "content_hash"),
    *("claimed_by", "fence", "wake", "careful_until", "undo_position"),
)
"""The fields that no row shows: the larger ones would be felt."""

_LARGE_OF_SAME = tuple(f"same_file_as__{name}" for name in ("preview", "years", "notices", "failed_bookmark_details"))


def rows_of(owner: AbstractBaseUser) -> ImportJobQuerySet:
    """Return the person's jobs with those of the same files; `is_behind`: whether another one of theirs goes first."""
    return _bare_rows(owner).select_related("same_file_as").defer(*UNSHOWN, *_LARGE_OF_SAME)


def row_of(owner: AbstractBaseUser, pk: int) -> Any | None:  # an ImportJob with `is_behind`
    """Return one of the person's jobs, or None. That of the same file, which few have, is fetched when asked for."""
    return next(iter(_ROW.fetch(owner, pk)), None)


def _bare_rows(owner: AbstractBaseUser) -> ImportJobQuerySet:
    earlier = ImportJob.objects.active().filter(user=OuterRef("user"), pk__lt=OuterRef("pk"))
    return ImportJob.objects.owned_by(owner).annotate(is_behind=Exists(earlier)).defer(*UNSHOWN)


_ROW = FixedQuery(lambda: _bare_rows(ANY_OWNER).filter(pk=ANY_KEY).order_by())
