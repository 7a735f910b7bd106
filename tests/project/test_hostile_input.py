"""Tricks on every field of every form, on names of files and on what stands in them: no error, and no fetch."""

import re
import socket
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.test.client import BOUNDARY, MULTIPART_CONTENT
from pytest_django import Settings

from bookmarks.models import Bookmark
from imports import lifecycle, pipeline, uploads
from imports.models import ImportJob, Status
from imports.options import ImportOptions
from tests.factories import make_user
from tests.imports.test_forms import NETSCAPE
from tests.project.addresses import Belongings, belongings

pytestmark = pytest.mark.django_db

STORED_NAME = re.compile(r"imports/\d+/\d{4}-\d\d-\d\d-\d{4}-[0-9a-f]{8}\.[a-z0-9]{1,10}")
# As they stand in the body of a form, percent-encoded.
TRICKS = {
    "NUL": "a%00b",
    "lone surrogate": "a%ED%A0%80b",
    "not UTF-8": "%FF%FE%80",
    "overlong": "x" * 200_000,
    "overlong word of combining marks": "%CC%81" * 20_000,
    "right to left": "%E2%80%AEgpj.exe%E2%80%8F",
    "line ends": "a%0D%0ASet-Cookie:%20evil=1%0D%0A%0D%0A<script>",
    "path": "../../../../etc/passwd",
    "huge number": "9" * 400,
    "number beyond 64 bits": str(2**63),
    "negative number": "-1",
    "digits of another script": "%E0%A5%A7%E0%A5%A8",
    "fraction": "1e999",
    "template": "{{ 7*7 }}{% debug %}".replace("%", "%25"),
    "SQL": "1';DROP TABLE auth_user;--",
    "noncharacter": "%EF%BF%BF%F4%8F%BF%BF",
    "duplicates": "1&{field}=2&{field}=",
}
FORMS = {
    "accounts/login/": ("username", "password", "next"),
    "accounts/profile/": ("username", "first_name", "last_name", "email"),
    "accounts/password/": ("old_password", "new_password1", "new_password2"),
    "accounts/delete/": ("password",),
    "accounts/reset/": ("email",),
    "bookmarks/new": (
        *("url", "title", "tags", "description", "feed_url", "image_url", "unread", "favorite", "next", "private"),
        "archived",
    ),
    "bookmarks/{bookmark}/edit": ("url", "title", "tags", "description", "feed_url", "image_url", "next"),
    "bookmarks/bulk": ("bookmark", "do", "tags", "next", "confirmed"),
    "import/retry/": ("import_job_id", "start_over", "partial"),
    "import/cancel/": ("import_job_id",),
    "import/submit/": ("links", "duplicate_handling", "folders", "tags", "preview", "notify"),
    "import/{job}/preview/again/": ("duplicate_handling", "folders", "tags", "members"),
    "import/{job}/preview/confirm/": ("duplicate_handling", "folders", "tags", "members"),
    "import/{job}/rejected/1/fix": ("url", "title", "tags"),
    "import/{job}/forget/": ("confirmed",),
    "language/": ("language", "next"),
}
QUERIES = {
    "bookmarks/": ("q", "tag", "page", "unread", "untagged", "archived"),
    "bookmarks/new": ("url", "title", "description", "tags", "next"),
    "tags/": ("q", "page"),
    "import/": ("page",),
    "import/{job}/": ("page", "kind"),
    "import/{job}/rejected/": ("page", "reason", "q"),
    "import/active/": ("since",),
    "accounts/login/": ("next",),
}
USUAL = {
    "url": "https://example.com/x",
    "username": "ada",
    "email": "ada@example.com",
    "do": "tag",
    "tags": "walls",
    "links": "https://example.com/y",
}


@pytest.fixture
def ada() -> User:
    return make_user("ada")


@pytest.fixture
def own(ada: User) -> Belongings:
    return belongings(ada)


@pytest.fixture
def browser(ada: User, settings: Settings) -> Client:
    settings.IMPORT_EMAIL = True
    client = Client(raise_request_exception=False)
    client.force_login(ada)
    return client


def send(browser: Client, path: str, body: bytes, content_type: str = MULTIPART_CONTENT) -> Any:
    """Post a body as it is: the client's own `post` would read and mend it."""
    return browser.generic("POST", path, body, content_type=content_type)


