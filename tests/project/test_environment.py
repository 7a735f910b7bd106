"""Settings from the environment: proxies, HTTPS, mail, quotas; a wrong value is one clear sentence."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from environs import Env

from project.environment import at_least_zero, mailers
from tests.project.places import Place
from tests.project.processes import REPOSITORY

HTTPS_SITE = {
    "ALLOWED_HOSTS": "bookmarks.example.org",
    "CSRF_TRUSTED_ORIGINS": "https://bookmarks.example.org",
    "HTTPS": "1",
}
SHOW = """
import json, django
from django.conf import settings
django.setup()
names = ("SESSION_COOKIE_SECURE", "SESSION_COOKIE_HTTPONLY", "CSRF_COOKIE_SECURE", "SECURE_SSL_REDIRECT",
         "SECURE_HSTS_SECONDS", "SECURE_PROXY_SSL_HEADER", "PROXY_COUNT", "DEBUG", "IMPORT_EMAIL")
print(json.dumps({name: getattr(settings, name) for name in names}))
"""


def site_environment(folder: Path, **variables: str) -> dict[str, str]:
    clean = {
        "DATA_DIR": str(folder),
        "DATABASE_URL": "",
        "SECRET_KEY": "",
        "DJANGO_SETTINGS_MODULE": "project.settings",
    }
    return {**os.environ, **clean, "PYTHONPATH": str(REPOSITORY), **variables}


def settings_with(folder: Path, **variables: str) -> dict[str, object]:
    run = subprocess.run(
        [sys.executable, "-c", SHOW], env=site_environment(folder, **variables), capture_output=True, check=True
    )
    found: dict[str, object] = json.loads(run.stdout)
    return found


def test_behind_https_as_documented_the_deployment_check_finds_nothing(tmp_path: Path) -> None:
    text = (REPOSITORY / "docs" / "operations.md").read_text()
    for name, value in HTTPS_SITE.items():
        assert f"    {name}={value}\n" in text
    run = subprocess.run(
        [sys.executable, "-W", "error", "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=REPOSITORY,
        env=site_environment(tmp_path, **HTTPS_SITE),
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert "no issues" in run.stdout


def test_https_makes_cookies_secure_redirects_and_believes_one_proxy(tmp_path: Path) -> None:
    plain, https = settings_with(tmp_path), settings_with(tmp_path, **HTTPS_SITE)
    assert plain["PROXY_COUNT"] == 0
    assert plain["SECURE_PROXY_SSL_HEADER"] is None
    assert not plain["SESSION_COOKIE_SECURE"]
    assert all(https[name] is True for name in ("SESSION_COOKIE_SECURE", "SESSION_COOKIE_HTTPONLY"))
    assert https["CSRF_COOKIE_SECURE"] is https["SECURE_SSL_REDIRECT"] is True
    assert https["SECURE_HSTS_SECONDS"] == 365 * 24 * 3600
    assert https["PROXY_COUNT"] == 1
    assert https["DEBUG"] is https["IMPORT_EMAIL"] is False


def test_hsts_and_the_number_of_proxies_can_be_set(tmp_path: Path) -> None:
    found = settings_with(tmp_path, **HTTPS_SITE, HSTS_SECONDS="3600", PROXY_COUNT="2")
    assert (found["SECURE_HSTS_SECONDS"], found["PROXY_COUNT"]) == (3600, 2)


def env_of(monkeypatch: pytest.MonkeyPatch, **variables: str) -> Env:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return Env()


@pytest.mark.parametrize("text", ["-1", "many", "1.5"])
def test_a_number_that_cannot_be_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="PROXY_COUNT"):
        at_least_zero(env_of(monkeypatch, PROXY_COUNT=text), "PROXY_COUNT", 0)


def test_without_an_address_of_a_mail_server_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert mailers(env_of(monkeypatch, EMAIL_URL="")) == {}


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("smtp://mail.example.org", {"host": "mail.example.org", "port": 25}),
        ("smtp+tls://mail.example.org", {"host": "mail.example.org", "port": 587, "use_tls": True}),
        ("smtps://mail.example.org", {"host": "mail.example.org", "port": 465, "use_ssl": True}),
        (
            "smtp+tls://me%40example.org:p%2Fss@[::1]:2525/",
            {"host": "::1", "port": 2525, "username": "me@example.org", "password": "p/ss", "use_tls": True},
        ),
    ],
)
def test_the_mail_server_is_read_from_its_address(
    monkeypatch: pytest.MonkeyPatch, url: str, options: dict[str, object]
) -> None:
    found = mailers(env_of(monkeypatch, EMAIL_URL=url))["default"]["OPTIONS"]
    assert found == {"username": "", "password": "", "timeout": 10} | options


@pytest.mark.parametrize(
    "url",
    [
        "mail.example.org",
        "http://mail.example.org",
        "smtp://",
        "smtp://mail:secret:x@h:port",
        "smtp://a/b",
        "smtp://a?b",
    ],
)
def test_a_wrong_address_of_a_mail_server_is_one_sentence_without_its_password(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    with pytest.raises(ImproperlyConfigured, match="EMAIL_URL") as caught:
        mailers(env_of(monkeypatch, EMAIL_URL=url))
    assert "secret" not in str(caught.value)


STORE = """
import os
from pathlib import Path
os.umask(0o022)
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.core.management import call_command
from imports import uploads
from imports.options import ImportOptions
from imports.prepared import PreparedWriter, prepared_path
call_command("prepare")
ada = User.objects.create(username="ada")
job = uploads.submit(ContentFile(b"{}", name="a.json"), ada, ImportOptions(), queued=False)
with PreparedWriter(prepared_path(job.pk)) as writer:
    writer.finish()
folder = Path(os.environ["DATA_DIR"])
found = {}
for path in folder.rglob("*"):
    ways = [path, *list(path.relative_to(folder).parents)[:-1]]
    if path.is_file() and path.relative_to(folder).parts[0] != "static":
        found[path.name] = all((folder / way).stat().st_mode & 0o044 for way in ways)
print(json.dumps(found))
"""


def test_other_users_of_the_machine_read_nothing_that_is_stored(tmp_path: Path) -> None:
    can_be_read = Place(tmp_path / "data").ask(STORE)
    assert {"cairn.sqlite3", "cairn.sqlite3-wal", "secret_key", "1.frames"} <= set(can_be_read)
    assert [name for name in can_be_read if name.endswith(".json")]
    assert not any(can_be_read.values()), can_be_read
