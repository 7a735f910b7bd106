"""The form that takes a file in, and tells at once what cannot be imported."""

from pathlib import PurePosixPath
from typing import Any, BinaryIO, cast

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext_lazy as _

from bookmarks.drafts import Duplicates, clean_tags
from imports.formats.base import UnreadableFileError
from imports.formats.containers import Expansion, expansion_limit, gunzipped, is_gzip, is_tar, is_zip
from imports.formats.encoding import HEAD_BYTES
from imports.formats.reading import open_export
from imports.formats.registry import accepted_extensions
from imports.options import Folders, ImportOptions

DUPLICATES = [
    (Duplicates.SKIP.value, _("Skip: keep the bookmark as it is")),
    (Duplicates.OVERWRITE.value, _("Overwrite: take everything from the file, also its tags")),
    (Duplicates.MERGE.value, _("Merge: join the tags of both, and keep the longer texts")),
]
FOLDERS = [
    (Folders.LEVELS.value, _("Each folder becomes a tag")),
    (Folders.NEAREST.value, _("The nearest folder becomes a tag")),
    (Folders.PATH.value, _("The whole path becomes one tag")),
    (Folders.NONE.value, _("Folders are left out")),
]


def check_content(file: BinaryIO) -> None:
    """Look at the beginning of a seekable file. Raises UnreadableFileError when nothing in it can be imported.

    The work is bounded: what an archive holds is looked at only by the worker.
    """
    head = file.read(HEAD_BYTES)
    if is_gzip(head):
        size = file.seek(0, 2)
        file.seek(0)
        head = gunzipped(file, Expansion(expansion_limit(size))).read(HEAD_BYTES)
    file.seek(0)
    if not (is_zip(head) or is_tar(head)):
        open_export(file)
        file.seek(0)


class ImportJobForm(forms.Form):
    """A file and how to import it."""

    file = forms.FileField(
        label=_("Export file"),
        error_messages={
            "required": _("Please choose a file."),
            "missing": _("Please choose a file."),
            "empty": _("The file is empty."),
        },
    )
    duplicate_handling = forms.ChoiceField(
        label=_("When a page is already bookmarked"),
        choices=DUPLICATES,
        initial=Duplicates.SKIP.value,
        required=False,
        widget=forms.RadioSelect,
    )
    folders = forms.ChoiceField(
        label=_("Folders in the file"),
        choices=FOLDERS,
        initial=Folders.LEVELS.value,
        required=False,
    )
    tags = forms.CharField(
        label=_("Tags for everything imported"),
        help_text=_("Separated by commas."),
        max_length=1000,
        required=False,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # as forms.Form takes them
        super().__init__(*args, **kwargs)
        self.fields["file"].widget.attrs.update(
            {
                "class": "form-control",
                "accept": ",".join(accepted_extensions()),
                "data-max-bytes": settings.IMPORT_MAX_BYTES,
            }
        )

    def clean_file(self) -> "UploadedFile[bytes]":
        """Refuse what is too large, of a kind that is never an export, or not recognised."""
        file: UploadedFile[bytes] = self.cleaned_data["file"]
        size, limit = file.size or 0, settings.IMPORT_MAX_BYTES
        if size > limit:
            raise forms.ValidationError(too_large(size, limit))
        extension = PurePosixPath(file.name or "").suffix.lower()
        if extension and extension not in accepted_extensions():
            raise forms.ValidationError(
                _("Files that end in %(extension)s cannot be imported. These can: %(accepted)s."),
                params={"extension": extension, "accepted": ", ".join(accepted_extensions())},
            )
        try:
            check_content(cast("BinaryIO", file))
        except UnreadableFileError as error:
            raise forms.ValidationError(str(error)) from error
        return file

    def options(self) -> ImportOptions:
        """Return what the person chose, from a valid form."""
        chosen = self.cleaned_data
        return ImportOptions(
            duplicate_handling=Duplicates(chosen["duplicate_handling"] or Duplicates.SKIP),
            folders=Folders(chosen["folders"] or Folders.LEVELS),
            tags=tuple(name for _key, name in clean_tags(chosen["tags"].split(","))),
        )


def too_large(size: int, limit: int) -> str:
    """Return the sentence for a file of `size` bytes where at most `limit` can be imported."""
    return _("The file has %(size)s; at most %(limit)s can be imported.") % {
        "size": plain_size(size),
        "limit": plain_size(limit),
    }


def plain_size(size: int) -> str:
    """Return a size in bytes as people read it, such as "51.0 MB", with a plain space."""
    return filesizeformat(size).replace("\xa0", " ")
