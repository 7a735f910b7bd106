"""What protects every address: tokens against forged forms, the content security policy, and its sister headers."""

import re
from html.parser import HTMLParser
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import get_resolver
from pytest_django import Settings

from tests.factories import make_user
from tests.project.addresses import Belongings, belongings, path_of, patterns

pytestmark = pytest.mark.django_db

STRICT = {
    "default-src": "'self'",
    "img-src": "'self' data:",
    "base-uri": "'none'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
    "object-src": "'none'",
}


@pytest.fixture
def admin(settings: Settings) -> User:
    settings.IMPORT_EMAIL = True
    return make_user("admin", is_staff=True, is_superuser=True)


@pytest.fixture
def own(admin: User) -> Belongings:
    return belongings(admin)


class Inline(HTMLParser):
    """What a strict policy would keep from working: scripts and styles that stand in the page itself."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        # A type that is not of a script makes it mere data.
        is_script = tag == "script" and "src" not in values and values.get("type") != "application/json"
        if is_script or tag == "style":
            self.found.append(f"<{tag}>")
        self.found += [name for name in values if name == "style" or name.startswith("on")]


def inline_in(response: Any) -> list[str]:
    parser = Inline()
    parser.feed(response.content.decode())
    return parser.found


def policy_of(response: Any) -> dict[str, str]:
    header = response.headers["Content-Security-Policy"]
    return dict(part.strip().split(" ", 1) for part in header.split(";"))


def test_every_address_that_takes_a_post_wants_the_token(admin: User, own: Belongings) -> None:
    open_client = Client(raise_request_exception=False)
    strict = Client(enforce_csrf_checks=True, raise_request_exception=False)
    guarded = set()
    for route in patterns():
        path = path_of(route, own)
        for client in (strict, open_client):
            client.force_login(admin)
        if strict.post(path).status_code == 403:
            guarded.add(route)
        # With the check turned off there is something behind it, or no way to send a form there at all.
        elif open_client.post(path).status_code != 405:
            pytest.fail(f"{route} takes a form without a token")
    assert {"accounts/login/", "accounts/delete/", "import/submit/", "bookmarks/bulk", "admin/login/"} <= guarded
    assert {"import/<int:pk>/rejected/upload/", "language/", "import/<int:pk>/forget/"} <= guarded


def test_the_first_account_cannot_be_made_by_a_forged_form() -> None:
    assert Client(enforce_csrf_checks=True).post("/accounts/signup/", {"username": "eve"}).status_code == 403


@pytest.mark.parametrize("htmx", [False, True])
def test_every_answer_is_under_the_policy_and_no_page_has_inline_script_or_style(
    admin: User, own: Belongings, *, htmx: bool
) -> None:
    client = Client(raise_request_exception=False)
    client.force_login(admin)
    pages = 0
    for route in patterns():
        response: Any = client.get(path_of(route, own), headers={"HX-Request": "true"} if htmx else {})
        assert policy_of(response) == STRICT, route
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["X-Frame-Options"] == "DENY"
        assert response.headers["Referrer-Policy"] == "same-origin"
        assert response.headers["Cross-Origin-Opener-Policy"] == "same-origin"
        if not response.streaming and response.headers["Content-Type"].startswith("text/html"):
            assert inline_in(response) == [], route
            pages += 1
        if route == "admin/logout/":
            client.force_login(admin)
    assert pages > 40


def test_error_pages_are_under_the_policy_too(
    admin: User, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    def broken(*_args: object, **_kwargs: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("bookmarks.views.tag_page", broken)
    client = Client(raise_request_exception=False, enforce_csrf_checks=True)
    client.force_login(admin)
    settings.DATA_UPLOAD_MAX_NUMBER_FIELDS = 3
    answers = {
        404: client.get("/nowhere"),
        403: client.post("/accounts/profile/"),
        500: client.get("/tags/"),
        400: client.get("/bookmarks/", headers={"host": "evil.example"}),
        405: client.get("/import/submit/"),
    }
    for status, response in answers.items():
        assert response.status_code == status
        assert policy_of(response) == STRICT
        assert inline_in(response) == []


def test_no_view_softens_the_policy() -> None:
    for pattern in get_resolver().url_patterns:
        callback = getattr(pattern, "callback", None)
        assert not hasattr(callback, "_csp_config")


def test_downloads_are_attachments_that_no_browser_takes_for_a_page(admin: User, own: Belongings) -> None:
    client = Client()
    client.force_login(admin)
    downloads = [
        "/bookmarks/export/activitystream.json",
        "/bookmarks/export/netscape.html",
        "/bookmarks/export/bookmarks.opml",
        "/accounts/export.zip",
        f"/import/{own.job.pk}/rejected.csv",
        f"/import/{own.job.pk}/rejected.json",
    ]
    for path in downloads:
        headers = client.get(path).headers
        assert re.match(r'attachment; filename="[^"\r\n]+"', headers["Content-Disposition"]), path
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Content-Security-Policy"]


def test_cookies_are_for_the_server_alone_and_for_no_other_site(admin: User) -> None:
    client = Client()
    client.post("/accounts/login/", {"username": "admin", "password": "a password"})
    session = client.cookies["sessionid"]
    assert session["httponly"]
    assert session["samesite"] == "Lax"
    assert client.cookies["csrftoken"]["samesite"] == "Lax"
