"""Runs one claimed task: asks whether it still may, hands it to the work that its item needs."""

from __future__ import annotations

import logging

from adit.dicom.errors import Canceled
from adit.jobs.attempt import Attempt, Conditions
from adit.jobs.claim import Claimed
from adit.jobs.leases import Heartbeat
from adit.jobs.outcomes import Decision
from adit.jobs.patience import patiently
from adit.jobs.refusals import refusal_of
from adit.jobs.rows import Lost
from adit.jobs.states import TaskStatus
from adit.jobs.works import WORKS

logger = logging.getLogger(__name__)


def perform(claimed: Claimed, *, heartbeat: Heartbeat, conditions: Conditions) -> None:
    """Run the task that was just claimed to its end, and settle it.

    Raises nothing that concerns the task: whatever happens to it ends in its row, or, when the lease
    is lost, in that of whoever has it now.
    """
    running = heartbeat.watch(claimed)
    try:
        _run(Attempt(claimed, running, conditions))
    except (Lost, Canceled):
        logger.warning("Task %s, attempt %s: the lease was lost, somebody else goes on", claimed.task, claimed.attempt)
    finally:
        heartbeat.forget(running)


def _run(attempt: Attempt) -> None:
    cancel = attempt.running.cancel
    task = patiently(attempt.load, cancel=cancel)
    refusal = patiently(lambda: refusal_of(task), cancel=cancel)
    if refusal is not None:
        attempt.settle(refusal)
        return
    work = WORKS.get(task.work)
    if work is None:
        later = f"this release does not know work of the form {task.work} (can be mended by the administrator of ADIT)"
        attempt.settle(Decision(TaskStatus.FAILURE, later))
        return
    work(attempt, task)
