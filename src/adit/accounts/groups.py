"""What membership of a group allows, and verbs that change groups."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from django.contrib.auth.models import Group
from django.db import transaction

from adit.accounts.administering import may_administer, may_change_groups
from adit.accounts.changes import keep_active_group_true
from adit.accounts.granting import give, names_of
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


@transaction.atomic
def add_group(name: str, *, by: User) -> Group:
    """Make an empty group.

    Raises:
        Denied: *by* may not.
        ValidationError: With a sentence per field.
    """
    may_change_groups(by).require()
    group = Group(name=" ".join(name.split()))
    group.full_clean()
    group.save()
    record("group.added", by=by, group=group.name)
    return group


@transaction.atomic
def edit_group(group: Group, *, by: User, name: str, features: Iterable[str], members: Collection[User]) -> None:
    """Let *group* be called *name*, permit exactly *features* and have exactly *members*.

    Raises:
        Denied: *by* may not, or may not change the account of one who comes or goes.
        ValidationError: With a sentence per field.
    """
    may_change_groups(by).require()
    stored = Group.objects.select_for_update().get(pk=group.pk)
    before = set(User.objects.filter(groups=stored))
    coming, going = set(members) - before, before - set(members)
    for user in coming | going:
        may_administer(user, by=by).require()
    changed: dict[str, Any] = give(stored.permissions, features)
    if (called := " ".join(name.split())) != stored.name:
        changed["name"] = [stored.name, called]
        stored.name = called
        stored.full_clean()
        stored.save()
    for user in coming:
        user.groups.add(stored)
        changed.setdefault("members_added", []).append(user.get_username())
    for user in going:
        user.groups.remove(stored)
        changed.setdefault("members_removed", []).append(user.get_username())
    for user in coming | going:
        keep_active_group_true(user)
    if changed:
        record("group.changed", by=by, group=stored.name, details=changed)


@transaction.atomic
def remove_group(group: Group, *, by: User) -> None:
    """Delete *group*, with its permissions and its access to nodes; its members and its jobs stay.

    Raises:
        Denied: *by* may not.
    """
    may_change_groups(by).require()
    members = list(User.objects.filter(groups=group))
    details = {
        "members": sorted(user.get_username() for user in members),
        "features": sorted(names_of(group.permissions)),
    }
    name = group.name
    group.delete()
    for user in members:
        user.refresh_from_db()
        keep_active_group_true(user)
    record("group.removed", by=by, group=name, details=details)
