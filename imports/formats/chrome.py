"""The file `Bookmarks` in a profile of Chrome, Chromium, Edge, Brave, Vivaldi or Opera."""

from collections.abc import Iterator
from typing import BinaryIO

from imports.formats import dates
from imports.formats.base import Head, Parsed, ParsedItem, RejectedItem
from imports.formats.json_events import rewindable
from imports.formats.json_tree import Folders, Keys, Node, read_folders, read_nodes
from imports.formats.json_values import not_an_entry, note_of, text_of, without_address

NAME = "chrome-json"
LABEL = "Chrome, Edge, Brave, Vivaldi, Opera (Bookmarks file)"
EXTENSIONS = ("", ".json", ".bak")
WHERE = "The file Bookmarks in the browser's profile folder; the browser names that folder at chrome://version."

_ROOTS = {"bookmark_bar", "other", "synced"}
_TRASH = "trash"


def matches(head: Head) -> bool:
    """Tell a Bookmarks file by one of the roots that each such browser has."""
    roots = head.value.get("roots") if isinstance(head.value, dict) else None
    return isinstance(roots, dict) and any(isinstance(roots.get(root), dict) for root in _ROOTS)


def parse(stream: BinaryIO) -> Iterator[Parsed]:
    """Yield the bookmarks, those in the browser's trash as rejected.

    The file is read twice, for a folder's name comes after what the folder holds. If it is cut off, the folders left
    open have no name, and their bookmarks come without them.
    """
    with rewindable(stream) as file:
        trash: set[int] = set()
        folders = read_folders(file, lambda node: _folder_name(node, trash), nests=_nests)
        file.seek(0)
        yield from folders.notices()
        for node in read_nodes(file, nests=_nests):
            if node.keys is None and not node.number and (item := _read(node, folders, trash)):
                yield item


def _nests(keys: Keys) -> bool:
    """Tell that roots lie in the top's member `roots`; Opera has more of them in one called `custom_root`."""
    return keys in {(), ("roots",), ("roots", "custom_root")}


def _folder_name(node: Node, trash: set[int]) -> str:
    if node.keys is None:
        return text_of(node.fields.get("name"))
    if _TRASH in node.keys:
        trash.add(node.number)
    return ""


def _read(node: Node, folders: Folders, trash: set[int]) -> Parsed | None:
    fields = node.fields
    url, title = text_of(fields.get("url")), text_of(fields.get("name"))
    kind = fields.get("type", "url")
    if "" in fields and len(fields) == 1:
        return not_an_entry(fields[""])
    if kind == "folder":
        return None
    if kind != "url":
        return RejectedItem(reason="An entry that is neither a bookmark nor a folder.", url=url, title=title)
    if not url:
        return without_address(fields, title=title)
    if trash and not trash.isdisjoint(folders.chain(node.folder)):
        return RejectedItem(reason="A bookmark in the browser's trash.", url=url, title=title, source=fields)
    return ParsedItem(
        url=url,
        title=title,
        description=_description(fields.get("meta_info")),
        folders=folders.path(node.folder),
        created=dates.from_webkit(fields.get("date_added")),
        updated=dates.from_webkit(fields.get("date_modified")),
        source=fields,
    )


def _description(meta: object) -> str:
    """Return the note that Vivaldi keeps beside the bookmark."""
    return note_of(meta.get("Description")) if isinstance(meta, dict) else ""
