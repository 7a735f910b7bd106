"""Pocket's own HTML export: links in two lists, unread and archived."""

import re
from collections.abc import Iterator, Mapping
from typing import BinaryIO

from imports.formats import dates
from imports.formats.base import Head, Parsed, ParsedItem
from imports.formats.link_sections import parse_link_sections

NAME = "pocket-html"
LABEL = "Pocket (HTML)"
EXTENSIONS = (".html", ".htm")
WHERE = "The `ril_export.html` that Pocket gave out until it closed."

_TITLE = re.compile(r"<title>\s*Pocket Export", re.IGNORECASE)


def matches(head: Head) -> bool:
    """Recognise the page by its title."""
    return head.value is None and _TITLE.search(head.text) is not None


def parse(stream: BinaryIO) -> Iterator[Parsed]:
    """Yield each link, archived or unread as the heading above it says. Raises UnreadableFileError."""
    return parse_link_sections(stream, _item)


def _item(heading: str, link: Mapping[str, str], title: str) -> ParsedItem:
    section = heading.casefold()
    return ParsedItem(
        url=link["href"].strip(),
        title=title,
        tags=[tag for part in link.get("tags", "").split(",") if (tag := part.strip())],
        created=dates.from_unix(link.get("time_added") or link.get("add_date")),
        unread=section == "unread",
        archived="archive" in section,
        source={"section": heading, **link},
    )
