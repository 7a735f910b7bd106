from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("imports", "0002_preview_undo_timeline"),
    ]

    operations = [
        migrations.AddField(
            model_name="importjob",
            name="has_written",
            field=models.BooleanField(db_default=False, default=False, editable=False),
        ),
    ]
