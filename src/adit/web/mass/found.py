"""What a partition of a mass transfer found, for the page of its task."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.http import QueryDict
from django.urls import reverse

from adit.accounts.models import User
from adit.accounts.permitting import has_permission
from adit.jobs.kinds.mass import MASS
from adit.jobs.models import Task
from adit.jobs.states import TaskStatus
from adit.transfer.items import SweepWindow, TransferStudy
from adit.web.jobs.rows import Row, rows_of
from adit.web.paging import page_of

SHOWN = 50
"""Studies on one page of a partition."""


@dataclass(frozen=True, slots=True)
class FoundStudies:
    """One page of them.

    Attributes:
        whole: How many there are.
        previous, next: As `page_of` gives them.
        again: Where the same days are ordered anew, narrower; empty where there is no reason to, or no permission.
    """

    rows: list[Row]
    whole: int
    previous: int | None
    next: int | None
    again: str


def found_by(task: Task, asked: QueryDict, *, user: User, now: datetime) -> FoundStudies | None:
    """The studies that *task* planned, of the page that *asked* wants; None for a task that searches no partition."""
    if task.work != SweepWindow.work:
        return None
    children = Task.objects.filter(parent=task, work=TransferStudy.work)
    page = page_of(children.select_related("job", "source", "destination"), asked, size=SHOWN)
    return FoundStudies(rows_of(page.rows, now=now), children.count(), page.previous, page.next, _again(task, user))


def _again(task: Task, user: User) -> str:
    incomplete = task.status in (TaskStatus.WARNING, TaskStatus.FAILURE)
    if not incomplete or not has_permission(user, user.active_group, MASS.permission):
        return ""
    return f"{reverse('mass')}?job={task.job_id}&task={task.pk}"
