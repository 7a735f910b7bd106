"""Reads settings from the environment; a wrong value is one clear sentence. Knows nothing of Django's settings."""

import os
import re
import secrets
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import dj_database_url
from django.core.exceptions import ImproperlyConfigured
from environs import Env, EnvError, validate

SQLITE_OPTIONS: dict[str, Any] = {  # sqlite3.connect() takes values of several types
    # Writers queue up at BEGIN instead of failing when a read turns into a write.
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    # The log grows to 64 MB: batches of a large account touch many pages, the same ones soon again, and each time that
    # the log is written back waits for the disk.
    "init_command": (
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-12000;"
        "PRAGMA wal_autocheckpoint=16000; PRAGMA temp_store=MEMORY;"
    ),
}

# A process that was stopped in the middle of a transaction must not keep others waiting for its rows for ever.
# A host that is cut off leaves sessions behind, which the server is to notice before its connections run out.
POSTGRESQL_OPTIONS = (
    "-c idle_in_transaction_session_timeout=15s -c lock_timeout=30s"
    " -c tcp_keepalives_idle=30 -c tcp_keepalives_interval=10 -c tcp_keepalives_count=3"
)
# Nor must a process wait for hours for the answer of a server that is cut off. Seconds, the last one milliseconds.
POSTGRESQL_PATIENCE: dict[str, Any] = {  # psycopg.connect() takes values of several types
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
}

# What an EMAIL_URL begins with: the options that say how the connection is encrypted, and the usual port.
_EMAIL_SCHEMES: dict[str, tuple[dict[str, bool], int]] = {
    "smtp": ({}, 25),
    "smtp+tls": ({"use_tls": True}, 587),
    "smtps": ({"use_ssl": True}, 465),
}
_EMAIL_SECONDS = 10


def read[Value](reader: Callable[..., Value], name: str, default: Value) -> Value:
    """Return the variable `name` through one of environs' typed readers, such as `Env().int`.

    Raises ImproperlyConfigured that names the variable when its text does not fit the type.
    """
    try:
        return reader(name, default)
    except (EnvError, ValueError) as error:
        raise ImproperlyConfigured(f"the environment variable {name} has a wrong value: {error}") from error


def positive(env: Env, name: str, default: int) -> int:
    """Return the variable `name` as a whole number of at least 1."""
    number = read(env.int, name, default)
    if number < 1:
        raise ImproperlyConfigured(f"the environment variable {name} must be at least 1, not {number}")
    return number


def at_least_zero(env: Env, name: str, default: int) -> int:
    """Return the variable `name` as a whole number, 0 included."""
    return read(partial(env.int, validate=validate.Range(min=0)), name, default)


def secret_key(env: Env, data_dir: Path) -> str:
    """Return SECRET_KEY, or the key kept in `data_dir`, which is made on the first start, readable by its owner."""
    if key := read(env.str, "SECRET_KEY", ""):
        return key
    path = data_dir / "secret_key"
    if not path.exists():
        data_dir.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f"secret_key.{os.getpid()}")
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(64))
        try:
            path.hardlink_to(draft)
        except FileExistsError:  # another process of the same start was first
            pass
        finally:
            draft.unlink()
    return path.read_text()


def database(env: Env, data_dir: Path) -> dict[str, Any]:  # the shape of Django's DATABASES entries
    """Return the entry for DATABASES that DATABASE_URL names: SQLite in `data_dir` without it, or PostgreSQL."""
    url = read(env.str, "DATABASE_URL", "") or f"sqlite:///{data_dir / 'cairn.sqlite3'}"
    scheme = urlsplit(url).scheme
    if scheme == "sqlite":
        data_dir.mkdir(parents=True, exist_ok=True)
        # To open a file, set it up and read its schema again would be a quarter of what a small request costs.
        config: dict[str, Any] = dict(dj_database_url.parse(url, conn_max_age=600))
        _make_private(config["NAME"])
        return config | {"OPTIONS": dict(SQLITE_OPTIONS)}
    if scheme in {"postgres", "postgresql"}:
        config = dict(dj_database_url.parse(url, conn_max_age=600, conn_health_checks=True))
        options = {"options": POSTGRESQL_OPTIONS, **POSTGRESQL_PATIENCE, **config.get("OPTIONS", {})}
        return config | {"ENGINE": "project.postgresql", "OPTIONS": options}
    raise ImproperlyConfigured(
        f"DATABASE_URL must begin with sqlite:// or postgresql://, but begins with {scheme or 'no scheme'!r}"
    )


