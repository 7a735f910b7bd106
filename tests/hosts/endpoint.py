"""The S3 endpoint of a run, in a process of its own."""

import contextlib
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3

from tests.project.processes import Started, eventually, started

BUCKET = "cairn-uploads"
KEYS = {"S3_ACCESS_KEY_ID": "somebody", "S3_SECRET_ACCESS_KEY": "something"}


class Endpoint:
    """A server that is there, or says nothing for a while."""

    def __init__(self, process: Started, port: int) -> None:
        self._process, self.port = process, port

    def environment(self, port: int, address: str = "127.0.0.1") -> dict[str, str]:
        """Return what a site needs to know that reaches the endpoint at `address` and `port`."""
        return {"S3_BUCKET": BUCKET, "S3_ENDPOINT_URL": f"http://{address}:{port}", "S3_REGION": "us-east-1", **KEYS}

    def client(self) -> Any:  # boto3 makes its classes at run time
        """Return a client of the endpoint."""
        keys = {"aws_access_key_id": "somebody", "aws_secret_access_key": "something"}
        return boto3.client("s3", endpoint_url=f"http://127.0.0.1:{self.port}", region_name="us-east-1", **keys)

    def objects(self) -> list[str]:
        """Return the names of all that is stored."""
        pages = self.client().get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
        return [entry["Key"] for page in pages for entry in page.get("Contents", ())]

    def fall_silent(self) -> None:
        """Answer nothing more, and refuse nothing either."""
        self._process.send(signal.SIGSTOP)

    def speak(self) -> None:
        """Answer again."""
        self._process.send(signal.SIGCONT)


@contextlib.contextmanager
def s3_endpoint(folder: Path) -> Iterator[Endpoint]:
    """Run an endpoint with an empty bucket."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-c", "from moto.server import main; main()", "-p", str(port)]
    with started(command, log=folder / "s3.log", environment={}) as process:
        if not eventually(lambda: _answers(port), seconds=30):
            raise RuntimeError(process.text())
        endpoint = Endpoint(process, port)
        endpoint.client().create_bucket(Bucket=BUCKET)
        yield endpoint


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError):
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    return False
