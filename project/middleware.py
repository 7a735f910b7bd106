"""What every request gets: a number by which its entries in the log, and the proxy's, are found."""

import logging
import re
import time
import uuid
from collections.abc import Callable

from django.conf import settings
from django.core.signals import request_finished
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponseBase

from project import logs

HEADER = "X-Request-ID"
_VALID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,99}")

logger = logging.getLogger("project.requests")

type View = Callable[[HttpRequest], HttpResponseBase]


def request_log(get_response: View) -> View:
    """Name each request in the log and in the answer, and with LOG_REQUESTS write an entry for it."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        request_id = _request_id(request)
        logs.request_fields.set(lambda: _fields(request, request_id))
        begun = time.monotonic()
        response = get_response(request)
        response.headers[HEADER] = request_id
        if settings.LOG_REQUESTS:
            _log(request, response, time.monotonic() - begun)
        return response

    return answer


@receiver(request_finished)
def forget(**_signal: object) -> None:
    """Name nothing after a request any more: only now has the last of a streamed answer been sent."""
    logs.request_fields.set(None)


def _request_id(request: HttpRequest) -> str:
    """Return the number that a proxy gave, if it is fit for a log, or a new one."""
    given = request.headers.get(HEADER, "")
    return given if _VALID.fullmatch(given) else uuid.uuid4().hex


def _fields(request: HttpRequest, request_id: str) -> logs.Fields:
    # Only somebody who was asked for already: to log must not mean to query.
    user = getattr(request, "_cached_user", None)
    return {"request_id": request_id} | ({"user_id": user.pk} if user is not None and user.pk else {})


def _log(request: HttpRequest, response: HttpResponseBase, seconds: float) -> None:
    """Write the entry: with the route in place of the path, which may hold secrets, and without the query."""
    match = request.resolver_match
    route = f"/{match.route}" if match else "-"
    milliseconds = round(1000 * seconds, 1)
    logger.info(
        "%s %s: %s in %s ms",
        *(request.method, route, response.status_code, milliseconds),
        extra={"method": request.method, "route": route, "status": response.status_code, "ms": milliseconds},
    )
