"""A preview says what the import then does, and writes nothing."""

from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile

from bookmarks.drafts import Duplicates
from bookmarks.models import Bookmark, Tag
from imports import lifecycle, pipeline, uploads
from imports.models import ImportJob, Status
from imports.options import Folders, ImportOptions
from imports.prepared import prepared_path
from tests.factories import make_user

pytestmark = pytest.mark.django_db(transaction=True)

SAMPLES = Path(__file__).parents[1] / "samples"
SHARED = (Path(__file__).parents[2] / "../shared/samples").resolve()
FILES = sorted(path for folder in (SAMPLES, SHARED) for path in folder.rglob("*") if path.is_file())
COUNTERS = [f"{name}_bookmarks" for name in ("total", "created", "updated", "skipped", "failed")]


def previewed(path: Path, user: User, duplicates: Duplicates, partial: bool = False) -> ImportJob:
    """Return the job of a preview, after it was made."""
    file = SimpleUploadedFile(path.name, path.read_bytes())
    chosen = ImportOptions(duplicate_handling=duplicates, preview=True, partial=partial)
    return pipeline.run_to_end(uploads.submit(file, user, chosen, queued=False))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_numbers_of_a_preview_are_those_of_the_import(path: Path) -> None:
    user = make_user()
    for duplicates in (Duplicates.SKIP, Duplicates.MERGE):
        bookmarks, tags = Bookmark.objects.count(), Tag.objects.count()
        job = previewed(path, user, duplicates, partial=True)
        if job.status == Status.FAILED:
            return
        assert job.status == Status.PREVIEWED
        assert (Bookmark.objects.count(), Tag.objects.count(), job.processed_bookmarks) == (bookmarks, tags, 0)
        foretold = [job.preview[name.removesuffix("_bookmarks")] for name in COUNTERS]
        new_tags = job.preview["new_tags"]

        assert lifecycle.confirm(user, job.pk)
        job.refresh_from_db()
        job = pipeline.run_to_end(job)

        assert job.status == Status.COMPLETED
        assert [getattr(job, name) for name in COUNTERS] == foretold
        assert Tag.objects.count() - tags == new_tags
        assert sum(job.years.values()) == job.total_bookmarks - job.failed_bookmarks
        assert sum(job.preview["reasons"].values()) == job.failed_bookmarks


FOLDERS = b"""<!DOCTYPE NETSCAPE-Bookmark-file-1><DL><p><DT><H3>Recipes</H3><DL><p><DT><H3>Soup</H3><DL><p>
<DT><A HREF="https://example.com/1" ADD_DATE="1100000000">One</A>
<DT><A HREF="https://example.com/2">Two</A></DL><p></DL><p></DL>"""


def folder_preview(user: User) -> ImportJob:
    """Return a job that waits for a decision over a file with folders."""
    file = ContentFile(FOLDERS, name="folders.html")
    return pipeline.run_to_end(uploads.submit(file, user, ImportOptions(preview=True), queued=False))


def test_a_preview_shows_items_with_their_folders_and_the_years() -> None:
    job = folder_preview(make_user())
    sample = job.preview["sample"]
    assert [(item["title"], item["folders"]) for item in sample] == [
        ("One", ["Recipes", "Soup"]),
        ("Two", ["Recipes", "Soup"]),
    ]
    assert job.years == {"2004": 1, "": 1}
    assert (job.preview["new_tags"], job.preview["tag_names"]) == (2, ["Recipes", "Soup"])


def test_a_file_is_read_again_only_for_options_that_change_what_is_read() -> None:
    user = make_user()
    job = folder_preview(user)
    first = prepared_path(job.pk).stat().st_mtime_ns

    assert lifecycle.preview_again(user, job.pk, ImportOptions(duplicate_handling=Duplicates.MERGE, preview=True))
    job.refresh_from_db()
    job = pipeline.run_to_end(job)
    assert prepared_path(job.pk).stat().st_mtime_ns == first

    assert lifecycle.preview_again(user, job.pk, ImportOptions(folders=Folders.PATH, preview=True))
    job.refresh_from_db()
    job = pipeline.run_to_end(job)
    assert prepared_path(job.pk).stat().st_mtime_ns > first
    assert job.preview["tag_names"] == ["Recipes/Soup"]

    second = prepared_path(job.pk).stat().st_mtime_ns
    assert lifecycle.confirm(user, job.pk)
    claim = lifecycle.claim(job.pk)
    assert claim is not None
    assert prepared_path(job.pk).stat().st_mtime_ns == second
    pipeline.run_slice(claim, should_stop=lambda: False)
    assert list(Tag.objects.values_list("name", flat=True)) == ["Recipes/Soup"]


def test_a_preview_says_what_would_change_in_bookmarks_that_are_there() -> None:
    user = make_user()
    pipeline.run_to_end(
        uploads.submit(ContentFile(FOLDERS, name="a.html"), user, ImportOptions(folders=Folders.NONE), queued=False)
    )
    job = pipeline.run_to_end(
        uploads.submit(
            ContentFile(FOLDERS.replace(b">One<", b">One and more<"), name="b.html"),
            user,
            ImportOptions(duplicate_handling=Duplicates.MERGE, preview=True),
            queued=False,
        )
    )
    assert (job.preview["present"], job.preview["examined"]) == (2, 2)
    assert job.preview["fields"] == {"tags": 2, "title": 1}
    first = next(example for example in job.preview["examples"] if example["url"].endswith("/1"))
    assert first["changes"][0] == {"field": "title", "before": "One", "after": "One and more"}


def test_a_preview_whose_file_expired_ends_as_cancelled() -> None:
    user = make_user()
    job = folder_preview(user)
    ImportJob.objects.filter(pk=job.pk).update(completed_at="2020-01-01T00:00:00Z")
    assert uploads.delete_expired() == 1
    job.refresh_from_db()
    assert (job.status, job.has_upload) == (Status.CANCELLED, False)
    assert not lifecycle.confirm(user, job.pk)
