"""Netscape bookmark HTML, which every browser and nearly every bookmark service writes, each in its dialect.

The format is a stream of tags rather than a tree: `<DT><H3>` names the folder that the next `<DL>` opens,
`<DT><A>` is a bookmark, `<DD>` describes what came before it. There is no specification, only the common
practice of the exporters.
"""

import re
from collections.abc import Iterator
from typing import BinaryIO

from imports.formats import dates
from imports.formats.base import Head, Parsed, ParsedItem
from imports.formats.exact_tags import exact_tags
from imports.formats.markup import ItemReader, parse_items
from imports.formats.roots import deeper, is_browser_root, is_reading_list
from imports.formats.text import one_line

NAME = "netscape"
LABEL = "Netscape bookmarks (HTML)"
EXTENSIONS = (".html", ".htm")
WHERE = (
    "In any browser, open the bookmark manager and choose Export. Delicious, Pinboard, linkding, Shaarli, Raindrop,"
    " Karakeep, Linkwarden, LinkAce, Shiori and buku export it too."
)

_DOCTYPE = re.compile(r"(?:<!|^)[^<>\n]{0,40}netscape-bookmark-file", re.IGNORECASE | re.MULTILINE)
_HTML_PAGE = re.compile(r"<!doctype\s+html\b|&lt;", re.IGNORECASE)
_DATED_LINK = re.compile(r"<a\s[^<>]*\badd_date\s*=", re.IGNORECASE)
_LISTED_LINK = re.compile(r"<dt>\s*<(?:a\s+href|h3)\b", re.IGNORECASE)
_LIST_OF_EXPORTERS = re.compile(r"<dl>\s*<p>", re.IGNORECASE)
# What exporters write ahead of the list. A web page has scripts, styles, navigation or running text there.
_PREAMBLE = re.compile(
    r"(?:\s+|<!--(?:[^-]|-(?!->))*-->|</?(?:html|head|body|meta|dd|p)\b[^<>]*>|<!doctype[^<>]*>"
    r"|<(title|h1)\b[^<>]*>[^<]*</\1>)*+<d[lt]>",
    re.IGNORECASE,
)


def matches(head: Head) -> bool:
    """Recognise the doctype, else a list such as only exporters write; a web page with links is none."""
    text = head.text
    if head.value is not None:
        return False  # It is JSON, and the markup is that of a title in it.
    doctype = _DOCTYPE.search(text, 0, 2048)
    if doctype is not None and _HTML_PAGE.search(text, 0, doctype.start()) is None:
        return True
    if _DATED_LINK.search(text):
        return True
    if _LISTED_LINK.search(text) is None:
        return False
    return bool(_LIST_OF_EXPORTERS.search(text) or _PREAMBLE.match(text))


def parse(stream: BinaryIO) -> Iterator[Parsed]:
    """Yield a bookmark for each link of the list. Raises UnreadableFileError where the file breaks off."""
    return parse_items(stream.read, _Reader())


_HEADINGS = frozenset(("h2", "h3", "h4", "h5", "h6"))
_SEPARATORS = frozenset(("dt", "hr"))
_LINE_BREAKS = frozenset(("br", "p"))
_ENDS_OF_TEXT = _HEADINGS | {"a", "dt", "dd"}
_ROOT_MARKS = ("personal_toolbar_folder", "unfiled_bookmarks_folder")
_READING_LIST_ID = "com.apple.readinglist"
_NO_BREAKS = dict.fromkeys(map(ord, "\n\r\t"))
_FAVORITE_FLAGS = frozenset(("favorite", "data-important", "duckduckgo:favorite"))
_FLAGS = _FAVORITE_FLAGS | {"private", "toread", "unread", "archived"}
_OFF = frozenset(("", "0", "false", "no", "off"))
# Those of linkding now and before its version 1.27, and Pinboard's.
_ARCHIVED_TAGS, _UNREAD_TAG = frozenset(("linkding:bookmarks.archived", "linkding:archived")), "toread"
_FLAG_TAGS = _ARCHIVED_TAGS | {_UNREAD_TAG}
_NOTES_START, _NOTES_END = "[linkding-notes]", "[/linkding-notes]"


