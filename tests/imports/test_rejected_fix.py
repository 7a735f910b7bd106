"""Rejected items: looked through, downloaded with their reasons, and fixed one by one or as a table."""

import csv
import io
import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pytest_django import Settings

from bookmarks.models import Bookmark
from imports.fixes import MAX_BYTES, MAX_ROWS, UnreadableTableError, read_corrections
from imports.models import ImportJob, JobEvent, RejectedItem, Status, Work
from imports.options import ImportOptions
from tests.factories import make_bookmark, make_job, make_user

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}
NO_SCHEME = "The address is relative: it does not begin with http:// or https://."


def make_rejecting_job(owner: User, count: int, *, reason: str = "No.", **fields: Any) -> ImportJob:
    """Make an ended import with `count` rejected items at the positions from 1."""
    values = {"status": Status.COMPLETED, "total_bookmarks": count, "processed_bookmarks": count, **fields}
    job = make_job(owner, failed_bookmarks=count, **values)
    RejectedItem.objects.bulk_create(
        RejectedItem(job=job, position=number, url=f"example.com/{number}", title=f"Title {number}", reason=reason)
        for number in range(1, count + 1)
    )
    return job


def page_of(browser: Client, job: ImportJob, query: str = "", **headers: str) -> str:
    response = browser.get(reverse("imports:rejected", args=[job.pk]) + query, headers=headers)
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def fix(browser: Client, job: ImportJob, position: int, *, htmx: bool = False, **data: str) -> Any:
    url = reverse("imports:rejected_fix", args=[job.pk, position])
    return browser.post(url, data, headers=HTMX if htmx else {})


def upload(browser: Client, job: ImportJob, content: bytes | str) -> Any:
    body = content.encode() if isinstance(content, str) else content
    table = SimpleUploadedFile("fixed.csv", body, content_type="text/csv")
    return browser.post(reverse("imports:rejected_upload", args=[job.pk]), {"table": table}, follow=True)


def text_of(response: Any) -> str:
    return " ".join(response.content.decode().split())


def test_the_table_can_be_narrowed_to_a_reason_and_paged(browser: Client, owner: User) -> None:
    job = make_rejecting_job(owner, 60)
    RejectedItem.objects.create(job=job, position=61, title="<i>Lone</i>", reason="It has no address & more.")
    page = page_of(browser, job)
    assert '<option value="">All reasons</option> <option value="No.">No. (60)</option>' in page
    assert page.count('<tr id="rejected-') == 50
    assert "<i>Lone" not in page_of(browser, job, "?page=2")
    assert page_of(browser, job, "?page=2").count('<tr id="rejected-') == 11
    narrowed = page_of(browser, job, "?reason=It+has+no+address+%26+more.", **HTMX, **{"HX-Target": "rejected"})
    assert narrowed.startswith('<section id="rejected"')
    assert narrowed.count('<tr id="rejected-') == 1
    assert "&lt;i&gt;Lone" in narrowed
    assert 'href="?reason=No.&amp;page=2"' in page_of(browser, job, "?reason=No.")
    assert page_of(browser, job, "?reason=Another").count('<tr id="rejected-') == 0


def test_the_page_takes_the_same_queries_whatever_the_number_of_items(browser: Client, owner: User) -> None:
    counts = []
    for job in (make_rejecting_job(owner, 1), make_rejecting_job(owner, 200)):
        with CaptureQueriesContext(connection) as queries:
            page_of(browser, job)
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_the_items_come_as_activitystreams_with_their_reasons(browser: Client, owner: User) -> None:
    job = make_job(owner, status=Status.COMPLETED, file_name="old.html")
    RejectedItem.objects.create(job=job, position=2, url="https://example.com/x", title="X", reason="It died.")
    RejectedItem.objects.create(
        job=job, position=1, url="javascript:x", member="a.html", reason="It is a javascript: address.", fragment="<a>"
    )
    response: Any = browser.get(reverse("imports:rejected_json", args=[job.pk]))
    assert response.streaming
    assert response["Content-Type"] == "application/activity+json"
    assert response["Content-Disposition"] == 'attachment; filename="old-rejected.json"'
    assert response["X-Content-Type-Options"] == "nosniff"
    collection = json.loads(b"".join(response.streaming_content))
    assert (collection["type"], collection["totalItems"]) == ("Collection", 2)
    assert any(isinstance(part, dict) and "cairn" in part for part in collection["@context"])
    assert collection["items"] == [
        {
            "type": "Note",
            "url": "javascript:x",
            "name": "",
            "content": "<a>",
            "cairn:rejected": "It is a javascript: address.",
            "cairn:position": 1,
            "cairn:member": "a.html",
        },
        {
            "type": "Link",
            "url": "https://example.com/x",
            "href": "https://example.com/x",
            "name": "X",
            "cairn:rejected": "It died.",
            "cairn:position": 2,
        },
    ]


