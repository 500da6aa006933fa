import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Event",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("time", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("actor", models.TextField(blank=True, default="")),
                ("actor_id", models.BigIntegerField(blank=True, null=True)),
                ("group", models.TextField(blank=True, default="")),
                ("action", models.CharField(max_length=64)),
                (
                    "outcome",
                    models.CharField(
                        choices=[("done", "Done"), ("refused", "Refused"), ("failed", "Failed")],
                        default="done",
                        max_length=16,
                    ),
                ),
                ("patient_id", models.CharField(blank=True, default="", max_length=256)),
                ("study_uid", models.CharField(blank=True, default="", max_length=64)),
                (
                    "nodes",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.TextField(), blank=True, default=list, size=None
                    ),
                ),
                ("job", models.BigIntegerField(blank=True, null=True)),
                ("details", models.JSONField(blank=True, default=dict)),
                ("address", models.GenericIPAddressField(blank=True, null=True)),
            ],
            options={
                "ordering": ["-time", "-id"],
                "indexes": [
                    models.Index(fields=["time"], name="audit_time"),
                    models.Index(
                        condition=models.Q(("patient_id", ""), _negated=True),
                        fields=["patient_id", "time"],
                        name="audit_patient",
                    ),
                    models.Index(
                        condition=models.Q(("study_uid", ""), _negated=True),
                        fields=["study_uid", "time"],
                        name="audit_study",
                    ),
                    models.Index(fields=["actor", "time"], name="audit_actor"),
                    models.Index(condition=models.Q(("job__isnull", False)), fields=["job"], name="audit_job"),
                    django.contrib.postgres.indexes.GinIndex(fields=["nodes"], name="audit_nodes"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("outcome__in", ["done", "refused", "failed"])),
                        name="audit_outcome_is_known",
                    )
                ],
            },
        ),
    ]
