"""The full-text index, filled with what is there; and indexes for flags and for the order of titles."""

from django.apps.registry import Apps
from django.conf import settings
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import F, Q, Value
from django.db.models.functions import Coalesce, Left, Lower, NullIf

from bookmarks import search


def _create(_apps: Apps, _schema_editor: BaseDatabaseSchemaEditor) -> None:
    search.create()
    search.rebuild(lambda _number: None)
    search.tidy()


def _drop(_apps: Apps, _schema_editor: BaseDatabaseSchemaEditor) -> None:
    search.drop()


class Migration(migrations.Migration):
    dependencies = [
        ("bookmarks", "0002_bookmark_added_by"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddIndex(
            model_name="bookmark",
            index=models.Index(
                F("owner"),
                Left(Lower(Coalesce(NullIf("title", Value("")), "url")), 60),
                F("id"),
                name="bookmark_by_title",
            ),
        ),
        *(
            migrations.AddIndex(
                model_name="bookmark",
                index=models.Index(
                    fields=["owner", "created", "id"], name=f"bookmark_{flag}", condition=Q((flag, True))
                ),
            )
            for flag in ("unread", "favorite", "archived", "private")
        ),
        migrations.RunPython(_create, _drop),
    ]
