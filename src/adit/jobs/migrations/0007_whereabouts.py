import django.db.models.fields.json
import django.db.models.functions.text
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("jobs", "0006_kind_settings"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="entry",
            index=models.Index(models.F("series_uid"), name="entry_series"),
        ),
        migrations.AddIndex(
            model_name="entry",
            index=models.Index(
                models.F("new_study_uid"),
                condition=models.Q(("new_study_uid", ""), _negated=True),
                name="entry_new_study",
            ),
        ),
        migrations.AddIndex(
            model_name="entry",
            index=models.Index(
                models.F("new_series_uid"),
                condition=models.Q(("new_series_uid", ""), _negated=True),
                name="entry_new_series",
            ),
        ),
        migrations.AddIndex(
            model_name="task",
            index=models.Index(
                django.db.models.functions.text.Lower(
                    django.db.models.fields.json.KeyTextTransform("pseudonym", "item")
                ),
                name="task_pseudonym",
            ),
        ),
    ]
