"""What a view of somebody who is logged in gets, and what it answers to a POST."""

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponseRedirect
from django_htmx.middleware import HtmxDetails


class SignedInRequest(HttpRequest):
    """A request of somebody who is logged in."""

    user: User
    htmx: HtmxDetails


class SeeOther(HttpResponseRedirect):
    """Where to look, with GET, for what became of a POST."""

    status_code = 303