def test_a_fixed_item_becomes_a_bookmark_leaves_the_table_and_the_counts_follow(browser: Client, owner: User) -> None:
    options = ImportOptions(tags=("from the old one",)).as_json()
    job = make_rejecting_job(owner, 2, import_options=options)
    response = fix(browser, job, 1, url="https://example.com/1", title="One", tags='walls, "a, b"')
    assert (response.status_code, response.headers["Location"]) == (303, f"/import/{job.pk}/rejected/")
    made = Bookmark.objects.get()
    assert (made.title, made.added_by_import) == ("One", job.pk)
    assert {tag.name for tag in made.tags.all()} == {"walls", "a, b", "from the old one"}
    job.refresh_from_db()
    assert (job.created_bookmarks, job.failed_bookmarks) == (1, 1)
    page = page_of(browser, job)
    assert 'id="rejected-1"' not in page
    assert "1 item could not become a bookmark." in page
    assert "No. (1)" in page


def test_a_fixed_item_is_treated_like_the_others_when_its_page_is_bookmarked(browser: Client, owner: User) -> None:
    make_bookmark(owner, "https://example.com/1", title="Mine")
    job = make_rejecting_job(owner, 1)
    fix(browser, job, 1, url="https://example.com/1", title="Other")
    assert Bookmark.objects.get().title == "Mine"
    job.refresh_from_db()
    assert (job.skipped_bookmarks, job.failed_bookmarks) == (1, 0)


def test_htmx_gets_the_form_in_the_row_and_after_it_nothing_but_the_summary(browser: Client, owner: User) -> None:
    job = make_rejecting_job(owner, 2)
    form = text_of(browser.get(reverse("imports:rejected_fix", args=[job.pk, 2]), headers=HTMX))
    assert form.startswith('<tr id="rejected-2"')
    assert 'value="example.com/2"' in form
    row = text_of(browser.get(reverse("imports:rejected_row", args=[job.pk, 2]), headers=HTMX))
    assert row.startswith('<tr id="rejected-2"')
    assert "<form" not in row
    refused = fix(browser, job, 2, htmx=True, url="javascript:x", title="Two")
    assert refused.status_code == 200
    assert "It is a javascript: address" in text_of(refused)
    assert 'aria-invalid="true"' in text_of(refused)
    answer = text_of(fix(browser, job, 2, htmx=True, url="https://example.com/2", title="Two"))
    assert answer.startswith('<div id="rejected-summary" tabindex="-1" data-focus-after-swap hx-swap-oob="true">')
    assert "1 item could not become a bookmark." in answer
    assert "<tr" not in answer
    assert "Imported: Two" in answer


@pytest.mark.parametrize("url", ["", "/relative", "javascript:alert(1)", "https://", "x" * 70_000])
def test_what_is_still_no_address_is_refused_beside_the_field(browser: Client, owner: User, url: str) -> None:
    job = make_rejecting_job(owner, 1)
    response = fix(browser, job, 1, url=url, title="One")
    assert response.status_code == 422
    assert 'class="errorlist" id="fix-1-url_error"' in text_of(response)
    assert not Bookmark.objects.exists()
    assert job.rejected_items.count() == 1


def test_a_bare_host_is_completed_and_a_long_title_kept(browser: Client, owner: User) -> None:
    job = make_rejecting_job(owner, 1)
    fix(browser, job, 1, url="example.com/1", title="long " * 200)
    made = Bookmark.objects.get()
    assert made.url == "https://example.com/1"
    assert made.description.startswith("long long")


@pytest.mark.parametrize(
    "fields", [{"status": Status.PROCESSING}, {"status": Status.PENDING}, {"status": Status.UNDONE, "work": Work.UNDO}]
)
def test_nothing_can_be_fixed_while_an_import_runs_or_once_it_is_undone(
    browser: Client, owner: User, fields: dict[str, Any]
) -> None:
    job = make_rejecting_job(owner, 1, **fields)
    fix(browser, job, 1, url="https://example.com/1")
    assert "once the import has ended" in text_of(upload(browser, job, "position,url\n1,https://example.com/1\n"))
    assert not Bookmark.objects.exists()
    assert ">Fix<" not in page_of(browser, job)


def test_an_item_that_was_fixed_already_is_said_to_be_gone(browser: Client, owner: User) -> None:
    job = make_rejecting_job(owner, 1)
    for _twice in range(2):
        response = fix(browser, job, 1, htmx=True, url="https://example.com/1")
    assert "not among those that can be fixed" in text_of(response)
    assert Bookmark.objects.count() == 1
    assert JobEvent.objects.count() == 1


def test_nobody_else_can_fix_anything(browser: Client) -> None:
    job = make_rejecting_job(make_user(), 1)
    assert fix(browser, job, 1, url="https://example.com/1").status_code == 404
    assert upload(browser, job, "position,url\n1,https://example.com/1\n").status_code == 404
    assert browser.get(reverse("imports:rejected_row", args=[job.pk, 1])).status_code == 404
    assert not Bookmark.objects.exists()


