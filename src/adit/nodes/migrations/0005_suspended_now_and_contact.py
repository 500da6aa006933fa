from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("nodes", "0004_id_domain"),
    ]

    operations = [
        migrations.AddField(
            model_name="node",
            name="suspended_now",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="node",
            name="answered_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="node",
            name="silent_since",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="node",
            name="silent_because",
            field=models.TextField(blank=True, default="", editable=False),
        ),
        migrations.AddConstraint(
            model_name="node",
            constraint=models.CheckConstraint(
                condition=models.Q(suspended_now=False) | models.Q(suspended_at__isnull=False),
                name="suspended_now_is_suspended",
            ),
        ),
    ]
