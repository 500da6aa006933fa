"""Places for associations with a node. Part of `nodes.models`, from where all is imported."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

if TYPE_CHECKING:
    from adit.nodes.models import Node


class SlotQuerySet(models.QuerySet["Slot"]):
    """Places for associations. Time is the database's, which all machines share."""

    def held(self) -> SlotQuerySet:
        return self.filter(lease_until__gte=Now())

    def free(self) -> SlotQuerySet:
        """Without a holder, or with one whose lease has run out."""
        return self.filter(Q(lease_until__isnull=True) | Q(lease_until__lt=Now()))

    def given_out(self) -> SlotQuerySet:
        """Slots within the node's maximum; those above it are left from a higher one."""
        return self.filter(number__lte=F("node__max_associations"))

    def surplus(self) -> SlotQuerySet:
        return self.filter(number__gt=F("node__max_associations"))

    def for_batch(self) -> SlotQuerySet:
        """Without the first slot of a node that has two or more: it is kept for interactive use."""
        return self.exclude(number=1, node__max_associations__gte=2)

    def complete(self, node: Node) -> int:
        """Make the missing slots of *node*. Returns how many there are to give out."""
        missing = range(1, node.max_associations + 1)
        self.bulk_create((Slot(node=node, number=number) for number in missing), ignore_conflicts=True)
        return node.max_associations


class Slot(models.Model):
    """The right to one association with a node, counted across all processes.

    Attributes:
        number: From 1 on, per node.
        holder: The process that has it; empty when free.
        task: The task for which it has it; empty for a search and the like.
        lease_until: Free again from then on, whatever the holder thinks.
    """

    node = models.ForeignKey("Node", on_delete=models.CASCADE, related_name="slots")
    number = models.PositiveSmallIntegerField()
    holder = models.CharField(max_length=100, blank=True, default="")
    task = models.CharField(max_length=100, blank=True, default="")
    lease_until = models.DateTimeField(null=True, blank=True)

    objects = SlotQuerySet.as_manager()

    class Meta:
        ordering = ["node", "number"]
        indexes = [models.Index(fields=["holder"], condition=~Q(holder=""), name="slot_holder")]
        constraints = [
            models.UniqueConstraint(fields=["node", "number"], name="slot_number_is_unique"),
            models.CheckConstraint(condition=Q(number__gte=1), name="slots_count_from_one"),
            models.CheckConstraint(
                condition=Q(holder="", task="", lease_until__isnull=True)
                | (~Q(holder="") & Q(lease_until__isnull=False)),
                name="slot_is_free_or_held",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.node} {self.number}"
