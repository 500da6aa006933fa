"""Counting associations with a node across all processes, so that no PACS gets more than it takes.

Folders have no slots: any number of them may be used at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.db.models.expressions import Combinable

from adit.nodes.models import Node, Slot, SlotQuerySet


def ensure_slots(node: Node) -> int:
    """Make the slots that *node* lacks. Returns how many it has to give out, 0 for a folder."""
    return Slot.objects.complete(node) if node.is_server else 0


def most(node: Node, *, interactive: bool) -> int | None:
    """How many slots can ever be taken at once; None for a folder: any number."""
    if node.is_folder:
        return None
    return node.max_associations if interactive or node.max_associations == 1 else node.max_associations - 1


def free_count(node: Node, *, interactive: bool = True) -> int | None:
    """How many could be taken now; None for a folder: any number."""
    if node.is_folder:
        return None
    free = _offered(node, interactive=interactive).count()
    return max(0, free - Slot.objects.filter(node=node).surplus().held().count())


@transaction.atomic
def take(
    node: Node, count: int, *, holder: str, until: datetime | Combinable, interactive: bool, task: str = ""
) -> list[Slot]:
    """Take *count* slots, or none. Never waits: a slot that another transaction is about to take counts as taken.

    The rows stay locked until the caller's transaction ends, and are free again if it fails. Whoever needs
    slots of two nodes takes them in one transaction in the order of the nodes' ids.

    Args:
        holder: The process.
        until: End of the lease; `Now() + timedelta(…)` uses the database's clock, as everything here does.
        interactive: Searches and selective transfers, which may have the one slot that is kept from
            others where there are two or more.
        task: For what it is taken, to be found again by `free`.

    Returns:
        The slots in order; an empty list when there are too few, and for a folder.
    """
    if node.is_folder or count < 1:
        return []
    slots = _lock(node, count, interactive=interactive)
    if len(slots) < count and Slot.objects.filter(node=node).given_out().count() < node.max_associations:
        # The node was changed past its save(), by an update of many.
        ensure_slots(node)
        slots = _lock(node, count, interactive=interactive)
    if len(slots) < count:
        return []
    taken = sorted(slots[:count], key=lambda slot: slot.number)
    ids = [slot.pk for slot in taken]
    Slot.objects.filter(pk__in=ids).update(holder=holder, task=task, lease_until=until)
    return list(Slot.objects.filter(pk__in=ids).order_by("number"))


def free(slots: Iterable[Slot]) -> int:
    """Give *slots* back. One that another holder or task has by now stays theirs.

    Returns:
        How many became free.
    """
    freed = 0
    for slot in slots:
        mine = Slot.objects.filter(pk=slot.pk, holder=slot.holder, task=slot.task)
        freed += mine.update(holder="", task="", lease_until=None)
    return freed


def free_all(*, holder: str, task: str | None = None) -> int:
    """Give back all that *holder* has, or all that it has for *task*. Returns how many became free."""
    held = Slot.objects.filter(holder=holder) if task is None else Slot.objects.filter(holder=holder, task=task)
    return held.update(holder="", task="", lease_until=None)


def renew(*, holder: str, until: datetime | Combinable) -> int:
    """Move the end of all leases of *holder*, in one statement. Returns how many it has."""
    return Slot.objects.filter(holder=holder).update(lease_until=until)


def _offered(node: Node, *, interactive: bool) -> SlotQuerySet:
    slots = Slot.objects.filter(node=node).given_out().free()
    return slots if interactive else slots.for_batch()


def _lock(node: Node, count: int, *, interactive: bool) -> list[Slot]:
    """Lock *count* free slots, and as many more as are still held above a maximum that was lowered.

    Locking the surplus too keeps two that take at the same moment from passing the maximum together.
    """
    surplus = Slot.objects.filter(node=node).surplus().held().count()
    # The kept slot goes last, so that the next search finds it free.
    offered = _offered(node, interactive=interactive).order_by("-number")
    locked = list(offered.select_for_update(of=("self",), skip_locked=True)[: count + surplus])
    return locked[: len(locked) - surplus] if len(locked) > surplus else []
