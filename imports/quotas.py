"""How much one account may upload, and how full the disk may get, so that nobody takes the site from the others."""

import shutil
from datetime import timedelta
from typing import NamedTuple

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db.models import Count, Q, Sum
from django.template.defaultfilters import filesizeformat
from django.utils import timezone
from django.utils.translation import gettext as _

from imports.models import ACTIVE, ImportJob

TOO_MANY, NO_SPACE = 429, 507


class Denial(NamedTuple):
    """Why an upload is not taken, for the person, and the HTTP status that says so."""

    reason: str
    status: int


def denial(user: AbstractBaseUser, size: int) -> Denial | None:
    """Return why `user` may not upload a file of `size` bytes now, or None when they may. At most two queries.

    Two uploads at the same moment may both be the last that is allowed: the limits are for the site's health, not
    to the byte.
    """
    if shutil.disk_usage(settings.DATA_DIR).free < settings.IMPORT_MIN_FREE_BYTES + size:
        return Denial(_("The server has too little free space for another upload. Please try again later."), NO_SPACE)
    reason = _held_too_much(user, size) or _came_too_often(user)
    return Denial(reason, TOO_MANY) if reason else None


def _held_too_much(user: AbstractBaseUser, size: int) -> str:
    held = ImportJob.objects.filter(Q(has_upload=True) | Q(status__in=ACTIVE), user=user.pk).aggregate(
        active=Count("pk", filter=Q(status__in=ACTIVE)), stored=Sum("file_size", filter=Q(has_upload=True))
    )
    if held["active"] >= settings.IMPORT_MAX_ACTIVE:
        return _("You have %(count)s imports waiting or running, as many as you may. Please wait for some to end.") % {
            "count": f"{held['active']:,}"
        }
    stored = held["stored"] or 0
    if stored + size > settings.IMPORT_MAX_STORED_BYTES:
        return _(
            "Your imports that wait, failed or were cancelled keep files of %(stored)s; with this one it would be "
            "more than %(limit)s. Please wait for imports to end, or remove some from the history."
        ) % {"stored": _plain(stored), "limit": _plain(settings.IMPORT_MAX_STORED_BYTES)}
    return ""


def _came_too_often(user: AbstractBaseUser) -> str:
    since = timezone.now() - timedelta(hours=1)
    # Those that were removed from the history count: they were uploaded all the same.
    if ImportJob.objects.filter(user=user.pk, created__gte=since).count() < settings.IMPORT_MAX_PER_HOUR:
        return ""
    return _("You have uploaded %(count)s files within an hour, as many as you may. Please go on later.") % {
        "count": f"{settings.IMPORT_MAX_PER_HOUR:,}"
    }


def _plain(size: int) -> str:
    return filesizeformat(size).replace("\xa0", " ")
