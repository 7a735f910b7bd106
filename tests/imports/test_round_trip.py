"""Export, import into an empty account, export again: the same bytes, in every format; and through other services."""

import html
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.db import transaction
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from bookmarks.drafts import BookmarkDraft, Duplicates, InvalidDraftError, draft
from bookmarks.exports import EXPORTS
from bookmarks.models import Bookmark, Tag
from bookmarks.upsert import upsert_bookmarks
from imports.formats.base import ParsedItem
from imports.formats.reading import open_export
from imports.models import Status
from imports.normalize import normalize
from imports.options import ImportOptions
from imports.pipeline import run_to_end
from imports.uploads import submit
from tests.exported import without_moment
from tests.factories import make_bookmark, make_user

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.django_db

SAVED = datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)

AWKWARD: dict[str, dict[str, Any]] = {
    "nothing": {},
    "everything": {
        "title": "A title",
        "description": "A description",
        "tags": ["one", "two"],
        "updated": SAVED + timedelta(days=3),
        "feed_url": "https://example.com/feed",
        "image_url": "https://example.com/image.png",
        "unread": True,
        "archived": True,
        "favorite": True,
        "private": True,
    },
    "fractions": {"created": SAVED.replace(microsecond=123_456), "updated": SAVED.replace(microsecond=5)},
    "dates of long ago": {"created": datetime(1992, 5, 6, tzinfo=UTC), "updated": datetime(1999, 5, 6, tzinfo=UTC)},
    "markup": {"title": "<b>bold</b> &amp; &lt;", "description": "<p>para</p><script>x</script> <a href='x'>y</a>"},
    "quotes": {"title": "\"double\" and 'single'", "description": "]]> --> \"'", "tags": ['"quoted"', "<tag>"]},
    "lines": {"description": "one\ntwo\n\n\nfour\n  indented\tby tab\n- \u2028 -"},
    "blanks": {"title": "two  blanks and a\u00a0hard one", "description": "two  blanks  "},
    "tag with a comma": {"tags": ["a, b", "c"]},
    "tag with a blank": {"tags": ["machine learning"]},
    "tags with blanks": {"tags": ["machine learning", "to do"]},
    "tags with slashes": {"tags": ["a/b", "/c"]},
    "tags that are flags elsewhere": {"tags": ["toread", "linkding:bookmarks.archived", "unread"]},
    "tags in any case": {"tags": ["Zebra", "apple", "Äpfel", "日本", "🪨"]},
    "notes as linkding has them": {"description": "before\n[linkding-notes]notes[/linkding-notes]\nafter"},
    "folder-like title": {"title": "<DT><H3>Folder</H3><DL><p>"},
    "javascript-like title": {"title": "javascript:alert(1)"},
    "plain language": {"title": "null", "description": "[]", "tags": ["null", "[]", "{}"]},
    "reversed date": {"updated": SAVED - timedelta(days=1)},
    "long": {"title": "t" * 500, "description": "d" * 50_000, "tags": ["x" * 64]},
    "emoji and scripts": {"title": "日本語 🪨 עברית \u200f", "description": "é e\u0301 \ufeff \ufffd"},
    "control-like": {"title": "a\u0085b\u2028c", "description": "a\x0bb\x85c\ufffe\uffff"},
}

AWKWARD_URLS = [
    "https://example.com",
    "HTTP://Example.COM:80/a/../b?z=1&a=2&utm_source=x#frag",
    "https://bücher.example/ü?q=ü#ü",
    "https://example.com/?q=\"quoted\"&r='single'&s=<tag>&amp;t=%22",
    "https://example.com/a b?c d",
    "https://me:pass@example.com/",
    "https://example.com/" + "x" * 5_000,
    "https://example.com/]]>--><!--",
]


# What linkding and Pinboard can both hold; linkding archives as well.
KNOWN: list[dict[str, Any]] = [
    {"url": "https://example.com/", "title": "Plain"},
    {
        "url": "https://example.com/?a=1&b=2#c",
        "title": 'A <b>title</b> & "quotes"',
        "description": "First line\nsecond & <last>",
        "tags": ["one", "zwei", "\u4e09"],
        "unread": True,
        "private": True,
    },
    {"url": "https://example.com/alone", "title": "One tag", "tags": ["alone"], "private": True},
    {"url": "https://example.com/unread", "tags": ["one"], "unread": True},
    {"url": "https://example.com/untagged", "title": "\u00dcn\u00efcode \U0001faa8", "description": "Only a note"},
]


def as_linkding(found: dict[str, Any], saved: int) -> str:
    get = found.get
    tags = ",".join([*get("tags", ()), *(["linkding:bookmarks.archived"] if get("archived") else [])])
    flags = f'PRIVATE="{int(get("private", False))}" TOREAD="{int(get("unread", False))}"'
    note = f"<DD>{html.escape(found['description'])}\n\r" if get("description") else ""
    href = html.escape(found["url"])
    return (
        f'<DT><A HREF="{href}" ADD_DATE="{saved}" LAST_MODIFIED="{saved}" {flags} TAGS="{tags}">'
        f"{html.escape(get('title', ''))}</A>\n\r{note}"
    )


