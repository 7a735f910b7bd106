"""Firefox's backup of its bookmarks, as JSON or compressed as .jsonlz4.

A backup holds one tree, whose roots (menu, toolbar, other, mobile) are known by their marks. Backups of old versions
hold a further root, of tags: there each tag is a folder that repeats the bookmarks it belongs to.
"""

import io
from collections.abc import Iterator
from typing import BinaryIO, Final

import lz4.block

from imports.formats import dates
from imports.formats.base import Head, Parsed, ParsedItem, RejectedItem, UnreadableFileError
from imports.formats.json_events import leading_objects, rewindable
from imports.formats.json_tree import MAX_FOLDERS, Folders, Keys, Node, read_folders, read_nodes
from imports.formats.json_values import not_an_entry, note_of, tags_of, text_of, without_address
from imports.formats.roots import is_browser_root

NAME = "firefox-json"
LABEL = "Firefox (backup)"
EXTENSIONS = (".json", ".jsonlz4")
WHERE = "In Firefox, open Manage Bookmarks, then Import and Backup, and choose Backup."

# An LZ4 block can only be decompressed whole. Its size is taken from the header and believed up to this.
MAX_DECOMPRESSED_BYTES: Final = 64 * 1024 * 1024

_MAGIC = b"mozLz40\0"
_SIZE_BYTES = 4
# A block is never longer than its content by more than one byte in 255 and a few.
_MAX_COMPRESSED_BYTES = MAX_DECOMPRESSED_BYTES + MAX_DECOMPRESSED_BYTES // 255 + 64

_LEVELS_OF_HEAD = 4
_TOP = 1
_PLACE = "text/x-moz-place"
_KINDS_BY_CODE = {1: _PLACE, 2: "text/x-moz-place-container", 3: "text/x-moz-place-separator"}
_ROOT_GUIDS = frozenset(("root________", "menu________", "toolbar_____", "unfiled_____", "mobile______"))
# What the roots are called since they are named by their guids alone.
_ROOT_TITLES = frozenset(("menu", "toolbar", "unfiled", "mobile"))
_TAGS_GUID, _TAGS_ROOT = "tags________", "tagsFolder"


def matches(head: Head) -> bool:
    """Tell a backup by its header, or by the kind of its outermost object."""
    if head.raw.startswith(_MAGIC):
        return True
    nodes = leading_objects([head.value])
    # With sorted keys, the kind of an outer object comes after all that it holds.
    for _ in range(_LEVELS_OF_HEAD):
        if any(_is_place(node) for node in nodes):
            return True
        nodes = [child for node in nodes for child in leading_objects(node, under="children")]
    return False


def parse(stream: BinaryIO) -> Iterator[Parsed]:
    """Yield the bookmarks, with the tags of the tags' root; that root's own repetitions are not items.

    The file is read twice, and a third time if it has a root of tags. A .jsonlz4 file is decompressed
    in memory; one that would exceed `MAX_DECOMPRESSED_BYTES` is refused.
    """
    with rewindable(stream) as raw:
        file = _decompressed(raw)
        tag_roots: set[int] = set()
        folders = read_folders(file, lambda node: _folder_name(node, tag_roots), nests=_nests)
        yield from folders.notices()
        file.seek(0)
        tags = _read_tags(file, folders, tag_roots) if tag_roots else {}
        file.seek(0)
        for node in read_nodes(file, nests=_nests):
            if not _is_in(tag_roots, node, folders) and (item := _read(node, folders, tags)):
                yield item


def _decompressed(raw: BinaryIO) -> BinaryIO:
    header = raw.read(len(_MAGIC) + _SIZE_BYTES)
    if not header.startswith(_MAGIC):
        raw.seek(0)
        return raw
    size = int.from_bytes(header[len(_MAGIC) :], "little")
    block = raw.read(_MAX_COMPRESSED_BYTES + 1)
    if size > MAX_DECOMPRESSED_BYTES or len(block) > _MAX_COMPRESSED_BYTES:
        limit = MAX_DECOMPRESSED_BYTES // (1024 * 1024)
        raise UnreadableFileError(f"The Firefox backup would be larger than {limit} MB when decompressed.")
    try:
        return io.BytesIO(lz4.block.decompress(block, uncompressed_size=size))
    except (lz4.block.LZ4BlockError, ValueError):
        raise UnreadableFileError("The Firefox backup is damaged or cut off: it does not decompress.") from None


