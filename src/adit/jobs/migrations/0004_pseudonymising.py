import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import adit.nodes.secrets


class Migration(migrations.Migration):
    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("jobs", "0003_job_archive_password"),
        ("projects", "0002_pseudonyms"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="job",
            options={
                "permissions": [
                    ("can_transfer_urgently", "Can put jobs before those of others"),
                    ("can_transfer_unpseudonymized", "Can send studies with their patient's identity"),
                    ("can_send_unchecked_pixels", "Can send what may show text in its pixels"),
                    ("can_release_tripwire", "Can let an attribute pass in which an identifier was found"),
                ]
            },
        ),
        migrations.AddField(
            model_name="job",
            name="project",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="jobs",
                to="projects.project",
            ),
        ),
        migrations.AddField(
            model_name="job",
            name="secret",
            field=adit.nodes.secrets.EncryptedTextField(blank=True, editable=False, null=True),
        ),
        migrations.AddConstraint(
            model_name="job",
            constraint=models.CheckConstraint(
                condition=models.Q(("project", None), ("secret__isnull", True), _connector="OR"), name="job_has_one_key"
            ),
        ),
    ]
