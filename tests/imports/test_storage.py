"""Uploads in S3-compatible storage: a real endpoint on loopback, with everything that a file goes through."""

import io
import os
import sys
import zipfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, BinaryIO, cast

import boto3
import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ImproperlyConfigured
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.core.files.uploadedfile import SimpleUploadedFile, TemporaryUploadedFile
from django.test import Client
from django.utils import timezone
from environs import Env
from moto.server import ThreadedMotoServer
from pytest_django import Settings

from bookmarks.models import Tag
from imports import lifecycle, pipeline, uploads
from imports.formats.base import ParsedItem
from imports.formats.reading import open_export
from imports.models import ImportJob, Status
from imports.options import ImportOptions
from imports.prepared import prepared_path
from project.account_deletion import close, delete_slice
from project.account_export import account_archive
from project.environment import upload_storage
from project.object_storage import BLOCK_BYTES, ObjectStorage
from tests.factories import make_user

BUCKET, PREFIX = "cairn-uploads", "cairn"
KEYS = {"S3_ACCESS_KEY_ID": "somebody", "S3_SECRET_ACCESS_KEY": "something"}
HTML = b"<!DOCTYPE NETSCAPE-Bookmark-file-1>\n<DL><p>\n%s</DL>"
PAGES = [f"https://example.com/{n}" for n in range(3)]
SUBMIT = "/import/submit/"


class Endpoint:
    """An S3 server that can be away for a while; what it stores outlives that."""

    def __init__(self) -> None:
        self._port = 0
        self.start()

    def start(self) -> None:
        self._server = ThreadedMotoServer("127.0.0.1", self._port, verbose=False)
        self._server.start()
        _host, self._port = self._server.get_host_and_port()
        self.url = f"http://127.0.0.1:{self._port}"

    def stop(self) -> None:
        self._server.stop()

    def client(self) -> Any:  # boto3 makes its classes at run time
        keys = {"aws_access_key_id": "somebody", "aws_secret_access_key": "something"}
        return boto3.client("s3", endpoint_url=self.url, region_name="us-east-1", **keys)


@pytest.fixture(scope="module")
def running_endpoint() -> Iterator[Endpoint]:
    endpoint = Endpoint()
    yield endpoint
    endpoint.stop()


@pytest.fixture
def endpoint(running_endpoint: Endpoint, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Endpoint]:
    """Keep uploads in an empty bucket, set up as an operator does it."""
    client = running_endpoint.client()
    client.create_bucket(Bucket=BUCKET)
    # A host must not hold a file anywhere but in the bucket.
    settings.MEDIA_ROOT = "/dev/null/uploads"
    variables = {"S3_BUCKET": BUCKET, "S3_ENDPOINT_URL": running_endpoint.url, "S3_PREFIX": f"/{PREFIX}/", **KEYS}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    settings.STORAGES = {**settings.STORAGES, "default": upload_storage(Env())}
    monkeypatch.setattr(pipeline, "TROUBLE_SECONDS", 0)
    yield running_endpoint
    client.delete_bucket_policy(Bucket=BUCKET)
    for key in keys(running_endpoint):
        client.delete_object(Bucket=BUCKET, Key=key)
    client.delete_bucket(Bucket=BUCKET)


@pytest.fixture
def ada(db: None) -> User:
    return make_user("ada")


def keys(endpoint: Endpoint) -> list[str]:
    return [entry["Key"] for entry in endpoint.client().list_objects_v2(Bucket=BUCKET).get("Contents", ())]


def links(count: int) -> bytes:
    return HTML % b"".join(b'<DT><A HREF="https://example.com/%d">Page %d</A>\n' % (n, n) for n in range(count))


