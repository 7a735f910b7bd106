"""Any method at any address with any parameters, headers and body: never an error of the server.

More than in the suite: pytest tests/project/test_fuzz.py --fuzz-requests 20000 --hypothesis-seed 7
"""

import re
from datetime import timedelta
from typing import Any, NamedTuple
from urllib.parse import quote_from_bytes

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client
from django.test.client import BOUNDARY, MULTIPART_CONTENT
from django.utils import timezone
from hypothesis import HealthCheck, event, given
from hypothesis import settings as fuzzing
from hypothesis import strategies as st
from pytest_django import Settings

from imports.models import Heartbeat
from tests.factories import make_user
from tests.imports.test_forms import NETSCAPE
from tests.project.addresses import Belongings, belongings, path_of, patterns
from tests.project.test_hostile_input import FORMS, QUERIES

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY", "get"]
NAMES = sorted(
    {name for fields in [*FORMS.values(), *QUERIES.values()] for name in fields}
    | {"file", "table", "post", "action", "_selected_action", "select_across", "back", "trouble", "status__exact"}
)
FORM = "application/x-www-form-urlencoded"


class Shot(NamedTuple):
    """A request, with `{value}` in the route where a pattern takes one."""

    route: str
    is_exact: bool
    values: list[str]
    method: str
    query: str
    headers: dict[str, str]
    content_type: str
    body: bytes


def quoted(text: str) -> str:
    return quote_from_bytes(text.encode("utf-8", "surrogatepass"), safe="")


def routes() -> list[str]:
    return sorted(set(patterns()))


numbers = st.one_of(
    st.integers().map(str), st.sampled_from(["0", "-1", str(2**31), str(2**63), str(2**64), "1" * 300])
)
texts = st.one_of(
    st.text(st.characters(), max_size=40),
    numbers,
    st.sampled_from(
        ["", "\0", "\ud800", "\u202e", "/", "..", "https://example.com/", "javascript:0", "on", "skip", "\r\n"]
    ),
)
names = st.one_of(st.sampled_from(NAMES), st.text(max_size=8))
pairs = st.lists(st.tuples(names, texts), max_size=6).map(
    lambda fields: "&".join(f"{quoted(name)}={quoted(text)}" for name, text in fields)
)
# What a server lets through in a header: no line ends, and one byte to a character.
header_texts = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=60)
headers = st.dictionaries(
    st.sampled_from(
        [
            *(
                "HX-Request",
                "HX-Target",
                "HX-Trigger",
                "HX-Current-URL",
                "HX-Current-URL-URI-AutoEncoded",
                "HX-Boosted",
            ),
            *("Referer", "Origin", "Accept", "Accept-Language", "Accept-Encoding", "Cookie", "User-Agent", "Range"),
            *(
                "If-Modified-Since",
                "If-None-Match",
                "X-Forwarded-For",
                "X-Forwarded-Proto",
                "X-Forwarded-Host",
                "Host",
            ),
            *("X-CSRFToken", "X-Requested-With", "Authorization", "Content-Encoding", "X-HTTP-Method-Override"),
            "X-Request-ID",
        ]
    ),
    st.one_of(
        header_texts,
        st.sampled_from(
            ["true", "history", "import-history", "changes", "http://testserver/import/", "de", "Bearer a token"]
        ),
    ),
    max_size=4,
)
file_names = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
multiparts = st.builds(
    lambda field, name, data, more: (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{field}"; filename="{name}"\r\n{more}\r\n\r\n'.encode()
        + data
        + f"\r\n--{BOUNDARY}--\r\n".encode()
    ),
    names,
    file_names,
    st.one_of(st.just(NETSCAPE), st.binary(max_size=200)),
    st.sampled_from(
        ["", "Content-Type: text/html", "Content-Transfer-Encoding: base64", "Content-Type: a/b; charset=x"]
    ),
)
bodies = st.one_of(
    st.tuples(st.just(FORM), pairs.map(str.encode)),
    st.tuples(st.just(MULTIPART_CONTENT), multiparts),
    st.tuples(
        st.one_of(st.sampled_from([FORM, MULTIPART_CONTENT, "application/json", ""]), header_texts),
        st.binary(max_size=200),
    ),
)


@st.composite
def shots(draw: st.DrawFn) -> Shot:
    """Any request; the address is mostly one that is there."""
    content_type, body = draw(bodies)
    return Shot(
        route=draw(st.sampled_from(routes())),
        is_exact=draw(st.sampled_from([True, True, False])),
        values=draw(st.lists(st.one_of(numbers, texts), min_size=3, max_size=3)),
        method=draw(st.sampled_from(METHODS)),
        query=draw(pairs),
        headers=draw(headers),
        content_type=content_type,
        body=body,
    )


def path_to(shot: Shot, own: Belongings) -> str:
    if shot.is_exact:
        return path_of(shot.route, own)
    values = iter(shot.values)
    route = re.sub(r"\(\?P<url>\.\*\)\$|\^\(\?P<.*?\)/\$|<[^>]*>", "{}", shot.route)
    return "/" + re.sub(r"\{\}", lambda _found: quoted(next(values, "1")), route)


@pytest.mark.django_db
def test_no_request_whatever_is_an_error(pytestconfig: pytest.Config, settings: Settings) -> None:
    settings.IMPORT_EMAIL = True
    settings.REGISTRATION_OPEN = True
    settings.METRICS_TOKEN = "a token"
    settings.ALLOWED_HOSTS = ["testserver"]
    owner = make_user("owner")
    own = belongings(owner)
    # Else the site would rightly say, now or in the course of a long run, that it is not ready.
    Heartbeat.objects.create(pk=1, seen=timezone.now() + timedelta(days=1))
    boss = make_user("boss", is_staff=True, is_superuser=True)
    people: tuple[User | None, ...] = (None, owner, boss)

    @fuzzing(
        max_examples=int(pytestconfig.getoption("--fuzz-requests")),
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(shot=shots(), person=st.sampled_from(people))
    def fire(shot: Shot, person: User | None) -> None:
        with transaction.atomic():
            status = status_of(shot, person, path_to(shot, own))
            transaction.set_rollback(True)
        event(f"{shot.method} {status}")
        assert status < 500, (shot, path_to(shot, own))

    fire()


def status_of(shot: Shot, person: User | None, path: str) -> int:
    client = Client()
    if person:
        client.force_login(person)
    response: Any = client.generic(
        shot.method, path, shot.body, shot.content_type, headers=shot.headers, QUERY_STRING=shot.query
    )
    if response.streaming:
        b"".join(response.streaming_content)
    return int(response.status_code)
