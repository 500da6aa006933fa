"""What administrators decide about a kind of job: locked, suspended, started at once, and how much at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.contrib.auth.models import Group
from django.db import transaction

from adit.accounts.models import User
from adit.accounts.permitting import has_permission
from adit.accounts.verdict import ALLOWED, Verdict
from adit.audit.record import record
from adit.jobs.kinds import KINDS, Kind
from adit.jobs.models import KindSetting
from adit.jobs.queue import wake

_SETTINGS = frozenset(("locked_reason", "suspended_reason", "starts_without_verification", "limit"))


def setting_of(kind: Kind) -> KindSetting:
    """What counts for *kind* now."""
    return KindSetting.objects.filter(pk=kind.key).first() or KindSetting(kind=kind.key)


@transaction.atomic
def change(kind: Kind, *, by: User, **values: Any) -> KindSetting:
    """Decide about *kind*.

    Raises:
        Denied: *by* is no administrator.
        ValidationError: With a sentence per field.
    """
    may_decide(by).require()
    if unknown := values.keys() - _SETTINGS:
        raise TypeError(f"a kind has no {', '.join(sorted(unknown))}")
    KindSetting.objects.get_or_create(kind=kind.key)
    stored = KindSetting.objects.select_for_update().get(pk=kind.key)
    changed = {}
    for name, value in values.items():
        if (before := getattr(stored, name)) != value:
            changed[name] = [before, value]
            setattr(stored, name, value)
    if changed:
        stored.full_clean()
        stored.save()
        record("kind.changed", by=by, details={"kind": kind.key, "changed": changed})
        wake()
    return stored


def may_decide(by: User) -> Verdict:
    """Whether *by* may change what counts for a kind."""
    if by.is_active and by.is_staff:
        return ALLOWED
    return Verdict.no("Only an administrator may change the settings of a kind of job.")


def may_make(kind: Kind, *, user: User, group: Group | None) -> Verdict:
    """Whether *user*, acting in *group*, may make jobs of *kind*. A lock does not hold administrators back."""
    if not has_permission(user, group, kind.permission):
        return Verdict.no(f"You may not make a {kind.title}; an administrator can permit it.")
    locked = setting_of(kind).locked_reason
    if locked and not user.is_staff:
        return Verdict.no(f"No {kind.title} can be made at the moment: {locked}")
    return ALLOWED


def starts_at_once(kind: Kind, items: int, by: User) -> bool:
    """Whether a job of *kind* with so many items starts without anybody having looked at it."""
    if by.is_staff:
        return True
    # Above the limit nothing is refused: staff look at the plan and verify it.
    most = most_at_once(kind)
    return most is None or items <= most


def most_at_once(kind: Kind) -> int | None:
    """So many items start without verification: 0 for none of them, None for any number."""
    setting = setting_of(kind)
    if not setting.starts_without_verification:
        return 0
    return kind.most if setting.limit is None else setting.limit


def suspended_priorities() -> dict[int, str]:
    """Priority → why its tasks wait, of every kind that is suspended. No two kinds share a priority."""
    return halts_of(KindSetting.objects.exclude(suspended_reason="").values_list("kind", "suspended_reason"))


def halts_of(suspended: Iterable[Sequence[str]]) -> dict[int, str]:
    """The same, of pairs of a kind's key and a reason."""
    return {
        priority: f"waits while every {KINDS[key].title} is suspended: {reason}"
        for key, reason in suspended
        if key in KINDS
        for priority in (KINDS[key].priority.normal, KINDS[key].priority.urgent)
    }
