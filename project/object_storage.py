"""Uploads in S3-compatible storage: private, sent and read in blocks, and in trouble by OSError as any file is."""

import errno
import io
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import IO, TYPE_CHECKING, Any

from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, IncompleteReadError
from botocore.exceptions import ConnectionError as UnconnectedError
from django.conf import settings
from django.core.files.base import File
from storages.backends.s3 import S3Storage

from imports.uploads import StorageAwayError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

# Also the least that a part of a multipart upload may have, but for the last.
BLOCK_BYTES = 5 * 1024 * 1024
# A worker's lease must not run out while it waits: it holds for 15 seconds and is renewed between two blocks.
_CONNECT_SECONDS, _READ_SECONDS, _ATTEMPTS = 2, 5, 2
_BUSY_CODES = {"SlowDown", "RequestTimeout", "RequestTimeTooSkewed"}


class ObjectStorage(S3Storage):  # type: ignore[misc]  # django-storages has no types
    """A bucket whose objects nobody gets an address of.

    Everything raises FileNotFoundError for an object that is not there, ConnectionError for a storage that cannot be
    reached or asks to be left in peace, and another OSError for one that refuses.
    """

    def get_default_settings(self) -> dict[str, Any]:  # settings of several types
        """Return what the bucket's address and keys are added to."""
        config = Config(
            signature_version="s3v4",
            connect_timeout=_CONNECT_SECONDS,
            read_timeout=_READ_SECONDS,
            retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
            # Many a storage that speaks S3 does not know the newer checksums.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
        defaults: dict[str, Any] = super().get_default_settings()
        return defaults | {
            "client_config": config,
            # In threads, as many parts as there are threads would be held in memory.
            "transfer_config": TransferConfig(
                use_threads=False, multipart_threshold=BLOCK_BYTES, multipart_chunksize=BLOCK_BYTES
            ),
            "file_overwrite": False,
            "default_acl": None,
            # What a browser says about a file is kept out of the bucket as its name is.
            "object_parameters": {"ContentType": "application/octet-stream"},
        }

    def _open(self, name: str, mode: str = "rb") -> "File[bytes]":
        if mode != "rb":
            raise ValueError(f"an upload is not opened with mode {mode!r}")
        key = self._normalize_name(name)
        first = self._block(key, 0)
        size, version = int(first["ContentRange"].rpartition("/")[2]), first["ETag"]

        def fetch(number: int) -> bytes:
            try:
                return _body(self._block(key, number, IfMatch=version))
            except ConnectionError as error:
                # Whoever reads an archive takes an OSError for a damaged file.
                raise StorageAwayError(str(error)) from error

        blocks = _Blocks(size, fetch)
        blocks.keep(0, _body(first))
        return File(io.BufferedReader(blocks), name)

    def _block(self, key: str, number: int, **conditions: str) -> dict[str, Any]:  # as S3 answers
        start = number * BLOCK_BYTES
        with _as_os_errors(key):
            answer: dict[str, Any] = self.connection.meta.client.get_object(
                Bucket=self.bucket_name, Key=key, Range=f"bytes={start}-{start + BLOCK_BYTES - 1}", **conditions
            )
            return answer

    def _save(self, name: str, content: "File[bytes]") -> str:
        with _as_os_errors(name):
            return str(super()._save(name, content))

    def delete(self, name: str) -> None:
        """Delete an object; one that is not there is fine."""
        with _as_os_errors(name):
            super().delete(name)

    def exists(self, name: str) -> bool:
        """Whether there is such an object."""
        with _as_os_errors(name):
            return bool(super().exists(name))

    def files(self, folder: str) -> Iterator[tuple[str, datetime]]:
        """Yield every object below `folder` with the time since when it is there, a page of 1,000 at a time."""
        listing = self.connection.meta.client.get_paginator("list_objects_v2")
        with _as_os_errors(folder):
            for page in listing.paginate(Bucket=self.bucket_name, Prefix=self._normalize_name(f"{folder}/")):
                for entry in page.get("Contents", ()):
                    yield entry["Key"][len(self.location) :].lstrip("/"), entry["LastModified"]

    def delete_unfinished(self, folder: str, before: datetime) -> int:
        """Delete the parts of uploads begun before a moment that never came to an end; return of how many."""
        client, gone = self.connection.meta.client, 0
        prefix = self._normalize_name(f"{folder}/")
        with _as_os_errors(folder):
            pages = client.get_paginator("list_multipart_uploads").paginate(Bucket=self.bucket_name, Prefix=prefix)
            for begun in [begun for page in pages for begun in page.get("Uploads", ())]:
                if begun["Initiated"] < before:
                    client.abort_multipart_upload(
                        Bucket=self.bucket_name, Key=begun["Key"], UploadId=begun["UploadId"]
                    )
                    gone += 1
        return gone


class _Blocks(io.RawIOBase):
    """An object to read: each block is fetched when it is first asked for, and then kept in a temporary file."""

    def __init__(self, size: int, fetch: Callable[[int], bytes]) -> None:
        super().__init__()
        self._size, self._fetch = size, fetch
        self._position = 0
        self._kept: set[int] = set()
        self._spool: IO[bytes] = tempfile.TemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR)  # noqa: SIM115 - see close

    def keep(self, number: int, data: bytes) -> None:
        """Take a block that was fetched."""
        self._spool.seek(number * BLOCK_BYTES)
        self._spool.write(data)
        self._kept.add(number)

    def readinto(self, buffer: "WriteableBuffer") -> int:
        number, offset = divmod(self._position, BLOCK_BYTES)
        view = memoryview(buffer).cast("B")
        count = max(0, min(len(view), self._size - self._position, BLOCK_BYTES - offset))
        if count and number not in self._kept:
            self.keep(number, self._fetch(number))
        self._spool.seek(self._position)
        data = self._spool.read(count)
        view[: len(data)] = data
        self._position += len(data)
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        position = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        if position < 0:
            raise OSError(errno.EINVAL, "before the start of the file")
        self._position = position
        return position

    def tell(self) -> int:
        return self._position

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def close(self) -> None:
        self._spool.close()
        super().close()


def _body(answer: dict[str, Any]) -> bytes:  # as S3 answers
    with _as_os_errors("the rest of an object"):
        data: bytes = answer["Body"].read()
        return data


@contextmanager
def _as_os_errors(name: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        code = error.response.get("Error", {}).get("Code", "")
        if status == 404 and code != "NoSuchBucket":
            raise FileNotFoundError(f"{name} is not stored") from error
        if status >= 500 or status == 429 or code in _BUSY_CODES:
            raise ConnectionError(f"the storage is in trouble: {code or status}") from error
        raise PermissionError(f"the storage refuses: {code or status}") from error
    except (UnconnectedError, HTTPClientError, IncompleteReadError) as error:
        raise ConnectionError("the storage cannot be reached") from error
    except BotoCoreError as error:
        raise PermissionError(f"the storage cannot be used: {error}") from error
