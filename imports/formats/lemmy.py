"""Lemmy's export of an account's settings, in which saved posts and comments are bare addresses."""

from collections.abc import Iterator
from typing import BinaryIO

from imports.formats.base import Head, Parsed, ParsedItem
from imports.formats.json_events import elements
from imports.formats.json_values import not_an_entry, text_of

NAME = "lemmy"
LABEL = "Lemmy (saved posts and comments)"
EXTENSIONS = (".json",)
WHERE = "In Lemmy, open Settings and choose to export your settings."

_LISTS = ("saved_posts", "saved_comments")


def matches(head: Head) -> bool:
    """Tell Lemmy's settings by what an account follows or blocks, beside what it has saved."""
    if not isinstance(head.value, dict):
        return False
    keys = head.value.keys()
    return not keys.isdisjoint(_LISTS) and not keys.isdisjoint(("followed_communities", "blocked_communities"))


def parse(stream: BinaryIO) -> Iterator[Parsed]:
    """Yield what was saved. Neither titles nor dates are in the file."""
    for value in elements(stream, under=_LISTS):
        yield ParsedItem(url=text_of(value), source=value) if isinstance(value, str) else not_an_entry(value)
