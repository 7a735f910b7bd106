"""Accounts: the first visitor, signing up, logging in and out, profile, settings, password."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.hashers import identify_hasher
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from project import settings as site
from project.accounts import SignupClosedError, SignupForm, create_account
from tests.factories import make_bookmark, make_user
from tests.project.processes import REPOSITORY

PASSWORD = "stacked-stones-7"


def account(name: str) -> dict[str, str]:
    return {"username": name, "email": "", "password1": PASSWORD, "password2": PASSWORD}


def page_of(response: Any) -> str:
    return str(response.content.decode())


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/", "/bookmarks/", "/import/", "/tags/", "/accounts/login/", "/accounts/settings/"])
def test_a_new_site_leads_from_any_page_to_the_creation_of_its_first_account(client: Client, path: str) -> None:
    response = client.get(path, follow=True)
    assert response.redirect_chain[-1] == ("/accounts/signup/", 302)
    assert "Create its first account" in page_of(response)


@pytest.mark.django_db
def test_the_first_account_is_the_administrator_and_logged_in(client: Client) -> None:
    response = client.post("/accounts/signup/", account("ada"), follow=True)
    assert response.redirect_chain[-1][0] == "/bookmarks/"
    assert "Bring your bookmarks home" in page_of(response)
    user = User.objects.get()
    assert (user.username, user.is_staff, user.is_superuser) == ("ada", True, True)
    assert client.get("/admin/").status_code == 200


@pytest.mark.django_db
def test_later_visitors_cannot_sign_up(client: Client) -> None:
    make_user("ada")
    for response in (client.get("/accounts/signup/"), client.post("/accounts/signup/", account("eve"))):
        assert response.headers["Location"] == "/accounts/login/"
    assert [user.username for user in User.objects.all()] == ["ada"]
    assert 'href="/accounts/signup/"' not in page_of(client.get("/accounts/login/"))


@pytest.mark.django_db
def test_with_registration_open_anybody_can_sign_up_but_not_as_administrator(
    client: Client, settings: Settings
) -> None:
    settings.REGISTRATION_OPEN = True
    make_user("ada")
    assert 'href="/accounts/signup/"' in page_of(client.get("/accounts/login/"))
    assert "Create an account" in page_of(client.get("/accounts/signup/"))
    client.post("/accounts/signup/", account("bob"))
    bob = User.objects.get(username="bob")
    assert (bob.is_staff, bob.is_superuser) == (False, False)
    assert client.get("/bookmarks/").status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"password2": "another-one-8"}, "didn’t match"),
        ({"password1": "12345678", "password2": "12345678"}, "too common"),
        ({"username": ""}, "required"),
        ({"username": "a b"}, "Enter a valid username"),
        ({"email": "nowhere"}, "valid email address"),
        ({"is_superuser": "on", "password1": ""}, "required"),
    ],
)
def test_a_wrong_sign_up_says_what_is_wrong_and_creates_nothing(
    client: Client, change: dict[str, str], problem: str
) -> None:
    response = client.post("/accounts/signup/", {**account("ada"), **change})
    assert response.status_code == 200
    assert problem in page_of(response)
    assert not User.objects.exists()


@pytest.mark.django_db
def test_an_account_made_while_the_form_was_open_closes_the_door() -> None:
    form = SignupForm(account("eve"))
    assert form.is_valid()
    make_user("ada")
    with pytest.raises(SignupClosedError):
        create_account(form)
    assert [user.username for user in User.objects.all()] == ["ada"]


# Saving takes its time here, so that whoever is not kept waiting is sure to slip in.
FIRST_VISITORS = """
import threading
import time
import django
django.setup()
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connections
from django.db.models.signals import pre_save
from project.accounts import SignupClosedError, SignupForm, create_account

call_command("migrate", verbosity=0)
pre_save.connect(lambda **_: time.sleep(0.5), sender=User, weak=False)
fields = {"password1": "stacked-stones-7", "password2": "stacked-stones-7"}
forms = [SignupForm({"username": f"visitor{number}", **fields}) for number in range(4)]
assert all(form.is_valid() for form in forms)
start = threading.Barrier(len(forms))
closed = []

def sign_up(form):
    start.wait()
    try:
        create_account(form)
    except SignupClosedError:
        closed.append(form)
    finally:
        connections.close_all()

threads = [threading.Thread(target=sign_up, args=[form]) for form in forms]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(len(closed), User.objects.count(), User.objects.filter(is_superuser=True).count())
"""


@pytest.mark.processes
@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def test_of_several_first_visitors_at_once_one_becomes_administrator(
    database: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue("postgres_url") if database == "postgresql" else ""
    environment = {**os.environ, "DATA_DIR": str(tmp_path), "DATABASE_URL": url, "PYTHONPATH": str(REPOSITORY)}
    run = subprocess.run(
        [sys.executable, "-c", FIRST_VISITORS],
        env={**environment, "DJANGO_SETTINGS_MODULE": "project.settings"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=120,
    )
    assert run.stdout == "3 1 1\n"


@pytest.fixture
def overtaken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let somebody else create the account `ada` while the password of the one who signs up is hashed."""
    hashing = SignupForm.save

    def save(form: SignupForm, *, commit: bool = True) -> User:
        make_user("ada")
        return hashing(form, commit=commit)

    monkeypatch.setattr(SignupForm, "save", save)


