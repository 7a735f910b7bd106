"""Makes the accounts of a load test directly in the database: nobody waits for 200 password hashes or logins.

A session is all that a browser brings along after a login, so it is what each person of the test gets. Run as a module
with the environment of the site: `python -m tests.load.accounts WATCHERS WAITING IMPORTERS`.
"""

import json
import os
import sys
from datetime import timedelta
from importlib import import_module

import django

WAITING_HOURS = 1
PAST_IMPORTS = 5


def main(watchers: int, waiting: int, importers: int) -> None:
    """Print the session keys of both kinds of people as JSON; of the first kind so many have an import that waits."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
    django.setup()
    made = {"watchers": sessions("watcher", watchers), "importers": sessions("importer", importers)}
    give_imports("watcher", waiting)
    print(json.dumps(made))


def sessions(name: str, count: int) -> list[str]:
    """Make so many accounts and return the key of a session for each."""
    # Models are there only after the setup above.
    from django.conf import settings
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.auth.hashers import make_password
    from django.contrib.auth.models import User

    unusable = make_password(None)
    users = User.objects.bulk_create(User(username=f"{name}-{n}", password=unusable) for n in range(count))
    store = import_module(settings.SESSION_ENGINE).SessionStore
    keys = []
    for user in users:
        session = store()
        session[SESSION_KEY] = str(user.pk)
        session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
        session[HASH_SESSION_KEY] = user.get_session_auth_hash()
        session.create()
        keys.append(session.session_key)
    return keys


def give_imports(name: str, waiting: int) -> None:
    """Give each person a history, and so many an import that waits, whose row the page therefore asks for each second.

    Its message is not sent, and not missed for WAITING_HOURS, so that it stays so for as long as the test takes.
    """
    from django.contrib.auth.models import User
    from django.utils import timezone

    from imports.models import ImportJob, Status
    from imports.options import ImportOptions

    now = timezone.now()
    options = ImportOptions().as_json()
    past = {"status": Status.COMPLETED, "has_upload": False, "total_bookmarks": 900, "processed_bookmarks": 900}
    past |= {"created_bookmarks": 900, "prepared_at": now, "completed_at": now + timedelta(seconds=1)}
    pending = {"status": Status.PENDING, "woken_at": now + timedelta(hours=WAITING_HOURS)}
    users = list(User.objects.filter(username__startswith=name))
    given: list[tuple[User, dict[str, object]]] = [(user, past) for user in users for _ in range(PAST_IMPORTS)]
    ImportJob.objects.bulk_create(
        ImportJob(user=user, file_path="imports/none", file_name="bookmarks.html", import_options=options, **fields)
        for user, fields in [*given, *((user, pending) for user in users[:waiting])]
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
