import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("jobs", "0004_pseudonymising"),
        ("nodes", "0004_id_domain"),
        ("projects", "0002_pseudonyms"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="IssuedReceipt",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("issued_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("content", models.JSONField()),
                ("code", models.CharField(max_length=64)),
            ],
        ),
        migrations.AddField(
            model_name="task",
            name="accepted_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="task",
            name="accepted_by",
            field=models.TextField(blank=True, default=""),
        ),
        migrations.AddField(
            model_name="task",
            name="accepted_reason",
            field=models.TextField(blank=True, default=""),
        ),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(models.F("project"), models.F("id"), name="job_of_project"),
        ),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(models.F("created_at"), name="job_created"),
        ),
        migrations.AddIndex(
            model_name="task",
            index=models.Index(models.F("job"), models.F("id"), name="task_in_order"),
        ),
        migrations.AddIndex(
            model_name="task",
            index=models.Index(
                models.F("ended_at"), condition=models.Q(("ended_at__isnull", False)), name="task_ended"
            ),
        ),
        migrations.AddConstraint(
            model_name="task",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("accepted_at", None), ("accepted_by", ""), ("accepted_reason", "")),
                    models.Q(
                        ("accepted_at__isnull", False),
                        ("status", "success"),
                        models.Q(("accepted_reason", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="task_accepted_with_a_reason",
            ),
        ),
        migrations.AddField(
            model_name="issuedreceipt",
            name="job",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="receipts", to="jobs.job"
            ),
        ),
    ]
