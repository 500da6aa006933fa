"""What the forms begin with: what the user chose last time."""

from __future__ import annotations

from typing import Any

from adit.accounts.models import User


def prefer(user: User, **values: Any) -> None:
    """Remember *values*, which are JSON, for the forms of *user*. Written only when something changes."""
    changed = user.preferences | values
    if changed != user.preferences:
        user.preferences = changed
        user.save(update_fields=["preferences"])
