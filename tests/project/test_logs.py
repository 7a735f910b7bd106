"""The log: what each entry says of request, user and job, in which form, and what it never tells."""

import io
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from imports import lifecycle, tasks, uploads
from imports.job_context import at_job, job_fields
from imports.models import ImportJob, Status
from imports.options import ImportOptions
from project import logs, supervisor
from tests.factories import make_user
from tests.imports.test_forms import NETSCAPE
from tests.imports.test_views import export
from tests.project.processes import REPOSITORY, eventually, started

type Entries = list[dict[str, Any]]


class Log:
    """What the site's own handler writes, in one of its formats."""

    def __init__(self, log_format: str) -> None:
        self._stream = io.StringIO()
        self.handler = logging.StreamHandler(self._stream)
        self.handler.setFormatter(logs.FORMATTERS[log_format]())
        self.handler.addFilter(logs.ContextFilter())

    @property
    def text(self) -> str:
        return self._stream.getvalue()

    @property
    def entries(self) -> Entries:
        return [json.loads(line) for line in self.text.splitlines()]


@pytest.fixture
def listen() -> Iterator[Callable[[str], Log]]:
    root = logging.getLogger()
    made: list[Log] = []

    def to(log_format: str) -> Log:
        made.append(Log(log_format))
        root.addHandler(made[-1].handler)
        return made[-1]

    yield to
    for log in made:
        root.removeHandler(log.handler)


@pytest.fixture
def log(listen: Callable[[str], Log]) -> Log:
    return listen("json")


def test_an_entry_is_one_object_on_one_line(log: Log) -> None:
    before = timezone.now()
    logging.getLogger("imports").warning("two\nlines \u2028 of %s", "text", extra={"position": 7})
    assert len(log.text.splitlines()) == 1
    (entry,) = log.entries
    assert before.isoformat() <= entry.pop("time") <= timezone.now().isoformat()
    assert entry == {"level": "WARNING", "logger": "imports", "message": "two\nlines \u2028 of text", "position": 7}


def test_a_traceback_stays_on_the_line(log: Log) -> None:
    try:
        int("no\nnumber")
    except ValueError:
        logging.getLogger("imports").exception("it failed")
    (entry,) = log.entries
    assert entry["traceback"].startswith("Traceback")
    assert entry["traceback"].endswith(r"'no\nnumber'")


@pytest.mark.django_db
def test_a_request_is_named_in_the_answer_and_in_the_log(log: Log) -> None:
    client = Client()
    response = client.get("/nowhere", headers={"x-request-id": "proxy-7:a.b_c"})
    assert response.headers["X-Request-ID"] == "proxy-7:a.b_c"
    (entry,) = log.entries
    assert (entry["request_id"], entry["logger"], entry["status"]) == ("proxy-7:a.b_c", "django.request", 404)
    assert "user_id" not in entry
    logging.getLogger("imports").warning("afterwards")
    assert "request_id" not in log.entries[-1]


@pytest.mark.django_db
@pytest.mark.parametrize("given", ["", " ", "a b", "-x", "x" * 101, "x\r\ny", "<x>", "ä", '"', "\x00"])
def test_a_number_that_is_not_fit_for_a_log_is_replaced(given: str) -> None:
    names = {Client().get("/healthz", headers={"x-request-id": given}).headers["X-Request-ID"] for _ in range(2)}
    assert len(names) == 2
    assert all(len(name) == 32 and name.isalnum() for name in names)


@pytest.mark.django_db
def test_an_entry_names_the_user_but_logging_asks_no_database(
    log: Log, client: Client, django_assert_num_queries: Any
) -> None:
    ada = make_user("ada")
    client.force_login(ada)
    assert client.get("/import/999/").status_code == 404
    assert log.entries[-1]["user_id"] == ada.pk
    with django_assert_num_queries(0):
        assert client.put("/healthz").status_code == 405
    assert "user_id" not in log.entries[-1]


@pytest.mark.django_db
def test_entries_of_a_worker_name_job_and_fence(log: Log) -> None:
    ada = make_user("ada")
    job = uploads.submit(export(content=NETSCAPE), ada, ImportOptions())
    tasks.process_import_job(job.pk)
    job.refresh_from_db()
    assert job.status == Status.COMPLETED
    began, ended = (entry for entry in log.entries if entry["logger"] == "imports")
    assert "started" in began["message"]
    assert began["job_id"] == ended["job_id"] == job.pk
    assert ended["fence"] == 1
    assert job_fields() == {}


