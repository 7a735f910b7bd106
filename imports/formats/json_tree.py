"""Trees of folders and bookmarks in JSON, walked without being held: what Chrome and Firefox write.

A folder's children may come before its name (Chrome sorts its keys), so a file is read twice: once for the
names of the folders, once for the bookmarks. A table of folders is kept, of at most `MAX_FOLDERS`.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import BinaryIO, Final, NamedTuple, cast

from imports.formats.base import Notice, UnreadableFileError
from imports.formats.json_events import MAX_DEPTH, JsonReader, no_bookmarks, too_deep

MAX_FOLDERS: Final = 100_000

type Keys = tuple[str, ...]


class Node(NamedTuple):
    """An object of the tree, without the nodes below it, which have been given before it.

    `number` is its own if nodes are below it, else 0; `folder` that of the node it lies in. `keys` are the
    keys that lead to it from the top, or None below an array, where there are no keys.
    """

    fields: dict[str, object]
    number: int
    folder: int
    keys: Keys | None


class Folder(NamedTuple):
    """What is kept of a folder: its name, empty if it has none of its own, and where it lies."""

    name: str
    parent: int


class Folders:
    """The folders of a tree by number, and the paths to them."""

    def __init__(self) -> None:
        self._folders: dict[int, Folder] = {}
        self._last = 0
        self._last_path: tuple[str, ...] = ()
        self.is_full = False

    def add(self, number: int, *, name: str, parent: int) -> None:
        """Keep a folder, if there is room; an empty name is left out of paths."""
        if len(self._folders) < MAX_FOLDERS:
            self._folders[number] = Folder(name, parent)
        else:
            self.is_full = True

    def path(self, number: int) -> tuple[str, ...]:
        """Return the names of the folders that lead to one, outermost first, its own included."""
        if number != self._last:
            self._last, self._last_path = number, self._path(number)
        return self._last_path

    def chain(self, number: int) -> Iterator[int]:
        """Yield a folder's number, and those of all folders it lies in, outwards."""
        while (folder := self._folders.get(number)) is not None:
            yield number
            number = folder.parent

    def notices(self) -> Iterator[Notice]:
        """Yield the sentence for a file with more folders than are kept."""
        if self.is_full:
            yield Notice(
                f"The file has more than {MAX_FOLDERS:,} folders: the bookmarks in the others come without"
                " their folders."
            )

    def _path(self, number: int) -> tuple[str, ...]:
        names = [self._folders[folder].name for folder in self.chain(number)]
        return tuple(name for name in reversed(names) if name)


def read_folders(stream: BinaryIO, name_of: Callable[[Node], str], *, nests: Callable[[Keys], bool]) -> Folders:
    """Return the folders of a tree.

    Where the file breaks off, so does the table; the second reading says so. Folders left open there are known by what
    comes before their children.
    """
    folders = Folders()
    walk = _Walk(JsonReader(stream), nests, has_leaves=False)
    with suppress(UnreadableFileError):
        for node in walk.nodes():
            _add(folders, node, name_of)
    for node in walk.open_nodes():
        _add(folders, node, name_of)
    return folders


def _add(folders: Folders, node: Node, name_of: Callable[[Node], str]) -> None:
    if node.number:
        folders.add(node.number, name=name_of(node), parent=node.folder)


def read_nodes(stream: BinaryIO, *, nests: Callable[[Keys], bool]) -> Iterator[Node]:
    """Yield the nodes of a tree, those below a node before it: the top, and the elements of `children`.

    `nests` tells of an object with which keys its members are nodes as well, if they are objects.
    Raises `UnreadableFileError` as `JsonReader` does, and beyond `MAX_DEPTH` levels.
    """
    yield from _Walk(JsonReader(stream), nests).nodes()


class _Frame:
    """A node that is being read."""

    __slots__ = ("fields", "folder", "in_children", "keys", "number")

    def __init__(self, keys: Keys | None, folder: int) -> None:
        self.fields: dict[str, object] = {}
        self.keys = keys
        self.folder = folder
        self.number = 0
        self.in_children = False

    def node(self) -> Node:
        return Node(self.fields, self.number, self.folder, self.keys)


class _Walk:
    """Without `has_leaves`, most nodes that are no folders are passed over unread."""

    def __init__(self, reader: JsonReader, nests: Callable[[Keys], bool], *, has_leaves: bool = True) -> None:
        self._reader = reader
        self._nests = nests
        self._has_leaves = has_leaves
        self._frames: list[_Frame] = []
        self._count = 0

    def nodes(self) -> Iterator[Node]:
        if (start := self._reader.peek()) != "{":
            raise no_bookmarks(start)
        self._push((), 0)
        while self._frames:
            frame = self._frames[-1]
            node = self._next_child(frame) if frame.in_children else self._next_member(frame)
            if node is not None:
                yield node
        self._reader.finish()

    def open_nodes(self) -> Iterator[Node]:
        """Yield, after a break, what is known of the nodes that it leaves open."""
        for frame in self._frames:
            yield frame.node()

    def _next_child(self, frame: _Frame) -> Node | None:
        reader = self._reader
        if not reader.has_element():
            frame.in_children = False
        elif not self._has_leaves and reader.skip_flat():
            return None
        elif self._has_leaves and reader.is_flat():
            return Node(cast("dict[str, object]", reader.value()), 0, frame.number, None)
        elif reader.peek() == "{":
            self._push(None, frame.number)
        else:
            return Node({"": reader.value()}, 0, frame.number, None)
        return None

    def _next_member(self, frame: _Frame) -> Node | None:
        key = self._reader.next_key()
        if key is None:
            return self._frames.pop().node()
        start = self._reader.peek()
        if key == "children" and start == "[":
            self._reader.enter()
            self._number(frame)
            frame.in_children = True
        elif start == "{" and frame.keys is not None and self._nests(frame.keys):
            self._push((*frame.keys, key), self._number(frame))
        else:
            frame.fields[key] = self._reader.value()
        return None

    def _number(self, frame: _Frame) -> int:
        if not frame.number:
            self._count += 1
            frame.number = self._count
        return frame.number

    def _push(self, keys: Keys | None, folder: int) -> None:
        if len(self._frames) >= MAX_DEPTH:
            raise too_deep()
        self._reader.enter()
        self._frames.append(_Frame(keys, folder))
