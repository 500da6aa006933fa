import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("projects", "0002_pseudonyms"),
    ]

    operations = [
        migrations.CreateModel(
            name="ApprovedWord",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("word", models.CharField(max_length=64, unique=True)),
                ("approved_by", models.TextField()),
                ("approved_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("withdrawn_by", models.TextField(blank=True, default="")),
                ("withdrawn_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "ordering": ["word"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("word", ""), _negated=True), name="approved_word_is_one"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("withdrawn_at", None), ("withdrawn_by", "")),
                            models.Q(("withdrawn_at__isnull", False), models.Q(("withdrawn_by", ""), _negated=True)),
                            _connector="OR",
                        ),
                        name="approved_word_withdrawn_by_somebody",
                    ),
                ],
            },
        ),
    ]
