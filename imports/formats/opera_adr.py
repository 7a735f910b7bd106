"""Opera's hotlist (.adr), its bookmarks up to version 12: blocks of KEY=value lines, folders closed by `-`."""

from collections.abc import Iterator
from typing import BinaryIO

from imports.formats import dates
from imports.formats.base import Head, Parsed, ParsedItem, RejectedItem
from imports.formats.roots import is_browser_root
from imports.formats.text import one_line

NAME = "opera-adr"
LABEL = "Opera hotlist"
EXTENSIONS = (".adr",)
WHERE = "The `bookmarks.adr` in the profile folder of Opera up to version 12."

# A longer line is read up to here: no field has a use for more, and memory stays bounded.
_MAX_LINE_BYTES = 1 << 18
_MAX_FOLDERS = 100
_MAX_FIELDS = 100


def matches(head: Head) -> bool:
    """Recognise the first line, `Opera Hotlist version 2.0`."""
    return head.text.lstrip()[:13].casefold() == "opera hotlist"


def parse(stream: BinaryIO) -> Iterator[Parsed]:
    """Yield each URL block, with the folders it is in; what lies in the trash folder is rejected as such."""
    # One entry per open folder: its name and whether it is the trash or lies in it.
    folders: list[tuple[str, bool]] = []
    for kind, fields in _blocks(stream):
        is_trash = bool(folders) and folders[-1][1]
        if kind == "FOLDER":
            folders.append((fields.get("NAME", ""), is_trash or fields.get("TRASH FOLDER") == "YES"))
        elif kind == "-":
            del folders[-1:]
        elif kind in {"URL", "NOTE"}:
            yield _rejected(fields) if is_trash else _item(fields, _path(folders))


def _blocks(stream: BinaryIO) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield each block's kind, `-` for the end of a folder, with its fields by their names in upper case."""
    kind, fields = "", dict[str, str]()
    for line in _lines(stream):
        if line.startswith("#") or line == "-":
            yield kind, fields
            kind, fields = line.lstrip("#").strip().upper(), {}
        elif len(fields) < _MAX_FIELDS:
            name, equals, value = line.partition("=")
            if equals:
                fields.setdefault(name.strip().upper(), value.strip())
    yield kind, fields


def _lines(stream: BinaryIO) -> Iterator[str]:
    is_continued = False
    while line := stream.readline(_MAX_LINE_BYTES):
        if not is_continued:
            yield line.decode("utf-8", "replace").strip()
        is_continued = not line.endswith(b"\n")


def _path(folders: list[tuple[str, bool]]) -> tuple[str, ...]:
    names = [name for name, _ in folders[:_MAX_FOLDERS]]
    start = 1 if names and is_browser_root(names[0]) else 0
    return tuple(name for name in names[start:] if name)


def _item(fields: dict[str, str], folders: tuple[str, ...]) -> ParsedItem:
    return ParsedItem(
        url=fields.get("URL", ""),
        title=one_line(_with_lines(fields.get("NAME", ""))),
        description=_with_lines(fields.get("DESCRIPTION", "")).strip(),
        folders=folders,
        created=dates.from_unix(fields.get("CREATED")),
        updated=dates.from_unix(fields.get("MODIFIED")),
        source=fields,
    )


def _with_lines(value: str) -> str:
    """Put line breaks back: Opera writes each as two STX characters, since a value cannot hold one."""
    return value.replace("\x02\x02", "\n")


def _rejected(fields: dict[str, str]) -> RejectedItem:
    return RejectedItem(
        reason="It was in Opera's trash folder.",
        url=fields.get("URL", ""),
        title=fields.get("NAME", ""),
        source=fields,
    )
