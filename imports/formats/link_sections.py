"""HTML that lists links under headings, as Pocket and Instapaper export it; knows neither of them."""

from collections.abc import Callable, Iterator, Mapping
from typing import BinaryIO

from imports.formats.base import Parsed, ParsedItem
from imports.formats.markup import ItemReader, parse_items
from imports.formats.text import one_line

# Takes the heading above a link, the link's attributes by their names in lower case, and its text.
type MakeItem = Callable[[str, Mapping[str, str], str], ParsedItem]


def parse_link_sections(stream: BinaryIO, make_item: MakeItem) -> Iterator[Parsed]:
    """Yield what `make_item` makes of each link under its heading. Raises UnreadableFileError."""
    return parse_items(stream.read, _Reader(make_item))


class _Reader(ItemReader):
    """Keeps the latest heading and the open link."""

    def __init__(self, make_item: MakeItem) -> None:
        super().__init__()
        self._make_item = make_item
        self._heading: list[str] = []
        self._link: dict[str, str] | None = None
        self._title: list[str] = []

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag in _ENDS_OF_LINK:
            self._finish_link()
        if tag == "h1":
            self._heading = []
            self.text = self._heading
        elif tag == "a" and "href" in attributes:
            self._link, self._title = attributes, []
            self.text = self._title

    def end(self, tag: str) -> None:
        if tag in _ENDS_OF_LINK:
            self._finish_link()

    def close(self) -> None:
        self._finish_link()

    def _finish_link(self) -> None:
        self.text = None
        if self._link is not None:
            self.items.append(
                self._make_item(one_line("".join(self._heading)), self._link, one_line("".join(self._title)))
            )
            self._link = None


_ENDS_OF_LINK = frozenset(("a", "h1", "li", "ol", "ul"))