def assert_fine(response: Any, what: str) -> None:
    assert response.status_code < 500, what
    assert "Set-Cookie" not in str(response.headers), what
    assert "evil" not in response.cookies, what


def every_field(forms: dict[str, tuple[str, ...]], own: Belongings) -> list[tuple[str, str]]:
    places = {"bookmark": own.bookmark.pk, "job": own.job.pk}
    return [("/" + form.format(**places), field) for form, fields in forms.items() for field in fields]


@pytest.mark.parametrize("trick", TRICKS)
def test_no_trick_in_any_field_is_an_error(browser: Client, ada: User, own: Belongings, trick: str) -> None:
    for path, field in every_field(FORMS, own):
        value = TRICKS[trick].replace("{field}", field)
        rest = {**USUAL, "bookmark": str(own.bookmark.pk)}
        others = "&".join(f"{name}={text}" for name, text in rest.items() if name != field)
        browser.force_login(ada)
        response = browser.post(
            path,
            f"{others}&{field}={value}",
            content_type="application/x-www-form-urlencoded",
            HTTP_ACCEPT="text/html",
        )
        assert_fine(response, f"{path} {field}")
        ada.refresh_from_db()
        assert ada.is_active, path
        assert not ada.is_superuser, path


@pytest.mark.parametrize("trick", TRICKS)
def test_no_trick_in_any_query_is_an_error(browser: Client, own: Belongings, trick: str) -> None:
    for path, field in every_field(QUERIES, own):
        query = f"{field}={TRICKS[trick][:8000].replace('{field}', field)}"
        for headers in ({}, {"HX-Request": "true"}):
            assert_fine(browser.get(path, QUERY_STRING=query, headers=headers), f"{path} {field}")


@pytest.mark.parametrize("trick", TRICKS)
def test_no_trick_at_the_sign_up_is_an_error(client: Client, settings: Settings, trick: str) -> None:
    settings.REGISTRATION_OPEN = True
    make_user()
    for field in ("username", "email", "password1", "password2"):
        usual = {"username": "eve", "email": "", "password1": "stacked-stones-7", "password2": "stacked-stones-7"}
        others = "&".join(f"{name}={text}" for name, text in usual.items() if name != field)
        body = f"{others}&{field}={TRICKS[trick].replace('{field}', field)}"
        response = Client(raise_request_exception=False).post(
            "/accounts/signup/", body, content_type="application/x-www-form-urlencoded"
        )
        assert_fine(response, field)


FILE_NAMES = [
    b"../../../etc/cron.d/evil.html",
    b"..\\..\\windows\\evil.html",
    b"/etc/passwd.html",
    b"C:\\evil.html",
    b"evil.html\\\r\nX-Evil: 1",
    b"evil.html\x00.exe",
    b"a\xed\xa0\x80b.html",
    b"\xff\xfe.html",
    "\u202elmth.exe.html".encode(),
    b"x" * 5_000 + b".html",
    b".html",
    b"..",
    b".",
    b"a.html/",
    b"con.html",
    b"%2e%2e%2fevil.html",
    b"<script>alert(1)</script>.html",
    b"a.html; filename*=UTF-8''..%2F..%2Fevil.html",
    b"a." + b"h" * 300,
    b"=cmd|'/c calc'!A0.html",
    b"",
]

# A browser may well send these, and what they name is an export: a harmless name is made of each.
TAKEN_NAMES = [*FILE_NAMES[:4], b"con.html", b"=cmd|'/c calc'!A0.html"]


def multipart(name: bytes, *, more: bytes = b"", fields: bytes = b"") -> bytes:
    edge = f"--{BOUNDARY}".encode()
    head = b'Content-Disposition: form-data; name="file"; filename="' + name + b'"' + more
    return b"\r\n".join(
        [edge, head, b"Content-Type: text/html", b"", NETSCAPE, *([fields] if fields else []), edge + b"--", b""]
    )


