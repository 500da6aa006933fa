"""Verbs that change accounts; each leaves its audit event in the same transaction.

Accounts are deactivated, never deleted: what somebody did keeps its name.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from django.contrib.auth.models import Group
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction

from adit.accounts.administering import may_administer, may_change_roles, may_deactivate
from adit.accounts.granting import give
from adit.accounts.mails import tell_of_approval
from adit.accounts.models import User
from adit.accounts.sessions import end_all_sessions
from adit.accounts.verdict import ALLOWED
from adit.audit.record import record

_OWN = frozenset(("first_name", "last_name", "email", "time_zone", "theme", "mail_when_finished"))
"""What people say about themselves."""


@transaction.atomic
def add(username: str, *, by: User, email: str, password: str, staff: bool = False, superuser: bool = False) -> User:
    """Make an account that can log in at once.

    Raises:
        Denied: *by* may not make accounts, or none with such a role.
        ValidationError: With a sentence per field.
    """
    user = User(username=username, email=email, is_staff=staff or superuser, is_superuser=superuser)
    if user.is_staff:
        may_change_roles(user, by=by).require()
    may_administer(user, by=by).require()
    user.set_password(password)
    user.full_clean()
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise ValidationError({"password": error.messages}) from error
    user.save()
    record("account.added", by=by, details={"user": username, "staff": user.is_staff, "superuser": superuser})
    return user


@transaction.atomic
def set_password(user: User, *, by: User, password: str) -> None:
    """Give *user* a new password, and end every session.

    Raises:
        Denied: *by* may not.
        ValidationError: It is too easy to guess.
    """
    may_administer(user, by=by).require()
    validate_password(password, user)
    stored = _locked(user)
    stored.set_password(password)
    stored.save(update_fields=["password"])
    end_all_sessions(stored, by=by)
    record("account.password_changed", by=by, details={"user": stored.get_username()})


@transaction.atomic
def edit(user: User, *, by: User, **values: Any) -> User:
    """Give fields of *user* that people say about themselves new values.

    Raises:
        Denied: *by* is neither the user nor somebody who may change the account.
        ValidationError: With a sentence per field.
    """
    (ALLOWED if user == by else may_administer(user, by=by)).require()
    if unknown := values.keys() - _OWN:
        raise TypeError(f"not what people say about themselves: {', '.join(sorted(unknown))}")
    stored = _locked(user)
    before = {name: getattr(stored, name) for name in values}
    for name, value in values.items():
        setattr(stored, name, value)
    stored.full_clean(exclude=["password"])
    stored.save(update_fields=list(values))
    if changed := {name: [before[name], value] for name, value in values.items() if before[name] != value}:
        record("account.changed", by=by, details={"user": stored.get_username(), "changed": changed})
    return stored


@transaction.atomic
def approve(user: User, *, by: User) -> bool:
    """Let *user* log in: after a registration, or again after the account was deactivated.

    Returns:
        Whether that changed anything: of two who approve at once, one does.

    Raises:
        Denied: *by* may not.
    """
    may_administer(user, by=by).require()
    stored = _locked(user)
    if stored.is_active:
        return False
    waited = stored.deactivated_at is None
    stored.is_active, stored.deactivated_at = True, None
    stored.save(update_fields=["is_active", "deactivated_at"])
    record("account.approved" if waited else "account.reactivated", by=by, details={"user": stored.get_username()})
    if waited:
        tell_of_approval(stored)
    user.refresh_from_db()
    return True


@transaction.atomic
def deactivate(user: User, *, by: User, now: datetime) -> None:
    """Let *user* log in no more, or turn a registration away: sessions end, WebSockets close, jobs go on.

    Raises:
        Denied: *by* may not.
    """
    may_deactivate(user, by=by).require()
    stored = _locked(user)
    stored.is_active, stored.deactivated_at = False, now
    stored.save(update_fields=["is_active", "deactivated_at"])
    end_all_sessions(stored, by=by)
    record("account.deactivated", by=by, details={"user": stored.get_username()})
    user.refresh_from_db()


@transaction.atomic
def set_roles(user: User, *, by: User, staff: bool, superuser: bool) -> None:
    """Make *user* an administrator, or a superuser, who is one too.

    Raises:
        Denied: *by* may not.
    """
    may_change_roles(user, by=by).require()
    stored = _locked(user)
    stored.is_staff, stored.is_superuser = staff or superuser, superuser
    stored.save(update_fields=["is_staff", "is_superuser"])
    record(
        "account.roles_changed",
        by=by,
        details={"user": stored.get_username(), "staff": stored.is_staff, "superuser": superuser},
    )
    user.refresh_from_db()


@transaction.atomic
def set_groups(user: User, *, by: User, groups: Collection[Group]) -> None:
    """Let *user* be a member of exactly *groups*. The active group stays if it is among them, else it is the first.

    Raises:
        Denied: *by* may not.
    """
    may_administer(user, by=by).require()
    stored = _locked(user)
    before, after = set(stored.groups.all()), set(groups)
    if before == after:
        return
    stored.groups.set(after)
    keep_active_group_true(stored)
    record(
        "account.groups_changed",
        by=by,
        details={
            "user": stored.get_username(),
            "added": sorted(group.name for group in after - before),
            "removed": sorted(group.name for group in before - after),
        },
    )
    user.refresh_from_db()


@transaction.atomic
def set_permissions(user: User, *, by: User, names: Iterable[str]) -> None:
    """Give *user* exactly the features *names*, beside those of the groups.

    Raises:
        Denied: *by* may not.
    """
    may_administer(user, by=by).require()
    changed = give(_locked(user).user_permissions, names)
    if changed:
        record("account.permissions_changed", by=by, details={"user": user.get_username(), **changed})


def keep_active_group_true(user: User) -> None:
    """Make the active group of *user* one that the user belongs to; without any there is none."""
    groups = list(user.groups.order_by("name"))
    if user.active_group not in groups:
        user.active_group = groups[0] if groups else None
        user.save(update_fields=["active_group"])


def _locked(user: User) -> User:
    return User.objects.select_for_update().get(pk=user.pk)
