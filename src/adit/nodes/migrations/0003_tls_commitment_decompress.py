from django.db import migrations, models

import adit.nodes.secrets


class Migration(migrations.Migration):
    dependencies = [
        ("nodes", "0002_dicomweb"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="node",
            name="dimse_abilities_need_a_host",
        ),
        migrations.AddField(
            model_name="node",
            name="commit",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="node",
            name="decompress",
            field=models.BooleanField(default=True),
        ),
        migrations.AddField(
            model_name="node",
            name="tls",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="node",
            name="tls_ca",
            field=models.TextField(blank=True, default=""),
        ),
        migrations.AddField(
            model_name="node",
            name="tls_certificate",
            field=adit.nodes.secrets.EncryptedTextField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="node",
            name="tls_check_name",
            field=models.BooleanField(default=True),
        ),
        migrations.AddConstraint(
            model_name="node",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("host", ""), _negated=True),
                    models.Q(
                        ("commit", False),
                        ("find_patient", False),
                        ("find_study", False),
                        ("get_patient", False),
                        ("get_study", False),
                        ("move_patient", False),
                        ("move_study", False),
                        ("store", False),
                    ),
                    _connector="OR",
                ),
                name="dimse_abilities_need_a_host",
            ),
        ),
        migrations.AddConstraint(
            model_name="node",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("host", ""), _negated=True),
                    models.Q(
                        ("tls", False),
                        ("tls_ca", ""),
                        ("tls_certificate__isnull", True),
                        ("tls_check_name", True),
                    ),
                    _connector="OR",
                ),
                name="tls_needs_a_host",
            ),
        ),
    ]
