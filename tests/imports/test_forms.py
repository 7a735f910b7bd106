"""The upload form: what it takes, what it refuses, and how little of a file it reads."""

import gzip
import io
import tarfile
import zipfile

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile, UploadedFile
from django.http import QueryDict
from django.utils.datastructures import MultiValueDict
from pytest_django import Settings

from bookmarks.drafts import Duplicates
from imports.forms import PASTED_NAME, ImportJobForm, forms_of
from imports.options import Folders, ImportOptions

NETSCAPE = (
    b"<!DOCTYPE NETSCAPE-Bookmark-file-1>\n<TITLE>Bookmarks</TITLE>\n<H1>Bookmarks</H1>\n<DL><p>\n"
    b'<DT><A HREF="https://example.com/" ADD_DATE="1700000000">Example</A>\n</DL><p>\n'
)


def form_with(content: bytes, name: str = "bookmarks.html", **data: str) -> ImportJobForm:
    return ImportJobForm(data, {"file": SimpleUploadedFile(name, content)})


def problem_of(form: ImportJobForm) -> str:
    assert not form.is_valid()
    return str(form.errors["file"][0])


def test_a_known_export_is_taken_with_the_usual_options() -> None:
    form = form_with(NETSCAPE)
    assert form.is_valid(), form.errors
    assert form.options() == ImportOptions(language="en")


def test_the_file_can_be_read_from_its_start_after_validation() -> None:
    form = form_with(NETSCAPE)
    assert form.is_valid()
    assert form.cleaned_data["file"].read() == NETSCAPE


def test_the_choices_become_options() -> None:
    form = form_with(NETSCAPE, duplicate_handling="merge", folders="path", tags=" old, Gute  Sachen ,, old")
    assert form.is_valid(), form.errors
    assert form.options() == ImportOptions(
        duplicate_handling=Duplicates.MERGE, folders=Folders.PATH, tags=("Gute Sachen", "old"), language="en"
    )


def test_a_preview_and_an_email_are_asked_for_by_ticking_a_box_alone() -> None:
    form = form_with(NETSCAPE, preview="on", notify="on")
    assert form.is_valid(), form.errors
    assert form.options() == ImportOptions(preview=True, notify=True, language="en")


def test_each_file_and_pasted_links_get_a_form_of_their_own() -> None:
    files: MultiValueDict[str, UploadedFile[bytes]] = MultiValueDict(
        {"file": [SimpleUploadedFile("a.html", NETSCAPE), SimpleUploadedFile("b.exe", b"MZ")]}
    )
    made = forms_of(QueryDict("links=https%3A%2F%2Fexample.com%2F+A+title&tags=old"), files)
    assert [form.is_valid() for form in made] == [True, False, True]
    assert [made[number].cleaned_data["file"].name for number in (0, 2)] == ["a.html", PASTED_NAME]
    assert made[2].cleaned_data["file"].read() == b"https://example.com/ A title"
    assert {form.options().tags for form in made if form.is_valid()} == {("old",)}


def test_pasted_text_without_a_link_is_told_what_is_wanted() -> None:
    (form,) = forms_of(QueryDict("links=hello,%20world"), MultiValueDict())
    assert "No links were found in the text." in problem_of(form)


def test_neither_files_nor_text_makes_one_form_that_says_so() -> None:
    (form,) = forms_of(QueryDict("links=%20%0A"), MultiValueDict())
    assert "choose a file" in problem_of(form)


@pytest.mark.parametrize("kept", [40, 90])
def test_a_gzip_file_that_is_cut_off_is_taken_for_what_can_be_read_of_it(kept: int) -> None:
    packed = gzip.compress(NETSCAPE)
    assert form_with(packed[: len(packed) * kept // 100], "bookmarks.html.gz").is_valid()


def test_an_unknown_choice_is_refused() -> None:
    assert "duplicate_handling" in form_with(NETSCAPE, duplicate_handling="replace").errors


def test_a_file_that_is_too_large_is_told_both_sizes(settings: Settings) -> None:
    settings.IMPORT_MAX_BYTES = 50 * 1024 * 1024
    large = UploadedFile(io.BytesIO(), "bookmarks.html", size=51 * 1024 * 1024)
    problem = problem_of(ImportJobForm({}, {"file": large}))
    assert problem == "The file has 51.0 MB; at most 50.0 MB can be imported."


def test_a_file_as_large_as_the_limit_is_taken(settings: Settings) -> None:
    settings.IMPORT_MAX_BYTES = len(NETSCAPE)
    assert form_with(NETSCAPE).is_valid()


@pytest.mark.parametrize("name", ["setup.exe", "photo.PNG", "bookmarks.html.exe"])
def test_an_extension_no_export_has_is_refused_and_the_others_are_named(name: str) -> None:
    problem = problem_of(form_with(NETSCAPE, name))
    assert f".{name.rpartition('.')[2].lower()} cannot be imported" in problem
    assert ".html" in problem


@pytest.mark.parametrize("name", ["bookmarks.json", "bookmarks", "BOOKMARKS.HTM"])
def test_the_content_decides_among_the_extensions_that_exports_have(name: str) -> None:
    assert form_with(NETSCAPE, name).is_valid()


def test_an_empty_file_is_refused() -> None:
    assert problem_of(form_with(b"")) == "The file is empty."


def test_no_file_is_refused() -> None:
    assert problem_of(ImportJobForm({}, {})) == "Please choose a file, or paste a list of links."


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "an image"),
        (b'{"a": ]', "line 1, column 7"),
        (b'{"answer": 42}', "not an export that Cairn knows"),
        (b"   \n", "nothing but white space"),
        (gzip.compress(b'{"answer": 42}', mtime=0), "not an export that Cairn knows"),
    ],
)
def test_content_that_no_format_knows_is_refused_with_what_it_is(content: bytes, said: str) -> None:
    assert said in problem_of(form_with(content, "export.json"))


def packed_in_zip(content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("bookmarks.html", content)
    return buffer.getvalue()


def packed_in_tar(content: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        member = tarfile.TarInfo("bookmarks.html")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("export.zip", packed_in_zip(NETSCAPE)),
        ("export.tgz", packed_in_tar(NETSCAPE)),
        ("bookmarks.html.gz", gzip.compress(NETSCAPE)),
    ],
)
def test_packed_exports_are_taken(name: str, content: bytes) -> None:
    form = form_with(content, name)
    assert form.is_valid(), form.errors
    assert form.cleaned_data["file"].read() == content


class CountingFile(io.BytesIO):
    """A file that knows how much of it was read."""

    read_bytes = 0

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        self.read_bytes += len(data)
        return data


@pytest.mark.parametrize("pack", [bytes, packed_in_zip, packed_in_tar, gzip.compress])
def test_validation_reads_no_more_of_a_large_file_than_of_a_small_one(pack: object) -> None:
    large = NETSCAPE.replace(b"</DL>", b'<DT><A HREF="https://example.com/%s">x</A>\n' % (b"x" * 5_000_000) + b"</DL>")
    file = CountingFile(pack(large) + bytes(5_000_000))  # type: ignore[operator] # any of the packers
    form = ImportJobForm({}, {"file": UploadedFile(file, "bookmarks.html", size=len(file.getvalue()))})
    assert form.is_valid(), form.errors
    assert file.read_bytes < 1_000_000


def test_the_file_dialog_offers_what_can_be_imported() -> None:
    field = str(ImportJobForm()["file"])
    assert ".html" in field
    assert ".zip" in field
    assert " multiple" in field
    assert ".exe" not in field
