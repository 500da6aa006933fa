from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("nodes", "0005_suspended_now_and_contact"),
    ]

    operations = [
        migrations.AddField(
            model_name="node",
            name="needs_receiver_until",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
    ]