@pytest.mark.parametrize("name", FILE_NAMES)
def test_no_file_name_gets_anywhere_near_the_storage(
    browser: Client, ada: User, settings: Settings, name: bytes
) -> None:
    response = send(browser, "/import/submit/", multipart(name))
    assert_fine(response, repr(name))
    assert ImportJob.objects.exists() or name not in TAKEN_NAMES
    for job in ImportJob.objects.all():
        assert STORED_NAME.fullmatch(job.file_path)
        assert job.file_path.startswith(f"imports/{ada.pk}/")
        assert not re.search(r"[/\\\x00\r\n]", job.file_name)
        assert len(job.file_name) <= 255
    files = [path.relative_to(settings.MEDIA_ROOT) for path in Path(settings.MEDIA_ROOT).rglob("*") if path.is_file()]
    assert all(STORED_NAME.fullmatch(str(path)) for path in files)
    for path in ("/import/", *(f"/import/{job.pk}/" for job in ImportJob.objects.all())):
        page = browser.get(path)
        assert page.status_code == 200
        assert b"<script>alert" not in page.content


@pytest.mark.parametrize("name", FILE_NAMES)
def test_the_name_of_a_file_can_forge_no_header_of_a_download(
    browser: Client, ada: User, own: Belongings, name: bytes
) -> None:
    ImportJob.objects.filter(pk=own.job.pk).update(file_name=name.decode("utf-8", "replace").replace("\x00", "")[:255])
    for kind in ("csv", "json"):
        response = browser.get(f"/import/{own.job.pk}/rejected.{kind}")
        assert response.status_code == 200
        assert "X-Evil" not in response.headers
        header = response.headers["Content-Disposition"]
        assert header.startswith("attachment; filename")
        assert not re.search(r"[\r\n]", header)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"--" + BOUNDARY.encode(),
        multipart(b"a.html")[:-20],
        multipart(b"a.html", more=b"\r\nContent-Disposition: form-data; name=second"),
        multipart(b"a.html", more=b"\r\nContent-Transfer-Encoding: base64"),
        multipart(b"a.html", more=b"\r\nX-Long: " + b"x" * 100_000),
        multipart(b'a.html"; name="links'),
        multipart(b"a.html").replace(b'name="file"', b'name="file[0]"'),
        multipart(b"a.html").replace(b'name="file"', b"name*=utf-8''file"),
        multipart(b"a.html").replace(b'name="file"', b"name*=no-such-charset''file"),
        multipart(b"a.html").replace(b"text/html", b"text/html; charset=no-such-charset"),
        multipart(b"a.html").replace(b"text/html", b"multipart/mixed; boundary=x"),
        multipart(b"a.html").replace(b"\r\n", b"\n"),
    ],
)
def test_no_broken_form_is_an_error(browser: Client, own: Belongings, body: bytes) -> None:
    for path in ("/import/submit/", f"/import/{own.job.pk}/rejected/upload/", "/bookmarks/new"):
        assert_fine(send(browser, path, body), path)


@pytest.mark.parametrize(
    "content_type",
    [
        *("", "text/plain", "application/json", "multipart/form-data", "multipart/form-data; boundary="),
        *("multipart/form-data; boundary=\xe9", "application/x-www-form-urlencoded; charset=no-such"),
        "application/x-www-form-urlencoded; charset=utf-16",
    ],
)
def test_no_declared_type_of_a_body_is_an_error(browser: Client, own: Belongings, content_type: str) -> None:
    for path in ("/import/submit/", f"/import/{own.job.pk}/rejected/upload/", "/bookmarks/new", "/accounts/profile/"):
        assert_fine(send(browser, path, b'{"url": 1}', content_type), path)


def test_fields_without_number_are_refused_and_no_error(browser: Client) -> None:
    body = "&".join(f"f{number}=1" for number in range(5_000))
    for path in ("/bookmarks/bulk", "/import/submit/"):
        response = browser.post(path, body, content_type="application/x-www-form-urlencoded")
        assert 300 <= response.status_code < 500
    edge = BOUNDARY
    parts = "".join(
        f'--{edge}\r\nContent-Disposition: form-data; name="file"; filename="{n}.html"\r\n\r\nx\r\n'
        for n in range(500)
    )
    response = send(browser, "/import/submit/", f"{parts}--{edge}--\r\n".encode())
    assert 300 <= response.status_code < 500
    assert not ImportJob.objects.exists()


