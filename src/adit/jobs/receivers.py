"""Tasks that only a worker beside a receiver can run, and who could run them."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Q
from django.db.models.functions import Now

from adit.jobs.models import Task, Worker
from adit.nodes.models import Node
from adit.nodes.moving import NEEDS_RECEIVER


@dataclass(frozen=True, slots=True)
class Stranded:
    """What nobody can do: workers run, but none beside a receiver.

    Attributes:
        sources: Names of nodes that send what is retrieved from them to a receiver.
        waiting: Tasks that wait to retrieve from them.
    """

    sources: tuple[str, ...]
    waiting: int


def waiting_for_receiver(*, most: int) -> int:
    """How many tasks could start now on a worker beside a receiver, and on no other; counted up to *most*."""
    due = Q(not_before=None) | Q(not_before__lte=Now())
    sending = Node.objects.filter(NEEDS_RECEIVER).order_by()
    tasks = Task.objects.pending().filter(due, held=False, destination__isnull=False, source__in=sending)
    return tasks.order_by()[:most].count()


def stranded() -> Stranded | None:
    """What waits for a receiver that no worker has; None where nothing needs one, or somebody has it."""
    workers = list(Worker.objects.alive())
    if not workers or any(worker.receives for worker in workers):
        return None
    sources = Node.objects.enabled().filter(NEEDS_RECEIVER)
    if not sources:
        return None
    tasks = Task.objects.pending().filter(destination__isnull=False, source__in=sources.order_by())
    return Stranded(tuple(node.name for node in sources), tasks.count())
