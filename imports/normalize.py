"""From what a file says to what will be stored: the one place that judges an item. Pure, no database."""

import msgspec

from bookmarks.drafts import TAG_MAX_LENGTH, BookmarkDraft, InvalidDraftError, draft
from imports.formats.base import ItemRejectedError, ParsedItem
from imports.options import Folders, ImportOptions

FRAGMENT_MAX_LENGTH = 2_000


def normalize(item: ParsedItem, options: ImportOptions) -> BookmarkDraft:
    """Return the draft that `item` makes under `options`.

    Raises ItemRejectedError with a reason that a person understands.
    """
    tags = item.tags
    if options.tags or (item.folders and options.folders is not Folders.NONE):
        tags = [*tags, *folder_tags(item, options.folders), *options.tags]
    try:
        return draft(
            url=item.url,
            title=item.title,
            description=item.description,
            tags=tags,
            created=item.created,
            updated=item.updated,
            unread=item.unread,
            archived=item.archived,
            favorite=item.favorite,
            private=item.private,
            feed_url=item.feed_url,
            image_url=item.image_url,
        )
    except InvalidDraftError as error:
        raise ItemRejectedError(str(error)) from error


def folder_tags(item: ParsedItem, policy: Folders) -> list[str]:
    """Return the tags that the item's folders become."""
    folders = [name for name in item.folders if name.strip()]
    match policy:
        case Folders.NEAREST:
            return folders[-1:]
        case Folders.PATH:
            return ["/".join(folders)] if folders else []
        case Folders.LEVELS:
            return folders
    return []


def has_long_tag(item: ParsedItem) -> bool:
    """Whether a tag of the item will be shortened."""
    return max(map(len, item.tags), default=0) > TAG_MAX_LENGTH


def fragment(source: object) -> str:
    """Return what the file held for an item as text of at most FRAGMENT_MAX_LENGTH characters."""
    match source:
        case None:
            return ""
        case str():
            text = source
        case bytes():
            text = source[: 4 * FRAGMENT_MAX_LENGTH].decode(errors="replace")
        case _:
            text = msgspec.json.encode(source, enc_hook=str).decode(errors="replace")
    return text if len(text) <= FRAGMENT_MAX_LENGTH else text[: FRAGMENT_MAX_LENGTH - 1] + "…"
