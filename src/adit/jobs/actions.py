"""What a person does to a job or a task. Each is one transaction with row locks and its audit event."""

from __future__ import annotations

from collections.abc import Callable

from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from adit.accounts.models import User
from adit.audit.record import record
from adit.jobs.accepting import NOT_ACCEPTED, accept, checked
from adit.jobs.kinds import KINDS
from adit.jobs.lines import await_again, await_line_again
from adit.jobs.models import CutWord, Entry, Job, Line, Task
from adit.jobs.permissions import may, possible, possible_for
from adit.jobs.queue import wake
from adit.jobs.sealing import forget_sealing
from adit.jobs.settling import settle_job
from adit.jobs.signals import changed
from adit.jobs.states import Action, JobStatus, TaskAction, TaskStatus
from adit.jobs.unsent import note_unsent


class WrongState(Exception):
    """Its state does not allow that. For HTTP a 409; the text is a sentence for the person."""


@transaction.atomic
def perform(action: Action, job: Job, *, by: User, reason: str = "") -> Job:
    """Do *action* to *job*: two people at once get one effect.

    Args:
        reason: Why, for what is done for a reason only.

    Returns:
        The job as it is afterwards; after a delete, as it was.

    Raises:
        Denied: *by* may not do this, in whatever state the job is.
        WrongState: The job's state does not allow it, or it is gone.
        NeedsReason: It needs one, of a length that can be read.
    """
    locked = _lock(job.pk)
    may(action, locked, by).require()
    if not (state := possible(action, locked)):
        raise WrongState(state.reason)
    why = {"reason": checked(reason)} if action is Action.ACCEPT else {}
    _record(f"job.{_PARTICIPLES[action]}", locked, by, **why)
    if action is Action.DELETE:
        _delete(locked)
        changed(job.pk, at_once=True)
        return locked
    if action is Action.ACCEPT:
        accept(Task.objects.filter(job=locked, status=TaskStatus.WARNING), reason=reason, by=by)
    else:
        _EFFECTS[action](locked)
    settle_job(locked)
    wake()
    locked.refresh_from_db()
    return locked


@transaction.atomic
def perform_on_task(action: TaskAction, task: Task, *, by: User, reason: str = "") -> None:
    """Do *action* to *task*.

    Args:
        reason: Why, for what is done for a reason only.

    Raises:
        Denied: *by* may not do this.
        WrongState: The task's state does not allow it, or it is gone.
        NeedsReason: It needs one, of a length that can be read.
    """
    job = _lock(task.job_id)
    locked = Task.objects.select_for_update().filter(pk=task.pk).first()
    if locked is None:
        raise WrongState(f"Task {task.pk} does not exist any more.")
    may(action, job, by).require()
    if not (state := possible_for(action, locked)):
        raise WrongState(state.reason)
    why = {"reason": checked(reason)} if action is TaskAction.ACCEPT else {}
    _record(f"task.{_TASK_PARTICIPLES[action]}", job, by, task=locked.pk, study=locked.study_uid, **why)
    match action:
        case TaskAction.ACCEPT:
            accept(Task.objects.filter(pk=locked.pk), reason=reason, by=by)
        case TaskAction.DELETE:
            locked.delete()
        case TaskAction.KILL:
            Task.objects.filter(pk=locked.pk).update(stop_requested_at=Now())
        case TaskAction.RESET:
            Job.objects.filter(pk=job.pk).update(cancel_requested_at=None)
            job.cancel_requested_at = None
            _from_scratch(Task.objects.filter(pk=locked.pk))
    settle_job(job)
    wake()


@transaction.atomic
def ask_again(line: Line, *, by: User) -> None:
    """Ask the source again for one line of a file; what is found replaces what was found before.

    Lines of the same task that failed are asked for again, too.

    Raises:
        Denied: *by* may not do this.
        WrongState: Its task has not ended, or it is gone.
    """
    job = _lock(line.job_id)
    task = Task.objects.select_for_update().filter(pk=line.task_id).first()
    if task is None:
        raise WrongState(f"Line {line.number} does not exist any more.")
    may(TaskAction.RESET, job, by).require()
    if not (state := possible_for(TaskAction.RESET, task)):
        raise WrongState(state.reason)
    _record("line.asked_again", job, by, task=task.pk, line=line.number)
    Job.objects.filter(pk=job.pk).update(cancel_requested_at=None)
    job.cancel_requested_at = None
    await_line_again(line)
    _again(Task.objects.filter(pk=task.pk))
    settle_job(job)
    wake()


