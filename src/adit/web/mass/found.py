"""What a partition of a mass transfer found, for the page of its task."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from adit.jobs.models import Task
from adit.transfer.items import SweepWindow, TransferStudy
from adit.web.jobs.rows import Row, rows_of

SHOWN = 50
"""Studies on the page of one partition; the page of the job has all."""


@dataclass(frozen=True, slots=True)
class FoundStudies:
    """Attributes:
    rows: The first of them.
    whole: How many there are.
    """

    rows: list[Row]
    whole: int


def found_by(task: Task, *, now: datetime) -> FoundStudies | None:
    """The studies that *task* planned; None for a task that searches no partition."""
    if task.work != SweepWindow.work:
        return None
    children = Task.objects.filter(parent=task, work=TransferStudy.work).order_by("pk")
    tasks = list(children.select_related("job", "source", "destination")[:SHOWN])
    return FoundStudies(rows_of(tasks, now=now), len(tasks) if len(tasks) < SHOWN else children.count())
