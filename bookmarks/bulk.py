"""What can be done to several bookmarks of one owner at once. Each must run inside a transaction."""

from collections.abc import Callable, Iterable
from types import MappingProxyType

from django.utils import timezone

from bookmarks import search
from bookmarks.drafts import Duplicates, draft, tag_key
from bookmarks.models import BookmarkQuerySet, Tagging
from bookmarks.upsert import upsert_bookmarks


def add_tags(bookmarks: BookmarkQuerySet, owner_id: int, names: Iterable[str]) -> None:
    """Give each bookmark these tags beside those it has."""
    tags = list(names)
    drafts = [
        draft(
            url=bookmark.url,
            title=bookmark.title,
            description=bookmark.description,
            tags=tags,
            created=bookmark.created,
            updated=timezone.now(),
            # Of what is merged, only this is lost when one side lacks it.
            unread=bookmark.unread,
        )
        for bookmark in bookmarks
    ]
    upsert_bookmarks(owner_id, drafts, duplicates=Duplicates.MERGE)


def remove_tags(bookmarks: BookmarkQuerySet, names: Iterable[str]) -> None:
    """Take these tags from each bookmark that has them."""
    keys = [tag_key(name) for name in names]
    taggings = Tagging.objects.filter(bookmark__in=bookmarks.values("pk"), tag__key__in=keys)
    tagged = list(taggings.values_list("bookmark", flat=True).distinct())
    Tagging.objects.filter(bookmark__in=tagged, tag__key__in=keys).delete()
    bookmarks.filter(pk__in=tagged).update(updated=timezone.now(), written_by_import=None)
    search.reindex(tagged)


def _flag(name: str, *, to: bool) -> Callable[[BookmarkQuerySet], None]:
    def apply(bookmarks: BookmarkQuerySet) -> None:
        bookmarks.exclude(**{name: to}).update(**{name: to}, updated=timezone.now(), written_by_import=None)

    return apply


# By the value of the button.
FLAG_ACTIONS = MappingProxyType(
    {
        "archive": _flag("archived", to=True),
        "unarchive": _flag("archived", to=False),
        "read": _flag("unread", to=False),
        "unread": _flag("unread", to=True),
        "favorite": _flag("favorite", to=True),
        "unfavorite": _flag("favorite", to=False),
    }
)
