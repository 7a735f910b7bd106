"""Rejected items as a table to download: whole, safe to open, for the owner alone, at the same cost for any number."""

import csv
import io
import tracemalloc
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from imports.models import ImportJob, RejectedItem, Status
from imports.rejects import rejected_csv
from tests.factories import make_job, make_user

pytestmark = pytest.mark.django_db

LONG = "x" * 1_000


def url_of(job: ImportJob) -> str:
    return reverse("imports:rejected_csv", args=[job.pk])


def table_of(response: Any) -> list[list[str]]:
    assert response.status_code == 200
    body = b"".join(response.streaming_content).decode()
    assert body.startswith("\ufeff")
    return list(csv.reader(io.StringIO(body.removeprefix("\ufeff"), newline="")))


def reject(job: ImportJob, count: int, *, after: int = 0) -> None:
    numbers = range(after + 1, after + count + 1)
    RejectedItem.objects.bulk_create(
        RejectedItem(job=job, position=number, url=f"javascript:{number}", reason="No.", fragment=LONG)
        for number in numbers
    )


def test_every_rejected_item_is_in_the_table_in_the_order_of_the_file(browser: Client, owner: User) -> None:
    job = make_job(owner, status=Status.COMPLETED, file_name="my bookmarks.html")
    texts = {"member": "a/b.html", "title": 'Größe, "quoted"', "url": "file:///x", "reason": "It is a file: address."}
    RejectedItem.objects.create(job=job, position=7, **texts, fragment="<a>\nline</a>")
    RejectedItem.objects.create(job=job, position=3, reason="It has no address.")
    RejectedItem.objects.create(job=make_job(owner), position=1, reason="Of another import.")
    response: Any = browser.get(url_of(job))
    assert table_of(response) == [
        ["position", "member", "title", "url", "reason", "fragment"],
        ["3", "", "", "", "It has no address.", ""],
        ["7", *texts.values(), "<a>\nline</a>"],
    ]
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"] == 'attachment; filename="my bookmarks-rejected.csv"'


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_what_a_spreadsheet_would_calculate_gets_an_apostrophe(browser: Client, owner: User, start: str) -> None:
    job = make_job(owner)
    formula = f"{start}cmd|' /C calc'!A0"
    RejectedItem.objects.create(job=job, position=1, **dict.fromkeys(["title", "url", "reason", "fragment"], formula))
    RejectedItem.objects.create(job=job, position=2, title=f"1{start}1", reason="No.")
    _head, first, second = table_of(browser.get(url_of(job)))
    assert first == ["1", "", *[f"'{formula}"] * 4]
    assert second[2] == f"1{start}1"


def test_a_job_without_rejected_items_gives_an_empty_table(browser: Client, owner: User) -> None:
    assert len(table_of(browser.get(url_of(make_job(owner))))) == 1


def test_another_users_table_is_not_found_and_nobody_is_sent_to_the_login_page(browser: Client) -> None:
    theirs = url_of(make_job(make_user()))
    assert browser.get(theirs).status_code == 404
    assert browser.get("/import/999999/rejected.csv").status_code == 404
    assert browser.post(theirs).status_code == 405
    response: Any = Client().get(theirs)
    assert (response.status_code, response["Location"]) == (302, f"/accounts/login/?next={theirs}")


@pytest.mark.parametrize("failed", [0, 300])
def test_the_row_links_to_the_table_when_there_is_something_in_it(browser: Client, owner: User, failed: int) -> None:
    job = make_job(owner, status=Status.COMPLETED, failed_bookmarks=failed)
    row = browser.get(reverse("imports:job_row", args=[job.pk])).content.decode()
    assert (f'href="{url_of(job)}"' in row) == ("Download all as CSV" in row) == bool(failed)


def test_the_table_costs_the_same_number_of_queries_however_long(
    browser: Client, owner: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    job = make_job(owner)
    reject(job, 2_500)
    with django_assert_num_queries(4):
        assert len(table_of(browser.get(url_of(job)))) == 2_501


def test_the_first_lines_come_before_the_others_are_read(owner: User) -> None:
    job = make_job(owner)
    reject(job, 3_000)
    with CaptureQueriesContext(connection) as queries:
        chunks = rejected_csv(job)
        assert len(queries) == 0
        first = next(chunks)
    assert b"javascript:1," in first
    assert b"javascript:2000," not in first


def test_memory_does_not_grow_with_the_number_of_rejected_items(owner: User) -> None:
    job = make_job(owner)
    reject(job, 2_000)
    small = peak_memory(job)
    reject(job, 8_000, after=2_000)
    # A part is read into a megabyte; the whole would take eight more.
    assert peak_memory(job) < small + 1_500_000


def peak_memory(job: ImportJob) -> int:
    tracemalloc.start()
    try:
        for _chunk in rejected_csv(job):
            pass
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
