"""Opens an upload of any kind: recognises its format, looks into archives, and yields what is in it.

This is the whole of what the import pipeline needs to know about formats. Pure: no Django, no database.
"""

import io
from collections.abc import Collection, Iterator
from contextlib import suppress
from itertools import islice
from typing import BinaryIO

import msgspec

from imports.formats import registry
from imports.formats.base import Format, Head, Notice, ParsedItem, RejectedItem, UnreadableFileError
from imports.formats.containers import (
    ArchiveError,
    Entry,
    Expansion,
    expansion_limit,
    gunzipped,
    is_gzip,
    is_tar,
    is_zip,
    read_start,
    tar_entries,
    zip_entries,
)
from imports.formats.encoding import HEAD_BYTES, as_utf8
from imports.formats.head import BINARY_FORMATS, UNDERSTOOD, make_head, refusal

_FIRST_LOOK_BYTES = 1024
_MAX_NAMED = 10
# The files by which an archive shows what it really is.
_DOCUMENT_MARKS = (
    ("[Content_Types].xml", "", "a document or spreadsheet of an office program"),
    ("mimetype", "application/vnd.oasis.opendocument", "a document or spreadsheet of an office program"),
    ("mimetype", "application/epub+zip", "an electronic book"),
)
_NESTED = "The archive holds another archive. Unpack it and import the export file in it."
_MASTODON_MEMBERS = ("outbox.json", "likes.json", "bookmarks.json")


class MemberStart(msgspec.Struct, frozen=True):
    """What follows comes from this file in the archive. `format` is the NAME of its format."""

    name: str
    format: str


type Event = ParsedItem | RejectedItem | Notice | MemberStart


class Member(msgspec.Struct, frozen=True):
    """A file in an archive that can be imported. `size` is in bytes, unpacked; `index` counts the archive's files."""

    name: str
    format: str
    label: str
    size: int
    index: int


class _Upload:
    """A stored file and how to get at what is in it, as often as asked."""

    def __init__(self, stream: BinaryIO, max_expanded: int | None) -> None:
        self._stream = stream
        self._max_expanded = expansion_limit(stream.seek(0, io.SEEK_END)) if max_expanded is None else max_expanded
        stream.seek(0)
        self.raw_head = stream.read(HEAD_BYTES)
        self._is_packed = is_gzip(self.raw_head)
        self.is_zip = is_zip(self.raw_head)
        if self._is_packed:
            self.raw_head = read_start(self._unpacked(), HEAD_BYTES)
        self.is_archive = self.is_zip or is_tar(self.raw_head)

    def content(self) -> BinaryIO:
        """Return the file from its start, unpacked."""
        if self._is_packed:
            return self._unpacked()
        self._stream.seek(0)
        return self._stream

    def _unpacked(self) -> io.BufferedReader:
        self._stream.seek(0)
        return gunzipped(self._stream, self._expansion())

    def check_start(self) -> None:
        """Raise ArchiveError if packed data breaks off early, so that its head shows nothing."""
        if self._is_packed:
            self._unpacked().read(HEAD_BYTES)

    def entries(self) -> Iterator[Entry]:
        """Yield the files in an archive."""
        if self.is_zip:
            return zip_entries(self.content(), self._expansion())
        return tar_entries(self.content())

    def _expansion(self) -> Expansion:
        return Expansion(self._max_expanded)


class _Listing(msgspec.Struct):
    """What an archive holds. `ignored` counts its other files, `broken` tells of those that cannot be looked into.

    `damage` is where the archive itself breaks off, so that there may have been more in it.
    """

    members: list[Member] = []
    ignored: int = 0
    broken: list[str] = []
    has_archives: bool = False
    failure: UnreadableFileError | None = None
    damage: ArchiveError | None = None

    def notices(self) -> Iterator[Notice]:
        """Say what was passed over."""
        yield from map(Notice, self.broken[:_MAX_NAMED])
        if len(self.broken) > _MAX_NAMED:
            yield Notice(f"{len(self.broken) - _MAX_NAMED} more files in the archive could not be read.")
        if self.ignored == 1:
            yield Notice("One other file in the archive is no export that Cairn knows, and was passed over.")
        elif self.ignored:
            yield Notice(
                f"{self.ignored} other files in the archive are no exports that Cairn knows; they were passed over."
            )


