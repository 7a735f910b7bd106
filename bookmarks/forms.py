"""Forms that make and change bookmarks."""

import csv
import re
from collections.abc import Iterable
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from bookmarks.drafts import (
    TAG_MAX_LENGTH,
    TITLE_MAX_LENGTH,
    URL_MAX_LENGTH,
    BookmarkDraft,
    InvalidDraftError,
    clean_tags,
    clean_url,
    draft,
    one_line,
)
from bookmarks.models import Bookmark
from bookmarks.sentences import translated

_TAGS_MAX_LENGTH = 20_000
# What people type who mean a web page: a host with a dot in it, and no scheme.
_BARE_HOST = re.compile(r"[^\s/?#:@]+\.[^\s/?#:@]+(?::\d+)?(?:[/?#]|$)")


def parse_tags(text: str) -> list[str]:
    """Return the names in a comma-separated list; one that has a comma itself stands in double quotes."""
    return [name for row in csv.reader([text], skipinitialspace=True) for name in row]


def format_tags(names: Iterable[str]) -> str:
    """Return names as `parse_tags` reads them."""
    return ", ".join(_quoted(name) if {",", '"'} & set(name) else name for name in names)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


class TagsField(forms.CharField):
    """A comma-separated list of tags, whose value is a list of cleaned names."""

    def __init__(self, **kwargs: Any) -> None:  # those of CharField
        kwargs.setdefault("help_text", _('Separated by commas. A tag with a comma goes in quotes: "salt, pepper".'))
        super().__init__(max_length=_TAGS_MAX_LENGTH, **kwargs)

    def prepare_value(self, value: Any) -> Any:  # names from a bookmark, or the text that was sent
        """Show names as a list that reads back the same."""
        return format_tags(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> Any:  # CharField's value is a text; this one's is a list
        """Return the names; raise ValidationError for one that is too long."""
        names = [one_line(name) for name in parse_tags(one_line(super().clean(value)))]
        for name in names:
            if len(name) > TAG_MAX_LENGTH:
                raise ValidationError(
                    _("A tag has at most %(limit)d characters; this one has %(length)d: %(tag)s"),
                    params={"limit": TAG_MAX_LENGTH, "length": len(name), "tag": f"{name[:TAG_MAX_LENGTH]}…"},
                )
        return [name for _key, name in clean_tags(names)]


class WebUrlField(forms.CharField):
    """The address of a web page; `https://` is put before a bare host name."""

    def __init__(self, **kwargs: Any) -> None:  # those of CharField
        # Not type="url": the browser would refuse a bare host name before anybody could complete it.
        widget = forms.TextInput(attrs={"inputmode": "url", "autocapitalize": "off", "spellcheck": "false"})
        super().__init__(max_length=URL_MAX_LENGTH, widget=widget, **kwargs)

    def clean(self, value: Any) -> str:  # whatever was sent
        """Return the address; raise ValidationError when it can be no bookmark."""
        text = super().clean(value)
        if not text:
            return ""
        if _BARE_HOST.match(text):
            text = f"https://{text}"
        try:
            return clean_url(text)
        except InvalidDraftError as error:
            raise ValidationError(translated(str(error))) from error


class BookmarkForm(forms.Form):
    """All that a person can say about a bookmark."""

    url = WebUrlField(label=_("Address (URL)"))
    title = forms.CharField(
        label=_("Title"),
        max_length=TITLE_MAX_LENGTH,
        required=False,
        help_text=_("Without one, the address stands in."),
    )
    tags = TagsField(label=_("Tags"), required=False)
    description = forms.CharField(
        label=_("Description"), required=False, widget=forms.Textarea(attrs={"rows": 4}), max_length=100_000
    )
    unread = forms.BooleanField(label=_("Unread"), required=False)
    favorite = forms.BooleanField(label=_("Favourite"), required=False)
    archived = forms.BooleanField(label=_("Archived"), required=False)
    private = forms.BooleanField(label=_("Private"), required=False)
    feed_url = WebUrlField(label=_("Address of its feed"), required=False)
    image_url = WebUrlField(label=_("Address of an image"), required=False)

    @classmethod
    def values_of(cls, bookmark: Bookmark) -> dict[str, Any]:  # the initial values of fields of several types
        """Return what the form shows for a bookmark."""
        values = {name: getattr(bookmark, name) for name in cls.base_fields if name != "tags"}
        return values | {"tags": list(bookmark.tags.order_by("key").values_list("name", flat=True))}

    def draft(self) -> BookmarkDraft:
        """Return what a valid form says, ready to be written."""
        return draft(**self.cleaned_data)


class BulkTagsForm(forms.Form):
    """Tags to add to, or take from, the bookmarks that were selected."""

    tags = TagsField()
