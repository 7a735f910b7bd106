"""Bookmarks and tags in the administration. What makes a row unique is read-only: it is derived from the URL."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.contrib import admin
from django.db import transaction
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from bookmarks import search
from bookmarks.models import Bookmark, Tag, Tagging


class _NoAdding:
    """Rows come to be through forms and imports, which check and derive what the administration would not."""

    def has_add_permission(self, *_request_and_parent: object) -> bool:
        """Nobody adds here."""
        return False


@admin.register(Bookmark)
class BookmarkAdmin(_NoAdding, admin.ModelAdmin[Bookmark]):
    """Texts and flags can be changed; URL, owner and tags are shown."""

    list_display = ("display_title", "owner", "created", "unread", "archived", "favorite", "private")
    list_filter = ("unread", "archived", "favorite", "private", "created")
    list_select_related = ("owner",)
    search_fields = ("title", "url", "owner__username")
    readonly_fields = ("owner", "url", "unique_hash", "tag_names", "added_by_import", "written_by_import")
    show_full_result_count = False

    def save_model(self, request: HttpRequest, obj: Bookmark, form: ModelForm[Bookmark], change: bool) -> None:  # noqa: FBT001 Django's signature
        """Save, and let the search know."""
        super().save_model(request, obj, form, change)
        search.reindex([obj.pk])

    @admin.display(description=_("tags"))
    def tag_names(self, bookmark: Bookmark) -> str:
        """List the tags."""
        return ", ".join(tag.name for tag in bookmark.tags.order_by("key"))


@admin.register(Tag)
class TagAdmin(_NoAdding, admin.ModelAdmin[Tag]):
    """Tags are shown and can be deleted, which takes them off their bookmarks."""

    list_display = ("name", "owner")
    list_select_related = ("owner",)
    search_fields = ("name", "owner__username")
    readonly_fields = ("owner", "name", "key", "added_by_import")
    show_full_result_count = False

    def delete_model(self, request: HttpRequest, obj: Tag) -> None:
        """Delete, and let the search know."""
        with _search_told(Tag.objects.filter(pk=obj.pk)):
            super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Tag]) -> None:
        """Delete, and let the search know."""
        with _search_told(queryset):
            super().delete_queryset(request, queryset)


@contextmanager
def _search_told(tags: QuerySet[Tag]) -> Iterator[None]:
    """Have the bookmarks entered anew that carry these tags before the block."""
    with transaction.atomic():
        pks = list(Tagging.objects.filter(tag__in=tags).values_list("bookmark_id", flat=True).distinct())
        yield
        search.reindex(pks)
