from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("jobs", "0011_results_in_order"),
    ]

    operations = [
        migrations.AddField(
            model_name="worker",
            name="receives",
            field=models.BooleanField(default=False, db_default=False),
        ),
    ]
