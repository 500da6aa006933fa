"""Tasks as rows of a table: what became of each, or why it waits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Count, Q, Sum

from adit.jobs.models import Entry, Task
from adit.jobs.waiting import reasons, why_silent
from adit.transfer.items import SealArchive
from adit.web.jobs.naming import name_of


@dataclass(frozen=True, slots=True)
class Row:
    """One task.

    Attributes:
        name: What it is called, where no study tells; else empty.
        sentence: Why it waits, that its worker is silent, or what became of it.
        expected: Instances; None where the source cannot say, or was not asked yet.
        size: Bytes stored.
    """

    task: Task
    name: str
    sentence: str
    seals: bool
    expected: int | None
    stored: int
    failed: int
    size: int


def rows_of(tasks: list[Task], *, now: datetime) -> list[Row]:
    """*tasks* with the sums of their ledgers, in a fixed number of queries."""
    waiting = reasons(tasks, now=now)
    sums = {row["task"]: row for row in _sums(tasks)}
    return [_row(task, waiting.get(task.pk, ""), sums.get(task.pk, {}), now) for task in tasks]


def sentence_of(task: Task, waiting: str, now: datetime) -> str:
    """What there is to say of *task* now.

    Args:
        waiting: Why it waits.
    """
    silent = why_silent(task, now=now, lease=settings.ADIT_LEASE, heartbeat=settings.ADIT_HEARTBEAT)
    return waiting or silent or task.message


def _sums(tasks: list[Task]) -> Any:
    entries = Entry.objects.filter(task__in=tasks).order_by().values("task")
    return entries.annotate(
        whole=Sum("expected"),
        uncounted=Count("pk", filter=Q(expected=None)),
        there=Sum("stored"),
        lacking=Sum("failed"),
        bytes=Sum("size"),
    )


def _row(task: Task, waiting: str, sums: dict[str, Any], now: datetime) -> Row:
    return Row(
        task=task,
        name=name_of(task),
        sentence=sentence_of(task, waiting, now),
        seals=task.work == SealArchive.work,
        expected=None if sums.get("uncounted") else sums.get("whole"),
        stored=sums.get("there") or 0,
        failed=sums.get("lacking") or 0,
        size=sums.get("bytes") or 0,
    )