class Export:
    """A file that can be imported. `members` are those of an archive that will be read, empty for a plain file.

    `format` and `label` are those of the file, or of the first member.
    """

    def __init__(
        self,
        upload: _Upload,
        chosen: Format,
        *,
        members: tuple[Member, ...] = (),
        notices: tuple[Notice, ...] = (),
        damage: ArchiveError | None = None,
    ) -> None:
        self.format = chosen.NAME
        self.label = chosen.LABEL
        self.members = members
        self._upload = upload
        self._notices = notices
        self._damage = damage

    def events(self) -> Iterator[Event]:
        """Read the file from its start; each call begins anew.

        Raises UnreadableFileError where the file breaks. A broken member does not keep the members after it from
        being read: the error comes at the end then.
        """
        if not self._upload.is_archive:
            yield from _parsed(self.format, self._upload.content(), self._upload.raw_head)
            return
        yield from self._member_events()

    def _member_events(self) -> Iterator[Event]:
        members = {member.index: member for member in self.members}
        failures = []
        wanted = (entry for entry in self._upload.entries() if entry.index in members)
        for entry in islice(wanted, len(members)):
            member = members[entry.index]
            yield MemberStart(member.name, member.format)
            try:
                stream = entry.open()
                yield from _parsed(member.format, stream, stream.peek(16))
            except ArchiveError:
                raise
            except UnreadableFileError as error:
                failures.append(f"{member.name}: {error}")
        yield from self._notices
        if self._damage:
            failures.append(str(self._damage))
        if failures:
            raise UnreadableFileError(" ".join(failures))


def open_export(
    stream: BinaryIO,
    *,
    format_name: str = "auto",
    members: Collection[str] | None = None,
    max_expanded: int | None = None,
) -> Export:
    """Recognise what a seekable stream holds, by its content.

    With `format_name`, a registered NAME, nothing else is tried. `members` names those files of an archive that are
    wanted, all that are recognised without it. `max_expanded` bounds the bytes that may come out of packed data.
    Raises UnreadableFileError with what the file is and what is understood instead.
    """
    wanted = None if format_name == "auto" else registry.format_named(format_name)
    upload = _Upload(stream, max_expanded)
    if upload.is_archive:
        return _open_archive(upload, wanted, members)
    if is_gzip(upload.raw_head) or is_zip(upload.raw_head):
        raise UnreadableFileError(_NESTED)
    head = make_head(upload.raw_head)
    chosen = wanted or registry.detect(head)
    if chosen is None or not head.raw:
        upload.check_start()
        raise UnreadableFileError(refusal(head))
    return Export(upload, chosen)


def check_beginning(stream: BinaryIO) -> None:
    """Refuse what its first 64 KB show to be no export; what is in an archive is left for `open_export` to see.

    Unlike `open_export` this takes no longer for a larger file. Raises UnreadableFileError.
    """
    if not _Upload(stream, None).is_archive:
        open_export(stream)


def _open_archive(upload: _Upload, wanted: Format | None, names: Collection[str] | None) -> Export:
    listing = _listed(upload, wanted)
    if not listing.members:
        raise listing.failure or UnreadableFileError(_nothing_in_archive(listing, wanted))
    offered = _without_byproducts(listing.members)
    chosen = tuple(member for member in offered if names is None or member.name in names)
    if not chosen:
        raise UnreadableFileError("None of the chosen files is in the archive.")
    listing.ignored += len(listing.members) - len(offered)
    chosen_format = registry.format_named(chosen[0].format)
    return Export(upload, chosen_format, members=chosen, notices=tuple(listing.notices()), damage=listing.damage)


