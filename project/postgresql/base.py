"""What Django looks for in a database backend."""

import select
import time

from django.db.backends.postgresql import base

TRUSTED_SECONDS = 5.0
"""For so long after its last answer a connection counts as alive, unless the server has said anything meanwhile."""


class DatabaseWrapper(base.DatabaseWrapper):
    """Sees that a server has gone without a round trip at each request: what it has closed can be read from."""

    _answered_at = float("-inf")

    def is_usable(self) -> bool:
        """Whether the connection lives."""
        is_trusted = time.monotonic() - self._answered_at < TRUSTED_SECONDS and not self.errors_occurred
        if is_trusted and self._is_silent():
            return True
        is_usable = super().is_usable()
        if is_usable:
            self._answered_at = time.monotonic()
        return is_usable

    def _is_silent(self) -> bool:
        if self.connection is None or self.connection.closed:
            return False
        poll = select.poll()
        poll.register(self.connection.pgconn.socket, select.POLLIN)
        return not poll.poll(0)
