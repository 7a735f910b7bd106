"""Deleting an account: it is closed at once, and a worker takes away all that it has, a part at a time."""

import logging
import secrets
from collections.abc import Iterator
from time import monotonic

from axes.models import AccessAttempt
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import Model, QuerySet
from django_q.tasks import async_task

from bookmarks.models import Bookmark, Tag
from bookmarks.upsert import delete_bookmarks, lock_owner
from imports import lifecycle, uploads
from imports.models import ImportJob
from imports.prepared import prepared_path
from imports.stopping import should_stop

logger = logging.getLogger("project")

# A blank is in no name that a person can have, so the name itself says that the account is being deleted.
_CLOSED = "deleted account"
# Short transactions, as others want to write too; short slices, as a worker may have to stop.
_ROWS_AT_ONCE = 500
_SLICE_SECONDS = 20.0
_TASK = "project.account_deletion.delete_slice"


class OnlyAdministratorError(Exception):
    """Nobody would be left to administer the site for the others."""


def close(user: User) -> None:
    """End all use of an account and let a worker delete it; its name is free at once. Sessions end with it.

    Raises OnlyAdministratorError for the last administrator of a site on which there are others.
    """
    with transaction.atomic():
        account = User.objects.select_for_update().get(pk=user.pk)
        others = User.objects.filter(is_active=True).exclude(pk=account.pk)
        if account.is_superuser and others.exists() and not others.filter(is_superuser=True).exists():
            raise OnlyAdministratorError
        AccessAttempt.objects.filter(username=account.username).delete()
        account.username = f"{_CLOSED} {account.pk} {secrets.token_hex(4)}"
        account.first_name = account.last_name = account.email = ""
        account.is_active = account.is_staff = account.is_superuser = False
        account.set_unusable_password()
        account.save()
        async_task(_TASK, account.pk)
    logger.info("account %s: closed, to be deleted", account.pk)


def delete_slice(user_id: int) -> None:
    """Delete some of what a closed account has; what is left is for the message that this sends. A task of the queue.

    May be called again at any time, also by two workers at once. Raises OSError when files cannot be deleted, and then
    goes on when `resume` sends a message.
    """
    account = User.objects.filter(pk=user_id, username__startswith=f"{_CLOSED} ", is_active=False).first()
    if account is None:
        return
    end = monotonic() + _SLICE_SECONDS
    for _part in _parts(account):
        if should_stop() or monotonic() > end:
            async_task(_TASK, user_id)
            return
    account.delete()
    logger.info("account %s: deleted", user_id)


def resume() -> None:
    """Send messages for the accounts whose deletion was interrupted."""
    for pk in User.objects.filter(username__startswith=f"{_CLOSED} ", is_active=False).values_list("pk", flat=True):
        async_task(_TASK, pk)


def _parts(account: User) -> Iterator[None]:
    """Delete, and yield after each part that is gone."""
    jobs = ImportJob.objects.filter(user=account.pk)
    for pk in list(jobs.active().values_list("pk", flat=True)):
        lifecycle.cancel(account, pk)
        yield
    for job in jobs.only("pk", "file_path", "has_upload"):
        if job.has_upload:
            uploads.delete_upload(job)
        prepared_path(job.pk).unlink(missing_ok=True)
        for rows in (job.rejected_items.all(), job.events.all()):
            yield from _deleted(rows)
        job.delete()
        yield
    yield from _deleted_bookmarks(account.pk)
    yield from _deleted(Tag.objects.owned_by(account))
    uploads.delete_files_of(account.pk)
    # Nothing is yielded after this: however long it takes, the account goes next.
    _delete_sessions(account.pk)


def _deleted[Row: Model](rows: QuerySet[Row]) -> Iterator[None]:
    while pks := list(rows.order_by("pk").values_list("pk", flat=True)[:_ROWS_AT_ONCE]):
        rows.filter(pk__in=pks).delete()
        yield


def _deleted_bookmarks(owner_id: int) -> Iterator[None]:
    own = Bookmark.objects.filter(owner=owner_id).order_by("pk").values_list("pk", flat=True)
    while pks := list(own[:_ROWS_AT_ONCE]):
        with transaction.atomic():
            lock_owner(owner_id)
            delete_bookmarks(owner_id, pks)
        yield


def _delete_sessions(user_id: int) -> None:
    # Whose a session is stands only inside it.
    for session in Session.objects.iterator(chunk_size=_ROWS_AT_ONCE):
        if session.get_decoded().get("_auth_user_id") == str(user_id):
            session.delete()
