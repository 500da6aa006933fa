from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("nodes", "0003_tls_commitment_decompress"),
    ]

    operations = [
        migrations.AddField(
            model_name="node",
            name="id_domain",
            field=models.CharField(blank=True, default="", max_length=64),
        ),
    ]
