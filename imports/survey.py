"""What reading a file has shown, beside its items. Pure."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from bookmarks.drafts import BookmarkDraft
from imports.formats.base import ParsedItem

SAMPLE_ITEMS = 20
_SHOWN_LENGTH = 300


class Survey(NamedTuple):
    """What reading a file has shown. `broken` says where it breaks off; empty when it does not.

    `years` counts the bookmarks by the year of their creation, "" where that is unknown; `sample` are some of them
    (see `Sample`); `members` are the files of an archive with the number of their items.
    """

    total: int
    format_name: str
    notices: list[str]
    broken: str
    years: Mapping[str, int]
    sample: list[dict[str, Any]]
    members: list[tuple[str, int]]


class Sample:
    """Keeps about SAMPLE_ITEMS items that lie evenly over a file of unknown length."""

    def __init__(self) -> None:
        self._kept: list[dict[str, Any]] = []  # as JSON has them
        self._seen, self._stride = 0, 1

    def offer(self, item: ParsedItem, draft: BookmarkDraft) -> None:
        """Take the next item of the file into account. `draft` is what it became."""
        if self._seen % self._stride == 0:
            if len(self._kept) == 2 * SAMPLE_ITEMS:
                del self._kept[1::2]
                self._stride *= 2
            if self._seen % self._stride == 0:
                self._kept.append(_shown(item, draft))
        self._seen += 1

    def taken(self) -> list[dict[str, Any]]:
        """Return the sample in the order of the file, tags and folders as the file has them."""
        step = -(-len(self._kept) // SAMPLE_ITEMS) or 1
        return self._kept[::step]


def _shown(item: ParsedItem, draft: BookmarkDraft) -> dict[str, Any]:
    return {
        "url": draft.url[:_SHOWN_LENGTH],
        "title": draft.title[:_SHOWN_LENGTH],
        "description": draft.description[:_SHOWN_LENGTH],
        "tags": [name[:_SHOWN_LENGTH] for name in item.tags],
        "folders": [name[:_SHOWN_LENGTH] for name in item.folders],
        "created": draft.created,
        "unread": draft.unread,
        "archived": draft.archived,
        "favorite": draft.favorite,
        "private": draft.private,
    }
