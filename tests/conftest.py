"""What every test has: settings that are fast and leave nothing behind; what some ask for: a person, real parts."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Never

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client
from pytest_django import Settings

from tests.factories import make_user
from tests.postgres import new_database, postgres_server

# A test that needs one of these is skipped where it is missing, unless CAIRN_REQUIRE names it.
REQUIRED = set(filter(None, os.environ.get("CAIRN_REQUIRE", "").split(",")))


def unavailable(part: str, why: str) -> Never:
    """Skip the running test, or fail it where `part` must be there."""
    if part in REQUIRED:
        pytest.fail(f"{part} is required here: {why}")
    pytest.skip(why)


@pytest.fixture(autouse=True)
def site_settings(settings: Settings, tmp_path: Path) -> None:
    """Keep each test's files to itself, nothing in the cache, and passwords cheap."""
    cache.clear()
    settings.DATA_DIR = tmp_path
    settings.MEDIA_ROOT = tmp_path / "uploads"
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }


@pytest.fixture
def owner() -> User:
    """Return whose bookmarks and imports a test is about."""
    return make_user("robin")


@pytest.fixture
def browser(client: Client, owner: User) -> Client:
    """Return the browser in which the owner is signed in."""
    client.force_login(owner)
    return client


@pytest.fixture(scope="session")
def postgres_server_url() -> Iterator[str]:
    """Start a real PostgreSQL server and yield its URL."""
    with ExitStack() as stack:
        try:
            url = stack.enter_context(postgres_server())
        except (OSError, RuntimeError, subprocess.SubprocessError) as error:
            unavailable("postgres", f"no PostgreSQL server could be started: {error}")
        yield url


@pytest.fixture
def postgres_url(postgres_server_url: str) -> str:
    """Return the URL of a database of the test's own."""
    return new_database(postgres_server_url)


@pytest.fixture(scope="session")
def chromium() -> str:
    """Return the path of a real Chromium."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    unavailable("browser", "no Chromium is installed")
