"""What migrations do with the rows that are there, where Django does not do it by itself."""

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction

from bookmarks.models import Bookmark, Tag, Tagging
from tests.factories import make_bookmark, make_user


def definitions() -> dict[str, str]:
    """Return what SQLite was told of the table of taggings and of its index, by name."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, sql FROM sqlite_master WHERE tbl_name = 'bookmarks_tagging' AND sql IS NOT NULL")
        return dict(cursor.fetchall())


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL has no such tables")
@pytest.mark.django_db(transaction=True)
def test_sqlite_keeps_taggings_in_the_order_of_their_key() -> None:
    owner = make_user()
    for number in range(3):
        make_bookmark(owner, tags=[f"tag {number}", "common"])
    pairs = sorted(Tagging.objects.values_list("bookmark_id", "tag_id"))
    ordered = definitions()
    assert set(ordered) == {"bookmarks_tagging", "tagging_by_tag"}
    assert ordered["bookmarks_tagging"].endswith(" WITHOUT ROWID")

    call_command("migrate", "bookmarks", "0003", verbosity=0)
    assert definitions()["bookmarks_tagging"] == ordered["bookmarks_tagging"].removesuffix(" WITHOUT ROWID")
    assert sorted(Tagging.objects.values_list("bookmark_id", "tag_id")) == pairs

    call_command("migrate", verbosity=0)
    assert definitions() == ordered
    assert sorted(Tagging.objects.values_list("bookmark_id", "tag_id")) == pairs
    with pytest.raises(IntegrityError), transaction.atomic():
        Tagging.objects.create(bookmark_id=pairs[-1][0] + 1, tag_id=pairs[-1][1])
    with pytest.raises(IntegrityError), transaction.atomic():
        Tagging.objects.bulk_create([Tagging(bookmark_id=pairs[0][0], tag_id=pairs[0][1])])
    Tag.objects.get(name="common").delete()
    Bookmark.objects.filter(pk=pairs[0][0]).delete()
    assert Tagging.objects.count() == 2
