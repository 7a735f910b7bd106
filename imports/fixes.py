"""Rejected items that a person corrects: one in a form, or many in the table that was downloaded."""

import csv
import io
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bookmarks.drafts import BookmarkDraft, InvalidDraftError, draft
from bookmarks.forms import TagsField, WebUrlField, parse_tags
from bookmarks.listing import whole_number
from bookmarks.sentences import translated
from imports.rejects import undefused

MAX_BYTES = 1_000_000
MAX_ROWS = 5_000
_NEEDED = ("position", "url")
# Byte order mark, name of the encoding. Spreadsheets of some languages save none, and in their own code page.
_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


class FixForm(forms.Form):
    """What can be corrected in a rejected item. Each of them on a page has ids of its own."""

    url = WebUrlField(label=gettext_lazy("Address (URL)"))
    # A draft shortens a title that is too long, and keeps its full text: so nothing is refused here.
    title = forms.CharField(label=gettext_lazy("Title"), required=False, max_length=100_000)
    tags = TagsField(label=gettext_lazy("Tags"), required=False)

    def __init__(self, *args: Any, position: int, **kwargs: Any) -> None:  # those of forms.Form
        kwargs["auto_id"] = f"fix-{position}-%s"
        super().__init__(*args, **kwargs)
        for bound in self.fields.values():
            bound.widget.attrs["class"] = "form-control form-control-sm"
        self.fields["url"].widget.attrs["autofocus"] = True

    def draft(self, *, more_tags: Collection[str] = ()) -> BookmarkDraft | None:
        """Return the bookmark of a valid form, or None with the reason beside the address."""
        values = self.cleaned_data
        try:
            return draft(url=values["url"], title=values["title"], tags=[*values["tags"], *more_tags])
        except InvalidDraftError as error:
            self.add_error("url", translated(str(error)))
            return None


class UnreadableTableError(ValueError):
    """The table cannot be used at all; `str(error)` says why, for the person who sent it."""


@dataclass
class Corrections:
    """What a corrected table says: bookmarks by the position of their item, and (line, why not) for the others."""

    drafts: dict[int, BookmarkDraft] = field(default_factory=dict)
    problems: list[tuple[int, str]] = field(default_factory=list)


def read_corrections(content: bytes, rejected: Collection[int], *, more_tags: Collection[str] = ()) -> Corrections:
    """Read the table of `imports.rejects.rejected_csv` after somebody corrected it.

    `rejected` are the positions that can be fixed. Raises UnreadableTableError for what is no such table.
    """
    if len(content) > MAX_BYTES:
        raise UnreadableTableError(_("The table is larger than 1 MB. Please send it in parts."))
    corrections = Corrections()
    rest = set(rejected)
    for line, row in _rows(content):
        try:
            position, made = _corrected(row, rest, more_tags)
            corrections.drafts[position] = made
            rest.remove(position)
        except InvalidDraftError as error:
            corrections.problems.append((line, translated(str(error))))
    return corrections


def _rows(content: bytes) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield (number of the line, cells by column) below the headings."""
    text = _decoded(content)
    first_line = text.partition("\n")[0]
    delimiter = max(",;\t", key=first_line.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        columns = [name.strip().lower() for name in next(reader, [])]
        if not set(_NEEDED) <= set(columns):
            raise UnreadableTableError(
                _("The first line of the table must name its columns, “position” and “url” among them.")
            )
        for count, cells in enumerate(filter(any, reader), 1):
            if count > MAX_ROWS:
                raise UnreadableTableError(_("The table has more than 5,000 lines. Please send it in parts."))
            values = (undefused(cell) for cell in cells)
            yield reader.line_num, dict(zip(columns, values, strict=False))
    except csv.Error as error:
        raise UnreadableTableError(_("Line %(line)s of the table is broken.") % {"line": reader.line_num}) from error


def _decoded(content: bytes) -> str:
    encoding = next((name for mark, name in _MARKS if content.startswith(mark)), "utf-8")
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def _corrected(
    row: dict[str, str], rejected: Collection[int], more_tags: Collection[str]
) -> tuple[int, BookmarkDraft]:
    position = whole_number(row.get("position", "").strip())
    if position is None:
        raise InvalidDraftError(_("It has no position."))
    if position not in rejected:
        raise InvalidDraftError(
            _("Item %(position)s is not rejected (any more), or an earlier line fixes it.") % {"position": position}
        )
    tags = parse_tags(row.get("tags", "").replace("\n", " ").replace("\r", " "))
    return position, draft(url=row.get("url", ""), title=row.get("title", ""), tags=[*tags, *more_tags])
