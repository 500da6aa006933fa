import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("jobs", "0009_task_accession_number"),
    ]

    operations = [
        migrations.CreateModel(
            name="CutWord",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("attribute", models.TextField()),
                ("word", models.TextField()),
                ("count", models.BigIntegerField()),
                (
                    "job",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="cut_words", to="jobs.job"
                    ),
                ),
            ],
            options={
                "ordering": ["-count", "word", "attribute"],
                "constraints": [
                    models.UniqueConstraint(fields=("job", "attribute", "word"), name="cut_word_once_per_job"),
                    models.CheckConstraint(
                        condition=models.Q(("count__gt", 0), models.Q(("word", ""), _negated=True)),
                        name="cut_word_was_cut",
                    ),
                ],
            },
        ),
    ]
