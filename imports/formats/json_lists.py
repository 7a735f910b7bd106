"""Lists that name their parents by id, in any order: the collections of Linkwarden, the lists of Karakeep."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from imports.formats.base import Notice
from imports.formats.json_events import MAX_DEPTH

MAX_LISTS: Final = 100_000


class _List(NamedTuple):
    name: str
    parent: str


class Lists:
    """At most `MAX_LISTS` lists by id and by number (from 1, as they were added), and the paths to them."""

    def __init__(self) -> None:
        self._lists: list[_List] = []
        self._numbers: dict[str, int] = {}
        self.is_full = False

    def add(self, list_id: str, *, name: str, parent: str) -> None:
        """Keep a list, if there is room; an empty name is left out of paths."""
        if len(self._lists) >= MAX_LISTS:
            self.is_full = True
            return
        self._lists.append(_List(name, parent))
        if list_id:
            self._numbers.setdefault(list_id, len(self._lists))

    def number_of(self, list_id: str) -> int:
        """Return the number of the list with an id, or 0."""
        return self._numbers.get(list_id, 0)

    def path_of(self, number: int) -> tuple[str, ...]:
        """Return the names that lead to a list, outermost first, its own included.

        A parent that is not there, or that is its own ancestor, ends the path.
        """
        names: list[str] = []
        seen: set[int] = set()
        while 0 < number <= len(self._lists) and number not in seen and len(seen) < MAX_DEPTH:
            seen.add(number)
            name, parent = self._lists[number - 1]
            names.append(name)
            number = self.number_of(parent)
        return tuple(name for name in reversed(names) if name)

    def notices(self) -> Iterator[Notice]:
        """Yield the sentence for a file with more lists than are kept."""
        if self.is_full:
            yield Notice(
                f"The file has more than {MAX_LISTS:,} folders: the bookmarks in the others come without"
                " their folders."
            )
