"""The door of pages for administrators."""

from __future__ import annotations

from adit.accounts.models import User
from adit.accounts.verdict import ALLOWED, Verdict


def is_staff(user: User) -> Verdict:
    """Whether *user* is an administrator."""
    return ALLOWED if user.is_staff else Verdict.no("This page is for administrators.")
