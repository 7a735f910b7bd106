"""OPML, the outline format in which feed readers export subscriptions and link lists are passed on.

Source: http://opml.org/spec2.opml. Files in the wild are often no well-formed XML, and the case of their
attributes varies, so they are read as HTML is: leniently, with all names in lower case.
"""

import re
from collections.abc import Iterator
from typing import BinaryIO

from imports.formats import dates
from imports.formats.base import Head, Parsed, ParsedItem
from imports.formats.exact_tags import exact_tags
from imports.formats.markup import ItemReader, parse_items
from imports.formats.roots import deeper
from imports.formats.text import one_line

NAME = "opml"
LABEL = "OPML"
EXTENSIONS = (".opml", ".xml")
WHERE = "In a feed reader or an outliner, choose Export, then OPML."

_OPML = re.compile(r"<opml[\s/>]", re.IGNORECASE)
_OTHER_ROOT = re.compile(r"<(?:html|body|rss|feed|plist|posts)[\s/>]", re.IGNORECASE)
# A stray end tag of another namespace has been seen in their place; a list that has been cut short has none of them.
_ROOT_ENDS = frozenset(("opml", "body"))
_ADDRESSES = ("htmlurl", "url", "xmlurl")


def matches(head: Head) -> bool:
    """Recognise the root element `opml`, whatever stands before it."""
    root = _OPML.search(head.text)
    if root is None or not head.text.lstrip().startswith("<"):
        return False
    return _OTHER_ROOT.search(head.text, 0, root.start()) is None


def parse(stream: BinaryIO) -> Iterator[Parsed]:
    """Yield each outline that has an address; those without are the folders of the outlines within them.

    A feed without a page of its own becomes a bookmark of the feed. Raises UnreadableFileError where the
    file breaks off. Entities that a document type would define stay as they are written.
    """
    return parse_items(stream.read, _Reader(), is_xml=True)


class _Reader(ItemReader):
    """Keeps the path of folders; all else is in the attributes of an outline."""

    is_whole = False

    def __init__(self) -> None:
        super().__init__()
        # The folders within each outline that is open.
        self._paths: list[tuple[str, ...]] = [()]

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag != "outline":
            return
        folders = self._paths[-1]
        item = _item(attributes, folders)
        if item is not None:
            self.items.append(item)
        else:
            folders = deeper(folders, _name(attributes))
        self._paths.append(folders)

    def end(self, tag: str) -> None:
        if tag in _ROOT_ENDS or ":" in tag:
            self.is_whole = True
        elif tag == "outline":
            del self._paths[max(1, len(self._paths) - 1) :]


def _item(outline: dict[str, str], folders: tuple[str, ...]) -> ParsedItem | None:
    get = outline.get
    addresses = [address for name in _ADDRESSES if (address := get(name, "").strip())]
    if not addresses:
        return None
    tags = exact_tags(get("cairn:tags"))
    return ParsedItem(
        # Readers write "/" or "about:blank" for the page of a feed that has none.
        url=next(filter(_is_on_the_web, addresses), addresses[0]),
        title=_name(outline),
        description=get("description", "").strip(),
        tags=_categories(get("category", "")) if tags is None else tags,
        folders=folders,
        created=dates.from_any(get("created")),
        updated=dates.from_any(get("cairn:updated")),
        feed_url=get("xmlurl", "").strip(),
        image_url=get("cairn:image", "").strip(),
        source=outline,
        unread=get("cairn:unread") == "true",
        archived=get("cairn:archived") == "true",
        favorite=get("cairn:favorite") == "true",
        private=get("cairn:private") == "true",
    )


def _is_on_the_web(address: str) -> bool:
    return address[:8].lower().startswith(("http://", "https://"))


def _name(outline: dict[str, str]) -> str:
    """Return `text`, which the specification asks for, else `title`, on one line."""
    return one_line(outline.get("text", "")) or one_line(outline.get("title", ""))


def _categories(text: str) -> list[str]:
    """Return the tags of a comma-separated list, in which `/a/b` is a path whose steps are tags."""
    steps = [step.strip() for category in text.split(",") for step in category.split("/")]
    return list(dict.fromkeys(step for step in steps if step))
