"""Whether a task may still run: asked again when a worker opens its nodes, by the functions that submitting asked."""

from __future__ import annotations

from adit.accounts.verdict import Verdict
from adit.jobs.models import Task
from adit.jobs.options import Options
from adit.jobs.outcomes import Decision
from adit.jobs.permissions import may_send
from adit.jobs.states import TaskStatus
from adit.nodes.permissions import can_search, may_use
from adit.transfer.items import SealArchive, TransferStudy


def refusal_of(task: Task) -> Decision | None:
    """What becomes of a task whose nodes may not be used any more; None when they may."""
    assert task.source is not None
    job, source, destination = task.job, task.source, task.destination
    if not (source.enabled and (destination is None or destination.enabled)):
        return Decision(TaskStatus.PENDING, "")
    asked: list[Verdict] = []
    if task.work != SealArchive.work:
        asked.append(may_use(source, user=job.owner, group=job.group, as_source=True))
    if destination is not None:
        asked.append(may_use(destination, user=job.owner, group=job.group, as_destination=True))
    if task.work == TransferStudy.work:
        treating = Options.of(job).treating
        asked.append(may_send(treating, user=job.owner, group=job.group, project=job.project, destination=destination))
    if task.work not in (SealArchive.work, TransferStudy.work) and not (searchable := can_search(source)):
        return Decision(TaskStatus.FAILURE, searchable.reason)
    for answer in asked:
        if not answer:
            return Decision(TaskStatus.FAILURE, f"access withdrawn: {answer.reason}")
    return None
