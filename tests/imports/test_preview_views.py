"""The preview of an import: what it shows, who sees it when, and what its buttons do, with and without JavaScript."""

import io
import re
from datetime import timedelta
from typing import Any
from zipfile import ZipFile

import pytest
from django.contrib.auth.models import User
from django.contrib.messages import get_messages
from django.core.files.base import ContentFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_q.models import OrmQ
from pytest_django import DjangoAssertNumQueries

from bookmarks.drafts import Duplicates
from bookmarks.models import Bookmark
from imports import pipeline, uploads
from imports.models import ImportJob, Status, Work
from imports.options import Folders, ImportOptions
from imports.previewing_forms import MOST_MEMBERS, member_key
from tests.factories import make_bookmark, make_job, make_user

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}
HOSTILE = "<script>alert(1)</script>"


def sample_item(url: str = "https://example.org/walls", **fields: Any) -> dict[str, Any]:
    flags = dict.fromkeys(("unread", "archived", "favorite", "private"), False)
    texts = {"title": "Dry stone walls", "description": "Foundations and courses."}
    lists = {"tags": ["stones"], "folders": ["Building", "Walls"]}
    return {"url": url, **texts, **lists, "created": "2004-05-06 12:00:00", **flags, **fields}


def found(**fields: Any) -> dict[str, Any]:
    """Return what a preview has found, as a job keeps it."""
    usual = {
        "total": 1250,
        "created": 1234,
        "updated": 0,
        "skipped": 11,
        "failed": 5,
        "joined": 4,
        "present": 7,
        "reasons": {"It has no address.": 3, "It is a javascript: address.": 2},
        "new_tags": 102,
        "tag_names": [f"tag{n}" for n in range(100)],
        "examined": 0,
        "fields": {},
        "examples": [],
        "sample": [sample_item()],
        "members": [],
    }
    return {**usual, **fields}


def make_preview(user: User, options: ImportOptions | None = None, **fields: Any) -> ImportJob:
    """Return a job that waits for a decision; `fields` that are no fields of a job are those of what was found."""
    names = {field.name for field in ImportJob._meta.get_fields()} - {"created", "updated"}
    of_job = {name: fields.pop(name) for name in list(fields) if name in names}
    usual = {
        "status": Status.PREVIEWED,
        "work": Work.PREVIEW,
        "preview": found(**fields),
        "import_options": (options or ImportOptions(preview=True)).as_json(),
        "detected_format": "netscape",
        "years": {"2004": 12, "2006": 3, "": 2},
        "completed_at": timezone.now(),
        "prepared_at": timezone.now(),
    }
    return make_job(user, **{**usual, **of_job})


def text_of(response: Any) -> str:
    return " ".join(response.content.decode().split())


def messages_of(response: Any) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def url(name: str, job: ImportJob) -> str:
    return reverse(f"imports:{name}", args=[job.pk])


def page_of(browser: Client, job: ImportJob) -> str:
    response = browser.get(url("preview", job))
    assert response.status_code == 200
    return text_of(response)


def as_job(job: ImportJob, **changes: Any) -> dict[str, Any]:
    """Return what the form sends when nobody touches it, but for `changes`."""
    options = job.options
    sent = {
        "duplicates": options.duplicate_handling.value,
        "folders": options.folders.value,
        "tags": ", ".join(options.tags),
    }
    return {**sent, **changes}


def test_the_urls_have_their_names() -> None:
    assert reverse("imports:preview", args=[7]) == "/import/7/preview/"
    assert reverse("imports:preview_sample", args=[7]) == "/import/7/preview/sample/"


def test_the_figures_are_those_of_the_preview(browser: Client, owner: User) -> None:
    page = page_of(browser, make_preview(owner, updated=2, file_name="walls.html"))
    assert "<h1>Preview of walls.html</h1>" in page
    assert "Nothing has been imported yet." in page
    shown = dict(re.findall(r'id="preview-(total|created|updated|skipped|failed)">([\d,]+)<', page))
    assert shown == {"total": "1,250", "created": "1,234", "updated": "2", "skipped": "11", "failed": "5"}
    assert "4 items repeat a page of the same file" in page


