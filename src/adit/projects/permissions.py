"""Who may see and change projects."""

from __future__ import annotations

from adit.accounts.models import User
from adit.accounts.verdict import ALLOWED, Verdict


def may_manage_projects(by: User) -> Verdict:
    """Whether *by* may make and change projects, say who takes part, and keep their keys."""
    if by.is_active and by.is_staff:
        return ALLOWED
    return Verdict.no("Only an administrator may make and change projects.")


def may_approve_words(by: User) -> Verdict:
    """Whether *by* may say which words of descriptions are harmless, for the whole site."""
    if by.is_active and by.is_staff:
        return ALLOWED
    return Verdict.no("Only an administrator may approve words, or withdraw them.")
