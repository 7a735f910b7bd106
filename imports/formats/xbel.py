"""XBEL, the XML of bookmarks that Konqueror, Epiphany, floccus and buku write.

Source: https://pyxml.sourceforge.net/topics/xbel/docs/html/xbel.html. It is read leniently, as OPML is.
"""

import re
from collections.abc import Iterator
from typing import BinaryIO

from imports.formats import dates
from imports.formats.base import Head, Parsed, ParsedItem
from imports.formats.markup import ItemReader, parse_items
from imports.formats.roots import deeper, is_browser_root
from imports.formats.text import one_line

NAME = "xbel"
LABEL = "XBEL"
EXTENSIONS = (".xbel", ".xml")
WHERE = "In Konqueror, GNOME Web, floccus or buku, export the bookmarks as XBEL."

_ROOT = re.compile(r"\s*(?:<\?xml[^>]*>\s*|<!--(?:[^-]|-(?!->))*-->\s*|<!doctype[^>]*>\s*)*+<xbel\b", re.IGNORECASE)
_TEXTS = frozenset(("title", "desc"))


def matches(head: Head) -> bool:
    """Recognise the root element `xbel`."""
    return _ROOT.match(head.text) is not None


def parse(stream: BinaryIO) -> Iterator[Parsed]:
    """Yield each bookmark with its folders. Raises UnreadableFileError where the file breaks off."""
    return parse_items(stream.read, _Reader(), is_xml=True)


class _Reader(ItemReader):
    """Keeps the path of folders and the open bookmark; `title` and `desc` belong to the innermost of them."""

    is_whole = False

    def __init__(self) -> None:
        super().__init__()
        self._paths: list[tuple[str, ...]] = [()]
        self._bookmark: dict[str, str] | None = None
        self._texts: dict[str, str] = {}
        # How many elements deep this is in `info`, which holds what programs keep for themselves.
        self._in_info = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "info":
            self._in_info += 1
        elif tag == "folder":
            self._finish()
            self._paths.append(self._paths[-1])
        elif tag == "bookmark":
            self._finish()
            self._bookmark, self._texts = attributes, {}
        elif tag in _TEXTS and not self._in_info:
            self.text = []

    def end(self, tag: str) -> None:
        if tag == "info":
            self._in_info = max(0, self._in_info - 1)
        elif tag in _TEXTS and self.text is not None:
            self._take(tag, "".join(self.text).strip())
            self.text = None
        elif tag == "bookmark":
            self._finish()
        elif tag == "folder":
            self._finish()
            del self._paths[max(1, len(self._paths) - 1) :]
        elif tag == "xbel":
            self.is_whole = True

    def close(self) -> None:
        self._finish()

    def _take(self, tag: str, text: str) -> None:
        if self._bookmark is not None:
            self._texts.setdefault(tag, text)
        elif tag == "title" and len(self._paths) > 1:
            above, name = self._paths[-2], one_line(text)
            self._paths[-1] = above if not above and is_browser_root(name) else deeper(above, name)

    def _finish(self) -> None:
        bookmark, self._bookmark = self._bookmark, None
        if bookmark is not None:
            self.items.append(_item(bookmark, self._texts, self._paths[-1]))


def _item(bookmark: dict[str, str], texts: dict[str, str], folders: tuple[str, ...]) -> ParsedItem:
    return ParsedItem(
        url=bookmark.get("href", "").strip(),
        title=one_line(texts.get("title", "")),
        description=texts.get("desc", ""),
        folders=folders,
        created=dates.from_any(bookmark.get("added")),
        updated=dates.from_any(bookmark.get("modified")),
        source=bookmark,
    )
