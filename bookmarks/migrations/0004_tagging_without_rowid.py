"""SQLite keeps the tags of bookmarks in the order of their primary key: one tree less to write, and smaller indexes."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

# https://www.sqlite.org/withoutrowid.html
_OPTION = " WITHOUT ROWID"


def _order_by_primary_key(_apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    _make_anew(schema_editor, _OPTION)


def _order_by_rowid(_apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    _make_anew(schema_editor, "")


def _make_anew(schema_editor: BaseDatabaseSchemaEditor, option: str) -> None:
    """Make the table again, as it is but for the option."""
    if schema_editor.connection.vendor != "sqlite":
        return
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(
            "SELECT sql FROM sqlite_master WHERE tbl_name = 'bookmarks_tagging' AND sql IS NOT NULL ORDER BY type DESC"
        )
        (table,), *indexes = cursor.fetchall()
    schema_editor.execute(table.removesuffix(_OPTION).replace("bookmarks_tagging", "new_tagging", 1) + option)
    schema_editor.execute("INSERT INTO new_tagging SELECT * FROM bookmarks_tagging ORDER BY bookmark_id, tag_id")
    schema_editor.execute("DROP TABLE bookmarks_tagging")
    schema_editor.execute("ALTER TABLE new_tagging RENAME TO bookmarks_tagging")
    for (index,) in indexes:
        schema_editor.execute(index)


class Migration(migrations.Migration):
    dependencies = [("bookmarks", "0003_search")]

    operations = [migrations.RunPython(_order_by_primary_key, _order_by_rowid)]
