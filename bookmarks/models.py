"""Bookmarks, tags, and what a bookmark was before an import changed it. Knows nothing of how imports work."""

from typing import Self

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import models
from django.db.models import Exists, F, OuterRef, Q, Value
from django.db.models.expressions import RawSQL
from django.db.models.functions import Coalesce, Left, Lower, NullIf
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from bookmarks.drafts import TAG_MAX_LENGTH, TITLE_MAX_LENGTH

# How far bookmarks of a tag are counted, and how much of a title the order by titles looks at.
TAG_COUNTED = 1_000
TITLE_SORTED_LENGTH = 60

type Owner = AbstractBaseUser | AnonymousUser


class TimestampedModel(models.Model):
    """When something came to be and when it last changed. Both can be set, since an import knows better."""

    created = models.DateTimeField(_("created"), default=timezone.now)
    updated = models.DateTimeField(_("updated"), default=timezone.now)

    class Meta:
        abstract = True


class OwnedQuerySet[Model: models.Model](models.QuerySet[Model]):
    """Rows that belong to one user each."""

    def owned_by(self, owner: Owner) -> Self:
        """Only the rows of `owner`: every view, fragment, download and command reads through this."""
        return self.filter(owner=owner.pk)


class TagQuerySet(OwnedQuerySet["Tag"]):
    """Reads of tags."""

    def with_counts(self) -> Self:
        """Add `bookmark_count`, leave out tags without a bookmark, in alphabetical order.

        Counted for each row, and no further than TAG_COUNTED: a page of the list then costs the same for all.
        """
        few = "(SELECT count(*) FROM (SELECT 1 FROM bookmarks_tagging g WHERE g.tag_id = bookmarks_tag.id LIMIT %s) x)"
        count = RawSQL(few, [TAG_COUNTED], output_field=models.IntegerField())  # noqa: S611 no value in its text
        return (
            self.filter(Exists(Tagging.objects.filter(tag=OuterRef("pk"))))
            .annotate(bookmark_count=count)
            .order_by("key")
        )


class Tag(models.Model):
    """A word that a user files bookmarks under. Its case is kept as first written; `key` is what makes it unique."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="tags", db_index=False)
    name = models.CharField(_("name"), max_length=TAG_MAX_LENGTH)
    key = models.CharField(_("comparison form"), max_length=4 * TAG_MAX_LENGTH, editable=False)
    added_by_import = models.BigIntegerField(null=True, editable=False)

    objects = TagQuerySet.as_manager()

    class Meta:
        verbose_name = _("tag")
        verbose_name_plural = _("tags")
        constraints = [models.UniqueConstraint(fields=["owner", "key"], name="unique_tag_per_owner")]

    def __str__(self) -> str:
        return self.name


class BookmarkQuerySet(OwnedQuerySet["Bookmark"]):
    """Reads of bookmarks. Which of them a list shows: `bookmarks.listing`."""


class Bookmark(TimestampedModel):
    """A page that a user saved.

    `url` is what the user gave; `unique_hash` is taken from its comparison form and makes it unique per owner
    (`bookmarks.canonical`). `created` is when the page was first saved, here or in the service it came from.

    `added_by_import` and `written_by_import` are ids of import jobs, not foreign keys, as this app knows none:
    the import that created the row, and the one that wrote its present content (None once a person edits it).
    """

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="bookmarks", db_index=False)
    url = models.TextField(_("URL"))
    unique_hash = models.CharField(_("unique hash"), max_length=32, editable=False)
    title = models.CharField(_("title"), max_length=TITLE_MAX_LENGTH, blank=True)
    description = models.TextField(_("description"), blank=True)
    feed_url = models.TextField(_("feed URL"), blank=True)
    image_url = models.TextField(_("image URL"), blank=True)
    unread = models.BooleanField(_("unread"), default=False)
    archived = models.BooleanField(_("archived"), default=False)
    favorite = models.BooleanField(_("favourite"), default=False)
    private = models.BooleanField(_("private"), default=False)
    added_by_import = models.BigIntegerField(null=True, editable=False)
    written_by_import = models.BigIntegerField(null=True, editable=False)
    tags = models.ManyToManyField(Tag, verbose_name=_("tags"), through="Tagging", related_name="bookmarks")

    objects = BookmarkQuerySet.as_manager()

    class Meta:
        verbose_name = _("bookmark")
        verbose_name_plural = _("bookmarks")
        ordering = ["-created", "-pk"]
        constraints = [models.UniqueConstraint(fields=["owner", "unique_hash"], name="unique_bookmark_per_owner")]
        indexes = [
            models.Index(fields=["owner", "created", "id"], name="bookmark_newest"),
            models.Index(
                fields=["added_by_import", "id"],
                name="bookmark_added_by",
                condition=Q(added_by_import__isnull=False),
            ),
            models.Index(
                F("owner"),
                Left(Lower(Coalesce(NullIf("title", Value("")), "url")), TITLE_SORTED_LENGTH),
                F("id"),
                name="bookmark_by_title",
            ),
            *(
                models.Index(fields=["owner", "created", "id"], name=f"bookmark_{flag}", condition=Q((flag, True)))
                for flag in ("unread", "favorite", "archived", "private")
            ),
        ]

    def __str__(self) -> str:
        return self.display_title

    @property
    def display_title(self) -> str:
        """The title, or the URL where there is none."""
        return self.title or self.url


class Tagging(models.Model):
    """One bookmark carries one tag. The primary key is the pair, and SQLite's table is kept in its order.

    There is thus nothing else to write during an import but the index by tag.
    """

    pk = models.CompositePrimaryKey("bookmark_id", "tag_id")
    bookmark = models.ForeignKey(Bookmark, models.CASCADE, db_index=False)
    tag = models.ForeignKey(Tag, models.CASCADE, db_index=False)

    class Meta:
        indexes = [models.Index(fields=["tag", "bookmark"], name="tagging_by_tag")]

    def __str__(self) -> str:
        return f"{self.bookmark_id} carries {self.tag_id}"


class Revision(models.Model):
    """What a bookmark was before an import changed it: all that an undo needs to bring it back.

    `before` holds the fields by name, dates as ISO texts, `tags` as a list of names.
    """

    bookmark = models.ForeignKey(Bookmark, models.CASCADE, related_name="revisions", db_index=False)
    import_id = models.BigIntegerField()
    before = models.JSONField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["bookmark", "import_id"], name="one_revision_per_import")]
        indexes = [models.Index(fields=["import_id", "bookmark"], name="revision_by_import")]

    def __str__(self) -> str:
        return f"bookmark {self.bookmark_id} before import {self.import_id}"