class _Reader(ItemReader):
    """Turns tags into bookmarks, of which one is open at a time."""

    def __init__(self) -> None:
        super().__init__()
        # Each open <DL> as its path of folders and whether it is the list of pages to read later.
        self._levels: list[tuple[tuple[str, ...], bool]] = [((), False)]
        self._heading: dict[str, str] | None = None
        self._link: dict[str, str] | None = None
        self._name: list[str] = []
        self._title: list[str] = []
        self._description: list[str] = []
        # A description that stands before its link.
        self._foreword: list[str] = []

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "a":
            self._start_link(attributes)
        elif tag in _SEPARATORS:
            self._finish_link()
            self._foreword = []
        elif tag == "dd":
            self._start_description()
        elif tag == "dl":
            self._open_folder()
        elif tag in _HEADINGS:
            self._finish_link()
            self._heading, self._name = attributes, []
            self.text = self._name
        elif tag in _LINE_BREAKS and self.text is self._description:
            self._description.append("\n")

    def end(self, tag: str) -> None:
        if tag == "dl":
            self._finish_link()
            self._heading = None
            if len(self._levels) > 1:
                self._levels.pop()
        elif tag in _ENDS_OF_TEXT and (tag != "a" or self.text is self._title):
            self.text = None

    def close(self) -> None:
        self._finish_link()

    def _start_link(self, attributes: dict[str, str]) -> None:
        if self.text is self._description and "add_date" not in attributes:
            return  # A link inside a description that was written without escaping is a part of its text.
        self._finish_link()
        self._heading = None
        if "href" in attributes or "feedurl" in attributes or "add_date" in attributes:
            self._link = attributes
            self._title, self._description, self._foreword = [], self._foreword, []
            self.text = self._title

    def _start_description(self) -> None:
        if self._link is None:
            # If there is a heading, it describes a folder.
            self.text = self._foreword if self._heading is None else None
            return
        if self._description:
            self._description.append("\n")
        self.text = self._description

    def _open_folder(self) -> None:
        self._finish_link()
        self._foreword = []
        level = folders, is_unread = self._levels[-1]
        heading, self._heading = self._heading, None
        if heading is not None:
            name = one_line("".join(self._name))
            if not folders and _is_reading_list(heading, name):
                is_unread = True
            elif name and not (_is_root_mark(heading) or (not folders and is_browser_root(name))):
                folders = deeper(folders, name)
        # One object for all levels that are alike: a file may consist of nothing but the start of lists.
        self._levels.append(level if level == (folders, is_unread) else (folders, is_unread))

    def _finish_link(self) -> None:
        self.text = None
        link = self._link
        if link is None:
            return
        self._link = None
        folders, is_unread = self._levels[-1]
        self.items.append(_item(link, self._title, self._description, folders=folders, is_unread=is_unread))


def _is_root_mark(heading: dict[str, str]) -> bool:
    return any(mark in heading for mark in _ROOT_MARKS)


def _is_reading_list(heading: dict[str, str], name: str) -> bool:
    return heading.get("id", "").casefold() == _READING_LIST_ID or is_reading_list(name)


def _item(
    link: dict[str, str],
    title: list[str],
    description: list[str],
    *,
    folders: tuple[str, ...],
    is_unread: bool,
) -> ParsedItem:
    get = link.get
    feed_url = get("feedurl", "")
    exact = exact_tags(get("data-tags"))
    tags = _tags(link) if exact is None else exact
    flags = [name for name in link if name in _FLAGS and link[name].strip().lower() not in _OFF]
    is_archived = False
    if tags and exact is None:
        is_archived = not _ARCHIVED_TAGS.isdisjoint(tags)
        is_unread = is_unread or _UNREAD_TAG in tags
        if is_archived or is_unread:
            tags = [tag for tag in tags if tag not in _FLAG_TAGS]
    # An icon is long and nothing anybody would look for in a rejected item.
    link.pop("icon", None)
    return ParsedItem(
        url=_address(get("href", "") or feed_url),
        title=one_line("".join(title)),
        description=_described("".join(description).strip(), get("description", "").strip()),
        tags=tags,
        folders=folders,
        created=dates.from_any(get("add_date")),
        updated=dates.from_any(get("last_modified")),
        unread=is_unread or "toread" in flags or "unread" in flags,
        archived=is_archived or "archived" in flags,
        favorite=bool(flags) and not _FAVORITE_FLAGS.isdisjoint(flags),
        private="private" in flags,
        feed_url=_address(feed_url),
        image_url=_address(get("data-cover", "")),
        source=link,
    )


def _address(text: str) -> str:
    """Read an address as a browser reads it from HTML: no white space around it, no line breaks within."""
    if not text:
        return ""
    text = text.strip()
    return text.translate(_NO_BREAKS) if "\n" in text or "\t" in text else text


def _tags(link: dict[str, str]) -> list[str]:
    """Split at commas, or at spaces where a service whose tags hold no spaces wrote the link.

    Delicious, Pinboard, Shaarli and Scuttle write PRIVATE and separated tags by spaces; a browser writes
    none and lets a tag be of several words.
    """
    text = link.get("tags")
    if not text:
        return []
    if "," not in text and "private" in link:
        return text.split()
    return [tag for part in text.split(",") if (tag := part.strip())]


def _described(text: str, attribute: str) -> str:
    """Join what stands in DD, in linkding's notes within it, and in a DESCRIPTION attribute."""
    if not text:
        return attribute
    before, start, notes = text.partition(_NOTES_START)
    if start:
        notes, _, after = notes.partition(_NOTES_END)
        text = "\n\n".join(filter(None, map(str.strip, (before, notes, after))))
    return text if attribute in text else "\n\n".join(filter(None, (text, attribute)))
