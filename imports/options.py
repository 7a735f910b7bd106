"""What a person chose for an import. Pure: it is read by the form, the command and the pipeline alike."""

import hashlib
from enum import StrEnum

import msgspec

from bookmarks.drafts import Duplicates


class Folders(StrEnum):
    """How folders become tags."""

    NONE = "none"
    NEAREST = "nearest"
    PATH = "path"
    LEVELS = "levels"


class ImportOptions(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=False):
    """The choices of one import, as `ImportJob.import_options` keeps them.

    `format` is the name of a format, or "auto". `tags` go on everything imported. `partial` says that a file which
    breaks off is to be imported up to the break. `members` are the wanted files of an archive; empty means all.
    `preview` asks to be shown first what the import would do, `notify` for an email when it has ended, in `language`,
    the code of a language; empty is the site's.
    """

    duplicate_handling: Duplicates = Duplicates.SKIP
    format: str = "auto"
    folders: Folders = Folders.LEVELS
    tags: tuple[str, ...] = ()
    members: tuple[str, ...] = ()
    partial: bool = False
    preview: bool = False
    notify: bool = False
    language: str = ""

    def reads_like(self, other: "ImportOptions") -> bool:
        """Whether reading a file under both gives the same items, so that it need not be read again."""
        return all(getattr(self, name) == getattr(other, name) for name in _READING)

    def reading_key(self) -> bytes:
        """Return 16 bytes that are the same for options under which a file is read alike."""
        chosen = [getattr(self, name) for name in _READING]
        return hashlib.sha256(msgspec.json.encode(chosen)).digest()[:16]

    def as_json(self) -> dict[str, object]:
        """Return the options as they are stored."""
        stored: dict[str, object] = msgspec.to_builtins(self)
        return stored


_READING = ("format", "folders", "tags", "members", "partial")


def options_from(stored: object) -> ImportOptions:
    """Return the options that were stored; keys it does not know are ignored, for an older or newer release's sake."""
    return msgspec.convert(stored, ImportOptions)
