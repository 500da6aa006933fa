"""Who may use a node, and for what. Part of `nodes.models`, from where all is imported."""

from __future__ import annotations

from django.contrib.auth.models import Group
from django.db import models
from django.db.models import Q

from adit.accounts.models import User


class AccessQuerySet(models.QuerySet["Access"]):
    def of(self, user: User, group: Group | None) -> AccessQuerySet:
        """Rows that speak of *user*, or of *group* while *user* belongs to it."""
        mine = Q(user=user)
        if group is not None:
            mine |= Q(group=group, group__in=user.groups.all())
        return self.filter(mine)

    def granting(self, *, as_source: bool = False, as_destination: bool = False) -> AccessQuerySet:
        """Rows that grant all that is asked for."""
        asked = {"source": as_source, "destination": as_destination}
        if not any(asked.values()):
            raise ValueError("say whether as source or as destination")
        return self.filter(**{flag: True for flag, wanted in asked.items() if wanted})


class Access(models.Model):
    """A group, or one user, may use a node as source, as destination, or as both."""

    node = models.ForeignKey("Node", on_delete=models.CASCADE, related_name="access")
    group = models.ForeignKey(Group, on_delete=models.CASCADE, null=True, blank=True, related_name="node_access")
    user = models.ForeignKey(User, on_delete=models.CASCADE, null=True, blank=True, related_name="node_access")
    source = models.BooleanField(default=False)
    destination = models.BooleanField(default=False)

    objects = AccessQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "access"
        constraints = [
            models.CheckConstraint(
                condition=Q(group__isnull=False, user__isnull=True) | Q(group__isnull=True, user__isnull=False),
                name="access_of_a_group_or_a_user",
            ),
            models.CheckConstraint(condition=Q(source=True) | Q(destination=True), name="access_grants_something"),
            models.UniqueConstraint(
                fields=["node", "group"], condition=Q(group__isnull=False), name="one_access_row_per_group"
            ),
            models.UniqueConstraint(
                fields=["node", "user"], condition=Q(user__isnull=False), name="one_access_row_per_user"
            ),
        ]

    def __str__(self) -> str:
        flags = [flag for flag in ("source", "destination") if getattr(self, flag)]
        return f"{self.group or self.user} uses {self.node} as {' and '.join(flags)}"