def _make_private(name: str) -> None:
    """Make SQLite's file before SQLite does: readable by its owner alone, as is then what is put beside it."""
    if name != ":memory:" and not Path(name).exists():
        with suppress(OSError):  # SQLite says what keeps it from being there
            Path(name).touch(mode=0o600)


def upload_storage(env: Env) -> dict[str, Any]:  # the shape of an entry in Django's STORAGES
    """Return the entry for STORAGES that the S3_ variables name; files below MEDIA_ROOT without S3_BUCKET."""
    names = ("S3_BUCKET", "S3_ENDPOINT_URL", "S3_REGION", "S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY", "S3_PREFIX")
    values = (
        read(env.str, "S3_BUCKET", ""),
        read(env.str, "S3_ENDPOINT_URL", ""),
        read(env.str, "S3_REGION", ""),
        read(env.str, "S3_ACCESS_KEY_ID", ""),
        read(env.str, "S3_SECRET_ACCESS_KEY", ""),
        read(env.str, "S3_PREFIX", "").strip("/"),
    )
    given = dict(zip(names, values, strict=True))
    if not any(given.values()):
        return {"BACKEND": "django.core.files.storage.FileSystemStorage"}
    _check_bucket(given)
    options = {
        "bucket_name": given["S3_BUCKET"],
        "endpoint_url": given["S3_ENDPOINT_URL"] or None,
        "region_name": given["S3_REGION"] or None,
        # Without keys those of the machine are taken, as the S3 library finds them.
        "access_key": given["S3_ACCESS_KEY_ID"] or None,
        "secret_key": given["S3_SECRET_ACCESS_KEY"] or None,
        "location": given["S3_PREFIX"],
    }
    return {"BACKEND": "project.object_storage.ObjectStorage", "OPTIONS": options}


def _check_bucket(given: dict[str, str]) -> None:
    """Raise ImproperlyConfigured for S3_ variables that cannot work, repeating nothing that may be secret."""
    bucket, endpoint = given["S3_BUCKET"], given["S3_ENDPOINT_URL"]
    if not bucket:
        others = ", ".join(name for name, value in given.items() if value)
        raise ImproperlyConfigured(f"S3_BUCKET must name the bucket for uploads, which goes with {others}")
    if not re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", bucket):
        raise ImproperlyConfigured(
            "S3_BUCKET must be the name of a bucket: 3 to 63 lower-case letters, digits, dots and hyphens"
        )
    if endpoint and not re.fullmatch(r"https?://[^\s/?#@]+(/[^\s?#]*)?", endpoint):
        raise ImproperlyConfigured("S3_ENDPOINT_URL must look like https://s3.example.org")
    if bool(given["S3_ACCESS_KEY_ID"]) != bool(given["S3_SECRET_ACCESS_KEY"]):
        raise ImproperlyConfigured("S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY must be given together, or neither")
    if find_spec("storages") is None or find_spec("boto3") is None:
        raise ImproperlyConfigured(
            "S3_BUCKET needs packages that are not installed: those of requirements-s3.txt, which "
            "`make .venv/s3.stamp` installs"
        )


def mailers(env: Env) -> dict[str, Any]:  # the shape of Django's MAILERS setting
    """Return MAILERS with the mail server that EMAIL_URL names; empty without it.

    `smtp://` is unencrypted, `smtp+tls://` starts TLS on the connection, `smtps://` speaks TLS from the beginning.
    """
    url = read(env.str, "EMAIL_URL", "")
    if not url:
        return {}
    scheme = url.partition("://")[0].lower()
    if scheme not in _EMAIL_SCHEMES:
        names = ", ".join(f"{name}://" for name in _EMAIL_SCHEMES)
        raise ImproperlyConfigured(f"EMAIL_URL must begin with one of {names}")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise ImproperlyConfigured(f"EMAIL_URL has a host or port that cannot be: {error}") from error
    if not host or parts.path.strip("/") or parts.query or parts.fragment:
        # The text itself is not repeated, as it may hold a password.
        raise ImproperlyConfigured("EMAIL_URL must look like smtp+tls://user:password@mail.example.org:587")
    encryption, usual_port = _EMAIL_SCHEMES[scheme]
    options = {
        "host": host,
        "port": port or usual_port,
        "username": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
        "timeout": _EMAIL_SECONDS,
    }
    return {"default": {"OPTIONS": options | encryption}}
