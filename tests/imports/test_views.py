"""The import page: who may do what in which state, with htmx and without JavaScript."""

import io
import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.messages import get_messages
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_q.models import OrmQ
from pytest_django import DjangoAssertNumQueries, Settings

from bookmarks.drafts import Duplicates
from imports import uploads
from imports.models import Heartbeat, ImportJob, RejectedItem, Status
from imports.options import Folders
from tests.factories import make_job, make_user
from tests.imports.test_forms import NETSCAPE

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}
PAGE, SUBMIT = "/import/", "/import/submit/"
RETRY, CANCEL = "/import/retry/", "/import/cancel/"


def export(name: str = "bookmarks.html", content: bytes = NETSCAPE) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


def text_of(response: Any) -> str:
    return " ".join(response.content.decode().split())


def messages_of(response: Any) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def assert_sent_back(response: Any) -> None:
    assert (response.status_code, response["Location"]) == (303, PAGE)


def test_the_urls_have_their_names() -> None:
    assert reverse("imports:import") == PAGE
    assert reverse("imports:import_submit") == SUBMIT
    assert reverse("imports:import_retry") == RETRY
    assert reverse("imports:import_cancel") == CANCEL
    assert reverse("imports:job_row", args=[7]) == "/import/7/row/"


def test_the_page_has_its_title_form_and_columns(browser: Client) -> None:
    page = text_of(browser.get(PAGE))
    assert "<title>Import Bookmarks" in page
    assert "<h1>Import Bookmarks</h1>" in page
    assert ">Upload and Import</button>" in page
    assert ">Import History</h2>" in page
    columns = [part.split("<")[0] for part in page.split('role="columnheader">')[1:]]
    assert columns == ["Date", "File Size", "Status", "Bookmarks", "Progress", "Actions"]
    assert page.count('name="duplicate_handling"') == 3
    assert "Nothing has been imported yet." in page


def test_an_upload_without_javascript_is_stored_and_sent_back_with_a_message(browser: Client, owner: User) -> None:
    response = browser.post(SUBMIT, {"file": export("My Bookmarks.HTML"), "duplicate_handling": "overwrite"})
    assert_sent_back(response)
    assert messages_of(response) == ["The file was uploaded and will be imported."]
    job = ImportJob.objects.get()
    assert (job.user, job.status, job.file_name, job.file_size) == (
        owner,
        Status.PENDING,
        "My Bookmarks.HTML",
        len(NETSCAPE),
    )
    assert job.options.duplicate_handling is Duplicates.OVERWRITE
    assert job.file_path.startswith(f"imports/{owner.pk}/")
    with default_storage.open(job.file_path) as stored:
        assert stored.read() == NETSCAPE
    assert OrmQ.objects.count() == 1


def test_an_upload_with_htmx_answers_a_fresh_form_and_the_new_row(browser: Client) -> None:
    response = browser.post(SUBMIT, {"file": export(), "duplicate_handling": "merge", "tags": "old"}, headers=HTMX)
    answer = text_of(response)
    assert response.status_code == 200
    assert answer.startswith('<form id="import-form"')
    assert 'hx-swap-oob="afterbegin:#import-rows"' in answer
    assert f'<tr id="job-{ImportJob.objects.get().pk}"' in answer
    assert "<html" not in answer
    assert 'value="old"' in answer


def test_of_several_files_without_javascript_the_good_ones_go_on_and_the_others_say_why_by_name(
    browser: Client,
) -> None:
    files = [export("one.html"), export("setup.exe"), export("two.html"), export("none.html", b"")]
    response = browser.post(SUBMIT, {"file": files, "links": "https://example.com/\n", "tags": "old"})
    assert_sent_back(response)
    uploaded, program, empty = messages_of(response)
    assert uploaded == "3 files were uploaded and will be imported."
    assert program.startswith("setup.exe: Files that end in .exe cannot be imported.")
    assert empty == "none.html: The file is empty."
    jobs = ImportJob.objects.order_by("pk")
    assert [job.file_name for job in jobs] == ["one.html", "two.html", "pasted-links.txt"]
    assert {job.options.tags for job in jobs} == {("old",)}
    with default_storage.open(jobs[2].file_path) as stored:
        assert stored.read() == b"https://example.com/"


def test_several_files_with_htmx_answer_their_rows_newest_first_and_what_is_wrong_with_the_others(
    browser: Client,
) -> None:
    response = browser.post(SUBMIT, {"file": [export("one.html"), export("x.exe"), export("two.html")]}, headers=HTMX)
    answer = text_of(response)
    assert response.status_code == 200
    assert answer.count("<tr ") == 2
    assert answer.index('title="two.html"') < answer.index('title="one.html"')
    assert "<b>x.exe</b>: Files that end in .exe cannot be imported." in answer