def _is_place(node: dict[str, object]) -> bool:
    kind = node.get("type")
    return (isinstance(kind, str) and kind.startswith(_PLACE)) or "typeCode" in node


def _nests(_: Keys) -> bool:
    """Tell that in this tree all nodes are elements of arrays."""
    return False


def _folder_name(node: Node, tag_roots: set[int]) -> str:
    fields = node.fields
    if fields.get("root") == _TAGS_ROOT or fields.get("guid") == _TAGS_GUID:
        tag_roots.add(node.number)
    return "" if _is_root(node) else text_of(fields.get("title"))


def _is_root(node: Node) -> bool:
    """Tell a root by its mark; directly below the top, where old files have no marks, also by its name."""
    fields = node.fields
    guid = fields.get("guid")
    if fields.get("root") or (isinstance(guid, str) and guid in _ROOT_GUIDS) or node.number == _TOP:
        return True
    if _annotation(fields, "mobile/bookmarksRoot") is not None:
        return True
    title = text_of(fields.get("title"))
    return node.folder == _TOP and (title in _ROOT_TITLES or is_browser_root(title))


def _is_in(roots: set[int], node: Node, folders: Folders) -> bool:
    return bool(roots) and not roots.isdisjoint(folders.chain(node.folder))


def _read_tags(file: BinaryIO, folders: Folders, roots: set[int]) -> dict[str, list[str]]:
    """Return the tags of each address, of the first `MAX_FOLDERS` addresses that have any."""
    tags: dict[str, list[str]] = {}
    try:
        for node in read_nodes(file, nests=_nests):
            url, path = text_of(node.fields.get("uri")), folders.path(node.folder)
            if url and path and _is_in(roots, node, folders) and (url in tags or len(tags) < MAX_FOLDERS):
                tags.setdefault(url, []).append(path[-1])
    except UnreadableFileError:
        return tags
    return tags


def _read(node: Node, folders: Folders, tags: dict[str, list[str]]) -> Parsed | None:
    fields = node.fields
    if node.keys is not None:
        return None  # the top
    if "" in fields and len(fields) == 1:
        return not_an_entry(fields[""])
    url, title = text_of(fields.get("uri")), text_of(fields.get("title"))
    kind = _kind(fields)
    if kind.startswith(f"{_PLACE}-") or node.number:
        return _feed(fields, title) if _annotation(fields, "livemark/feedURI") else None
    if kind != _PLACE:
        reason = "An entry of a kind that Firefox does not know, which Firefox leaves out as well."
        return RejectedItem(reason=reason, url=url, title=title, source=fields)
    if not url:
        return without_address(fields, title=title)
    own_tags = tags_of(fields.get("tags"))
    return ParsedItem(
        url=url,
        title=title,
        description=note_of(_annotation(fields, "bookmarkProperties/description")),
        tags=tuple(dict.fromkeys((*own_tags, *tags.get(url, ())))),
        folders=folders.path(node.folder),
        created=dates.from_unix(fields.get("dateAdded")),
        updated=dates.from_unix(fields.get("lastModified")),
        source=fields,
    )


def _kind(fields: dict[str, object]) -> str:
    """Return the kind by name, else by number; an object with an address and neither is a bookmark."""
    kind = fields.get("type")
    if isinstance(kind, str) and kind:
        return kind
    code = fields.get("typeCode")
    if isinstance(code, int):
        return _KINDS_BY_CODE.get(code, "")
    return _PLACE if "uri" in fields else ""


def _feed(fields: dict[str, object], title: str) -> RejectedItem:
    url = text_of(_annotation(fields, "livemark/siteURI"))
    return RejectedItem(reason="A live bookmark: a feed, not a page.", url=url, title=title, source=fields)


def _annotation(fields: dict[str, object], name: str) -> object:
    annotations = fields.get("annos")
    for annotation in annotations if isinstance(annotations, list) else ():
        if isinstance(annotation, dict) and annotation.get("name") == name:
            return annotation.get("value")
    return None
