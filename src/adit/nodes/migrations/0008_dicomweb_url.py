from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("nodes", "0007_needs_receiver_until"),
    ]

    operations = [
        migrations.AlterField(
            model_name="node",
            name="dicomweb_url",
            field=models.CharField(blank=True, default="", max_length=500),
        ),
    ]
