from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("jobs", "0008_batches"),
    ]

    operations = [
        migrations.AddField(
            model_name="task",
            name="accession_number",
            field=models.TextField(blank=True, db_default="", default=""),
        ),
        migrations.AddIndex(
            model_name="task",
            index=models.Index(
                models.F("accession_number"),
                condition=models.Q(("accession_number", ""), _negated=True),
                name="task_accession",
            ),
        ),
    ]
