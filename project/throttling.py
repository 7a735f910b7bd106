"""How often passwords may be guessed, which django-axes counts, and how often what else nobody needs often."""

from datetime import timedelta
from ipaddress import IPv6Address, ip_address, ip_network
from math import ceil

from axes.handlers.database import AxesDatabaseHandler
from axes.handlers.proxy import AxesProxyHandler
from django.conf import settings
from django.db.models import Max, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from project.models import Attempt

type Credentials = dict[str, str] | None

# One account from one address is locked at AXES_FAILURE_LIMIT. An address that tries many accounts, and an account
# that is tried from many addresses, are at this many times as much: a household shares an address, and a stranger
# who knows a name must not easily lock its owner out.
WIDER_LIMIT = 10
# A provider hands out a network of this size where it once handed out one address (RFC 6177).
_IPV6_PREFIX = 64
# From one address: enough for a classroom that signs up together.
ATTEMPTS_PER_HOUR = {"signup": 40, "reset": 10}
_HOUR = timedelta(hours=1)


class ThrottlingHandler(AxesDatabaseHandler):  # type: ignore[misc]  # django-axes has no types
    """Weighs failures of an account, an address, and the pair of both."""

    def get_failures(self, request: HttpRequest, credentials: Credentials = None) -> int:
        """Return the failures that count against AXES_FAILURE_LIMIT: three queries, in the order of the settings."""
        pair, address, account = (
            attempts.aggregate(total=Sum("failures_since_start"))["total"] or 0
            for attempts in self.get_user_attempts(request, credentials)
        )
        return max(pair, address // WIDER_LIMIT, account // WIDER_LIMIT)

    def reset_user_attempts(self, request: HttpRequest, credentials: Credentials = None) -> int:
        """Forget the failures of the pair alone, else an account of one's own would give an address new tries."""
        pair = self.filter_user_attempts(request, credentials)[0]
        return int(pair.delete()[0])


def client_address(request: HttpRequest) -> str | None:
    """Return the address that a request came from, of IPv6 its network; None when it is unknown.

    Of X-Forwarded-For only what the PROXY_COUNT proxies in front have added is believed.
    """
    address = str(request.META.get("REMOTE_ADDR") or "")
    if settings.PROXY_COUNT:
        hops = request.headers.get("X-Forwarded-For", "").split(",")
        address = hops[-min(settings.PROXY_COUNT, len(hops))].strip() or address
    try:
        known = ip_address(address.partition("%")[0])
    except ValueError:
        return None
    if isinstance(known, IPv6Address):
        return str(known.ipv4_mapped or ip_network((known, _IPV6_PREFIX), strict=False).network_address)
    return str(known)


def refused(request: HttpRequest, what: str) -> HttpResponse | None:
    """Count an attempt at one of ATTEMPTS_PER_HOUR; return the answer in place of the view when there were too many.

    In the database, which all web processes share. Two at the same moment may both be the last that is allowed.
    """
    now = timezone.now()
    address = client_address(request) or ""
    counted = Attempt.objects.filter(what=what, address=address, at__gt=now - _HOUR).order_by("-at")
    decisive = counted.values_list("at", flat=True)[ATTEMPTS_PER_HOUR[what] - 1 :].first()
    if decisive is None:
        Attempt.objects.create(what=what, address=address)
        return None
    return _come_later(request, decisive + _HOUR - now, is_guess=False)


def forget_attempts() -> None:
    """Delete the attempts that count no more."""
    Attempt.objects.filter(at__lte=timezone.now() - _HOUR).delete()


def locked_out(request: HttpRequest, _response: HttpResponse | None, credentials: Credentials) -> HttpResponse:
    """Answer, in place of the view, that there were too many failures, and when to come again."""
    return _come_later(request, _remaining(request, credentials), is_guess=True)


def _come_later(request: HttpRequest, pause: timedelta, *, is_guess: bool) -> HttpResponse:
    seconds = max(1, ceil(pause.total_seconds()))
    context = {"minutes": ceil(seconds / 60), "is_guess": is_guess}
    response = render(request, "registration/locked_out.html", context, status=429)
    response.headers["Retry-After"] = str(seconds)
    return response


def _remaining(request: HttpRequest, credentials: Credentials) -> timedelta:
    """Return how long the failures that count are still held against somebody, at most."""
    handler = AxesProxyHandler.get_implementation()
    latest = [
        attempts.aggregate(latest=Max("attempt_time"))["latest"]
        for attempts in handler.get_user_attempts(request, credentials)
    ]
    known = [moment for moment in latest if moment is not None]
    return max(known, default=timezone.now()) + settings.AXES_COOLOFF_TIME - timezone.now()