@pytest.mark.django_db
def test_who_comes_second_to_a_new_site_is_told(client: Client, overtaken: None) -> None:
    response = client.post("/accounts/signup/", account("eve"), follow=True)
    assert "Somebody else has just created the first account" in page_of(response)
    assert [user.username for user in User.objects.all()] == ["ada"]


@pytest.mark.django_db
def test_who_comes_second_to_a_name_is_told(client: Client, settings: Settings, overtaken: None) -> None:
    settings.REGISTRATION_OPEN = True
    response = client.post("/accounts/signup/", account("ada"))
    assert response.status_code == 200
    assert "A user with that username already exists." in page_of(response)
    assert User.objects.count() == 1


def test_passwords_are_hashed_with_argon2(settings: Settings) -> None:
    settings.PASSWORD_HASHERS = site.PASSWORD_HASHERS
    user = User(username="ada")
    user.set_password(PASSWORD)
    assert identify_hasher(user.password).algorithm == "argon2"
    assert user.check_password(PASSWORD)


@pytest.mark.django_db
def test_logging_in_leads_where_one_wanted_to_go_and_nowhere_else(client: Client) -> None:
    make_user("ada")
    login = {"username": "ada", "password": "a password"}
    assert client.post("/accounts/login/", {**login, "next": "/tags/"}).headers["Location"] == "/tags/"
    client.logout()
    away = client.post("/accounts/login/", {**login, "next": "https://evil.example/"})
    assert away.headers["Location"] == "/bookmarks/"
    assert client.get("/accounts/login/").headers["Location"] == "/bookmarks/"


@pytest.mark.django_db
def test_a_wrong_password_is_refused(client: Client) -> None:
    make_user("ada")
    response = client.post("/accounts/login/", {"username": "ada", "password": "wrong"})
    assert "Please enter a correct username and password" in page_of(response)
    assert client.get("/bookmarks/").status_code == 302


@pytest.mark.django_db
def test_logging_out_takes_a_post(client: Client) -> None:
    client.force_login(make_user())
    assert client.get("/accounts/logout/").status_code == 405
    assert client.get("/bookmarks/").status_code == 200
    assert client.post("/accounts/logout/").headers["Location"] == "/accounts/login/"
    assert client.get("/bookmarks/").status_code == 302


@pytest.mark.django_db
def test_a_profile_can_be_changed_but_not_into_somebody_else_or_more(client: Client) -> None:
    make_user("bob")
    ada = make_user("ada")
    client.force_login(ada)
    sent = {"username": "ada.l", "first_name": "Ada", "last_name": "L", "email": "ada@example.com"}
    client.post("/accounts/profile/", {**sent, "is_superuser": "on", "is_staff": "on"})
    ada.refresh_from_db()
    assert (ada.username, ada.first_name, ada.email) == ("ada.l", "Ada", "ada@example.com")
    assert (ada.is_superuser, ada.is_staff) == (False, False)
    page = page_of(client.post("/accounts/profile/", {**sent, "username": "bob"}))
    assert "already exists" in page
    assert '<span class="menu-name">ada.l</span>' in page
    assert User.objects.filter(username="bob").count() == 1


@pytest.mark.django_db
def test_changing_the_password_keeps_this_session_and_ends_the_others(client: Client) -> None:
    ada = make_user("ada")
    other = Client()
    client.force_login(ada)
    other.force_login(ada)
    wrong = client.post(
        "/accounts/password/", {"old_password": "wrong", "new_password1": PASSWORD, "new_password2": PASSWORD}
    )
    assert "old password was entered incorrectly" in page_of(wrong)
    right = {"old_password": "a password", "new_password1": PASSWORD, "new_password2": PASSWORD}
    assert client.post("/accounts/password/", right).headers["Location"] == "/accounts/settings/"
    assert client.get("/bookmarks/").status_code == 200
    assert other.get("/bookmarks/").status_code == 302
    ada.refresh_from_db()
    assert ada.check_password(PASSWORD)


@pytest.mark.django_db
def test_settings_offer_the_bookmarklet_of_this_site_and_every_export(client: Client) -> None:
    ada = make_user("ada")
    make_bookmark(ada)
    client.force_login(ada)
    page = page_of(client.get("/accounts/settings/", headers={"host": "localhost:8123"}))
    assert "location.href=&#x27;http://localhost:8123/bookmarks/new&#x27;+&#x27;?url=&#x27;" in page
    for name in ("activitystream.json", "netscape.html", "bookmarks.opml"):
        assert f'href="/bookmarks/export/{name}"' in page


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/accounts/login/", "/accounts/signup/"])
def test_pages_that_take_passwords_are_not_kept_by_caches(client: Client, path: str) -> None:
    if path == "/accounts/login/":
        make_user()
    assert "no-store" in client.get(path).headers["Cache-Control"]
