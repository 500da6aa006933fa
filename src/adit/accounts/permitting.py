"""Whether a permission counts for what somebody does in the name of a group."""

from __future__ import annotations

from django.contrib.auth.models import Group

from adit.accounts.models import User


def has_permission(user: User, group: Group | None, name: str) -> bool:
    """Whether *user*, acting in *group*, has the permission *name*, as "app.codename".

    It is the user's own, or that of *group*: what other groups permit does not count. Superusers have all.
    """
    if not user.is_active:
        return False
    if user.is_superuser:
        return True
    app, codename = name.split(".")
    which = {"content_type__app_label": app, "codename": codename}
    if user.user_permissions.filter(**which).exists():
        return True
    return group is not None and user.groups.filter(pk=group.pk).exists() and group.permissions.filter(**which).exists()
