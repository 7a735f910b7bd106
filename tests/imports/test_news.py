"""The email that tells a person that an import has ended."""

import json

import pytest
from django.core import mail
from django.core.files.base import ContentFile
from django.test import Client
from django.utils import translation
from django_q.models import OrmQ
from pytest_django import Settings

from imports import lifecycle, news, pipeline, uploads
from imports.models import ImportJob
from imports.options import ImportOptions
from tests.factories import make_user

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def has_mail(settings: Settings) -> None:
    """Give the site mail that is kept in memory."""
    settings.MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}
    settings.IMPORT_EMAIL = True


def ended_job(*, notify: bool, name: str = "mine.json", email: str = "ada@example.com") -> ImportJob:
    """Return a completed job of one bookmark."""
    text = json.dumps({"type": "Collection", "items": [{"type": "Link", "href": "https://example.com/"}]})
    user = make_user(email=email)
    job = uploads.submit(ContentFile(text.encode(), name=name), user, ImportOptions(notify=notify), queued=False)
    return pipeline.run_to_end(job)


def queued_mails() -> list[object]:
    """Return the arguments of the mails that wait in the queue."""
    tasks = [message.task for message in OrmQ.objects.all()]
    return [task["args"] for task in tasks if task["func"] == "imports.tasks.send_news"]


@pytest.mark.parametrize("notify", [True, False])
def test_only_who_asked_for_it_gets_an_email(notify: bool) -> None:
    job = ended_job(notify=notify)
    assert queued_mails() == ([(job.pk,)] if notify else [])


def test_the_email_says_what_became_of_the_import() -> None:
    job = ended_job(notify=True)
    assert news.send(job.pk)
    (sent,) = mail.outbox
    assert sent.to == ["ada@example.com"]
    assert sent.subject == "Import of mine.json: completed"
    assert "1 new, 0 updated, 0 skipped, 0 failed" in sent.body


def test_the_email_speaks_the_language_of_the_page_on_which_it_was_asked_for(client: Client) -> None:
    client.force_login(make_user(email="ada@example.com"))
    text = json.dumps({"type": "Collection", "items": [{"type": "Link", "href": "https://example.com/"}]})
    file = ContentFile(text.encode(), name="mine.json")
    with translation.override("en"):  # the page's language would stay that of the thread
        client.post("/import/submit/", {"file": file, "notify": "on"}, headers={"Accept-Language": "de"})
    assert news.send(pipeline.run_to_end(ImportJob.objects.get()).pk)
    (sent,) = mail.outbox
    assert sent.subject == "Import von mine.json: abgeschlossen"
    assert "1 neu, 0 aktualisiert, 0 übersprungen, 0 abgelehnt" in sent.body


def test_a_file_name_cannot_add_headers_to_the_email() -> None:
    job = ended_job(notify=True)
    ImportJob.objects.filter(pk=job.pk).update(file_name="a\r\nBcc: eve@example.com")
    assert news.send(job.pk)
    assert mail.outbox[0].subject == "Import of a Bcc: eve@example.com: completed"
    assert mail.outbox[0].recipients() == ["ada@example.com"]


def test_who_has_no_address_gets_no_email() -> None:
    assert not news.send(ended_job(notify=True, email="").pk)
    assert not news.send(0)
    assert mail.outbox == []


def test_a_site_without_mail_sends_none(settings: Settings) -> None:
    settings.IMPORT_EMAIL = False
    assert not news.send(ended_job(notify=True).pk)
    assert mail.outbox == []


def test_an_undo_sends_none() -> None:
    job = ended_job(notify=True)
    OrmQ.objects.all().delete()
    assert lifecycle.undo(job.user, job.pk)
    job.refresh_from_db()
    pipeline.run_to_end(job)
    assert queued_mails() == []
