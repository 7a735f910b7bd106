"""Guessing passwords: how often an account, an address, and the pair of both may be wrong."""

from datetime import timedelta
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.contrib.auth.models import User
from django.test import Client, RequestFactory
from django.utils import timezone
from pytest_django import Settings

from project.throttling import WIDER_LIMIT, client_address
from tests.factories import make_user

LIMIT = 5
LOGIN = "/accounts/login/"


@pytest.fixture
def ada(db: None) -> User:
    return make_user("ada")


def attempt(name: str, password: str = "wrong", *, address: str = "192.0.2.1", url: str = LOGIN) -> Any:
    return Client(REMOTE_ADDR=address).post(url, {"username": name, "password": password})


def failures(count: int, **fields: str) -> None:
    """Record failures that were a moment ago, as they are after `count` wrong passwords."""
    values = {"username": "ada", "ip_address": "192.0.2.1", "user_agent": "old", **fields}
    AccessAttempt.objects.create(failures_since_start=count, **values)


@pytest.mark.parametrize("url", [LOGIN, "/admin/login/"])
def test_after_a_few_wrong_passwords_even_the_right_one_is_refused_for_a_while(ada: User, url: str) -> None:
    for _ in range(LIMIT - 1):
        assert attempt("ada", url=url).status_code == 200
    assert attempt("ada", url=url).status_code == 429
    response = attempt("ada", "a password", url=url)
    page = " ".join(response.content.decode().split())
    assert response.status_code == 429
    assert "Please wait 15 minutes, then try again." in page
    assert 14 * 60 < int(response.headers["Retry-After"]) <= 15 * 60
    assert "sessionid" not in response.cookies


def test_whoever_keeps_trying_does_not_keep_the_owner_out_for_longer(ada: User) -> None:
    for _ in range(LIMIT + 3):
        attempt("ada")
    AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(minutes=10))
    page = " ".join(attempt("ada").content.decode().split())
    assert "Please wait 5 minutes" in page
    AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(minutes=15))
    assert attempt("ada", "a password").status_code == 302


def test_a_stranger_does_not_lock_the_owner_out(ada: User) -> None:
    for _ in range(LIMIT):
        attempt("ada", address="198.51.100.7")
    assert attempt("ada", "a password").status_code == 302


def test_others_at_the_same_address_can_still_log_in(ada: User) -> None:
    make_user("bob")
    for _ in range(LIMIT):
        attempt("ada")
    assert attempt("bob", "a password").status_code == 302


def test_an_address_that_tries_many_accounts_is_locked(ada: User) -> None:
    failures(LIMIT * WIDER_LIMIT - 1, username="somebody")
    assert attempt("somebody else").status_code == 429
    assert attempt("ada", "a password").status_code == 429
    assert attempt("ada", "a password", address="198.51.100.7").status_code == 302


def test_an_account_that_is_tried_from_many_addresses_is_locked(ada: User) -> None:
    for number in range(WIDER_LIMIT):
        failures(LIMIT, ip_address=f"198.51.100.{number}")
    assert attempt("ada", "a password").status_code == 429


def test_logging_in_forgets_the_failures_of_the_pair_alone(ada: User) -> None:
    failures(LIMIT - 1)
    failures(LIMIT - 1, username="bob")
    assert attempt("ada", "a password").status_code == 302
    assert [row.username for row in AccessAttempt.objects.all()] == ["bob"]


def test_the_log_has_the_address_but_neither_the_password_nor_the_name(
    ada: User, caplog: pytest.LogCaptureFixture
) -> None:
    attempt("ada", "nearly my password")
    kept = AccessAttempt.objects.get()
    for text in (kept.post_data, caplog.text):
        assert "nearly" not in text
        assert "ada" not in text
    assert "192.0.2.1" in caplog.text


def test_a_login_says_the_same_whether_there_is_such_an_account_or_not(ada: User) -> None:
    texts = [attempt(name).content.decode() for name in ("ada", "eve")]
    assert "Please enter a correct username and password" in texts[0]
    assert texts[0].count("\n") == texts[1].count("\n")
    for _ in range(LIMIT - 1):
        answers = [attempt(name).status_code for name in ("ada", "eve")]
    assert answers == [429, 429]


@pytest.mark.parametrize(
    ("proxies", "remote", "forwarded", "address"),
    [
        (0, "192.0.2.1", "203.0.113.5", "192.0.2.1"),
        (1, "127.0.0.1", "203.0.113.5", "203.0.113.5"),
        (1, "127.0.0.1", "10.0.0.1, 203.0.113.5", "203.0.113.5"),
        (2, "127.0.0.1", "10.0.0.1, 203.0.113.5, 198.51.100.2", "203.0.113.5"),
        (3, "127.0.0.1", "203.0.113.5", "203.0.113.5"),
        (1, "127.0.0.1", "", "127.0.0.1"),
        (1, "127.0.0.1", "nonsense", None),
        (0, "2001:db8:1:2:3:4:5:6", "", "2001:db8:1:2::"),
        (0, "::ffff:192.0.2.1", "", "192.0.2.1"),
        (0, "fe80::1%eth0", "", "fe80::"),
        (0, "", "", None),
    ],
)
def test_the_address_is_the_one_that_the_nearest_trusted_proxy_saw(
    settings: Settings, proxies: int, remote: str, forwarded: str, address: str | None
) -> None:
    settings.PROXY_COUNT = proxies
    headers = {"x-forwarded-for": forwarded} if forwarded else {}
    request = RequestFactory().get("/", headers=headers, REMOTE_ADDR=remote)
    assert client_address(request) == address
