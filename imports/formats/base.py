"""What a format module offers and what it yields. Pure: no Django, no database, no files of its own.

A format is a module with the members of `Format`. Its `parse` is a generator over a binary stream: it
holds one item at a time, never the file, and raises nothing but `UnreadableFileError`.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import BinaryIO, Protocol

import msgspec


class UnreadableFileError(Exception):
    """The file cannot be read, from the start or from some point on.

    `str(error)` is one or two sentences for the person who uploaded the file. What was yielded before
    the error stays good: the caller counts it and may offer to import that much.
    """


class ItemRejectedError(Exception):
    """One item cannot become a bookmark; `str(error)` says why, for the person who uploaded the file."""


class ParsedItem(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One item as the file has it: fields mapped, nothing judged yet.

    Texts are plain text (entities decoded once, no markup). `url` may be anything, also empty: whether it
    can be a bookmark is decided later, in one place. Dates are aware and in UTC; None means unknown.
    `folders` is the path of folders, outermost first, without the browser's own roots. `source` is what the
    file held (bytes, text or a JSON-like value) and is rendered only when the item is rejected.
    """

    url: str
    title: str = ""
    description: str = ""
    tags: Sequence[str] = ()
    folders: Sequence[str] = ()
    created: datetime | None = None
    updated: datetime | None = None
    unread: bool = False
    archived: bool = False
    favorite: bool = False
    private: bool = False
    feed_url: str = ""
    image_url: str = ""
    source: object = None


class RejectedItem(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One item of which the format itself knows that it is no bookmark, and why, in plain words."""

    reason: str
    url: str = ""
    title: str = ""
    source: object = None


class Notice(msgspec.Struct, frozen=True, gc=False):
    """One sentence about the file as a whole, such as a remote page that was not fetched. Not an item."""

    text: str


type Parsed = ParsedItem | RejectedItem | Notice


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """The beginning of a file, prepared once for all formats to look at.

    `raw` is the first 64 KB as they are; `text` the same decoded, without a byte order mark, and empty for a
    binary file. `value` is the JSON value as far as the head reaches: containers cut off by its end are
    closed, so a long array shows its first elements; None when the text is not JSON. `columns` are the cells
    of a CSV header, trimmed and case-folded; empty when the first line is no CSV header.
    """

    raw: bytes
    text: str = ""
    value: object = None
    columns: tuple[str, ...] = ()


class Format(Protocol):
    """A format module. `matches` looks at content only, never at a file's name.

    `parse` gets text formats as UTF-8 without a byte order mark, whatever the file's encoding was, and
    binary formats as they are. The stream is at its start; it need not be seekable.
    """

    NAME: str
    LABEL: str
    WHERE: str

    @property
    def EXTENSIONS(self) -> tuple[str, ...]:  # noqa: N802 -- a constant of the module
        """The usual endings of its files, with the dot, for the file dialog and the documents."""
        ...

    def matches(self, head: Head) -> bool:
        """Return whether a file with this head is of this format."""
        ...

    def parse(self, stream: BinaryIO) -> Iterator[Parsed]:
        """Yield the items of the file in their order. Raises UnreadableFileError."""
        ...
