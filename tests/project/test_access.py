"""Who may do what: every address, tried by nobody, by another person, by its owner and by an administrator.

An address that is not in these tables fails the test, so that nobody forgets to think about it.
"""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client
from pytest_django import Settings

from tests.factories import make_user
from tests.project.addresses import Belongings, belongings, path_of, patterns

pytestmark = pytest.mark.django_db

# What nobody, another person, the owner and an administrator get.
type Answers = tuple[int, int, int, int]

EVERYBODY: Answers = (200, 200, 200, 200)
AWAY: Answers = (302, 302, 302, 302)
NO_SUCH_METHOD: Answers = (405, 405, 405, 405)
NOT_READY: Answers = (503, 503, 503, 503)
NOT_FOUND: Answers = (404, 404, 404, 404)
LOGGED_IN: Answers = (302, 200, 200, 200)
LOGGED_IN_WRONG: Answers = (302, 405, 405, 405)
DONE_BY_ANYBODY_LOGGED_IN: Answers = (302, 303, 303, 303)
OWNER: Answers = (302, 404, 200, 404)
DONE_BY_OWNER: Answers = (302, 404, 303, 404)

# Route: GET, POST.
SITE: dict[str, tuple[Answers, Answers]] = {
    "": (AWAY, AWAY),
    "healthz": (EVERYBODY, NO_SUCH_METHOD),
    # No worker has been seen, and no token was set.
    "readyz": (NOT_READY, NO_SUCH_METHOD),
    "metrics": (NOT_FOUND, NO_SUCH_METHOD),
    "language/": (AWAY, AWAY),
    "bookmarks/": (LOGGED_IN, LOGGED_IN_WRONG),
    "bookmarks/new": (LOGGED_IN, DONE_BY_ANYBODY_LOGGED_IN),
    "bookmarks/bulk": (LOGGED_IN_WRONG, DONE_BY_OWNER),
    "bookmarks/<int:pk>/edit": (OWNER, DONE_BY_OWNER),
    "bookmarks/<int:pk>/delete": (OWNER, DONE_BY_OWNER),
    "bookmarks/export/<str:file_name>": (LOGGED_IN, LOGGED_IN_WRONG),
    "tags/": (LOGGED_IN, LOGGED_IN_WRONG),
    "import/": (LOGGED_IN, NO_SUCH_METHOD),
    "import/active/": (LOGGED_IN, NO_SUCH_METHOD),
    "import/submit/": (NO_SUCH_METHOD, DONE_BY_ANYBODY_LOGGED_IN),
    "import/retry/": (NO_SUCH_METHOD, DONE_BY_OWNER),
    "import/cancel/": (NO_SUCH_METHOD, DONE_BY_OWNER),
    "import/<int:pk>/": (OWNER, NO_SUCH_METHOD),
    "import/<int:pk>/head/": (OWNER, NO_SUCH_METHOD),
    "import/<int:pk>/row/": (OWNER, NO_SUCH_METHOD),
    "import/<int:pk>/cancel/": (NO_SUCH_METHOD, DONE_BY_OWNER),
    "import/<int:pk>/retry/": (NO_SUCH_METHOD, DONE_BY_OWNER),
    # The import is none that waits for a decision, and none that can be undone: its owner is led away from these.
    "import/<int:pk>/undo/": (DONE_BY_OWNER, DONE_BY_OWNER),
    "import/<int:pk>/preview/": (DONE_BY_OWNER, NO_SUCH_METHOD),
    "import/<int:pk>/preview/sample/": (DONE_BY_OWNER, NO_SUCH_METHOD),
    "import/<int:pk>/preview/again/": (NO_SUCH_METHOD, DONE_BY_OWNER),
    "import/<int:pk>/preview/confirm/": (NO_SUCH_METHOD, DONE_BY_OWNER),
    "import/<int:pk>/preview/discard/": (DONE_BY_OWNER, DONE_BY_OWNER),
    "import/<int:pk>/forget/": (NO_SUCH_METHOD, OWNER),
    "import/<int:pk>/rejected/": (OWNER, NO_SUCH_METHOD),
    "import/<int:pk>/rejected.csv": (OWNER, NO_SUCH_METHOD),
    "import/<int:pk>/rejected.json": (OWNER, NO_SUCH_METHOD),
    "import/<int:pk>/rejected/upload/": (NO_SUCH_METHOD, DONE_BY_OWNER),
    "import/<int:pk>/rejected/<int:position>/": (OWNER, NO_SUCH_METHOD),
    "import/<int:pk>/rejected/<int:position>/fix": (OWNER, DONE_BY_OWNER),
    "accounts/login/": ((200, 302, 302, 302), (200, 302, 302, 302)),
    "accounts/logout/": (NO_SUCH_METHOD, AWAY),
    "accounts/signup/": (AWAY, AWAY),
    "accounts/profile/": (LOGGED_IN, AWAY),
    "accounts/settings/": (LOGGED_IN, LOGGED_IN_WRONG),
    "accounts/password/": (LOGGED_IN, LOGGED_IN),
    "accounts/export.zip": (LOGGED_IN, LOGGED_IN_WRONG),
    # The only administrator must not leave the others.
    "accounts/delete/": (LOGGED_IN, (302, 303, 303, 200)),
    "accounts/reset/": (EVERYBODY, AWAY),
    "accounts/reset/sent/": (EVERYBODY, NO_SUCH_METHOD),
    "accounts/reset/<uidb64>/<token>/": (EVERYBODY, EVERYBODY),
}

