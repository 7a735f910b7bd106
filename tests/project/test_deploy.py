"""What is written down for servers is done: the container's steps, the services, the units, the proxies."""

import http.cookiejar
import os
import re
import shutil
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path
from urllib.parse import urlencode

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import get_commands
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

from project.supervisor import GRACE_SECONDS, WORKER_NICENESS
from tests.conftest import unavailable
from tests.project.containers import OWNER, Image, build, context, ends, services
from tests.project.processes import REPOSITORY, eventually

DEPLOY = REPOSITORY / "docs" / "deploy"
UNITS = sorted(DEPLOY.glob("*.service"))
VARIABLES = {"POSTGRES_PASSWORD": "secret", "ALLOWED_HOSTS": "bookmarks.example.org,127.0.0.1"}
FILE = b'[{"url": "https://example.com/", "title": "An example", "tags": ["one"]}]'

every_unit = pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    """Return what the Dockerfile makes; with CAIRN_IMAGE=whole its packages are installed anew."""
    whole = os.environ.get("CAIRN_IMAGE") == "whole"
    return build(tmp_path_factory.mktemp("image"), packages=None if whole else Path(sys.prefix))


def free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return str(probe.getsockname()[1])


def documented(start: str) -> str:
    """Return what the documents have a container's shell do."""
    text = (REPOSITORY / "docs" / "operations.md").read_text()
    return str(re.findall(rf"docker compose {start} sh -c '([^']+)'", text)[0])