def test_the_format_is_named_as_people_call_it(browser: Client, owner: User) -> None:
    assert "Pinboard (XML) ·" in page_of(browser, make_preview(owner, detected_format="pinboard-xml"))


@pytest.mark.parametrize(
    ("handling", "sentence"),
    [
        (Duplicates.SKIP, "They stay as they are."),
        (Duplicates.OVERWRITE, "They take everything from the file"),
        (Duplicates.MERGE, "They get the tags of the file as well"),
    ],
)
def test_pages_already_there_come_with_what_happens_to_them(
    browser: Client, owner: User, handling: Duplicates, sentence: str
) -> None:
    page = page_of(browser, make_preview(owner, ImportOptions(preview=True, duplicate_handling=handling)))
    assert "7 pages are already bookmarked" in page
    assert sentence in page


def test_changes_are_shown_by_field_and_with_examples_before_and_after(browser: Client, owner: User) -> None:
    changes = [
        {"field": "title", "before": "Old", "after": "New"},
        {"field": "unread", "before": "True", "after": "False"},
        {"field": "description", "before": "", "after": HOSTILE},
    ]
    changes += [{"field": "created", "before": "2026-11-23 12:12:13.228951", "after": "None"}]
    example = {"url": "https://example.org/a", "title": "Old", "changes": changes}
    page = page_of(browser, make_preview(owner, examined=7, fields={"title": 6, "unread": 1}, examples=[example]))
    assert "In the 7 bookmarks that were looked at, this would change:" in page
    assert "<li>Title <b>6</b></li>" in page
    assert '<th scope="row">Title</th> <td>Old</td> <td>New</td>' in page
    assert '<th scope="row">Unread</th> <td>yes</td> <td>no</td>' in page
    assert '<th scope="row">Description</th> <td>–</td> <td>&lt;script&gt;' in page
    assert '<th scope="row">Date</th> <td>11/23/2026 12:12:13</td> <td>–</td>' in page


def test_nothing_is_said_about_pages_already_there_where_none_is(browser: Client, owner: User) -> None:
    page = page_of(browser, make_preview(owner, present=0, joined=0, failed=0))
    assert "already bookmarked" not in page.split('id="preview-options"')[0]
    assert "repeat" not in page
    assert "cannot become" not in page


def test_rejected_items_are_counted_by_reason(browser: Client, owner: User) -> None:
    page = page_of(browser, make_preview(owner))
    assert "5 items cannot become bookmarks" in page
    assert "<li><b>3</b> <span>It has no address.</span></li>" in page


def test_the_years_are_a_chart_that_words_tell_as_well(browser: Client, owner: User) -> None:
    page = page_of(browser, make_preview(owner))
    chart = page[page.index('<svg class="preview-chart"') : page.index("</figure>")]
    assert chart.count("<rect ") == 4
    assert "<title>2004: 12</title>" in chart
    assert "From 2004 to 2006, most of them in 2004: 12. 2 have no date." in chart
    assert 'role="img" aria-labelledby="preview-span"' in chart
    assert "<li>2006 <b>3</b></li>" in page


def test_the_first_new_tags_are_named_and_the_others_counted(browser: Client, owner: User) -> None:
    page = page_of(browser, make_preview(owner))
    assert "102 new tags" in page
    assert '<li class="tag">tag99</li>' in page
    assert "and 2 more" in page


def test_the_sample_looks_as_the_bookmarks_will(browser: Client, owner: User) -> None:
    items = [sample_item(unread=True, created=None), sample_item("https://example.org/2", title="")]
    page = page_of(browser, make_preview(owner, ImportOptions(preview=True, tags=("from work",)), sample=items))
    sample = page[page.index('id="preview-sample"') :]
    assert sample.count('<li class="bookmark">') == 2
    assert '<a href="https://example.org/2" rel="noopener noreferrer">https://example.org/2</a>' in sample
    for name in ("Building", "Walls", "stones", "from work"):
        assert f'<span class="tag">{name}</span>' in sample
    assert "The day of the import" in sample
    assert "May 6, 2004" in sample
    assert sample.count(">Unread</span>") == 1


