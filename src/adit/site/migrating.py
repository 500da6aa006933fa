"""Bringing the database up to date, by one process at a time."""

from django.core.management import call_command
from django.db import connection

_LOCK = 0x41444954
"""Advisory lock number; the letters "ADIT"."""


def migrate() -> None:
    """Apply what is missing. Processes that start at the same time wait for each other."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
        try:
            call_command("migrate", interactive=False, verbosity=0)
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])