def test_neither_a_file_nor_links_is_said(browser: Client) -> None:
    response = browser.post(SUBMIT, {"links": " "})
    assert_sent_back(response)
    assert messages_of(response) == ["Please choose a file, or paste a list of links."]


def test_pasted_text_that_is_too_long_and_too_many_files_are_said_in_plain_words(browser: Client) -> None:
    long = browser.post(SUBMIT, {"links": "https://example.com/\n" * 200_000})
    assert messages_of(long) == ["The pasted text is too long. Save it as a file, and import that."]
    many = browser.post(SUBMIT, {"file": [export(f"{number}.html") for number in range(101)]})
    assert messages_of(many)[-1] == "At most 100 files can be sent at once."
    assert not ImportJob.objects.exists()


def test_a_preview_is_offered_for_a_first_import_and_only_made_when_asked_for(browser: Client) -> None:
    box = re.compile(r'<input type="checkbox" name="preview"[^>]*>')
    assert "checked" in box.findall(text_of(browser.get(PAGE)))[0]
    browser.post(SUBMIT, {"file": export()})
    assert "checked" not in box.findall(text_of(browser.get(PAGE)))[0]
    response = browser.post(SUBMIT, {"file": export(), "preview": "on"})
    assert messages_of(response)[-1] == "The file was uploaded. Its preview will be ready in a moment."
    assert [job.options.preview for job in ImportJob.objects.order_by("pk")] == [False, True]


@pytest.mark.parametrize(
    ("has_email", "address", "offered"), [(True, "r@example.com", True), (True, "", False), (False, "r@e.com", False)]
)
def test_an_email_is_offered_where_the_site_can_send_one_and_the_person_has_an_address(
    browser: Client, owner: User, settings: Settings, *, has_email: bool, address: str, offered: bool
) -> None:
    settings.IMPORT_EMAIL = has_email
    User.objects.filter(pk=owner.pk).update(email=address)
    assert ('name="notify"' in text_of(browser.get(PAGE))) == offered
    browser.post(SUBMIT, {"file": export(), "notify": "on"})
    assert ImportJob.objects.get().options.notify


def test_more_options_are_kept_with_the_job(browser: Client) -> None:
    browser.post(SUBMIT, {"file": export(), "folders": "nearest", "tags": "old, from work"})
    options = ImportJob.objects.get().options
    assert (options.folders, options.tags) == (Folders.NEAREST, ("from work", "old"))
    assert options.duplicate_handling is Duplicates.SKIP


def test_a_refused_upload_creates_nothing_and_says_why(browser: Client) -> None:
    response = browser.post(SUBMIT, {"file": export("setup.exe")})
    assert_sent_back(response)
    assert "Files that end in .exe cannot be imported." in messages_of(response)[0]
    assert not ImportJob.objects.exists()
    assert not default_storage.exists("imports")


def test_a_refused_upload_with_htmx_answers_the_form_with_the_reason(browser: Client) -> None:
    response = browser.post(SUBMIT, {"file": export(content=b"")}, headers=HTMX)
    answer = text_of(response)
    assert response.status_code == 422
    assert answer.startswith('<form id="import-form"')
    assert "The file is empty." in answer
    assert "<tr" not in answer


def test_a_file_that_is_too_large_is_refused_with_both_sizes(browser: Client, settings: Settings) -> None:
    settings.IMPORT_MAX_BYTES = 2 * 1024 * 1024
    response = browser.post(SUBMIT, {"file": export(content=NETSCAPE + bytes(3 * 1024 * 1024))})
    assert_sent_back(response)
    assert messages_of(response) == ["The file has 3.0 MB; at most 2.0 MB can be imported."]
    assert not ImportJob.objects.exists()


def test_a_hopelessly_large_body_is_not_even_read(browser: Client, owner: User, settings: Settings) -> None:
    settings.IMPORT_MAX_BYTES = 50 * 1024 * 1024

    class Unreadable(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise AssertionError("the body was read")

    environment = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": SUBMIT,
        "CONTENT_TYPE": "multipart/form-data; boundary=x",
        "CONTENT_LENGTH": str(5 * 1024**3),
        "wsgi.input": Unreadable(),
        "HTTP_HX_REQUEST": "true",
    }
    response = browser.request(**environment)
    assert response.status_code == 413
    assert "The file has 5.0 GB; at most 50.0 MB can be imported." in text_of(response)