def test_an_address_that_was_cut_leads_nowhere(browser: Client, owner: User) -> None:
    cut = f"https://example.org/{'a' * 400}"[:300]
    page = page_of(browser, make_preview(owner, sample=[sample_item(cut)]))
    assert f'href="{cut}"' not in page
    assert cut in page


def test_what_the_file_says_is_text_and_never_markup(browser: Client, owner: User) -> None:
    item = sample_item(title=HOSTILE, description=HOSTILE, tags=[HOSTILE], folders=[HOSTILE])
    job = make_preview(
        owner,
        file_name=f"{HOSTILE}.html",
        notices=[HOSTILE],
        sample=[item],
        reasons={HOSTILE: 5},
        tag_names=[HOSTILE],
        members=[[HOSTILE, 1], ["b", 2]],
    )
    assert HOSTILE not in browser.get(url("preview", job)).content.decode()
    assert HOSTILE not in browser.get(url("preview_discard", job)).content.decode()


def test_a_file_that_was_uploaded_before_is_known_again(browser: Client, owner: User) -> None:
    before = make_job(owner, status=Status.COMPLETED)
    page = page_of(browser, make_preview(owner, same_file_as=before))
    assert "You have uploaded this very file before" in page
    assert "(completed)" in page


def test_the_sample_follows_the_folder_policy_and_the_tags(browser: Client, owner: User) -> None:
    job = make_preview(owner)
    answer = text_of(browser.get(url("preview_sample", job), {"folders": "path", "tags": "Old, new"}, headers=HTMX))
    assert "<html" not in answer
    tags = re.findall(r'<span class="tag">([^<]*)</span>', answer)
    assert sorted(tags) == ["Building/Walls", "Old", "new", "stones"]
    assert "options that are not applied yet" in answer
    assert 'id="preview-news" hx-swap-oob="innerHTML"' in answer
    job.refresh_from_db()
    assert job.options == ImportOptions(preview=True)


def test_the_sample_of_the_jobs_own_options_says_nothing_of_others(browser: Client, owner: User) -> None:
    job = make_preview(owner, ImportOptions(preview=True, tags=("b", "a")))
    answer = text_of(browser.get(url("preview_sample", job), {"folders": "levels"}, headers=HTMX))
    assert "not applied yet" not in answer


def test_a_folder_policy_that_does_not_exist_leaves_the_sample_and_says_so(browser: Client, owner: User) -> None:
    answer = text_of(browser.get(url("preview_sample", make_preview(owner)), {"folders": "all"}, headers=HTMX))
    assert "not one of the available choices" in answer
    assert '<span class="tag">Walls</span>' in answer


@pytest.mark.parametrize("name", ["preview", "preview_sample", "preview_again", "confirm", "preview_discard"])
def test_a_preview_of_somebody_else_is_not_there(client: Client, owner: User, name: str) -> None:
    job = make_preview(owner)
    client.force_login(make_user("eve"))
    send = client.get if name in {"preview", "preview_sample"} else client.post
    assert send(url(name, job), {"confirmed": "1"}).status_code == 404
    job.refresh_from_db()
    assert (job.status, job.is_forgotten) == (Status.PREVIEWED, False)


@pytest.mark.parametrize("name", ["preview", "preview_sample", "preview_discard"])
def test_nobody_sees_it_without_an_account(client: Client, owner: User, name: str) -> None:
    response = client.get(url(name, make_preview(owner)))
    assert response["Location"].startswith("/accounts/login/")


@pytest.mark.parametrize("name", ["preview_again", "confirm"])
def test_nothing_is_decided_by_looking(browser: Client, owner: User, name: str) -> None:
    assert browser.get(url(name, make_preview(owner))).status_code == 405


