"""People who import through whichever web host answers."""

import http.client
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User

from imports.models import ImportJob
from imports.options import ImportOptions
from tests.faults.browser import Browser
from tests.faults.people import Person

# How long a host that was asked for something may still do it after its answer was lost.
LOST_SECONDS = 25.0
TROUBLE = (OSError, http.client.HTTPException, LookupError)


class Visitor(Person):
    """Uploads through a browser; all else is as with any other person of the fault injection."""

    def __init__(self, *, addresses: Callable[[], list[str]], **others: Any) -> None:  # what Person takes
        super().__init__(**others)
        self._addresses = addresses
        self._choice = random.Random(others["seed"])
        self._signed_in: dict[int, Browser] = {}
        self.refused: dict[str, int] = {}

    def _hand_in(self, user: User, path: Path, options: ImportOptions) -> ImportJob:
        """Upload, or find the job of an upload whose answer was lost. Raises OSError when it has to be tried again."""
        if job := _job_of(user, path):
            return job
        browser = self._browser(user)
        try:
            status = browser.upload(
                path.name, path.read_bytes(), duplicates=options.duplicate_handling, preview=options.preview
            )
        except TROUBLE as error:
            return self._found(user, path, error)
        if status != 200:
            self._count(f"upload answered with {status}")
            raise OSError(status)
        job = _job_of(user, path)
        if job is None:
            self._report(f"user {user.pk}: an upload was answered with 200, and there is no job of it")
            raise OSError(status)
        return job

    def _found(self, user: User, path: Path, error: Exception) -> ImportJob:
        self._count(f"upload without an answer: {type(error).__name__}")
        self._signed_in.pop(user.pk, None)
        deadline = time.monotonic() + LOST_SECONDS
        while time.monotonic() < deadline:
            if job := _job_of(user, path):
                return job
            time.sleep(0.5)
        raise OSError(str(error)) from error

    def _browser(self, user: User) -> Browser:
        """Return a browser that is signed in, and at some web host."""
        addresses = self._addresses()
        if not addresses:
            time.sleep(0.2)
            raise OSError("no web host is up")
        browser = self._signed_in.get(user.pk)
        try:
            if browser is None:
                if not user.password:
                    user.set_password("a password")
                    user.save(update_fields=["password"])
                browser = Browser(self._choice.choice(addresses))
                browser.sign_in(user.username)
                self._signed_in = {user.pk: browser}
        except TROUBLE as error:
            self._count("a login failed for want of a host")
            raise OSError(str(error)) from error
        browser.address = self._choice.choice(addresses)
        return browser

    def _count(self, what: str) -> None:
        self.refused[what] = self.refused.get(what, 0) + 1


def _job_of(user: User, path: Path) -> ImportJob | None:
    return ImportJob.objects.filter(user=user, file_name=path.name).first()