def test_the_downloaded_table_comes_back_corrected(browser: Client, owner: User) -> None:
    job = make_rejecting_job(owner, 4)
    RejectedItem.objects.filter(position=3).update(title="=1+1")
    response: Any = browser.get(reverse("imports:rejected_csv", args=[job.pk]))
    rows = list(csv.DictReader(io.StringIO(b"".join(response.streaming_content).decode("utf-8-sig"), newline="")))
    for row in rows[1:3]:
        row["url"] = f"https://{row['url']}"
        row["tags"] = 'walls, "a, b"'
    made = io.StringIO(newline="")
    writer = csv.DictWriter(made, [*rows[0], "tags"])
    writer.writeheader()
    writer.writerows(rows)
    page = text_of(upload(browser, job, made.getvalue()))
    assert "2 items of the table were imported" in page
    assert f"Line 2: {NO_SCHEME}" in page
    assert f"Line 5: {NO_SCHEME}" in page
    assert "2 items could not become bookmarks." in page
    assert set(Bookmark.objects.values_list("title", flat=True)) == {"Title 2", "=1+1"}
    assert {tag.name for tag in Bookmark.objects.all()[0].tags.all()} == {"walls", "a, b"}
    job.refresh_from_db()
    assert (job.created_bookmarks, job.failed_bookmarks) == (2, 2)


@pytest.mark.parametrize(
    "content",
    [
        b"position;url;title\n1;https://example.com/\xe4;\xc4rger\n",
        "Position,URL,Title\r\n1,https://example.com/ä,Ärger\r\n".encode("utf-8-sig"),
        "position\turl\ttitle\n1\thttps://example.com/ä\tÄrger\n".encode("utf-16"),
    ],
)
def test_a_table_is_read_as_spreadsheets_save_it(content: bytes) -> None:
    corrections = read_corrections(content, {1})
    assert corrections.problems == []
    assert (corrections.drafts[1].title, corrections.drafts[1].url) == ("Ärger", "https://example.com/ä")


def test_each_line_that_fixes_nothing_says_why() -> None:
    table = "position,url\n,https://a.example\nx,https://a.example\n7,https://a.example\n"
    table += "1,https://a.example\n1,https://b.example\n2\n\n3,'@x\n"
    corrections = read_corrections(table.encode(), {1, 2, 3})
    assert list(corrections.drafts) == [1]
    assert corrections.drafts[1].url == "https://a.example"
    assert corrections.problems == [
        (2, "It has no position."),
        (3, "It has no position."),
        (4, "Item 7 is not rejected (any more), or an earlier line fixes it."),
        (6, "Item 1 is not rejected (any more), or an earlier line fixes it."),
        (7, "It has no address."),
        (9, NO_SCHEME),
    ]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "name its columns"),
        (b"\x00\xff\xfe", "name its columns"),
        (b"url,title\nhttps://a.example,A\n", "name its columns"),
        (b"position,url\n" + b"1,x\n" * (MAX_ROWS + 1), "more than 5,000 lines"),
        (b"position,url\n" + b"x" * MAX_BYTES, "larger than 1 MB"),
    ],
)
def test_what_is_no_such_table_or_too_much_is_refused_with_a_reason(content: bytes, why: str) -> None:
    with pytest.raises(UnreadableTableError, match=why):
        read_corrections(content, {1})


def test_a_table_that_cannot_be_split_into_cells_is_refused_with_the_line() -> None:
    limit = csv.field_size_limit(1_000)
    try:
        with pytest.raises(UnreadableTableError, match="Line 2 of the table is broken"):
            read_corrections(b"position,url\n1," + b"x" * 2_000, {1})
    finally:
        csv.field_size_limit(limit)


def test_a_table_that_is_too_large_or_missing_gets_a_clear_message(
    browser: Client, owner: User, settings: Settings
) -> None:
    job = make_rejecting_job(owner, 1)
    assert "larger than 1 MB" in text_of(upload(browser, job, b"x" * (MAX_BYTES + 1)))
    settings.IMPORT_MAX_BYTES = 1_000
    assert "larger than 1 MB" in text_of(upload(browser, job, b"x" * (MAX_BYTES + 1)))
    url = reverse("imports:rejected_upload", args=[job.pk])
    assert "choose the corrected table" in text_of(browser.post(url, follow=True))


def test_a_table_needs_the_token_against_forged_requests(owner: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(owner)
    job = make_rejecting_job(owner, 1)
    assert upload(strict, job, "position,url\n1,https://example.com/1\n").status_code == 403
    assert not Bookmark.objects.exists()


def test_five_thousand_lines_are_fixed_at_once(browser: Client, owner: User) -> None:
    job = make_rejecting_job(owner, MAX_ROWS)
    lines = "".join(f"{n},https://example.com/{n}\n" for n in range(1, MAX_ROWS + 1))
    assert "5,000 items of the table were imported" in text_of(upload(browser, job, f"position,url\n{lines}"))
    assert Bookmark.objects.count() == MAX_ROWS
    assert "No item is left" in page_of(browser, job)