def large_archive() -> bytes:
    """Return an archive of three blocks; its only export stands in the last."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("picture.png", os.urandom(2 * BLOCK_BYTES))
        archive.writestr("bookmarks.html", links(3))
    return packed.getvalue()


def submit(user: User, content: bytes, name: str = "export.html", **options: Any) -> ImportJob:
    return uploads.submit(ContentFile(content, name), user, ImportOptions(**options), queued=False)


def one_slice(job: ImportJob) -> ImportJob:
    claimed = lifecycle.claim(job.pk)
    assert claimed is not None
    pipeline.run_slice(claimed, should_stop=lambda: False)
    job.refresh_from_db()
    return job


def followed_by[**P, Result](then: Callable[[], None], function: Callable[P, Result]) -> Callable[P, Result]:
    def both(*args: P.args, **keywords: P.kwargs) -> Result:
        result = function(*args, **keywords)
        then()
        return result

    return both


def requests_of(operation: str) -> list[dict[str, Any]]:
    """Return a list that gets the headers of every further request of that kind."""
    seen: list[dict[str, Any]] = []

    def note(request: Any, **_rest: Any) -> None:  # botocore's own request
        seen.append(dict(request.headers))

    storage = storages["default"]
    assert isinstance(storage, ObjectStorage)
    storage.connection.meta.client.meta.events.register(f"before-send.s3.{operation}", note)
    return seen


def test_an_upload_lies_in_the_bucket_under_a_name_of_the_sites_own_and_is_imported(
    endpoint: Endpoint, ada: User, client: Client
) -> None:
    client.force_login(ada)
    upload = SimpleUploadedFile("../../My secret.html", links(3), content_type="text/html")
    assert client.post(SUBMIT, {"file": upload}).status_code == 303
    job = ImportJob.objects.get()
    assert keys(endpoint) == [f"{PREFIX}/{job.file_path}"]
    assert "secret" not in job.file_path
    stored = endpoint.client().get_object(Bucket=BUCKET, Key=keys(endpoint)[0])
    assert (stored["ContentType"], stored["Metadata"]) == ("application/octet-stream", {})
    assert stored["Body"].read() == links(3)
    grants = endpoint.client().get_object_acl(Bucket=BUCKET, Key=keys(endpoint)[0])["Grants"]
    assert not any("URI" in grant["Grantee"] for grant in grants)
    job = pipeline.run_to_end(job)
    assert (job.status, job.created_bookmarks, job.has_upload) == (Status.COMPLETED, 3, False)
    assert keys(endpoint) == []


def test_a_large_upload_goes_in_parts_and_is_read_in_blocks_of_which_only_the_needed_are_fetched(
    endpoint: Endpoint, ada: User
) -> None:
    parts = requests_of("UploadPart")
    with TemporaryUploadedFile("export.zip", "application/zip", 0, None) as file:
        file.write(large_archive())
        file.size = file.tell()
        file.seek(0)
        job = uploads.submit(file, ada, ImportOptions(), queued=False)
    assert [int(part["Content-Length"]) for part in parts][:2] == [BLOCK_BYTES, BLOCK_BYTES]
    reads = requests_of("GetObject")
    with uploads.open_upload(job) as stored:
        assert stored.size == job.file_size
        events = open_export(cast("BinaryIO", stored)).events()
        assert [event.url for event in events if isinstance(event, ParsedItem)] == PAGES
    wanted = [f"bytes={start}-{start + BLOCK_BYTES - 1}" for start in (0, 2 * BLOCK_BYTES)]
    assert [read["Range"] for read in reads] == [text.encode() for text in wanted]


def test_a_stored_file_reads_and_seeks_like_any_other(endpoint: Endpoint, ada: User) -> None:
    content = os.urandom(BLOCK_BYTES + 1000)
    job = submit(ada, content)
    plain = io.BytesIO(content)
    with uploads.open_upload(job) as file:
        for offset, whence, count in ((0, 0, 10), (-20, 2, 100), (BLOCK_BYTES - 5, 0, 10), (-7, 1, 3), (9**9, 0, 5)):
            assert file.seek(offset, whence) == plain.seek(offset, whence)
            assert file.read(count) == plain.read(count)
            assert file.tell() == plain.tell()
        file.seek(0)
        assert file.read() == content
        with pytest.raises(OSError, match="before the start"):
            file.seek(-len(content) - 1, 2)


def test_a_preview_keeps_the_file_and_the_import_after_it_deletes_it(endpoint: Endpoint, ada: User) -> None:
    job = one_slice(submit(ada, links(2), preview=True))
    assert job.awaits_decision
    assert len(keys(endpoint)) == 1
    # As on another host, which has to read the file again.
    prepared_path(job.pk).unlink()
    assert lifecycle.confirm(ada, job.pk)
    assert one_slice(job).created_bookmarks == 2
    assert keys(endpoint) == []


def test_a_host_does_not_go_by_what_it_read_under_other_options(
    endpoint: Endpoint, ada: User, settings: Settings, tmp_path: Path
) -> None:
    """One host reads, another one reads again under other tags, and the first one is to import."""
    job = one_slice(submit(ada, links(2), preview=True, tags=("first",)))
    read_first = prepared_path(job.pk).read_bytes()
    settings.DATA_DIR = tmp_path / "another-host"
    assert lifecycle.preview_again(ada, job.pk, ImportOptions(preview=True, tags=("second",)))
    job = one_slice(job)
    assert prepared_path(job.pk).read_bytes() != read_first
    settings.DATA_DIR = tmp_path
    assert prepared_path(job.pk).read_bytes() == read_first
    assert lifecycle.confirm(ada, job.pk)
    assert one_slice(job).created_bookmarks == 2
    assert list(Tag.objects.owned_by(ada).values_list("name", flat=True)) == ["second"]


def test_a_file_that_breaks_off_is_kept_for_the_retry_that_imports_its_beginning(
    endpoint: Endpoint, ada: User
) -> None:
    whole = b'[{"url": "https://example.com/1", "title": "One"},\n{"url": "https://example.com/2", "title": "T'
    job = one_slice(submit(ada, whole, "export.json"))
    assert (job.status, job.can_import_partly, job.has_upload) == (Status.FAILED, True, True)
    assert lifecycle.retry(ada, job.pk, partial=True)
    job = one_slice(job)
    assert (job.status, job.created_bookmarks) == (Status.COMPLETED, 1)
    assert keys(endpoint) == []


def test_a_file_that_is_gone_fails_the_import_in_plain_words(endpoint: Endpoint, ada: User) -> None:
    job = submit(ada, links(2))
    endpoint.client().delete_object(Bucket=BUCKET, Key=keys(endpoint)[0])
    job = one_slice(job)
    assert (job.status, job.error_message, job.deaths) == (Status.FAILED, pipeline.GONE, 0)


def test_a_storage_that_refuses_fails_the_import_which_can_be_retried_later(endpoint: Endpoint, ada: User) -> None:
    job = submit(ada, links(2))
    policy = (
        '{"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", '
        f'"Resource": "arn:aws:s3:::{BUCKET}/*"}}]}}'
    )
    endpoint.client().put_bucket_policy(Bucket=BUCKET, Policy=policy)
    job = one_slice(job)
    assert (job.status, job.error_message, job.deaths) == (Status.FAILED, pipeline.STORAGE, 0)
    endpoint.client().delete_bucket_policy(Bucket=BUCKET)
    assert lifecycle.retry(ada, job.pk)
    assert one_slice(job).created_bookmarks == 2


def test_while_the_storage_is_away_uploads_say_so_and_imports_wait_without_blame(
    endpoint: Endpoint, ada: User, client: Client
) -> None:
    job = submit(ada, links(2))
    client.force_login(ada)
    endpoint.stop()
    try:
        answer = client.post(SUBMIT, {"file": SimpleUploadedFile("b.html", links(1))}, headers={"HX-Request": "true"})
        assert answer.status_code == 507
        assert "could not store the file" in answer.content.decode()
        assert ImportJob.objects.count() == 1
        for _ in range(lifecycle.DEATHS_UNTIL_FAILED + 1):
            job = one_slice(job)
        assert (job.status, job.deaths, job.lease_expires_at) == (Status.PROCESSING, 0, None)
    finally:
        endpoint.start()
    job = one_slice(job)
    assert (job.status, job.created_bookmarks, job.failed_bookmarks) == (Status.COMPLETED, 2, 0)


@pytest.mark.parametrize("content", [large_archive, lambda: links(150_000)], ids=["archive", "plain"])
def test_a_storage_that_goes_away_while_a_file_is_read_makes_no_damaged_file_of_it(
    endpoint: Endpoint, ada: User, monkeypatch: pytest.MonkeyPatch, content: Callable[[], bytes]
) -> None:
    job = submit(ada, content())
    assert job.file_size > BLOCK_BYTES
    monkeypatch.setattr(ObjectStorage, "_block", followed_by(endpoint.stop, ObjectStorage._block))
    try:
        job = one_slice(job)
    finally:
        endpoint.start()
    assert (job.status, job.deaths, job.error_message, job.prepared_at) == (Status.PROCESSING, 0, "", None)


def test_an_import_that_ends_while_the_storage_is_away_is_complete_and_the_sweep_deletes_its_file(
    endpoint: Endpoint, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = submit(ada, links(2))
    monkeypatch.setattr(lifecycle, "complete", followed_by(endpoint.stop, lifecycle.complete))
    try:
        job = one_slice(job)
        assert (job.status, job.has_upload) == (Status.COMPLETED, True)
        assert not prepared_path(job.pk).exists()
        assert uploads.delete_expired() == uploads.delete_orphans() == 0
    finally:
        endpoint.start()
    assert uploads.delete_expired() == 1
    job.refresh_from_db()
    assert not job.has_upload
    assert keys(endpoint) == []


def test_files_past_their_time_go_from_the_bucket(endpoint: Endpoint, ada: User, settings: Settings) -> None:
    old, fresh = submit(ada, links(1)), submit(make_user("bob"), links(1))
    for job, days in ((old, settings.IMPORT_RETENTION_DAYS + 1), (fresh, 1)):
        ended = timezone.now() - timedelta(days=days)
        ImportJob.objects.filter(pk=job.pk).update(status=Status.FAILED, completed_at=ended)
    assert uploads.delete_expired() == 1
    assert keys(endpoint) == [f"{PREFIX}/{fresh.file_path}"]


def test_files_without_a_job_and_parts_of_uploads_go_after_a_day_however_many_pages_of_them_there_are(
    endpoint: Endpoint, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "2")
    client = endpoint.client()
    job = submit(ada, links(1))
    left = [uploads.save_import_file(ContentFile(b"left", "left.html"), ada) for _ in range(7)]
    client.create_multipart_upload(Bucket=BUCKET, Key=f"{PREFIX}/{uploads.ROOT}/{ada.pk}/begun.html")
    client.put_object(Bucket=BUCKET, Key="of-another-program.html", Body=b"")
    pages = requests_of("ListObjectsV2")
    assert uploads.delete_orphans() == 0
    assert len(pages) == 4
    monkeypatch.setattr(uploads, "ORPHAN_AGE", timedelta(seconds=-5))
    assert uploads.delete_orphans() == len(left)
    monkeypatch.delenv("MOTO_S3_DEFAULT_MAX_KEYS")
    assert keys(endpoint) == [f"{PREFIX}/{job.file_path}", "of-another-program.html"]
    assert client.list_multipart_uploads(Bucket=BUCKET).get("Uploads", []) == []


def test_an_account_takes_its_files_along_and_leaves_none_behind(
    endpoint: Endpoint, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    bob = make_user("bob")
    kept, job = submit(bob, links(1)), submit(ada, links(2))
    uploads.save_import_file(ContentFile(b"left", "left.html"), ada)
    with zipfile.ZipFile(io.BytesIO(b"".join(account_archive(ada)))) as archive:
        assert archive.read(f"uploads/{job.pk}.html") == links(2)
    close(ada)
    endpoint.stop()
    try:
        with pytest.raises(OSError, match="cannot be reached"):
            delete_slice(ada.pk)
    finally:
        endpoint.start()
    assert User.objects.filter(pk=ada.pk).exists()
    delete_slice(ada.pk)
    assert not User.objects.filter(pk=ada.pk).exists()
    assert keys(endpoint) == [f"{PREFIX}/{kept.file_path}"]


def test_without_variables_files_lie_on_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    assert upload_storage(Env()) == {"BACKEND": "django.core.files.storage.FileSystemStorage"}


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        (KEYS, "S3_BUCKET must name the bucket"),
        ({"S3_BUCKET": "Uploads!"}, "S3_BUCKET must be the name of a bucket"),
        ({"S3_BUCKET": BUCKET, "S3_ENDPOINT_URL": "s3.example.org"}, "S3_ENDPOINT_URL must look like"),
        ({"S3_BUCKET": BUCKET, "S3_ENDPOINT_URL": "https://me:word@s3.example.org"}, "S3_ENDPOINT_URL must look like"),
        ({"S3_BUCKET": BUCKET, "S3_ACCESS_KEY_ID": "me"}, "must be given together"),
    ],
)
def test_a_storage_that_cannot_be_is_refused_in_a_sentence_that_tells_no_secret(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], sentence: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ImproperlyConfigured, match=sentence) as refused:
        upload_storage(Env())
    assert "word" not in str(refused.value)
    assert "something" not in str(refused.value)


def test_a_bucket_without_the_packages_it_needs_is_refused_with_the_way_to_get_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("S3_BUCKET", BUCKET)
    monkeypatch.setitem(sys.modules, "storages", None)
    with pytest.raises(ImproperlyConfigured, match=r"requirements-s3\.txt"):
        upload_storage(Env())
