"""Writes what became of the lines of a file: pending when their job is made, and behind a fence what a worker found.

A line here stands for all lines of the file that share what becomes of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from adit.audit.many import insert_all
from adit.jobs.batchmodels import OPEN, Found, Line, Outcome
from adit.jobs.claim import Claimed
from adit.jobs.models import Task
from adit.jobs.rows import Lost
from adit.jobs.signals import changed
from adit.transfer.items import FindStudies, Item, LookUpStudies

_ROWS_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Told:
    """What became of a line.

    Attributes:
        lines: Numbers in the file; the first is its own, the others share what became of it.
        reason: For a person; empty where the outcome says all.
        details: What else is known, as JSON.
        found: What the source has for it, in order; not saved, without line and position.
    """

    lines: tuple[int, ...]
    outcome: Outcome
    reason: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    found: Sequence[Found] = ()


def await_lines(planned: Iterable[tuple[Task, Item]]) -> None:
    """Write down the lines that new tasks, each with its item, will ask for."""
    insert_all(
        Line(job_id=task.job_id, task_id=task.pk, number=numbers[0], also=list(numbers[1:]))
        for task, item in planned
        for numbers in _groups(item)
    )


def _groups(item: Item) -> list[tuple[int, ...]]:
    match item:
        case FindStudies(rows):
            return [row.lines for row in rows]
        case LookUpStudies(studies):
            return [study.lines for study in studies]
    return []


def open_lines(task: int) -> frozenset[int]:
    """The numbers of the lines of *task* that are to be asked for: all, less those that have their answer."""
    known = Line.objects.filter(task=task, outcome__in=OPEN)
    return frozenset(known.values_list("number", flat=True))


@transaction.atomic
def write_lines(claimed: Claimed, told: Sequence[Told]) -> None:
    """Write down what became of some lines of the claimed task, in place of what was known of them.

    Done twice, it does no harm.

    Raises:
        Lost: The claim does not hold any more; nothing was written.
    """
    mine = Task.objects.mine(claimed.worker, claimed.task, claimed.claim)
    # Shared with nobody who could end the claim meanwhile, while others may still refer to the row.
    if mine.select_for_update(no_key=True).first() is None:
        raise Lost
    lines = Line.objects.bulk_create(
        (
            Line(
                job_id=claimed.job,
                task_id=claimed.task,
                number=each.lines[0],
                also=list(each.lines[1:]),
                outcome=each.outcome,
                reason=each.reason,
                details=dict(each.details),
            )
            for each in told
        ),
        update_conflicts=True,
        unique_fields=["job", "number"],
        update_fields=["outcome", "reason", "details"],
    )
    Found.objects.filter(line__in=[line.pk for line in lines]).delete()
    found = []
    for line, each in zip(lines, told, strict=True):
        for position, one in enumerate(each.found, 1):
            one.pk, one.line, one.position = None, line, position
            one.job_id, one.number, one.outcome = line.job_id, line.number, line.outcome
            one.words = one.words_of(each.reason)
            found.append(one)
    Found.objects.bulk_create(found, batch_size=_ROWS_AT_ONCE)
    changed(claimed.job)


def give_up(task: int, reason: str) -> None:
    """Nobody asks any more for the lines of *task* that have no answer, because of *reason*."""
    pending = Line.objects.filter(task=task, outcome=Outcome.PENDING)
    pending.update(outcome=Outcome.FAILED, reason=reason, details={})


def await_again(tasks: QuerySet[Task]) -> None:
    """Forget what became of the lines of *tasks*: all is asked for again."""
    _forget(Line.objects.filter(task__in=tasks))


def await_line_again(line: Line) -> None:
    """Forget what became of *line*: it is asked for again."""
    _forget(Line.objects.filter(pk=line.pk))


def _forget(lines: QuerySet[Line]) -> None:
    Found.objects.filter(line__in=lines).delete()
    lines.update(outcome=Outcome.PENDING, reason="", details={})
