"""Users in the words of those who administer them."""

from __future__ import annotations

from django.db.models import QuerySet

from adit.accounts.models import User


def people() -> QuerySet[User]:
    """Those who log in: all but the local administrators."""
    return User.objects.filter(os_user="")


def waiting() -> QuerySet[User]:
    """Those who registered and were neither approved nor turned away."""
    return people().filter(is_active=False, deactivated_at=None)
