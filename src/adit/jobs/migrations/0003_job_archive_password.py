from django.db import migrations

import adit.nodes.secrets


class Migration(migrations.Migration):
    dependencies = [("jobs", "0002_worker_machine")]

    operations = [
        migrations.AddField(
            model_name="job",
            name="archive_password",
            field=adit.nodes.secrets.EncryptedTextField(blank=True, editable=False, null=True),
        ),
    ]
