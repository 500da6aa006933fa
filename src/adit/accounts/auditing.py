"""Who may read the audit trail, and who may ask it about a patient."""

from __future__ import annotations

from adit.accounts.models import User
from adit.accounts.permitting import has_permission
from adit.accounts.verdict import ALLOWED, Verdict


def may_view_audit(user: User) -> Verdict:
    """Whether *user* may read who did what: administrators, and who has the permission."""
    if user.is_active and (user.is_staff or has_permission(user, user.active_group, "audit.can_view_audit")):
        return ALLOWED
    return Verdict.no("You may not read the audit trail; an administrator can permit it.")


def may_search_patients(user: User) -> Verdict:
    """Whether *user* may read and search which patients and studies it was about. It is a permission of its own."""
    if may_view_audit(user) and has_permission(user, user.active_group, "audit.can_search_patients"):
        return ALLOWED
    return Verdict.no("You may not search the audit trail for patients; an administrator can permit it.")
