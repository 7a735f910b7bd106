"""What a row of the list shows of a bookmark, as texts: a page has fifty, and a template takes long to make them."""

from collections.abc import Iterator, Sequence
from typing import TypedDict
from urllib.parse import quote

from django.urls import reverse
from django.utils.formats import date_format
from django.utils.text import Truncator
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from bookmarks.models import Bookmark, Tagging

_TITLE_LENGTH, _URL_LENGTH, _DESCRIPTION_LENGTH = 300, 300, 600
_LABEL_LENGTH = 100
# No bookmark has it: it holds the place of a key in addresses.
_ANY = 2**62


class ShownTag(TypedDict):
    """A tag and where it leads."""

    name: str
    url: str


class ShownBookmark(TypedDict):
    """A row of the list. `url` is the bookmark's, `shown_url` its text where a title stands above it."""

    pk: str
    url: str
    shown_url: str
    title: str
    label: str
    select_label: str
    delete_question: str
    description: str
    iso_date: str
    date: str
    moment: str
    unread: bool
    favorite: bool
    archived: bool
    private: bool
    tags: list[ShownTag]
    edit_url: str
    delete_url: str


def shown(bookmarks: Sequence[Bookmark], here: str) -> Iterator[ShownBookmark]:
    """Yield what is shown of bookmarks on a page whose address is `here`: one query."""
    tags = _tags(bookmarks)
    edit_url, delete_url = _addresses("bookmarks:edit", here), _addresses("bookmarks:delete", here)
    select, delete = _("Select %(title)s"), _("Delete “%(title)s”?")
    for bookmark in bookmarks:
        pk, title = str(bookmark.pk), bookmark.display_title
        label = _cut(title, _LABEL_LENGTH)
        created = localtime(bookmark.created)
        yield ShownBookmark(
            pk=pk,
            url=bookmark.url,
            shown_url=_cut(bookmark.url, _URL_LENGTH) if bookmark.title else "",
            title=_cut(title, _TITLE_LENGTH),
            label=label,
            select_label=select % {"title": label},
            delete_question=delete % {"title": label},
            description=_cut(bookmark.description, _DESCRIPTION_LENGTH),
            iso_date=created.isoformat(),
            date=date_format(created, "DATE_FORMAT"),
            moment=date_format(created, "DATETIME_FORMAT"),
            unread=bookmark.unread,
            favorite=bookmark.favorite,
            archived=bookmark.archived,
            private=bookmark.private,
            tags=tags.get(bookmark.pk, []),
            edit_url=edit_url.replace(str(_ANY), pk),
            delete_url=delete_url.replace(str(_ANY), pk),
        )


def _tags(bookmarks: Sequence[Bookmark]) -> dict[int, list[ShownTag]]:
    """Return the tags of bookmarks by primary key, in order of their comparison form."""
    path = reverse("bookmarks:list")
    tags: dict[int, list[ShownTag]] = {}
    taggings = Tagging.objects.filter(bookmark__in=[bookmark.pk for bookmark in bookmarks]).order_by("tag__key")
    for pk, name in taggings.values_list("bookmark_id", "tag__name"):
        tags.setdefault(pk, []).append(ShownTag(name=name, url=f"{path}?tag={quote(name, safe='')}"))
    return tags


def _addresses(view: str, here: str) -> str:
    return f"{reverse(view, args=[_ANY])}?next={quote(here, safe='')}"


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else Truncator(text).chars(length)
