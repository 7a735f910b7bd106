"""Asks the web server of this machine whether it lives: the health check of a container. Knows nothing of Django."""

import http.client
import os
import sys
from http import HTTPStatus

TIMEOUT_SECONDS = 8.0


def is_alive() -> bool:
    """Whether the web server answers. That nothing processes the queue is the worker's trouble, not its."""
    # Under a name that the site answers to; a wildcard is no name.
    names = [name.strip(" .*") for name in os.environ.get("ALLOWED_HOSTS", "").split(",")]
    host = next(filter(None, names), "localhost")
    port = int(os.environ.get("PORT", "8000"))
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", "/healthz", headers={"Host": host})
        return connection.getresponse().status in {HTTPStatus.OK, HTTPStatus.SERVICE_UNAVAILABLE}
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(0 if is_alive() else 1)
