"""Who may change which account."""

from __future__ import annotations

from adit.accounts.models import User
from adit.accounts.verdict import ALLOWED, Verdict


def may_administer(user: User, *, by: User) -> Verdict:
    """Whether *by* may edit, approve or deactivate *user*, and say to which groups they belong."""
    if not by.is_active or not by.is_staff:
        return Verdict.no("Only an administrator may change accounts.")
    if user.is_local_administrator:
        return Verdict.no(f"{user} is the command line; its account follows from the operating system.")
    if (user.is_staff or user.is_superuser) and not by.is_superuser and user != by:
        return Verdict.no(f"{user} is an administrator; only a superuser may change that account.")
    return ALLOWED


def may_change_roles(user: User, *, by: User) -> Verdict:
    """Whether *by* may make *user* an administrator or a superuser, or end that."""
    if not by.is_active or not by.is_superuser:
        return Verdict.no("Only a superuser may say who is an administrator.")
    if user == by:
        return Verdict.no("Nobody changes the own role; another superuser can.")
    return may_administer(user, by=by)


def may_deactivate(user: User, *, by: User) -> Verdict:
    """Whether *by* may end the use of the account of *user*, or turn the registration away."""
    if user == by:
        return Verdict.no("Nobody deactivates the own account; another administrator can.")
    return may_administer(user, by=by)


def may_change_groups(by: User) -> Verdict:
    """Whether *by* may make, change and remove groups."""
    if by.is_active and by.is_staff:
        return ALLOWED
    return Verdict.no("Only an administrator may change groups.")
