"""What membership of a group allows."""

from __future__ import annotations

from django.contrib.auth.models import Group
from django.db import transaction

from adit.accounts.models import User
from adit.accounts.verdict import ALLOWED, Verdict
from adit.audit.record import record


def may_act_in(user: User, group: Group | None) -> Verdict:
    """Whether *user* may make or run things in the name of *group*; None stands for no group.

    The local administrator may act in any.
    """
    if not user.is_active:
        return Verdict.no(f"The account {user.get_username()} is deactivated; an administrator can activate it.")
    if group is None or user.is_local_administrator or user.groups.filter(pk=group.pk).exists():
        return ALLOWED
    return Verdict.no(
        f"{user.get_username()} is not a member of the group {group.name}; an administrator can change that."
    )


@transaction.atomic
def activate(group: Group, *, by: User) -> None:
    """Make *group* the active group of the user who asks.

    Raises:
        Denied: The user is not a member of it.
    """
    may_act_in(by, group).require()
    by.active_group = group
    by.save(update_fields=["active_group"])
    record("account.group_activated", by=by, group=group.name)