def _lock(job: int) -> Job:
    locked = Job.objects.select_for_update().filter(pk=job).first()
    if locked is None:
        raise WrongState(f"Job {job} does not exist any more.")
    return locked


def _record(event: str, job: Job, by: User, **details: object) -> None:
    record(
        event,
        by=by,
        group=job.group.name if job.group else "",
        nodes=(job.source_name, job.destination_name),
        job=job.pk,
        details={"status": job.status, **details},
    )


def _verify(job: Job) -> None:
    Job.objects.filter(pk=job.pk).update(verified_at=Now(), status=JobStatus.PENDING)
    job.refresh_from_db()
    job.tasks.update(held=False)


def _delete(job: Job) -> None:
    # Locked by now, so no claim can take one of them meanwhile.
    if job.tasks.select_for_update().exclude(status=TaskStatus.PENDING).exists():
        raise WrongState(f"A task of job {job.pk} has started; cancel the job instead.")
    job.delete()


def _cancel(job: Job) -> None:
    Job.objects.filter(pk=job.pk).update(cancel_requested_at=Now())
    job.refresh_from_db()
    Task.objects.filter(job=job, status=TaskStatus.PENDING).update(
        status=TaskStatus.CANCELED, message="canceled", ended_at=Now(), not_before=None, waits_because=""
    )
    note_unsent(job.pk)
    Task.objects.filter(job=job, status=TaskStatus.IN_PROGRESS).update(stop_requested_at=Now())


def _resume(job: Job) -> None:
    Job.objects.filter(pk=job.pk).update(cancel_requested_at=None)
    job.cancel_requested_at = None
    forget_sealing(job)
    _again(Task.objects.filter(job=job, status=TaskStatus.CANCELED))


def _retry(job: Job) -> None:
    forget_sealing(job)
    _again(Task.objects.filter(job=job).filter(Q(status=TaskStatus.FAILURE) | Q(status=TaskStatus.WARNING)))


def _restart(job: Job) -> None:
    Job.objects.filter(pk=job.pk).update(cancel_requested_at=None, started_at=None)
    job.cancel_requested_at = None
    forget_sealing(job)
    # All of it is treated again, and counted again.
    CutWord.objects.filter(job=job).delete()
    _from_scratch(Task.objects.filter(job=job))


def _make_urgent(job: Job) -> None:
    _prioritise(job, urgent=True)


def _make_normal(job: Job) -> None:
    _prioritise(job, urgent=False)


def _prioritise(job: Job, *, urgent: bool) -> None:
    priority = KINDS[job.kind].priority
    Job.objects.filter(pk=job.pk).update(urgent=urgent)
    Task.objects.filter(job=job, status=TaskStatus.PENDING).update(
        priority=priority.urgent if urgent else priority.normal
    )


def _again(tasks: QuerySet[Task]) -> None:
    """Pending again; the ledger and what it shows as stored stay."""
    tasks.update(status=TaskStatus.PENDING, message="", failures=0, ended_at=None, not_before=None, waits_because="")


def _from_scratch(tasks: QuerySet[Task]) -> None:
    """Pending again, as if nothing had gone. The layout in the item stays, so that a folder gets no second copy."""
    Entry.objects.filter(task__in=tasks).delete()
    await_again(tasks)
    tasks.update(
        status=TaskStatus.PENDING,
        message="",
        notes=[],
        attempts=0,
        failures=0,
        started_at=None,
        ended_at=None,
        seconds=None,
        not_before=None,
        waits_because="",
        **NOT_ACCEPTED,
    )


_EFFECTS: dict[Action, Callable[[Job], None]] = {
    Action.VERIFY: _verify,
    Action.CANCEL: _cancel,
    Action.RESUME: _resume,
    Action.RETRY: _retry,
    Action.RESTART: _restart,
    Action.MAKE_URGENT: _make_urgent,
    Action.MAKE_NORMAL: _make_normal,
}

_PARTICIPLES = {
    Action.VERIFY: "verified",
    Action.DELETE: "deleted",
    Action.CANCEL: "canceled",
    Action.RESUME: "resumed",
    Action.RETRY: "retried",
    Action.RESTART: "restarted",
    Action.MAKE_URGENT: "made_urgent",
    Action.MAKE_NORMAL: "made_normal",
    Action.ACCEPT: "accepted",
}

_TASK_PARTICIPLES = {
    TaskAction.DELETE: "deleted",
    TaskAction.RESET: "reset",
    TaskAction.KILL: "killed",
    TaskAction.ACCEPT: "accepted",
}