@pytest.mark.django_db
def test_the_traceback_of_a_slice_that_fails_names_its_job(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    job = uploads.submit(export(content=NETSCAPE), make_user("ada"), ImportOptions())

    def break_down(*_args: object) -> None:
        raise RuntimeError("nobody foresaw this")

    monkeypatch.setattr(lifecycle, "record_prepared", break_down)
    with pytest.raises(RuntimeError):
        tasks.process_import_job(job.pk)
    entry = log.entries[-1]
    assert (entry["job_id"], entry["fence"], entry["level"]) == (job.pk, 1, "ERROR")
    assert "nobody foresaw this" in entry["traceback"]


def test_jobs_do_not_mix() -> None:
    with at_job(1):
        with at_job(2, fence=3):
            assert job_fields() == {"job_id": 2, "fence": 3}
        assert job_fields() == {"job_id": 1}


@pytest.mark.django_db
@pytest.mark.parametrize("log_format", logs.FORMATS)
def test_no_address_file_or_password_gets_into_the_log(
    listen: Callable[[str], Log], settings: Settings, log_format: str
) -> None:
    settings.LOG_REQUESTS = True
    log = listen(log_format)
    client = Client(raise_request_exception=False)
    client.force_login(make_user("ada"))
    client.get("/bookmarks/new?url=https://secret.example/a")
    client.get("/bookmarks/999/edit?url=https://secret.example/a")
    client.post("/bookmarks/new", {"url": "https://secret.example/b", "title": "secret title"})
    client.post("/import/submit/", {"links": "https://secret.example/c", "duplicate_handling": "skip"})
    client.put("/bookmarks/new?q=secret", "url=https://secret.example/")
    Client().post("/accounts/login/", {"username": "ada", "password": "secret password"})
    Client().put("/accounts/reset/MQ/abc-secret/")
    for job in ImportJob.objects.all():
        tasks.process_import_job(job.pk)
    assert "/bookmarks/new" in log.text
    assert "import job" in log.text
    assert "secret" not in log.text


@pytest.mark.parametrize("log_format", logs.FORMATS)
def test_what_postgresql_quotes_of_a_row_is_taken_out(
    listen: Callable[[str], Log], postgres_url: str, log_format: str
) -> None:
    log = listen(log_format)
    values = ("('https://secret.example/')",) * 2
    with psycopg.connect(postgres_url) as connection:
        connection.execute("CREATE TABLE one (url text UNIQUE)")
        try:
            try:
                connection.execute(f"INSERT INTO one VALUES {', '.join(values)}")
            except psycopg.errors.UniqueViolation as error:
                raise RuntimeError("outer") from error
        except RuntimeError:
            logging.getLogger("imports").exception("a batch failed")
    assert "duplicate key value" in log.text
    assert "outer" in log.text
    assert "secret" not in log.text


@pytest.mark.django_db
def test_requests_are_logged_with_their_route_when_asked_for(log: Log, settings: Settings, client: Client) -> None:
    client.get("/healthz")
    assert not log.entries
    settings.LOG_REQUESTS = True
    client.force_login(make_user("ada"))
    client.get("/import/12/row/")
    (entry,) = (entry for entry in log.entries if entry["logger"] == "project.requests")
    assert (entry["method"], entry["route"], entry["status"]) == ("GET", "/import/<int:pk>/row/", 404)
    assert entry["ms"] > 0


def test_a_format_that_is_not_there_is_refused_by_name(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "manage.py", "check"],
        env={**os.environ, "LOG_FORMAT": "xml", "DATA_DIR": str(tmp_path)},
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode != 0
    assert "LOG_FORMAT has a wrong value" in run.stderr.splitlines()[-1]


def test_the_supervisor_speaks_the_same_format(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOG_FORMAT", "json")
    supervisor.say("something ended")
    entry = json.loads(capsys.readouterr().err)
    assert entry.keys() == {"time", "level", "logger", "message"}
    assert (entry["logger"], entry["message"]) == ("project.supervisor", "something ended")


@pytest.mark.processes
def test_a_real_site_writes_nothing_else(site: Mapping[str, str], tmp_path: Path) -> None:
    """Web server, worker and supervisor, from start to end, with a request that is answered by gunicorn itself."""
    log = tmp_path / "site.log"
    environment = {**site, "LOG_FORMAT": "json", "LOG_REQUESTS": "yes", "PYTHONWARNINGS": "ignore"}
    with started([sys.executable, "manage.py", "serve", "--port", "0"], log=log, environment=environment) as run:
        assert eventually(lambda: "ready at" in run.text(), seconds=60)
        address = run.text().split("ready at ")[1].split("/ ")[0]
        with urllib.request.urlopen(f"{address}/accounts/login/") as answer:
            request_id = answer.headers["X-Request-ID"]
        host, _, port = address.removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(b"nonsense\r\n\r\n")
            connection.recv(1000)
        run.send(signal.SIGTERM)
        run.wait(seconds=20)
    lines = [line for line in log.read_text().splitlines() if not line.startswith("Cairn is ready")]
    entries = [json.loads(line) for line in lines]
    assert all({"time", "level", "logger", "message"} <= entry.keys() for entry in entries)
    assert request_id in {entry.get("request_id") for entry in entries}
    assert "gunicorn.error" in {entry["logger"] for entry in entries}
