"""What a view of somebody who is logged in gets, who else is sent where, and what it answers to a POST."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, cast
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import resolve_url
from django.utils.cache import patch_vary_headers
from django.utils.http import url_has_allowed_host_and_scheme
from django_htmx.middleware import HtmxDetails


class SignedInRequest(HttpRequest):
    """A request of somebody who is logged in."""

    user: User
    htmx: HtmxDetails


class SeeOther(HttpResponseRedirect):
    """Where to look, with GET, for what became of a POST."""

    status_code = 303


def signed_in[**P](
    view: Callable[Concatenate[SignedInRequest, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """Send anybody else to the login page; the whole page, where a fragment of it was asked for."""

    @wraps(view)
    def checked(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        known = cast("SignedInRequest", request)
        response = view(known, *args, **kwargs) if request.user.is_authenticated else _to_login(known)
        patch_vary_headers(response, ["HX-Request"])
        return response

    return checked


def _to_login(request: SignedInRequest) -> HttpResponse:
    login = resolve_url(settings.LOGIN_URL)
    if page := _page_of(request):
        login = f"{login}?{urlencode({'next': page}, safe='/')}"
    if request.htmx:
        return HttpResponse(status=401, headers={"HX-Redirect": login})
    return HttpResponseRedirect(login)


def _page_of(request: SignedInRequest) -> str:
    """Return the page on which the person is, who may have asked for a part of it or sent a form; empty if unknown."""
    if request.htmx:
        try:
            return request.htmx.current_url_abs_path or ""
        except ValueError:  # a header that no browser sends
            return ""
    if request.method in {"GET", "HEAD"}:
        return request.get_full_path()
    page = request.headers.get("Referer", "")
    return page if url_has_allowed_host_and_scheme(page, {request.get_host()}) else ""