def _listed(upload: _Upload, wanted: Format | None) -> _Listing:
    """Look into each file of an archive; an archive that breaks off is listed up to there."""
    listing = _Listing()
    try:
        for entry in upload.entries():
            _list_entry(listing, entry, wanted)
    except ArchiveError as error:
        listing.failure = listing.damage = error
    return listing


def _list_entry(listing: _Listing, entry: Entry, wanted: Format | None) -> None:
    try:
        head = _entry_head(entry)
    except ArchiveError:
        raise
    except UnreadableFileError as error:
        listing.failure = error
        listing.broken.append(f"“{entry.name}” in the archive could not be read: {error}")
        return
    for name, beginning, kind in _DOCUMENT_MARKS:
        if entry.name == name and head.text.startswith(beginning):
            raise UnreadableFileError(f"This is {kind}. {UNDERSTOOD}")
    listing.has_archives |= is_gzip(head.raw) or is_zip(head.raw) or is_tar(head.raw)
    found = _format_of(head, wanted)
    if found is None:
        listing.ignored += 1
    else:
        listing.members.append(Member(entry.name, found.NAME, found.LABEL, entry.size, entry.index))


def _format_of(head: Head, wanted: Format | None) -> Format | None:
    # No format needs to look at pictures, which archives hold by the ten thousand.
    if not head.text and not head.raw.startswith(BINARY_FORMATS):
        return None
    if wanted is None:
        return registry.detect(head)
    return wanted if wanted.matches(head) else None


def _entry_head(entry: Entry) -> Head:
    """Prepare the head of a file in an archive; of pictures and recordings only the first kilobyte is read."""
    with entry.open() as stream:
        raw = read_start(stream, _FIRST_LOOK_BYTES)
        head = make_head(raw)
        if len(raw) < _FIRST_LOOK_BYTES or not (head.text or raw.startswith(BINARY_FORMATS)):
            return head
        with suppress(UnreadableFileError):
            raw += read_start(stream, HEAD_BYTES - len(raw))
        return make_head(raw)


def _without_byproducts(members: list[Member]) -> list[Member]:
    """Leave out what an archive holds beside the lists of bookmarks: a profile, saved articles, other links."""
    has_own_format = any(member.format != "url-json" for member in members)
    mastodon = {
        _folder(member.name)
        for member in members
        if member.format == "activitystreams" and _file(member.name) in _MASTODON_MEMBERS
    }
    articles = tuple(f"{_folder(member.name)}content/" for member in members if member.format == "omnivore")
    return [
        member
        for member in members
        if not member.name.startswith(articles or "\0")
        and not (has_own_format and member.format == "url-json")
        and (
            member.format != "activitystreams"
            or _folder(member.name) not in mastodon
            or _file(member.name) in _MASTODON_MEMBERS
        )
    ]


def _folder(name: str) -> str:
    return name[: name.rfind("/") + 1]


def _file(name: str) -> str:
    return name.rpartition("/")[2]


def _nothing_in_archive(listing: _Listing, wanted: Format | None) -> str:
    if listing.has_archives:
        return _NESTED
    if wanted:
        return f"No file in the archive is an export of the kind “{wanted.LABEL}”."
    return f"No file in the archive is an export that Cairn knows. {UNDERSTOOD}"


def _parsed(format_name: str, stream: BinaryIO, first_bytes: bytes) -> Iterator[Event]:
    """Parse one file; text is turned into UTF-8, and what was invalid in it is reported when all is read."""
    chosen = registry.format_named(format_name)
    if first_bytes.startswith(BINARY_FORMATS):
        yield from chosen.parse(stream)
        return
    text = as_utf8(stream)
    try:
        yield from chosen.parse(text)
    except UnreadableFileError:
        yield from _replacement_notice(text.replaced)
        raise
    yield from _replacement_notice(text.replaced)


def _replacement_notice(count: int) -> Iterator[Notice]:
    if count:
        places = "One place" if count == 1 else f"{count} places"
        yield Notice(f"{places} in the file could not be decoded as text; “\ufffd” stands there instead.")
