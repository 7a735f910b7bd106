"""Takes an upload off the wire: what is too large to be imported is counted, but neither kept nor stored."""

import io
from collections.abc import Iterable

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler
from django.http import HttpRequest

# A browser shows no answer that comes before it has sent everything, so a body is read to its end up to this many
# times the limit; one that is longer still is worth nobody's time.
_READ_ANYWAY = 4


def declared_bytes(request: HttpRequest) -> int:
    """Return the size of the request's body as its header declares it, in bytes; 0 when it does not."""
    try:
        return int(request.headers.get("content-length") or 0)
    except ValueError:
        return 0


def largest_body() -> int:
    """Return how large a request may be to be read at all, in bytes."""
    return _READ_ANYWAY * settings.IMPORT_MAX_BYTES


def is_hopeless(request: HttpRequest) -> bool:
    """Whether the body is so far beyond the limit that not even its first byte should be read."""
    return declared_bytes(request) > largest_body()


def limit_upload(request: HttpRequest) -> None:
    """Keep at most `IMPORT_MAX_BYTES` of each file in the request. Nothing may have read the body before."""
    request.upload_handlers = [LimitingHandler(request, request.upload_handlers), *request.upload_handlers]


class LimitingHandler(FileUploadHandler):
    """Hands a file on to `others` up to the limit; of a longer one only the size remains."""

    def __init__(self, request: HttpRequest, others: Iterable[FileUploadHandler]) -> None:
        super().__init__(request)
        self._others = tuple(others)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        """Return the chunk for the handlers that store it, or None to let it go."""
        if start + len(raw_data) <= settings.IMPORT_MAX_BYTES:
            return raw_data
        if start <= settings.IMPORT_MAX_BYTES:
            for storing in self._others:
                storing.upload_interrupted()
        return None

    def file_complete(self, file_size: int) -> "UploadedFile[bytes] | None":
        """Return an empty file that tells its real size in place of one that was too large."""
        if file_size <= settings.IMPORT_MAX_BYTES:
            return None
        return UploadedFile(io.BytesIO(), self.file_name, self.content_type, file_size)