@pytest.mark.parametrize("status", [status for status in Status if status != Status.PREVIEWED])
def test_only_a_waiting_job_can_be_decided_on(browser: Client, owner: User, status: Status) -> None:
    job = make_preview(owner, status=status)
    for name in ("preview_again", "confirm", "preview_discard"):
        response = browser.post(url(name, job), {"confirmed": "1", **as_job(job, folders="none")})
        assert (response.status_code, response["Location"]) == (303, "/import/")
        assert messages_of(response)[-1] == "This preview does not wait for a decision any more."
    job.refresh_from_db()
    assert (job.status, job.is_forgotten, job.options.folders) == (status, False, Folders.LEVELS)


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.FAILED, Status.CANCELLED, Status.UNDONE])
def test_a_job_that_does_not_wait_any_more_leads_to_the_import_page(
    browser: Client, owner: User, status: Status
) -> None:
    job = make_preview(owner, status=status)
    response = browser.get(url("preview", job))
    assert (response.status_code, response["Location"]) == (303, "/import/")
    for name in ("preview", "preview_sample"):
        assert browser.get(url(name, job), headers=HTMX)["HX-Redirect"] == "/import/"


def test_an_import_at_work_has_no_preview_to_wait_for(browser: Client, owner: User) -> None:
    job = make_preview(owner, status=Status.PROCESSING, work=Work.IMPORT)
    assert browser.get(url("preview", job)).status_code == 303


def test_while_it_is_made_the_page_asks_again_and_can_cancel(browser: Client, owner: User) -> None:
    job = make_preview(owner, status=Status.PENDING, preview={})
    page = page_of(browser, job)
    assert f'hx-get="/import/{job.pk}/preview/" hx-trigger="every 1s"' in page
    assert "The preview waits for a worker." in page
    response = browser.post(reverse("imports:import_cancel"), {"import_job_id": job.pk})
    assert response.status_code == 303
    job.refresh_from_db()
    assert job.status == Status.CANCELLED


def test_a_preview_that_waits_for_an_earlier_import_says_so(browser: Client, owner: User) -> None:
    make_job(owner, status=Status.PROCESSING)
    job = make_preview(owner, status=Status.PENDING, preview={})
    assert "waits until your earlier import has ended" in page_of(browser, job)


def test_the_poll_gets_a_part_that_asks_no_more_once_it_is_there(browser: Client, owner: User) -> None:
    job = make_preview(owner, status=Status.PROCESSING, preview={}, started_at=timezone.now())
    answer = text_of(browser.get(url("preview", job), headers=HTMX))
    assert answer.startswith('<section id="preview"')
    assert "<html" not in answer
    ImportJob.objects.filter(pk=job.pk).update(status=Status.PREVIEWED, preview=found())
    answer = text_of(browser.get(url("preview", job), headers=HTMX))
    assert 'hx-trigger="every' not in answer
    assert "The preview is ready." in answer
    assert 'id="preview-confirm"' in answer
    assert "<html" not in answer


def test_a_lost_message_is_sent_again_by_whoever_waits(browser: Client, owner: User) -> None:
    long_ago = timezone.now() - timedelta(minutes=5)
    job = make_preview(owner, status=Status.PENDING, preview={}, woken_at=long_ago)
    page_of(browser, job)
    assert OrmQ.objects.count() == 1


def test_import_these_imports_under_the_options_of_the_preview(browser: Client, owner: User) -> None:
    job = make_preview(owner, ImportOptions(preview=True, folders=Folders.PATH, tags=("walls", "a b")))
    response = browser.post(url("confirm", job), as_job(job))
    assert (response.status_code, response["Location"]) == (303, "/import/")
    assert messages_of(response) == ["The import begins."]
    job.refresh_from_db()
    assert (job.status, job.work) == (Status.PENDING, Work.IMPORT)
    assert (job.options.folders, job.options.tags) == (Folders.PATH, ("walls", "a b"))
    assert OrmQ.objects.count() == 1


def test_import_these_with_htmx_leads_on_by_a_header(browser: Client, owner: User) -> None:
    job = make_preview(owner)
    response = browser.post(url("confirm", job), as_job(job), headers=HTMX)
    assert response["HX-Redirect"] == "/import/"


def test_a_plain_confirmation_without_options_is_one(browser: Client, owner: User) -> None:
    job = make_preview(owner, members=[["a.html", 1], ["b.html", 2]])
    browser.post(url("confirm", job))
    job.refresh_from_db()
    assert (job.status, job.work) == (Status.PENDING, Work.IMPORT)


