"""Guessing passwords: how often an account, an address, and the pair of both may be wrong."""

from datetime import timedelta
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.contrib.auth.models import User
from django.test import Client, RequestFactory
from django.utils import timezone
from pytest_django import Settings

from project.housekeeping import sweep
from project.models import Attempt
from project.throttling import ATTEMPTS_PER_HOUR, WIDER_LIMIT, client_address
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


def sign_up(*, address: str = "192.0.2.1", **fields: str) -> Any:
    return Client(REMOTE_ADDR=address).post("/accounts/signup/", {"username": "x", **fields})


def ask_for_link(*, address: str = "192.0.2.1") -> Any:
    return Client(REMOTE_ADDR=address).post("/accounts/reset/", {"email": "nobody@example.com"})


@pytest.fixture
def open_site(ada: User, settings: Settings) -> None:
    settings.REGISTRATION_OPEN = settings.IMPORT_EMAIL = True


@pytest.mark.usefixtures("open_site")
@pytest.mark.parametrize(("what", "ask"), [("signup", sign_up), ("reset", ask_for_link)])
def test_an_address_that_asks_too_often_is_refused_for_an_hour(what: str, ask: Any) -> None:
    for _ in range(ATTEMPTS_PER_HOUR[what]):
        assert ask().status_code < 400
    response = ask()
    assert response.status_code == 429
    assert "asked for too often from your network" in response.content.decode()
    assert 59 * 60 < int(response.headers["Retry-After"]) <= 60 * 60
    assert ask(address="198.51.100.7").status_code < 400
    Attempt.objects.update(at=timezone.now() - timedelta(minutes=59))
    assert "wait 1 minute," in " ".join(ask().content.decode().split())
    Attempt.objects.update(at=timezone.now() - timedelta(minutes=60))
    assert ask().status_code < 400


@pytest.mark.usefixtures("open_site")
def test_refused_attempts_do_not_make_the_wait_longer_and_pages_are_not_counted() -> None:
    limit = ATTEMPTS_PER_HOUR["signup"]
    for _ in range(limit + 5):
        sign_up()
    assert Attempt.objects.count() == limit
    assert Client(REMOTE_ADDR="192.0.2.1").get("/accounts/signup/").status_code == 200
    assert ask_for_link().status_code == 302


@pytest.mark.usefixtures("open_site")
def test_nobody_signs_up_from_an_address_that_is_refused() -> None:
    new = {"username": "eve", "password1": "stacked-stones-7", "password2": "stacked-stones-7"}
    moment = timezone.now()
    Attempt.objects.bulk_create(
        Attempt(what="signup", address="192.0.2.1", at=moment) for _ in range(ATTEMPTS_PER_HOUR["signup"])
    )
    assert sign_up(**new).status_code == 429
    assert not User.objects.filter(username="eve").exists()
    assert sign_up(address="198.51.100.7", **new).status_code == 302
    assert User.objects.filter(username="eve").exists()


@pytest.mark.usefixtures("open_site")
def test_attempts_that_count_no_more_are_deleted() -> None:
    ask_for_link()
    Attempt.objects.update(at=timezone.now() - timedelta(hours=1))
    ask_for_link(address="198.51.100.7")
    sweep()
    assert [attempt.address for attempt in Attempt.objects.all()] == ["198.51.100.7"]
