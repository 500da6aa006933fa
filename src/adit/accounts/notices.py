"""What everybody is told, and whether only administrators work meanwhile."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from adit.accounts.models import Notice, User
from adit.accounts.verdict import ALLOWED, Verdict
from adit.audit.record import record


def notice() -> Notice:
    """What is told now; an empty one when nothing is."""
    return Notice.objects.filter(pk=Notice.ONLY).first() or Notice(pk=Notice.ONLY)


def may_work(user: User, told: Notice) -> Verdict:
    """Whether *user* may work now, or has to wait for the end of maintenance. What runs goes on in any case."""
    if not told.maintenance_reason or user.is_staff:
        return ALLOWED
    until = f" until {told.maintenance_until:%Y-%m-%d %H:%M} UTC" if told.maintenance_until else ""
    return Verdict.no(f"ADIT is being maintained{until}: {told.maintenance_reason}")


@transaction.atomic
def announce(text: str, *, by: User) -> None:
    """Show *text* above every page; an empty one ends that."""
    told = _locked()
    told.announcement = text.strip()
    told.save()
    record("announcement.changed", by=by, details={"text": told.announcement})


@transaction.atomic
def begin_maintenance(reason: str, *, by: User, until: datetime | None = None) -> None:
    """Let only administrators work from now on, until somebody ends it.

    Args:
        until: When others are told that it is expected to end.
    """
    if not reason.strip():
        raise ValueError("maintenance has a reason")
    told = _locked()
    told.maintenance_reason, told.maintenance_until = reason.strip(), until
    told.save()
    record(
        "maintenance.begun",
        by=by,
        details={"reason": told.maintenance_reason, "until": until.isoformat() if until else None},
    )


@transaction.atomic
def end_maintenance(*, by: User) -> None:
    """Let everybody work again."""
    told = _locked()
    told.maintenance_reason, told.maintenance_until = "", None
    told.save()
    record("maintenance.ended", by=by)


def _locked() -> Notice:
    return Notice.objects.select_for_update().filter(pk=Notice.ONLY).first() or Notice(pk=Notice.ONLY)
