"""Instapaper's HTML export: a list of links per folder, without dates."""

import re
from collections.abc import Iterator, Mapping
from typing import BinaryIO

from imports.formats.base import Head, Parsed, ParsedItem
from imports.formats.link_sections import parse_link_sections

NAME = "instapaper-html"
LABEL = "Instapaper (HTML)"
EXTENSIONS = (".html", ".htm")
WHERE = "In Instapaper, open settings, then export, and choose the HTML file."

_TITLE = re.compile(r"<title>\s*Instapaper:\s*Export", re.IGNORECASE)
_OWN_SECTIONS = frozenset(("", "unread", "archive", "starred", "liked", "home"))


def matches(head: Head) -> bool:
    """Recognise the page by its title; with definition lists it is a Netscape file of that name."""
    return head.value is None and _TITLE.search(head.text) is not None and "<dt>" not in head.text.lower()


def parse(stream: BinaryIO) -> Iterator[Parsed]:
    """Yield each link with the folder above it, or with the flag that Instapaper's own sections mean.

    Raises UnreadableFileError.
    """
    return parse_link_sections(stream, _item)


def _item(heading: str, link: Mapping[str, str], title: str) -> ParsedItem:
    section = heading.casefold()
    return ParsedItem(
        url=link["href"].strip(),
        title=title,
        folders=() if section in _OWN_SECTIONS else (heading,),
        unread=section in {"unread", "home"},
        archived=section == "archive",
        favorite=section in {"starred", "liked"},
        source={"section": heading, **link},
    )
