"""Every address of the site, read from its URL patterns, and what to put where a pattern takes a value."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from django.contrib.auth.models import User
from django.urls import URLPattern, URLResolver, get_resolver

from bookmarks.models import Bookmark
from imports import uploads
from imports.models import ImportJob, RejectedItem, Status
from tests.factories import make_bookmark, make_job
from tests.imports.test_forms import NETSCAPE
from tests.imports.test_views import export

_VALUE = re.compile(r"<(?:\w+:)?(\w+)>")
_ADMIN_NAMES = re.compile(r"\^\(\?P<(\w+)>[^)]*\)/?\$?")


class Belongings(NamedTuple):
    """What the addresses of one person lead to."""

    bookmark: Bookmark
    job: ImportJob


def patterns(resolver: URLResolver | None = None, before: str = "") -> Iterator[str]:
    """Yield every route of the site, such as `bookmarks/<int:pk>/edit`."""
    for pattern in (resolver or get_resolver()).url_patterns:
        route = f"{before}{pattern.pattern}"
        if isinstance(pattern, URLResolver):
            yield from patterns(pattern, route)
        elif isinstance(pattern, URLPattern):
            yield route


def belongings(owner: User) -> Belongings:
    """Return a bookmark and a failed import, with its file and a rejected item, of `owner`."""
    job = make_job(
        owner,
        status=Status.FAILED,
        file_path=uploads.save_import_file(export(content=NETSCAPE), owner),
        total_bookmarks=2,
        processed_bookmarks=1,
        failed_bookmarks=1,
    )
    RejectedItem.objects.create(job=job, position=1, title="A title", url="ftp://example.com/", reason="No.")
    return Belongings(make_bookmark(owner, tags=["walls"]), job)


def path_of(route: str, own: Belongings) -> str:
    """Return the address that a route has for what somebody owns."""
    bookmark, job = own
    item = job.rejected_items.get()
    keys = {"bookmarks": bookmark.pk, "import": job.pk}
    objects = {"bookmark": bookmark.pk, "importjob": job.pk, "rejecteditem": item.pk, "tag": bookmark.tags.get().pk}
    parts = route.split("/")
    values = {
        "pk": keys.get(parts[0], 1),
        "position": item.position,
        "file_name": "netscape.html",
        "uidb64": "MQ",
        "token": "set-password",
        "object_id": objects.get(parts[2] if len(parts) > 2 else "", bookmark.owner_id),
        "id": bookmark.owner_id,
        "content_type_id": 1,
        "app_label": "imports",
        "url": "nowhere",
    }
    route = _ADMIN_NAMES.sub(r"<\1>", route).replace("(?P<url>.*)$", "<url>")
    return "/" + _VALUE.sub(lambda found: str(values[found[1]]), route)
