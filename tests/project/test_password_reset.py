"""A forgotten password, on a site with mail and on one without."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.core.cache import cache
from django.test import Client
from django_q.models import OrmQ
from pytest_django import Settings

from project.password_reset import send_link
from tests.factories import make_user

ASK = "/accounts/reset/"
NEW = {"new_password1": "stacked-stones-7", "new_password2": "stacked-stones-7"}


@pytest.fixture
def ada(db: None, settings: Settings) -> User:
    settings.IMPORT_EMAIL = True
    settings.MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}
    cache.clear()
    return make_user("ada", email="ada@example.com")


def ask(address: str, *, client: Client | None = None) -> Any:
    return (client or Client()).post(ASK, {"email": address}, headers={"host": "localhost:8123"})


def send_all() -> int:
    """Do what the queue has been sent; return how many messages there were."""
    messages = list(OrmQ.objects.all())
    for message in messages:
        assert message.func() == "project.password_reset.send_link"
        message.delete()
        send_link(*message.task["args"])
    return len(messages)


def link() -> str:
    found = re.search(r"http://localhost:8123(/\S+)", str(mail.outbox[-1].body))
    assert found
    return found[1]


def test_a_link_by_mail_sets_a_new_password_once_and_ends_every_session(ada: User) -> None:
    session = Client()
    session.force_login(ada)
    assert ask("ADA@example.com").headers["Location"] == "/accounts/reset/sent/"
    assert send_all() == 1
    assert (mail.outbox[-1].to, mail.outbox[-1].subject) == (["ada@example.com"], "Set a new password for Cairn")
    visitor, path = Client(), link()
    form = visitor.get(path)
    assert form.headers["Location"] != path
    assert visitor.post(form.headers["Location"], NEW).headers["Location"] == "/accounts/login/"
    ada.refresh_from_db()
    assert ada.check_password("stacked-stones-7")
    assert session.get("/bookmarks/").status_code == 302
    assert "This link was used already" in Client().get(path).content.decode()


def test_a_weak_password_is_refused(ada: User) -> None:
    ask("ada@example.com")
    send_all()
    visitor = Client()
    page = visitor.post(
        visitor.get(link()).headers["Location"], {"new_password1": "12345678", "new_password2": "12345678"}
    )
    assert "too common" in page.content.decode()


def test_the_answer_does_not_tell_whether_there_is_such_an_account(ada: User) -> None:
    known, unknown = ask("ada@example.com"), ask("eve@example.com")
    assert (known.status_code, known.headers["Location"]) == (unknown.status_code, unknown.headers["Location"])
    assert not mail.outbox
    assert send_all() == 1


def test_whoever_asks_again_and_again_fills_no_mailbox(ada: User) -> None:
    for _ in range(5):
        ask("ada@example.com")
    assert send_all() == 1


def test_a_closed_account_gets_no_link(ada: User) -> None:
    ask("ada@example.com")
    User.objects.update(is_active=False)
    send_all()
    assert not mail.outbox


@pytest.mark.parametrize("path", ["nonsense/nonsense/", "MQ/set-password/", f"{'9' * 400}/x/", "AA/x/"])
def test_a_link_that_nobody_sent_is_of_no_use(ada: User, path: str) -> None:
    response = Client().get(f"{ASK}{path}")
    assert response.status_code == 200
    assert "This link was used already" in response.content.decode()


def test_the_login_page_offers_it(ada: User) -> None:
    assert f'href="{ASK}"' in Client().get("/accounts/login/").content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize("path", [ASK, f"{ASK}sent/", f"{ASK}MQ/x/"])
def test_a_site_without_mail_has_none_of_it(path: str) -> None:
    make_user()
    assert Client().get(path).status_code == Client().post(path).status_code == 404
    assert ASK not in Client().get("/accounts/login/").content.decode()
