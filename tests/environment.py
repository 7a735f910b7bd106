"""What the settings read from the environment in a test run. A pytest plugin, so that it comes before the settings."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

import pytest

_data_dir = tempfile.mkdtemp(prefix="cairn-tests-")
# Where there is no such directory WhiteNoise warns, and a warning is an error here.
Path(_data_dir, "static").mkdir()
atexit.register(shutil.rmtree, _data_dir, ignore_errors=True)
os.environ["DATA_DIR"] = _data_dir
os.environ.setdefault("SECRET_KEY", "only for tests")
for name in (
    *("DEBUG", "HTTPS", "HSTS_SECONDS", "PROXY_COUNT", "ALLOWED_HOSTS", "CSRF_TRUSTED_ORIGINS", "HOST", "PORT"),
    *("REGISTRATION_OPEN", "EMAIL_URL", "DEFAULT_FROM_EMAIL", "METRICS_TOKEN", "LOG_FORMAT", "LOG_REQUESTS"),
    *("IMPORT_MAX_BYTES", "IMPORT_MAX_ACTIVE", "IMPORT_MAX_PER_HOUR", "IMPORT_MAX_STORED_BYTES"),
    *("IMPORT_MIN_FREE_BYTES", "IMPORT_HISTORY_DAYS"),
    *("S3_BUCKET", "S3_ENDPOINT_URL", "S3_REGION", "S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY", "S3_PREFIX"),
):
    os.environ.pop(name, None)

if os.environ.get("CAIRN_TEST_DATABASE") == "postgresql":
    # Where several processes share the tests, the first one's server is for all.
    if "PYTEST_XDIST_WORKER" not in os.environ:
        from tests.postgres import postgres_server

        _server = postgres_server()
        os.environ["DATABASE_URL"] = _server.__enter__()
        atexit.register(_server.__exit__, None, None, None)
else:
    os.environ.pop("DATABASE_URL", None)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the fuzzing of all addresses run for longer than in the suite."""
    parser.addoption(
        "--fuzz-requests", type=int, default=200, help="how many requests tests/project/test_fuzz.py makes"
    )
