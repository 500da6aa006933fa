"""The processes that run tasks. Part of `jobs.models`, from where all is imported."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now


class WorkerQuerySet(models.QuerySet["Worker"]):
    def alive(self) -> WorkerQuerySet:
        """Those whose last sign of life is younger than a lease."""
        return self.filter(alive_until__gt=Now())


class Worker(models.Model):
    """A worker process that runs tasks. Its row goes when it ends, or after its last lease.

    Attributes:
        name: As in `Task.worker`: host, process id and a token that no other process has.
        places: How many tasks it runs at the same time.
        machine: Where *pid* means something, see `machine.here`; empty when unknown.
        receives: A receiver runs beside it, to which servers can send what it asks for.
    """

    name = models.TextField(unique=True)
    host = models.TextField()
    machine = models.TextField(blank=True, default="")
    pid = models.IntegerField()
    places = models.PositiveIntegerField()
    receives = models.BooleanField(default=False, db_default=False)
    started_at = models.DateTimeField(db_default=Now())
    alive_until = models.DateTimeField()

    objects = WorkerQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name
