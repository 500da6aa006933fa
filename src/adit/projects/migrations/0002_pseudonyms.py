import django.db.models.deletion
import django.db.models.functions.datetime
import django.db.models.functions.text
from django.conf import settings
from django.db import migrations, models

import adit.nodes.secrets


class Migration(migrations.Migration):
    dependencies = [
        ("nodes", "0004_id_domain"),
        ("projects", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Alias",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("digest", models.BinaryField(max_length=32, null=True)),
                ("original", adit.nodes.secrets.EncryptedTextField(blank=True, editable=False, null=True)),
                ("pseudonym", models.CharField(max_length=64)),
                ("created", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
            ],
            options={
                "verbose_name_plural": "aliases",
                "ordering": ["pk"],
            },
        ),
        migrations.RemoveConstraint(
            model_name="project",
            name="project_has_a_key",
        ),
        migrations.AddField(
            model_name="project",
            name="fingerprint",
            field=models.CharField(blank=True, default="", editable=False, max_length=32),
        ),
        migrations.AddField(
            model_name="project",
            name="generates",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="project",
            name="key_destroyed_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="project",
            name="profile",
            field=models.JSONField(blank=True, default=dict),
        ),
        migrations.AddField(
            model_name="project",
            name="profile_name",
            field=models.CharField(default="research", max_length=100),
        ),
        migrations.AlterField(
            model_name="project",
            name="purpose",
            field=models.CharField(blank=True, default="", max_length=200),
        ),
        migrations.AddConstraint(
            model_name="project",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("key_destroyed_at__isnull", True), ("secret__isnull", False)),
                    models.Q(("key_destroyed_at__isnull", False), ("secret__isnull", True)),
                    _connector="OR",
                ),
                name="project_has_a_key",
            ),
        ),
        migrations.AlterConstraint(
            model_name="project",
            name="project_name_is_unique",
            constraint=models.UniqueConstraint(
                django.db.models.functions.text.Lower("name"),
                name="project_name_is_unique",
                violation_error_message="There is a project of this name already, perhaps with other capitals.",
            ),
        ),
        migrations.AddField(
            model_name="alias",
            name="project",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="aliases", to="projects.project"
            ),
        ),
        migrations.AddConstraint(
            model_name="alias",
            constraint=models.UniqueConstraint(fields=("project", "digest"), name="one_pseudonym_per_patient"),
        ),
        migrations.AddConstraint(
            model_name="alias",
            constraint=models.UniqueConstraint(
                models.F("project"),
                django.db.models.functions.text.Lower("pseudonym"),
                name="one_patient_per_pseudonym",
            ),
        ),
        migrations.AddConstraint(
            model_name="alias",
            constraint=models.CheckConstraint(
                condition=models.Q(("pseudonym", ""), _negated=True), name="alias_has_a_pseudonym"
            ),
        ),
        migrations.AddConstraint(
            model_name="alias",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("digest__isnull", True), ("original__isnull", True)),
                    models.Q(("digest__isnull", False), ("original__isnull", False)),
                    _connector="OR",
                ),
                name="alias_is_free_or_of_a_patient",
            ),
        ),
    ]
