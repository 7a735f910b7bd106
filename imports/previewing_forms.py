"""The options that can still be changed while a preview waits for a decision."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import msgspec
from django import forms
from django.utils.translation import gettext_lazy as _

from bookmarks.drafts import Duplicates, clean_tags
from imports.forms import DUPLICATES, FOLDERS
from imports.models import ImportJob
from imports.options import Folders, ImportOptions

# Beyond this an archive is imported whole: a form of thousands of boxes helps nobody.
MOST_MEMBERS = 500


class SampleForm(forms.Form):
    """What changes how the sample looks. Fields that are not sent stay as the job has them."""

    use_required_attribute = False

    folders = forms.ChoiceField(label=_("Folders in the file"), choices=FOLDERS, required=False)
    tags = forms.CharField(
        label=_("Tags for everything imported"),
        help_text=_("Separated by commas."),
        max_length=1000,
        required=False,
    )

    def __init__(self, job: ImportJob, data: Mapping[str, Any] | None = None) -> None:
        self.job_options = job.options
        super().__init__(data, initial=_initial(job))

    def options(self) -> ImportOptions:
        """Return the job's options with what was chosen here; what is invalid stays as it was."""
        self.full_clean()
        chosen = self.cleaned_data
        changes: dict[str, Any] = {}
        if chosen.get("folders"):
            changes["folders"] = Folders(chosen["folders"])
        if "tags" in self.data and "tags" in chosen:
            tags = tuple(name for _key, name in clean_tags(chosen["tags"].split(",")))
            if set(tags) != set(self.job_options.tags):  # in another order they are the same choice
                changes["tags"] = tags
        return msgspec.structs.replace(self.job_options, **changes)


class PreviewForm(SampleForm):
    """All options that a preview can be made again with."""

    duplicates = forms.ChoiceField(
        label=_("When a page is already bookmarked"),
        choices=DUPLICATES,
        required=False,
        widget=forms.RadioSelect,
    )
    members = forms.MultipleChoiceField(
        label=_("Files in the archive"),
        error_messages={"required": _("Choose at least one file of the archive.")},
        widget=forms.CheckboxSelectMultiple(attrs={"class": "form-check-input"}),
    )

    field_order = ("duplicates", "folders", "tags", "members")

    def __init__(self, job: ImportJob, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(job, data)
        self._names = {member_key(name): name for name, _count in members_of(job)}
        if len(self._names) > 1 and len(self._names) <= MOST_MEMBERS:
            choices = [(member_key(name), name) for name, _count in members_of(job)]
            self.fields["members"].choices = choices  # type: ignore[attr-defined]  # fields are known as Field only
        else:
            del self.fields["members"]

    @property
    def was_sent(self) -> bool:
        """Whether the options were sent along at all: a plain confirmation has none."""
        return any(name in self.data for name in self.fields)

    def options(self) -> ImportOptions:
        """Return what was chosen, from a valid form."""
        options = super().options()
        chosen = self.cleaned_data
        changes: dict[str, Any] = {}
        if chosen.get("duplicates"):
            changes["duplicate_handling"] = Duplicates(chosen["duplicates"])
        if "members" in chosen:
            changes["members"] = self._members(chosen["members"])
        return msgspec.structs.replace(options, **changes)

    def _members(self, keys: list[str]) -> tuple[str, ...]:
        """Return the wanted files in the order of the archive; nothing where all of them are."""
        wanted = tuple(name for key, name in self._names.items() if key in keys)
        return () if len(wanted) == len(self._names) else wanted


def _initial(job: ImportJob) -> dict[str, object]:
    options = job.options
    wanted = [name for name, _count in members_of(job) if not options.members or name in options.members]
    return {
        "duplicates": options.duplicate_handling.value,
        "folders": options.folders.value,
        "tags": ", ".join(options.tags),
        "members": [member_key(name) for name in wanted],
    }


def members_of(job: ImportJob) -> list[tuple[str, int]]:
    """Return the files of the archive with the number of their items, each name once; empty for a single file."""
    counts: dict[str, int] = {}
    for name, count in job.preview.get("members", []):
        counts[name] = counts.get(name, 0) + count
    return list(counts.items())


def member_key(name: str) -> str:
    """Return what stands for a file in the form: a name may hold what no form sends back as it was."""
    return sha256(name.encode(errors="surrogatepass")).hexdigest()[:16]