def test_an_upload_needs_the_csrf_token(owner: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(owner)
    assert strict.post(SUBMIT, {"file": export()}).status_code == 403
    assert not ImportJob.objects.exists()
    strict.get(PAGE)
    token = strict.cookies["csrftoken"].value
    assert_sent_back(strict.post(SUBMIT, {"file": export(), "csrfmiddlewaretoken": token}))
    assert ImportJob.objects.count() == 1


@pytest.mark.parametrize("url", [RETRY, CANCEL])
def test_actions_need_the_csrf_token(owner: User, url: str) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(owner)
    assert strict.post(url, {"import_job_id": make_job(owner).pk}).status_code == 403


def test_a_storage_that_is_full_is_said_in_plain_words(
    browser: Client, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.MEDIA_ROOT = "/dev/null/uploads"
    response = browser.post(SUBMIT, {"file": export()}, headers=HTMX)
    assert response.status_code == 507
    assert "could not store the file" in text_of(response)
    assert "dev/null" not in text_of(response)
    assert "could not be stored" in caplog.text


ACTIONS = [
    (RETRY, {Status.FAILED, Status.CANCELLED, Status.UNDONE}, Status.PENDING),
    (CANCEL, {Status.PENDING, Status.PROCESSING}, Status.CANCELLED),
]


@pytest.mark.parametrize("with_htmx", [False, True])
@pytest.mark.parametrize(("url", "allowed", "outcome"), ACTIONS)
@pytest.mark.parametrize("status", Status)
def test_each_action_in_each_status(
    browser: Client, owner: User, *, url: str, allowed: set[Status], outcome: Status, status: Status, with_htmx: bool
) -> None:
    job = make_job(owner, status=status)
    response = browser.post(url, {"import_job_id": job.pk}, headers=HTMX if with_htmx else {})
    job.refresh_from_db()
    expected = outcome if status in allowed else status
    assert job.status == expected
    if with_htmx:
        assert response.status_code == 200
        assert text_of(response).startswith(f'<tr id="job-{job.pk}"')
        assert f'data-status="{expected.value}"' in text_of(response)
    else:
        assert_sent_back(response)
        assert len(messages_of(response)) == 1


def test_a_retry_can_start_over(browser: Client, owner: User) -> None:
    job = make_job(
        owner,
        status=Status.CANCELLED,
        total_bookmarks=9,
        processed_bookmarks=5,
        created_bookmarks=4,
        failed_bookmarks=1,
    )
    RejectedItem.objects.create(job=job, position=2, reason="No.")
    browser.post(RETRY, {"import_job_id": job.pk, "start_over": "1"})
    job.refresh_from_db()
    assert (job.processed_bookmarks, job.created_bookmarks, job.rejected_items.count()) == (0, 0, 0)


def test_a_retry_resumes_where_the_job_stopped(browser: Client, owner: User) -> None:
    job = make_job(owner, status=Status.CANCELLED, total_bookmarks=9, processed_bookmarks=5, created_bookmarks=5)
    browser.post(RETRY, {"import_job_id": job.pk})
    job.refresh_from_db()
    assert (job.status, job.processed_bookmarks, job.created_bookmarks) == (Status.PENDING, 5, 5)
    assert not job.options.partial


def test_a_retry_can_agree_to_a_part_of_a_broken_file(browser: Client, owner: User) -> None:
    job = make_job(owner, status=Status.FAILED, can_import_partly=True, total_bookmarks=9)
    browser.post(RETRY, {"import_job_id": job.pk, "partial": "1"})
    job.refresh_from_db()
    assert job.options.partial


@pytest.mark.parametrize("number", ["", "seven", "-1", "99999", "99999999999999999999"])
@pytest.mark.parametrize("url", [RETRY, CANCEL])
def test_a_job_that_is_not_there_is_not_found(browser: Client, url: str, number: str) -> None:
    assert browser.post(url, {"import_job_id": number}).status_code == 404


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_another_users_job_is_not_found(browser: Client, headers: dict[str, str]) -> None:
    job = make_job(make_user(), status=Status.FAILED)
    assert browser.get(f"/import/{job.pk}/row/", headers=headers).status_code == 404
    assert browser.post(RETRY, {"import_job_id": job.pk}, headers=headers).status_code == 404
    assert browser.post(CANCEL, {"import_job_id": job.pk}, headers=headers).status_code == 404
    job.refresh_from_db()
    assert job.status == Status.FAILED


def test_another_users_jobs_are_not_in_the_history(browser: Client, owner: User) -> None:
    theirs, mine = make_job(make_user()), make_job(owner)
    page = text_of(browser.get(PAGE))
    assert mine.file_name in page
    assert theirs.file_name not in page


@pytest.mark.parametrize("url", [PAGE, SUBMIT, RETRY, CANCEL, "/import/1/row/"])
def test_nobody_is_sent_to_the_login_page(client: Client, url: str) -> None:
    response = client.get(url) if url in {PAGE, "/import/1/row/"} else client.post(url)
    assert response.status_code == 302
    assert response["Location"].startswith("/accounts/login/")


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_session_that_ended_sends_the_whole_page_to_the_login(client: Client, method: str) -> None:
    headers = {**HTMX, "HX-Current-URL": "http://testserver/import/?page=2"}
    url = "/import/1/row/" if method == "get" else RETRY
    response = getattr(client, method)(url, headers=headers)
    assert response.status_code == 401
    assert response["HX-Redirect"] == "/accounts/login/?next=/import/%3Fpage%3D2"
    assert response.content == b""


def test_nobody_can_fill_the_disk(client: Client) -> None:
    client.post(SUBMIT, {"file": export()})
    assert not ImportJob.objects.exists()
    assert not default_storage.exists("imports")


@pytest.mark.parametrize("url", [SUBMIT, RETRY, CANCEL])
def test_what_changes_something_is_not_got(browser: Client, url: str) -> None:
    assert browser.get(url).status_code == 405


@pytest.mark.parametrize("url", [PAGE, "/import/1/row/"])
def test_what_changes_nothing_is_not_posted(browser: Client, url: str) -> None:
    assert browser.post(url).status_code == 405


def answers(browser: Client, owner: User) -> list[Any]:
    job = make_job(owner)
    return [
        browser.get(PAGE),
        browser.get(f"/import/{job.pk}/row/"),
        browser.post(SUBMIT, {"file": export()}),
        browser.post(CANCEL, {"import_job_id": job.pk}),
        browser.post(RETRY, {"import_job_id": job.pk}),
        Client().get(PAGE),
    ]


def test_caches_keep_fragments_and_pages_apart(browser: Client, owner: User) -> None:
    for response in answers(browser, owner):
        assert "HX-Request" in response["Vary"]


def test_the_history_is_paged_newest_first(browser: Client, owner: User) -> None:
    now = timezone.now()
    for number in range(45):
        make_job(owner, file_name=f"export-{number:02}.html", created=now - timedelta(hours=number))
    first, last = text_of(browser.get(PAGE)), text_of(browser.get(PAGE, {"page": 3}))
    assert first.index("export-00.html") < first.index("export-19.html")
    assert "export-20.html" not in first
    assert 'rel="next" href="?page=2"' in first
    assert 'rel="prev"' not in first
    assert "export-44.html" in last
    assert "export-39.html" not in last
    assert "Page 3 of 3" in last


def test_htmx_gets_a_page_of_the_history_alone(browser: Client, owner: User) -> None:
    make_job(owner)
    part = text_of(browser.get(PAGE, {"page": 1}, headers={**HTMX, "HX-Target": "import-history"}))
    assert part.startswith('<section id="import-history"')
    assert '<form id="import-form"' not in part


def test_the_history_costs_the_same_number_of_queries_however_long(
    browser: Client, owner: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    make_job(owner)
    with django_assert_num_queries(6):
        browser.get(PAGE)
    for number in range(30):
        make_job(owner, status=list(Status)[number % 7], same_file_as=make_job(owner))
    with django_assert_num_queries(6):
        browser.get(PAGE)


def test_the_page_says_when_no_worker_is_at_work(browser: Client) -> None:
    Heartbeat.objects.update_or_create(pk=1, defaults={"seen": timezone.now()})
    assert "No worker is processing imports" not in text_of(browser.get(PAGE))
    Heartbeat.objects.update(seen=timezone.now() - timedelta(hours=2))
    assert "No worker is processing imports; the last sign of one was 2 hours ago." in text_of(browser.get(PAGE))


def test_no_page_has_inline_script_or_style(browser: Client, owner: User) -> None:
    make_job(owner)
    page = text_of(browser.get(PAGE))
    assert "style=" not in page
    assert "<style" not in page
    assert "<script>" not in page


def test_storing_an_upload_again_under_the_same_name_keeps_both(owner: User) -> None:
    options = make_job(owner).options
    one, two = (uploads.submit(export(), owner, options) for _ in range(2))
    assert one.file_path != two.file_path