@pytest.mark.parametrize("change", [{"duplicates": "merge"}, {"folders": "none"}, {"tags": "old"}])
def test_options_that_were_changed_are_never_imported_unseen(
    browser: Client, owner: User, change: dict[str, str]
) -> None:
    job = make_preview(owner)
    response = browser.post(url("confirm", job), as_job(job, **change))
    assert (response.status_code, response["Location"]) == (303, url("preview", job))
    assert messages_of(response)[0].startswith("Nothing was imported yet: the options were changed")
    job.refresh_from_db()
    assert (job.status, job.work) == (Status.PENDING, Work.PREVIEW)
    assert job.options != ImportOptions(preview=True)


def test_applied_options_are_kept_and_the_others_stay(browser: Client, owner: User) -> None:
    job = make_preview(owner, ImportOptions(preview=True, notify=True, partial=True))
    sent = as_job(job, duplicates="overwrite", folders="nearest", tags="old, old, from work")
    response = browser.post(url("preview_again", job), sent)
    assert (response.status_code, response["Location"]) == (303, url("preview", job))
    job.refresh_from_db()
    assert (job.status, job.work) == (Status.PENDING, Work.PREVIEW)
    assert job.options == ImportOptions(
        duplicate_handling=Duplicates.OVERWRITE,
        folders=Folders.NEAREST,
        tags=("from work", "old"),
        preview=True,
        notify=True,
        partial=True,
    )


@pytest.mark.parametrize("name", ["preview_again", "confirm"])
@pytest.mark.parametrize("change", [{"duplicates": "all"}, {"folders": "all"}, {"tags": "x" * 1001}])
def test_options_that_do_not_exist_change_nothing(
    browser: Client, owner: User, name: str, change: dict[str, str]
) -> None:
    job = make_preview(owner)
    response = browser.post(url(name, job), as_job(job, **change))
    assert response.status_code == 422
    assert "invalid-feedback" in text_of(response)
    job.refresh_from_db()
    assert (job.status, job.options) == (Status.PREVIEWED, ImportOptions(preview=True))


MEMBERS = [["a.html", 1], ["odd\r\nname\t.html", 2], ["c.html", 1003]]
KEYS = [member_key(str(name)) for name, _count in MEMBERS]


def test_the_files_of_an_archive_are_offered_with_their_counts_all_ticked(browser: Client, owner: User) -> None:
    page = page_of(browser, make_preview(owner, members=MEMBERS))
    boxes = re.findall(r'<input[^>]*name="members"[^>]*>', page)
    assert len(boxes) == 3
    assert all(" checked" in box for box in boxes)
    assert "(1,003)" in page


def test_only_ticked_files_are_previewed_and_stay_ticked(browser: Client, owner: User) -> None:
    job = make_preview(owner, members=MEMBERS)
    browser.post(url("preview_again", job), as_job(job, members=[KEYS[2], KEYS[1]]))
    job.refresh_from_db()
    assert job.options.members == ("odd\r\nname\t.html", "c.html")
    ImportJob.objects.filter(pk=job.pk).update(status=Status.PREVIEWED)
    boxes = re.findall(r'<input[^>]*name="members"[^>]*>', page_of(browser, job))
    assert [" checked" in box for box in boxes] == [False, True, True]


def test_all_files_ticked_are_no_choice_that_differs(browser: Client, owner: User) -> None:
    job = make_preview(owner, members=MEMBERS)
    browser.post(url("confirm", job), as_job(job, members=KEYS))
    job.refresh_from_db()
    assert (job.work, job.options.members) == (Work.IMPORT, ())


def test_an_archive_of_which_nothing_is_ticked_is_not_taken_for_all_of_it(browser: Client, owner: User) -> None:
    job = make_preview(owner, members=MEMBERS)
    response = browser.post(url("confirm", job), as_job(job))
    assert response.status_code == 422
    assert "Choose at least one file of the archive." in text_of(response)
    job.refresh_from_db()
    assert job.status == Status.PREVIEWED


def test_an_archive_of_very_many_files_offers_no_choice(browser: Client, owner: User) -> None:
    job = make_preview(owner, members=[[f"{n}.html", 1] for n in range(MOST_MEMBERS + 1)])
    page = page_of(browser, job)
    assert 'name="members"' not in page
    assert "The archive has 501 files" in page
    browser.post(url("confirm", job), as_job(job))
    job.refresh_from_db()
    assert job.work == Work.IMPORT