def as_pinboard(found: dict[str, Any], saved: int) -> str:
    get = found.get
    unread = ' TOREAD="1"' if get("unread") else ""
    tags = html.escape(",".join(get("tags", ())))
    note = f"<DD>{html.escape(found['description'])}\n" if get("description") else ""
    return (
        f'<DT><A HREF="{html.escape(found["url"])}" ADD_DATE="{saved}" PRIVATE="{int(get("private", False))}"'
        f'{unread} TAGS="{tags}">{html.escape(get("title", ""))}</A>\n\n{note}'
    )


def pinboard_fields(found: dict[str, Any], saved: int) -> dict[str, str]:
    moment = datetime.fromtimestamp(saved, UTC)
    return {
        "href": found["url"],
        "description": found.get("title", ""),
        "extended": found.get("description", ""),
        "time": f"{moment:%Y-%m-%dT%H:%M:%SZ}",
        "shared": "no" if found.get("private") else "yes",
        "toread": "yes" if found.get("unread") else "no",
        "tags": " ".join(found.get("tags", ())),
    }


def netscape_file(write: Callable[[dict[str, Any], int], str], made: list[tuple[dict[str, Any], int]]) -> str:
    head = "<!DOCTYPE NETSCAPE-Bookmark-file-1>\n<TITLE>Bookmarks</TITLE>\n<H1>Bookmarks</H1>\n<DL><p>"
    return head + "".join(write(found, saved) for found, saved in made) + "</DL><p>\n"


def pinboard_xml_file(made: list[tuple[dict[str, Any], int]]) -> str:
    posts = ET.Element("posts", user="ann")
    for found, saved in made:
        fields = pinboard_fields(found, saved)
        ET.SubElement(posts, "post", {"tag": fields.pop("tags"), **fields})
    return ET.tostring(posts, encoding="unicode")


WRITERS: dict[str, Callable[[list[tuple[dict[str, Any], int]]], str]] = {
    "linkding.html": lambda made: netscape_file(as_linkding, made),
    "pinboard.html": lambda made: netscape_file(as_pinboard, made),
    "pinboard.json": lambda made: json.dumps([pinboard_fields(*each) for each in made]),
    "pinboard.xml": pinboard_xml_file,
}


@pytest.mark.parametrize("name", WRITERS)
def test_bookmarks_that_went_through_another_service_come_back_the_same(name: str) -> None:
    one, other = make_user(), make_user()
    archived = [{**KNOWN[1], "url": "https://example.com/archived", "archived": True}] if "linkding" in name else []
    known = [*KNOWN, *archived]
    for fields in known:
        make_bookmark(one, **{"created": SAVED, "updated": SAVED, **fields})

    data = WRITERS[name]([(fields, int(SAVED.timestamp())) for fields in known]).encode()
    job = submit(ContentFile(data, name=name), other, ImportOptions(), queued=False)
    run_to_end(job)

    assert (job.status, job.failed_bookmarks) == (Status.COMPLETED, 0)
    assert list(stored(other)) == list(stored(one))
    assert Bookmark.objects.owned_by(other).count() == len(known)


def exported(user: User, name: str) -> bytes:
    """Return an export without the one thing that may differ, the moment it was made."""
    return without_moment(b"".join(EXPORTS[name].export(Bookmark.objects.owned_by(user))))


def import_as_upload(data: bytes, user: User, *, name: str) -> None:
    job = submit(ContentFile(data, name=EXPORTS[name].file_name), user, ImportOptions(), queued=False)
    run_to_end(job)
    assert (job.status, job.error_message, job.failed_bookmarks) == (Status.COMPLETED, "", 0)


@pytest.mark.parametrize("name", EXPORTS)
@pytest.mark.parametrize("fields", AWKWARD.values(), ids=AWKWARD)
def test_an_awkward_bookmark_comes_back_the_same(name: str, fields: dict[str, Any]) -> None:
    one, other = make_user(), make_user()
    make_bookmark(one, "https://example.com/", **{"created": SAVED, "updated": SAVED, **fields})

    first = exported(one, name)
    import_as_upload(first, other, name=name)

    assert exported(other, name) == first


@pytest.mark.parametrize("name", EXPORTS)
def test_a_whole_account_comes_back_the_same(name: str) -> None:
    one, other = make_user(), make_user()
    for number, fields in enumerate([*AWKWARD.values(), *({"created": SAVED},) * 30]):
        make_bookmark(one, f"https://example.com/{number}", **{"created": SAVED, **fields})
    for url in AWKWARD_URLS:
        make_bookmark(one, url, created=SAVED)

    first = exported(one, name)
    import_as_upload(first, other, name=name)

    assert exported(other, name) == first
    assert Bookmark.objects.owned_by(other).count() == len(AWKWARD) + 30 + len(AWKWARD_URLS)


