"""Marks what a browser shows, so that what asks again and again is not sent what it has.

An element that polls carries the mark of what it shows as `data-seen`, which polling.js sends along as X-Seen. Whoever
asks without, as scripts do, is always answered in full.
"""

from collections.abc import Sequence
from hashlib import blake2b

from django.http import HttpRequest

_HEADER = "X-Seen"


def mark(request: HttpRequest, shown: Sequence[object]) -> str:
    """Return a short text that is another one when anything in `shown` is, or the secret of the person's forms."""
    # The forms in a row have a token that is worth nothing any more after somebody has logged in anew.
    secret = request.META.get("CSRF_COOKIE", "")
    return blake2b(repr(shown).encode(), digest_size=8, key=secret.encode()).hexdigest()


def is_shown(request: HttpRequest, shown: Sequence[object]) -> bool:
    """Whether the browser that asks shows all of this already."""
    seen = request.headers.get(_HEADER)
    return bool(seen) and seen == mark(request, shown)
