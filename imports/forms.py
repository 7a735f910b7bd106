"""The form that takes a file in, and tells at once what cannot be imported."""

from pathlib import PurePosixPath
from typing import Any, BinaryIO, cast

from django import forms
from django.conf import settings
from django.core.files.base import ContentFile, File
from django.core.files.uploadedfile import UploadedFile
from django.http import QueryDict
from django.template.defaultfilters import filesizeformat
from django.utils.datastructures import MultiValueDict
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from bookmarks.drafts import Duplicates, clean_tags
from imports.formats.base import UnreadableFileError
from imports.formats.reading import check_beginning
from imports.formats.registry import accepted_extensions
from imports.options import Folders, ImportOptions
from imports.sentences import translated

_NO_LINKS = _("No links were found in the text. Put one address on each line, beginning with https://.")
PASTED_NAME = "pasted-links.txt"
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


class ImportJobForm(forms.Form):
    """A file and how to import it.

    The page offers several files and a text field at once; each of them is then checked in a form of its own, which
    `forms_of` makes.
    """

    use_required_attribute = False

    file = forms.FileField(
        label=_("Export files"),
        error_messages={
            "required": _("Please choose a file, or paste a list of links."),
            "missing": _("Please choose a file, or paste a list of links."),
            "empty": _("The file is empty."),
        },
    )
    links = forms.CharField(
        label=_("Links"),
        help_text=_("One address on each line; a title may follow it."),
        required=False,
        widget=forms.Textarea(attrs={"rows": 6, "spellcheck": "false", "class": "form-control"}),
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

    preview = forms.BooleanField(
        label=_("Preview first"),
        help_text=_("Shows what the import would do, before anything is written."),
        required=False,
    )
    notify = forms.BooleanField(label=_("Send me an email when it is done"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # as forms.Form takes them
        super().__init__(*args, **kwargs)
        self.fields["file"].widget.attrs.update(
            {
                "class": "form-control",
                "accept": ",".join(accepted_extensions()),
                "multiple": True,
                "data-max-bytes": settings.IMPORT_MAX_BYTES,
            }
        )

    def clean_file(self) -> "File[bytes]":
        """Refuse what is too large, of a kind that is never an export, or not recognised."""
        file: File[bytes] = self.cleaned_data["file"]
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
            check_beginning(cast("BinaryIO", file))
        except UnreadableFileError as error:
            problem = translated(str(error)) if isinstance(file, UploadedFile) else _NO_LINKS
            raise forms.ValidationError(problem) from error
        file.seek(0)
        return file

    def options(self) -> ImportOptions:
        """Return what the person chose, from a valid form."""
        chosen = self.cleaned_data
        return ImportOptions(
            duplicate_handling=Duplicates(chosen["duplicate_handling"] or Duplicates.SKIP),
            folders=Folders(chosen["folders"] or Folders.LEVELS),
            tags=tuple(name for _key, name in clean_tags(chosen["tags"].split(","))),
            preview=chosen["preview"],
            notify=chosen["notify"],
            language=get_language() or "",
        )


def forms_of(data: QueryDict, files: MultiValueDict[str, "UploadedFile[bytes]"]) -> list[ImportJobForm]:
    """Return a form for each file that was sent, and for the links that were pasted; one that says so for none."""
    received: list[File[bytes]] = list(files.getlist("file"))
    if pasted := data.get("links", "").strip():
        received.append(ContentFile(pasted.encode("utf-8", "replace"), PASTED_NAME))
    return [ImportJobForm(data, {"file": file}) for file in received] or [ImportJobForm(data)]


def too_large(size: int, limit: int) -> str:
    """Return the sentence for a file of `size` bytes where at most `limit` can be imported."""
    return _("The file has %(size)s; at most %(limit)s can be imported.") % {
        "size": plain_size(size),
        "limit": plain_size(limit),
    }


def plain_size(size: int) -> str:
    """Return a size in bytes as people read it, such as "51.0 MB", with a plain space."""
    return filesizeformat(size).replace("\xa0", " ")
