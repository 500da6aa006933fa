"""How long events are kept. What is older goes through one function of the database, which writes down that it did."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import connection

from adit.audit.models import Event
from adit.audit.record import SYSTEM, Actor

SHORTEST = timedelta(days=30)
"""What is younger stays whatever anybody says; the database itself holds to it."""


class TooYoung(ValueError):
    """What is younger than 30 days stays in the audit trail."""

    def __init__(self) -> None:
        super().__init__(type(self).__doc__)


def prune(before: datetime, *, by: Actor | str, now: datetime) -> int:
    """Remove every event from before *before*, and record that, in the current transaction.

    Returns:
        How many there were.

    Raises:
        TooYoung: *before* is less than 30 days ago.
    """
    if before > now - SHORTEST:
        raise TooYoung
    name, number = (by, None) if isinstance(by, str) else (by.get_username(), by.pk)
    with connection.cursor() as cursor:
        cursor.execute("SELECT audit_prune(%s, %s, %s)", [before, name, number])
        (gone,) = cursor.fetchone()
    return int(gone)


def keep(longest: timedelta, *, now: datetime) -> int:
    """Remove what is older than *longest*; nothing is recorded when there is nothing.

    Returns:
        How many events there were.
    """
    before = now - max(longest, SHORTEST)
    if not Event.objects.filter(time__lt=before).exists():
        return 0
    return prune(before, by=SYSTEM, now=now)
