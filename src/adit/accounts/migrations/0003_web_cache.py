"""The table of the cache that all web processes share: it counts failed log-ins."""

from typing import Any

from django.core.management import call_command
from django.db import migrations


def create(_apps: Any, schema_editor: Any) -> None:
    call_command("createcachetable", "web_cache", database=schema_editor.connection.alias, verbosity=0)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_pages")]
    operations = [migrations.RunPython(create, migrations.RunPython.noop)]
