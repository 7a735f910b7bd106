"""The sign in the navigation: what it shows, when it polls, what it tells, and what it costs."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from imports.models import ImportJob, Status, Work
from imports.views.active import overall
from tests.factories import make_job, make_user

pytestmark = pytest.mark.django_db

ACTIVE = "/import/active/"


def sign_of(browser: Client) -> str:
    response = browser.get(ACTIVE, headers={"HX-Request": "true"})
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def running(owner: User, done: int = 41, **fields: Any) -> ImportJob:
    return make_job(owner, status=Status.PROCESSING, total_bookmarks=100, processed_bookmarks=done, **fields)


def ended(owner: User, status: Status = Status.COMPLETED, *, minutes: int = 1, **fields: Any) -> ImportJob:
    return make_job(owner, status=status, completed_at=timezone.now() - timedelta(minutes=minutes), **fields)


def test_the_url_has_its_name() -> None:
    assert reverse("imports:active") == ACTIVE


def test_while_an_import_is_active_the_sign_shows_it_and_polls(browser: Client, owner: User) -> None:
    running(owner)
    sign = sign_of(browser)
    opening = sign[: sign.index(">") + 1]
    assert opening.startswith('<div id="imports-active"')
    assert 'hx-get="/import/active/"' in opening
    assert 'hx-trigger="every 2s"' in opening
    assert 'data-percent="41"' in opening
    assert re.search(r"1 import,\s*</span> <span class=\"text-nowrap\">41 %", sign)


@pytest.mark.parametrize("status", [status for status in Status if status not in {Status.PENDING, Status.PROCESSING}])
def test_while_nothing_is_active_there_is_neither_sign_nor_polling(
    browser: Client, owner: User, status: Status
) -> None:
    ended(owner, status)
    running(make_user())
    sign = sign_of(browser)
    assert "hx-" not in sign
    assert "data-percent" not in sign
    assert "%" not in sign


def test_several_imports_are_weighed_by_the_size_of_their_files(owner: User) -> None:
    small, large, waiting = running(owner, 90, file_size=100), running(owner, 10, file_size=900), make_job(owner)
    assert overall([small, large]) == 18
    assert overall([waiting]) == 0
    assert overall([]) == 0


@pytest.mark.parametrize(
    ("status", "fields", "level", "text"),
    [
        (Status.COMPLETED, {"created_bookmarks": 1234}, "success", "a &amp; b.html was imported: 1,234 new."),
        (
            Status.COMPLETED,
            {"skipped_bookmarks": 7, "failed_bookmarks": 1},
            "success",
            ": 0 new, 7 skipped, 1 failed.",
        ),
        (Status.FAILED, {}, "error", "The import of a &amp; b.html failed."),
        (Status.PREVIEWED, {"work": Work.PREVIEW}, "info", "The preview of a &amp; b.html is ready."),
        (Status.UNDONE, {"work": Work.UNDO}, "success", "The import of a &amp; b.html was undone."),
    ],
)
def test_what_has_ended_is_told_with_its_outcome(
    browser: Client, owner: User, *, status: Status, fields: dict[str, Any], level: str, text: str
) -> None:
    job = ended(owner, status, file_name="a & b.html", **fields)
    sign = sign_of(browser)
    assert text in sign
    assert f'data-level="{level}"' in sign
    assert sign.count("<template") == 1
    page = "preview/" if status is Status.PREVIEWED else ""
    assert f'href="/import/{job.pk}/{page}"' in sign


def test_what_ended_long_ago_was_cancelled_or_is_someone_elses_is_not_told(browser: Client, owner: User) -> None:
    ended(owner, minutes=11)
    ended(owner, Status.CANCELLED)
    ended(make_user())
    assert "<template" not in sign_of(browser)


def test_a_retried_import_that_ends_again_is_told_again(browser: Client, owner: User) -> None:
    job = ended(owner, Status.FAILED)
    first = re.findall('data-news="([^"]*)"', sign_of(browser))
    ImportJob.objects.filter(pk=job.pk).update(completed_at=timezone.now())
    assert re.findall('data-news="([^"]*)"', sign_of(browser)) != first


def test_the_sign_costs_two_queries_beside_those_that_know_the_person(
    browser: Client, owner: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(30):
        make_job(owner, status=list(Status)[number % 7], completed_at=timezone.now())
    with django_assert_num_queries(4):
        sign_of(browser)


def test_every_page_of_somebody_logged_in_asks_for_the_sign_once(browser: Client, client: Client) -> None:
    for path in ("/bookmarks/", "/tags/", "/import/", "/accounts/settings/"):
        page = browser.get(path).content.decode()
        assert page.count('hx-get="/import/active/" hx-trigger="load"') == 1
    client.logout()
    assert "imports-active" not in client.get("/accounts/login/").content.decode()


def test_somebody_whose_session_ended_is_sent_to_the_login_page(client: Client) -> None:
    assert client.get(ACTIVE, headers={"HX-Request": "true"}).status_code == 401
