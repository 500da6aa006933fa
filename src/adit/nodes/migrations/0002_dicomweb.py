from django.db import migrations, models

import adit.nodes.secrets


class Migration(migrations.Migration):
    dependencies = [
        ("nodes", "0001_initial"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="node",
            name="authorization_needs_a_url",
        ),
        migrations.AddField(
            model_name="node",
            name="dicomweb_ca",
            field=models.TextField(blank=True, default=""),
        ),
        migrations.AddField(
            model_name="node",
            name="dicomweb_certificate",
            field=adit.nodes.secrets.EncryptedTextField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="node",
            name="qido_prefix",
            field=models.CharField(blank=True, default="", max_length=100),
        ),
        migrations.AddField(
            model_name="node",
            name="stow_prefix",
            field=models.CharField(blank=True, default="", max_length=100),
        ),
        migrations.AddField(
            model_name="node",
            name="wado_prefix",
            field=models.CharField(blank=True, default="", max_length=100),
        ),
        migrations.AddConstraint(
            model_name="node",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("dicomweb_url", ""), _negated=True),
                    models.Q(
                        ("authorization__isnull", True),
                        ("dicomweb_ca", ""),
                        ("dicomweb_certificate__isnull", True),
                        ("qido_prefix", ""),
                        ("stow_prefix", ""),
                        ("wado_prefix", ""),
                    ),
                    _connector="OR",
                ),
                name="dicomweb_settings_need_a_url",
            ),
        ),
    ]