STAFF: Answers = (302, 302, 302, 200)
STAFF_REFUSED: Answers = (302, 302, 302, 403)
STAFF_DONE: Answers = AWAY
# The administration shows imports and rejected items, and lets nobody change them.
ADMINISTRATION: dict[str, tuple[Answers, Answers]] = {
    "admin/": (STAFF, STAFF),
    "admin/bookmarks/bookmark/": (STAFF, STAFF),
    "admin/bookmarks/bookmark/add/": (STAFF_REFUSED, STAFF_REFUSED),
    "admin/bookmarks/bookmark/<path:object_id>/history/": (STAFF, STAFF),
    "admin/bookmarks/bookmark/<path:object_id>/delete/": (STAFF, STAFF_DONE),
    "admin/bookmarks/bookmark/<path:object_id>/change/": (STAFF, STAFF),
    "admin/bookmarks/tag/": (STAFF, STAFF),
    "admin/bookmarks/tag/add/": (STAFF_REFUSED, STAFF_REFUSED),
    "admin/bookmarks/tag/<path:object_id>/history/": (STAFF, STAFF),
    "admin/bookmarks/tag/<path:object_id>/delete/": (STAFF, STAFF_DONE),
    "admin/bookmarks/tag/<path:object_id>/change/": (STAFF, STAFF_DONE),
    "admin/imports/importjob/": (STAFF, STAFF),
    "admin/imports/importjob/add/": (STAFF_REFUSED, STAFF_REFUSED),
    "admin/imports/importjob/<path:object_id>/history/": (STAFF, STAFF),
    "admin/imports/importjob/<path:object_id>/delete/": (STAFF_REFUSED, STAFF_REFUSED),
    "admin/imports/importjob/<path:object_id>/change/": (STAFF, STAFF_REFUSED),
    "admin/imports/rejecteditem/": (STAFF, STAFF),
    "admin/imports/rejecteditem/add/": (STAFF_REFUSED, STAFF_REFUSED),
    "admin/imports/rejecteditem/<path:object_id>/history/": (STAFF, STAFF),
    "admin/imports/rejecteditem/<path:object_id>/delete/": (STAFF_REFUSED, STAFF_REFUSED),
    "admin/imports/rejecteditem/<path:object_id>/change/": (STAFF, STAFF_REFUSED),
}
# What Django and Django-Q bring along: for administrators alone, these apart, which are for logging in and out.
OPEN_ADMINISTRATION = {"admin/login/", "admin/logout/"}

PEOPLE = ("nobody", "other", "owner", "admin")


@pytest.fixture
def people() -> dict[str, User | None]:
    return {
        "nobody": None,
        "other": make_user("other"),
        "owner": make_user("owner"),
        "admin": make_user("admin", is_staff=True, is_superuser=True),
    }


@pytest.fixture
def own(people: dict[str, User | None]) -> Belongings:
    assert people["owner"]
    return belongings(people["owner"])


def sent(own: Belongings) -> dict[str, Any]:
    """Return what is right to send to any of the forms, and harmless to the others."""
    return {
        "import_job_id": own.job.pk,
        "bookmark": own.bookmark.pk,
        "do": "archive",
        "url": "https://example.com/x",
        "links": "https://example.com/",
        "username": "a-new-name",
        "password": "a password",
        "email": "nobody@example.com",
        "language": "en",
        "post": "yes",
    }


def answer(user: User | None, method: str, path: str, data: dict[str, Any]) -> int:
    """Return the status of a request, of whose effects nothing remains."""
    client = Client(raise_request_exception=False)
    with transaction.atomic():
        if user:
            client.force_login(user)
        status = int(getattr(client, method)(path, data if method == "post" else {}).status_code)
        transaction.set_rollback(True)
    return status


def test_the_tables_have_every_address_and_no_other() -> None:
    everything = set(patterns())
    ours = {route for route in everything if not route.startswith("admin/")}
    assert ours == SITE.keys()
    own_models = {route for route in everything if route.startswith(("admin/bookmarks/", "admin/imports/"))}
    # These only lead to `change/`.
    assert {route for route in own_models if not route.endswith("_id>/")} | {"admin/"} == ADMINISTRATION.keys()


@pytest.mark.parametrize("route", [*SITE, *ADMINISTRATION])
def test_everybody_gets_what_the_table_says(
    route: str, people: dict[str, User | None], own: Belongings, settings: Settings
) -> None:
    settings.IMPORT_EMAIL = True
    expected = (SITE | ADMINISTRATION)[route]
    found = tuple(
        tuple(answer(people[name], method, path_of(route, own), sent(own)) for name in PEOPLE)
        for method in ("get", "post")
    )
    assert found == expected


def test_the_rest_of_the_administration_is_for_administrators_alone(
    people: dict[str, User | None], own: Belongings
) -> None:
    rest = [route for route in patterns() if route.startswith("admin/") and route not in ADMINISTRATION]
    assert set(rest) > OPEN_ADMINISTRATION
    for route in rest:
        path = path_of(route, own)
        for method in ("get", "post"):
            answers = {name: answer(people[name], method, path, sent(own)) for name in PEOPLE}
            assert answers["admin"] < 500, route
            if route not in OPEN_ADMINISTRATION:
                assert {answers[name] for name in PEOPLE[:-1]} == {302}, route


def test_nobody_can_have_the_worker_run_a_function_of_their_choice(people: dict[str, User | None]) -> None:
    assert people["admin"]
    client = Client()
    client.force_login(people["admin"])
    assert client.get("/admin/django_q/schedule/add/").status_code == 404
    assert "/admin/django_q/schedule/" not in client.get("/admin/").content.decode()