def test_the_house_format_loses_nothing() -> None:
    one, other = make_user(), make_user()
    for number, fields in enumerate(AWKWARD.values()):
        make_bookmark(one, f"https://example.com/{number}", **{"created": SAVED, **fields})

    import_as_upload(exported(one, "activitystreams"), other, name="activitystreams")

    assert list(stored(other)) == list(stored(one))


@pytest.mark.parametrize("name", ["netscape", "opml"])
def test_the_other_formats_lose_fractions_of_seconds_alone(name: str) -> None:
    one, other = make_user(), make_user()
    make_bookmark(one, "https://example.com/", **{"created": SAVED, **AWKWARD["everything"]})
    make_bookmark(one, "https://example.com/2", created=SAVED.replace(microsecond=1), updated=SAVED)

    import_as_upload(exported(one, name), other, name=name)

    Bookmark.objects.owned_by(one).filter(url__endswith="2").update(created=SAVED)
    assert list(stored(other)) == list(stored(one))


@pytest.mark.postgres
@pytest.mark.processes
def test_both_databases_export_the_same_bytes(postgres_url: str, tmp_path: Path) -> None:
    user = make_user("round-trip")
    for number, fields in enumerate(AWKWARD.values()):
        moment = SAVED + timedelta(microseconds=number)
        make_bookmark(user, f"https://example.com/{number}", **{"created": moment, "updated": moment, **fields})
    file = tmp_path / EXPORTS["activitystreams"].file_name
    file.write_bytes(exported(user, "activitystreams"))

    def on_postgres(*arguments: str) -> bytes:
        environment = {"DATABASE_URL": postgres_url, "DJANGO_SUPERUSER_PASSWORD": "a password"}
        command = [sys.executable, str(ROOT / "manage.py"), *arguments]
        return subprocess.run(command, env={**os.environ, **environment}, check=True, stdout=subprocess.PIPE).stdout

    on_postgres("migrate", "--verbosity=0")
    on_postgres("createsuperuser", "--noinput", f"--username={user}", "--email=me@example.com")
    on_postgres("import_bookmarks", str(file), f"--user={user}", "--json")

    for name in EXPORTS:
        found = on_postgres("export_bookmarks", f"--user={user}", f"--format={name}")
        assert without_moment(found) == exported(user, name)


def stored(user: User) -> Iterator[tuple[object, ...]]:
    fields = [name for name in BookmarkDraft.__struct_fields__ if name != "tags"]
    for bookmark in Bookmark.objects.owned_by(user).order_by("unique_hash"):
        yield (*(getattr(bookmark, name) for name in fields), sorted(bookmark.tags.values_list("name", flat=True)))


TEXT = st.text(
    st.sampled_from("ab ,;/<>&\"'\n\t\r\x0b\x0c\x1c\x85\xa0\u2028\u3000\ufeff\ufffe[]{}%#\\=-") | st.characters(),
    max_size=12,
)
MOMENTS = st.datetimes(datetime(1990, 1, 2), datetime(2026, 1, 1), timezones=st.just(UTC))


@st.composite
def drafts(draw: st.DrawFn) -> BookmarkDraft:
    optional_url = st.just("") | TEXT.map("https://example.com/".__add__)
    try:
        return draft(
            url="https://example.com/" + draw(TEXT),
            title=draw(TEXT),
            description=draw(TEXT),
            tags=draw(st.lists(TEXT, max_size=3)),
            created=draw(MOMENTS),
            updated=draw(MOMENTS),
            unread=draw(st.booleans()),
            archived=draw(st.booleans()),
            favorite=draw(st.booleans()),
            private=draw(st.booleans()),
            feed_url=draw(optional_url),
            image_url=draw(optional_url),
        )
    except InvalidDraftError:
        assume(False)
        raise


def store(user: User, made: Sequence[BookmarkDraft]) -> None:
    Bookmark.objects.owned_by(user).delete()
    Tag.objects.owned_by(user).delete()
    with transaction.atomic():
        upsert_bookmarks(user.pk, made, duplicates=Duplicates.SKIP)


@pytest.mark.parametrize("name", EXPORTS)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(made=st.lists(drafts(), min_size=1, max_size=4))
@example(made=[draft(url="https://example.com/", title="a  b", description="c", tags=["d e"], created=SAVED)])
def test_any_bookmarks_come_back_the_same(name: str, user: User, made: list[BookmarkDraft]) -> None:
    store(user, made)
    first = exported(user, name)
    events = list(open_export(io.BytesIO(first)).events())

    store(user, [normalize(event, ImportOptions()) for event in events if isinstance(event, ParsedItem)])

    assert exported(user, name) == first


@pytest.fixture
def user() -> User:
    return make_user()
