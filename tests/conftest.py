"""What every test has: settings that are fast and leave nothing behind, and the real parts some tests ask for."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from tests.postgres import postgres_server

# A test that needs one of these is skipped where it is missing, unless CAIRN_REQUIRE names it.
REQUIRED = set(filter(None, os.environ.get("CAIRN_REQUIRE", "").split(",")))


def unavailable(part: str, why: str) -> None:
    """Skip the running test, or fail it where `part` must be there."""
    if part in REQUIRED:
        pytest.fail(f"{part} is required here: {why}")
    pytest.skip(why)


@pytest.fixture(autouse=True)
def site_settings(settings: Settings, tmp_path: Path) -> None:
    """Keep each test's files to itself, and passwords cheap."""
    settings.DATA_DIR = tmp_path
    settings.MEDIA_ROOT = tmp_path / "uploads"
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """Start a real PostgreSQL server and yield the URL of its empty database."""
    try:
        server = postgres_server()
    except OSError as error:
        unavailable("postgres", f"no PostgreSQL server could be started: {error}")
    with server as url:
        yield url


@pytest.fixture(scope="session")
def chromium() -> str:
    """Return the path of a real Chromium."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    unavailable("browser", "no Chromium is installed")
    raise AssertionError
