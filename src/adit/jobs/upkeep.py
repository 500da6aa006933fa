"""What keeps the queue going when processes die: done every few seconds, by one process at a time."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import timedelta

from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Now

from adit.jobs.lines import give_up
from adit.jobs.machine import here, runs
from adit.jobs.models import Job, Line, Task, Worker
from adit.jobs.moved import record_moved
from adit.jobs.outcomes import Decision, Ended, decide
from adit.jobs.queue import forget_tickets, wake
from adit.jobs.rows import states_of
from adit.jobs.settling import settle_job
from adit.jobs.states import TASK_ENDED, TaskStatus
from adit.jobs.summing import verdict_on
from adit.jobs.unsent import note_unsent
from adit.nodes import slots
from adit.nodes.models import Slot
from adit.transfer.ledger import Ledger

logger = logging.getLogger(__name__)

_ONE_KEEPER = 0x41444955
"""Key of the advisory lock that one process at a time holds while it tidies."""

DIED = "the worker process that ran it died"


def tidy(*, waits: Sequence[float]) -> bool:
    """Give back what dead processes had, bring jobs in line with their tasks, and wake idle workers.

    In small transactions, each of which can be done twice, so that nobody waits long for a row.

    Returns:
        False when another process was at it.
    """
    with transaction.atomic():
        if not _alone():
            return False
        _bury()
        Worker.objects.filter(alive_until__lt=Now()).delete()
        # Expired slots count as free already; this only clears the names of the dead.
        expired = Slot.objects.filter(lease_until__lt=Now()).select_for_update(skip_locked=True)
        Slot.objects.filter(pk__in=expired.values("pk")).update(holder="", task="", lease_until=None)
        forget_tickets()
    for task, job in Task.objects.in_progress().filter(lease_until__lt=Now()).values_list("pk", "job"):
        _take_back(task, job, waits)
    for job in _missed():
        _settle_missed(job)
    with transaction.atomic():
        wake()
    return True


def give_back(worker: str) -> int:
    """Make the tasks of a process that ends pending again, and free its slots.

    Returns:
        How many tasks it still had.
    """
    with transaction.atomic():
        jobs = list(
            Job.objects.select_for_update(of=("self",))
            .filter(pk__in=Task.objects.in_progress().filter(worker=worker).values("job"))
            .order_by("pk")
        )
        tasks = Task.objects.in_progress().filter(worker=worker)
        count = tasks.filter(job__cancel_requested_at=None).update(
            status=TaskStatus.PENDING, worker="", lease_until=None, stop_requested_at=None
        )
        count += tasks.update(
            status=TaskStatus.CANCELED,
            message="canceled",
            worker="",
            lease_until=None,
            stop_requested_at=None,
            ended_at=Now(),
        )
        Slot.objects.filter(holder=worker).update(holder="", task="", lease_until=None)
        for job in jobs:
            settle_job(job)
        wake()
        return count


def _bury() -> None:
    """Let the leases of workers that were killed on this machine run out now: nobody has to wait for them."""
    machine = here()
    if not machine:
        return
    for worker in Worker.objects.filter(machine=machine):
        if not runs(worker.pid):
            past = Now() - timedelta(seconds=1)
            Task.objects.in_progress().filter(worker=worker.name).update(lease_until=past)
            Slot.objects.filter(holder=worker.name).update(lease_until=past)
            worker.delete()


def _alone() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_ONE_KEEPER])
        (alone,) = cursor.fetchone()
    return bool(alone)


@transaction.atomic
def _take_back(task_id: int, job_id: int, waits: Sequence[float]) -> None:
    """A task whose lease ran out is pending again; a task that kills its workers ends at last."""
    job = Job.objects.select_for_update().filter(pk=job_id).first()
    task = Task.objects.in_progress().select_for_update().filter(pk=task_id, lease_until__lt=Now()).first()
    if job is None or task is None:
        return
    if task.stop_requested_at or job.cancel_requested_at:
        decision = Decision(TaskStatus.CANCELED, "canceled")
    else:
        lines = list(Line.objects.filter(task=task.pk).values_list("outcome", flat=True))
        verdict = verdict_on(lines, over=True) if lines else Ledger(states_of(task.pk)).verdict()
        end = Ended(error=DIED, transient=True, committed=False)
        decision = decide(end, verdict, failures=task.failures, waits=waits, chance=0.5)
    ended = decision.status in TASK_ENDED
    Task.objects.filter(pk=task.pk).update(
        status=decision.status,
        message=decision.message,
        # At once: the task did nothing wrong.
        waits_because="",
        failures=F("failures") + int(decision.counts),
        worker="",
        lease_until=None,
        stop_requested_at=None,
        ended_at=Now() if ended else None,
    )
    if ended:
        record_moved(task.pk)
        if decision.status is TaskStatus.CANCELED:
            note_unsent(job.pk)
        else:
            give_up(task.pk, decision.message)
    slots.free_all(holder=task.worker, task=f"{task.pk}.{task.claim}")
    settle_job(job)
    logger.warning("Task %s was left by %s: %s", task.pk, task.worker, decision.status)


def _missed() -> list[int]:
    """Jobs whose status does not follow from their tasks, because a process died in between."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT j.id FROM jobs_job j WHERE j.status IN ('in progress', 'canceling')"
            " AND NOT EXISTS (SELECT 1 FROM jobs_task t WHERE t.job_id = j.id AND t.status = 'in progress')"
        )
        return [job for (job,) in cursor.fetchall()]


@transaction.atomic
def _settle_missed(job: int) -> None:
    found = Job.objects.select_for_update().filter(pk=job).first()
    if found is not None:
        settle_job(found)