def test_discarding_asks_on_a_page_where_no_dialog_did(browser: Client, owner: User) -> None:
    job = make_preview(owner)
    page = text_of(browser.post(url("preview_discard", job), {"confirmed": ""}))
    assert "<h1>Discard this preview?</h1>" in page
    assert not ImportJob.objects.get(pk=job.pk).is_forgotten
    response = browser.post(url("preview_discard", job), {"confirmed": "1"})
    assert (response.status_code, response["Location"]) == (303, "/import/")
    assert ImportJob.objects.get(pk=job.pk).is_forgotten
    assert browser.get(url("preview", job)).status_code == 404


def test_asking_for_the_page_of_discarding_discards_nothing(browser: Client, owner: User) -> None:
    job = make_preview(owner)
    assert browser.get(url("preview_discard", job), {"confirmed": "1"}).status_code == 200
    assert not ImportJob.objects.get(pk=job.pk).is_forgotten


@pytest.mark.parametrize(
    ("fields", "is_outdated"),
    [
        ({"status": Status.COMPLETED}, True),
        ({"status": Status.UNDONE, "work": Work.UNDO}, True),
        ({"status": Status.FAILED, "work": Work.PREVIEW}, False),
        ({"status": Status.COMPLETED, "completed_at": timezone.now() - timedelta(days=1)}, False),
    ],
)
def test_a_preview_from_before_another_import_says_so_and_can_be_made_again(
    browser: Client, owner: User, fields: dict[str, Any], *, is_outdated: bool
) -> None:
    job = make_preview(owner)
    make_job(make_user(), status=Status.COMPLETED, completed_at=timezone.now())
    assert "Make the preview again" not in page_of(browser, job)
    make_job(owner, **{"completed_at": timezone.now(), **fields})
    assert ("Make the preview again" in page_of(browser, job)) == is_outdated


def test_a_long_preview_takes_no_more_queries_than_an_empty_one(
    browser: Client, owner: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    few = make_preview(owner, sample=[], tag_names=[], new_tags=0)
    many = make_preview(owner, sample=[sample_item()] * 20, members=[[str(n), n] for n in range(100)])
    for job in (few, many):
        with django_assert_num_queries(3):
            page_of(browser, job)


def zipped(**files: bytes) -> ContentFile[bytes]:
    packed = io.BytesIO()
    with ZipFile(packed, "w") as archive:
        for name, content in files.items():
            archive.writestr(f"{name}.html", content)
    return ContentFile(packed.getvalue(), name="both.zip")


def page_named(title: str, number: int) -> bytes:
    head = "<!DOCTYPE NETSCAPE-Bookmark-file-1><DL><p>"
    return f'{head}<DT><A HREF="https://example.org/{number}" ADD_DATE="1083844800">{title}</A></DL>'.encode()


@pytest.mark.django_db(transaction=True)
def test_a_real_archive_is_previewed_narrowed_down_and_imported(browser: Client, owner: User) -> None:
    make_bookmark(owner, "https://example.org/1", title="Old")
    options = ImportOptions(preview=True, duplicate_handling=Duplicates.OVERWRITE)
    file = zipped(one=page_named("New", 1), two=page_named("Other", 2))
    job = pipeline.run_to_end(uploads.submit(file, owner, options, queued=False))
    page = page_of(browser, job)
    assert '<th scope="row">Title</th> <td>Old</td> <td>New</td>' in page
    assert page.count('name="members"') == 2

    browser.post(url("confirm", job), as_job(job, members=[member_key("two.html")]))
    job.refresh_from_db()
    job = pipeline.run_to_end(job)
    page = page_of(browser, job)
    assert 'id="preview-created">1<' in page
    assert 'id="preview-total">1<' in page
    assert page.count('name="members"') == 2

    browser.post(url("confirm", job), as_job(job, members=[member_key("two.html")]))
    job.refresh_from_db()
    job = pipeline.run_to_end(job)
    assert (job.status, job.created_bookmarks) == (Status.COMPLETED, 1)
    assert set(Bookmark.objects.values_list("title", flat=True)) == {"Old", "Other"}
