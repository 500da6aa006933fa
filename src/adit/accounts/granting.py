"""Features as rows: what a group or a user has, and how that changes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib.auth.models import Permission
from django.db.models import Q

from adit.accounts.features import FEATURES


def names_of(permissions: Any) -> set[str]:
    """The features among *permissions*, of a group or a user."""
    pairs = permissions.values_list("content_type__app_label", "codename")
    return {f"{app}.{codename}" for app, codename in pairs} & FEATURES.keys()


def give(permissions: Any, names: Iterable[str]) -> dict[str, list[str]]:
    """Make *permissions*, of a group or a user, hold exactly the features *names*; others are left alone.

    Returns:
        What was added and removed; empty when nothing was.

    Raises:
        KeyError: No feature has one of the names.
    """
    wanted = {FEATURES[name].name for name in names}
    had = names_of(permissions)
    permissions.add(*_rows(wanted - had))
    permissions.remove(*_rows(had - wanted))
    changed = {"added": sorted(wanted - had), "removed": sorted(had - wanted)}
    return changed if any(changed.values()) else {}


def _rows(names: Iterable[str]) -> Iterable[Permission]:
    chosen = Q(pk__in=())
    for name in names:
        app, codename = name.split(".")
        chosen |= Q(content_type__app_label=app, codename=codename)
    return Permission.objects.filter(chosen)