class Visitor:
    """Somebody with a browser that keeps cookies and no JavaScript."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._cookies = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self._cookies))

    def get(self, path: str) -> str:
        return str(self._opener.open(self.address + path, timeout=30).read().decode())

    def post(self, path: str, body: bytes, content_type: str) -> str:
        token = next(cookie.value or "" for cookie in self._cookies if cookie.name == "csrftoken")
        headers = {"Content-Type": content_type, "X-CSRFToken": token}
        request = urllib.request.Request(self.address + path, body, headers)
        return str(self._opener.open(request, timeout=30).read().decode())

    def sign_up(self) -> str:
        self.get("/accounts/signup/")
        form = {"username": "ada", "password1": "engine of 1843", "password2": "engine of 1843"}
        return self.post("/accounts/signup/", urlencode(form).encode(), "application/x-www-form-urlencoded")

    def upload(self, name: str, content: bytes) -> str:
        self.get("/import/")
        fields = {"duplicate_handling": "skip", "folders": "levels", "file": SimpleUploadedFile(name, content)}
        return self.post("/import/submit/", encode_multipart(BOUNDARY, fields), MULTIPART_CONTENT)


@pytest.mark.processes
def test_what_compose_starts_takes_people_in_and_imports(image: Image, postgres_url: str, tmp_path: Path) -> None:
    port = free_port()
    parts = services(VARIABLES)
    url = parts["web"]["environment"]["DATABASE_URL"]
    assert url == "postgresql://cairn:secret@database/cairn"
    variables = {**VARIABLES, "DATABASE_URL": postgres_url, "PORT": port}

    def command(name: str) -> list[str]:
        return [part.replace(":8000", f":{port}") for part in parts[name]["command"]]

    prepared = image.run(command("prepare"), **variables)
    assert prepared.returncode == 0, prepared.stderr
    with (
        image.running(command("web"), tmp_path / "web", **variables) as web,
        image.running(command("worker"), tmp_path / "worker", **variables) as worker,
    ):
        logs = [tmp_path / "web", tmp_path / "worker"]
        healthy = eventually(lambda: image.run(image.health, **variables).returncode == 0, seconds=30)
        assert healthy, "".join(log.read_text() for log in logs)
        visitor = Visitor(f"http://127.0.0.1:{port}")
        page = visitor.sign_up()
        styles = re.findall(r'href="(/static/[^"]+\.css)"', page)
        assert styles
        assert all(visitor.get(style) for style in styles)
        assert 'data-status="' in visitor.upload("bookmarks.json", FILE)
        done = eventually(lambda: 'data-status="completed"' in visitor.get("/import/"), seconds=20)
        assert done, "".join(log.read_text() for log in logs)
        assert "An example" in visitor.get("/bookmarks/")
        out = image.run(["sh", "-c", f"({documented('exec -T web')}) > {tmp_path}/copy.zip"], **variables)
        assert "Backed up 1 accounts, 1 bookmarks, 1 imports" in out.stderr
        assert [ends(process, seconds=10) for process in (web, worker)] == [0, 0]
    assert image.run(image.health, **variables).returncode == 1, "it ended, and is still called healthy"
    variables = {"DATA_DIR": str(tmp_path / "other")}
    back = image.run(["sh", "-c", f"({documented('run --rm -T prepare')}) < {tmp_path}/copy.zip"], **variables)
    assert "Restored: 1 accounts, 1 bookmarks, 1 imports" in back.stdout


@pytest.mark.processes
def test_one_container_alone_is_a_whole_site(image: Image, tmp_path: Path) -> None:
    variables = {"PORT": free_port(), "DATA_DIR": str(tmp_path / "data")}
    with image.running(image.command, tmp_path / "log", **variables) as site:
        healthy = eventually(lambda: image.run(image.health, **variables).returncode == 0, seconds=30)
        assert healthy, (tmp_path / "log").read_text()
        assert ends(site, seconds=10) == 0
    assert (tmp_path / "data" / "cairn.sqlite3").exists()


def test_the_image_has_the_program_and_nothing_of_this_machine() -> None:
    assert set(context()) <= {path.name for path in REPOSITORY.iterdir()}
    assert not {".git", ".venv", "var", "tests", "docs", ".env"} & set(context())


def test_the_image_runs_as_somebody_without_rights_on_the_tested_python() -> None:
    text = (REPOSITORY / "Dockerfile").read_text()
    assert re.findall(r"^USER (.*)$", text, re.MULTILINE) == [f"{OWNER}:{OWNER}"]
    wanted = (REPOSITORY / ".python-version").read_text().strip()
    assert set(re.findall(r"^FROM (\S+)", text, re.MULTILINE)) == {f"python:{wanted}-slim"}


def test_whoever_runs_the_image_may_read_the_program(image: Image) -> None:
    program = [path for path in image.folder.rglob("*") if ".venv" not in path.parts]
    assert any(path.name == "staticfiles.json" for path in program)
    assert all(path.stat().st_mode & 0o004 for path in program)


def test_what_the_image_installs_is_all_that_a_site_needs() -> None:
    def pinned(name: str) -> set[str]:
        return set(re.findall(r"^(\S+==\S+)", (REPOSITORY / name).read_text(), re.MULTILINE))

    assert "--require-hashes -r requirements-s3.txt" in (REPOSITORY / "Dockerfile").read_text()
    assert pinned("requirements.txt") < pinned("requirements-s3.txt")


def test_everything_is_given_the_time_that_a_stop_takes() -> None:
    parts = services(VARIABLES)
    for name in ("web", "worker"):
        assert int(parts[name]["stop_grace_period"].removesuffix("s")) > GRACE_SECONDS
        assert parts[name]["init"]
    for unit in UNITS:
        if "ExecStart=/opt/cairn" in (text := unit.read_text()):
            assert int(re.findall(r"^TimeoutStopSec=(\d+)$", text, re.MULTILINE)[0]) > GRACE_SECONDS
            assert "\nKillMode=mixed\n" in text


def test_the_database_is_migrated_once_before_anything_else_starts() -> None:
    parts = services(VARIABLES)
    assert parts["prepare"]["command"] == ["python", "manage.py", "prepare"]
    for name in ("web", "worker"):
        assert parts[name]["depends_on"] == {"prepare": {"condition": "service_completed_successfully"}}
    assert parts["prepare"]["depends_on"] == {"database": {"condition": "service_healthy"}}


@every_unit
def test_a_unit_starts_commands_that_are_there(unit: Path) -> None:
    commands = re.findall(r"^Exec\w+=(.*)$", unit.read_text(), re.MULTILINE)
    assert commands
    for command in commands:
        for program in re.findall(r"/opt/cairn/(\.venv/bin/\S+)", command):
            assert shutil.which(Path(program).name, path=str(Path(sys.executable).parent))
        for name in re.findall(r"manage\.py (\w+)", command):
            assert name in get_commands()


def test_systemd_finds_nothing_wrong_with_the_units(tmp_path: Path) -> None:
    if not (analyze := shutil.which("systemd-analyze")):
        unavailable("systemd", "there is no systemd-analyze")
    for unit in [*UNITS, *DEPLOY.glob("*.timer")]:
        # Where the program lies is looked at, too.
        text = unit.read_text().replace("/opt/cairn/.venv", sys.prefix).replace("/opt/cairn", str(REPOSITORY))
        (tmp_path / unit.name).write_text(text)
    units = sorted(map(str, tmp_path.iterdir()))
    found = subprocess.run([analyze, "verify", *units], capture_output=True, text=True, check=False)
    assert not [line for line in found.stderr.splitlines() if str(tmp_path) in line or "cairn" in line]


def test_the_workers_unit_has_the_priority_that_serve_gives_it() -> None:
    assert f"\nNice={WORKER_NICENESS}\n" in (DEPLOY / "cairn-worker.service").read_text()


def test_nginx_finds_nothing_wrong_with_its_example(tmp_path: Path) -> None:
    nginx, openssl = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin"), shutil.which("openssl")
    if not nginx or not openssl:
        unavailable("nginx", "there is no nginx, or no openssl to make it a certificate")
    live = tmp_path / "live"
    live.mkdir()
    make = [
        openssl,
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "1",
        "-subj",
        "/CN=bookmarks.example.org",
    ]
    keys = ["-keyout", str(live / "privkey.pem"), "-out", str(live / "fullchain.pem")]
    subprocess.run([*make, *keys], capture_output=True, check=True)
    site = (DEPLOY / "nginx.conf").read_text().replace("/etc/letsencrypt/live/bookmarks.example.org", str(live))
    (tmp_path / "site.conf").write_text(site)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    places = "\n".join(f"{kind}_temp_path {tmp_path}/{kind};" for kind in kinds)
    http = f"http {{ access_log off;\n{places}\ninclude {tmp_path}/site.conf; }}"
    whole = tmp_path / "nginx.conf"
    whole.write_text(f"pid {tmp_path}/pid;\nerror_log stderr;\nevents {{}}\n{http}")
    said = subprocess.run([nginx, "-t", "-c", str(whole)], capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stderr


def test_the_proxies_let_the_largest_upload_through_and_say_who_asks() -> None:
    nginx, caddy = (DEPLOY / "nginx.conf").read_text(), (DEPLOY / "Caddyfile").read_text()
    sizes = re.findall(r"client_max_body_size (\d+)m;", nginx) + re.findall(r"max_size (\d+)MB", caddy)
    assert len(sizes) == 2
    assert all(int(size) * 1_000_000 > settings.IMPORT_MAX_BYTES for size in sizes)
    assert "proxy_set_header X-Forwarded-Proto $scheme;" in nginx
    assert "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;" in nginx
    assert "proxy_set_header Host $host;" in nginx


def test_the_documents_name_every_file_for_servers() -> None:
    text = (REPOSITORY / "docs" / "operations.md").read_text()
    for path in DEPLOY.iterdir():
        assert f"](deploy/{path.name})" in text