FETCHING = {
    "pictures.html": b"""<!DOCTYPE NETSCAPE-Bookmark-file-1>
<DL><p><DT><A HREF="http://127.0.0.1:9/page" ICON_URI="http://127.0.0.1:9/icon.png" DATA-COVER="http://127.0.0.1:9/cover"
FEEDURL="http://127.0.0.1:9/feed">A</A><IMG SRC="http://127.0.0.1:9/beacon"><LINK REL=stylesheet HREF="http://127.0.0.1:9/s">
<SCRIPT SRC="http://127.0.0.1:9/x.js"></SCRIPT><BASE HREF="http://127.0.0.1:9/"></DL>""",
    "entities.opml": b"""<?xml version="1.0"?>
<!DOCTYPE opml SYSTEM "http://127.0.0.1:9/opml.dtd" [<!ENTITY x SYSTEM "http://127.0.0.1:9/entity">
<!ENTITY % p SYSTEM "http://127.0.0.1:9/parameter"> %p;]>
<opml version="2.0"><head/><body><outline text="&x;" type="link" url="http://127.0.0.1:9/a"/></body></opml>""",
    "stylesheet.opml": b"""<?xml version="1.0"?><?xml-stylesheet href="http://127.0.0.1:9/s.xsl" type="text/xsl"?>
<opml version="2.0" xmlns:xi="http://www.w3.org/2001/XInclude"><head/><body><xi:include href="http://127.0.0.1:9/include"/>
<outline text="a" type="rss" xmlUrl="http://127.0.0.1:9/feed" htmlUrl="http://127.0.0.1:9/a"/></body></opml>""",
    "context.json": b"""{"@context": "http://127.0.0.1:9/context", "type": "Collection", "first": "http://127.0.0.1:9/page1",
"items": [{"type": "Link", "href": "http://127.0.0.1:9/a", "name": "A", "image": "http://127.0.0.1:9/i",
"feedUrl": "http://127.0.0.1:9/f"}, "http://127.0.0.1:9/object"]}""",
}  # fmt: skip


@pytest.fixture
def calls_out(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Keep every attempt to reach another machine, none of which succeeds. Local sockets stay as they are."""
    attempts: list[object] = []

    def connect(self: socket.socket, address: object) -> None:
        attempts.append(address)
        raise OSError("not in this test")

    def look_up(*arguments: object, **_options: object) -> list[object]:
        attempts.append(arguments)
        raise OSError("not in this test")

    monkeypatch.setattr(socket.socket, "connect", connect)
    monkeypatch.setattr(socket.socket, "connect_ex", connect)
    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return attempts


@pytest.mark.parametrize("name", FETCHING)
def test_nothing_is_fetched_from_an_address_in_a_file(
    ada: User, browser: Client, calls_out: list[object], name: str
) -> None:
    job = uploads.submit(SimpleUploadedFile(name, FETCHING[name]), ada, ImportOptions(), queued=False)
    claimed = lifecycle.claim(job.pk)
    assert claimed is not None
    pipeline.run_slice(claimed, should_stop=lambda: False)
    job.refresh_from_db()
    assert job.status in {Status.COMPLETED, Status.FAILED}
    for path in ("/bookmarks/", "/import/", f"/import/{job.pk}/"):
        # A picture or a feed that a page showed would be fetched by the browser of whoever looks.
        page = browser.get(path).content.decode()
        assert not re.search(r"""<(?:img|iframe|script|link|object|embed)[^>]+127\.0\.0\.1:9""", page)
    assert calls_out == []


def test_files_with_addresses_are_read_for_what_they_say(ada: User) -> None:
    for name in ("pictures.html", "stylesheet.opml", "context.json"):
        job = uploads.submit(SimpleUploadedFile(name, FETCHING[name]), ada, ImportOptions(), queued=False)
        claimed = lifecycle.claim(job.pk)
        assert claimed is not None
        pipeline.run_slice(claimed, should_stop=lambda: False)
    assert set(Bookmark.objects.values_list("url", flat=True)) == {
        f"http://127.0.0.1:9/{name}" for name in ("page", "a", "object")
    }
    assert default_storage.listdir(f"imports/{ada.pk}")[1] == []
