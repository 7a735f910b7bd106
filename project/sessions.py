"""Sessions in the database, as Django keeps them, but read by a statement of fixed text: every request reads one."""

from typing import Any  # what a session holds

from django.contrib.sessions.backends import db
from django.contrib.sessions.models import Session
from django.db import connection
from django.utils import timezone

_TABLE = Session._meta.db_table
_STATEMENT = f"SELECT session_data FROM {_TABLE} WHERE session_key = %s AND expire_date > %s"  # noqa: S608 - no value


class SessionStore(db.SessionStore):
    """Nothing is kept from one request to the next: a session that was ended anywhere has ended everywhere."""

    def load(self) -> dict[str, Any]:
        """Return what the session holds; nothing for one that has ended or never was, whose key is then forgotten."""
        now = connection.ops.adapt_datetimefield_value(timezone.now())
        with connection.cursor() as cursor:
            cursor.execute(_STATEMENT, [self.session_key, now])
            found = cursor.fetchone()
        if found is None:
            self._session_key = None
            return {}
        return self.decode(found[0])
