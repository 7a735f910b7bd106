"""Rows that do not change, in a real Chromium: nothing is sent for them, nothing moves, and nothing is missed."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Page, Response, expect, sync_playwright

from imports.models import ImportJob, Status
from tests.e2e.conftest import launch
from tests.factories import make_job, make_user

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@dataclass
class Waiting:
    """The import page of somebody whose import waits, and how often each address gave which answer."""

    page: Page
    job: ImportJob
    answers: Counter[tuple[str, int]]

    def change(self, **fields: Any) -> None:
        """Let the import get on."""
        ImportJob.objects.filter(pk=self.job.pk).update(**fields)

    def upload_elsewhere(self) -> None:
        """Let there be another import that waits."""
        make_job(self.job.user, woken_at=timezone.now() + timedelta(hours=1))

    def count(self, path: str, status: int) -> int:
        """Return how often an address gave an answer of this status."""
        return self.answers[path, status]


@pytest.fixture
def waiting(
    django_db_setup: None, chromium: str, live_server: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Waiting]:
    # Playwright runs an event loop in this thread, at which Django would otherwise refuse to touch the database.
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    ago, later = timezone.now() - timedelta(minutes=9, seconds=3), timezone.now() + timedelta(hours=1)
    owner = make_user("robin")
    job = make_job(owner, created=ago, woken_at=later, notices=["Something was noticed."])
    client = Client()
    client.force_login(owner)
    answers: Counter[tuple[str, int]] = Counter()

    def note(response: Response) -> None:
        answers[response.url.removeprefix(live_server.url), response.status] += 1

    with sync_playwright() as playwright:
        context = launch(playwright, chromium).new_context()
        session = {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}
        context.add_cookies([session])  # type: ignore[list-item]  # a plain dict is what it takes
        page = context.new_page()
        page.on("response", note)
        page.goto(f"{live_server.url}/import/")
        yield Waiting(page, job, answers)


def test_a_row_that_waits_is_left_alone_until_it_changes_and_so_is_the_sign(waiting: Waiting) -> None:
    page, path, sign = waiting.page, f"/import/{waiting.job.pk}/row/", "/import/active/"
    expect(page.locator(".imports-sign")).to_contain_text("1 import")
    row = page.locator(f"#job-{waiting.job.pk}")
    element = row.element_handle()
    page.wait_for_timeout(3_600)
    assert waiting.count(path, 204) >= 2
    assert waiting.count(path, 200) == 0
    assert waiting.count(sign, 200) + waiting.count(sign, 204) == 1
    assert element.evaluate("row => row.isConnected")

    waiting.change(status=Status.PROCESSING, total_bookmarks=200, processed_bookmarks=50, prepared_at=timezone.now())
    expect(row).to_contain_text("50 of 200 (25%)", timeout=2_500)
    expect(page.locator(".imports-sign")).to_contain_text("25 %", timeout=3_000)
    waiting.change(processed_bookmarks=100)
    expect(row).to_contain_text("100 of 200 (50%)", timeout=2_500)
    expect(page.locator(".imports-sign")).to_contain_text("50 %", timeout=3_000)
    waiting.change(status=Status.COMPLETED, processed_bookmarks=200, completed_at=timezone.now())
    expect(row).to_have_attribute("data-status", "completed", timeout=2_500)
    expect(page.locator("#live .note")).to_contain_text("was imported", timeout=3_000)
    page.wait_for_timeout(300)
    waiting.answers.clear()
    page.wait_for_timeout(2_200)
    assert not waiting.answers


def test_what_was_closed_in_a_row_that_is_left_alone_stays_so_and_imports_elsewhere_are_asked_for(
    waiting: Waiting,
) -> None:
    page = waiting.page
    details = page.locator(f"#job-{waiting.job.pk}-notices")
    details.locator("summary").click()
    with page.expect_response("**/row/") as answer:
        pass
    assert answer.value.status == 204
    expect(details).to_have_attribute("open", "")
    details.locator("summary").click()
    waiting.upload_elsewhere()
    page.evaluate("document.dispatchEvent(new Event('imports:changed'))")
    expect(page.locator(".imports-sign")).to_contain_text("2 imports", timeout=3_000)
    expect(details).not_to_have_attribute("open", "")
    # One of them is not on this page, so nothing here can tell that it gets on.
    waiting.answers.clear()
    page.wait_for_timeout(2_600)
    assert waiting.count("/import/active/", 204) >= 1
