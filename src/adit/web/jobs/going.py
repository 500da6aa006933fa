"""How a job goes on, as pages show it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from adit.jobs.models import Job
from adit.jobs.progress import Totals, ended, running_shares, totals
from adit.jobs.states import JobStatus, TaskStatus
from adit.web.live.pushing import Paces

LARGE = 5000
"""Tasks from which on the ledgers of a job are not added up for every look."""

FRESH = 15.0
"""Seconds for which the sums of a large job are good enough."""

_known: dict[int, tuple[float, Totals]] = {}


def standing(by_status: Counter[str]) -> dict[str, Any]:
    """How many tasks there are, how many have ended, and how many of them badly."""
    return {
        "whole": by_status.total(),
        "done": ended(by_status),
        "failures": by_status[TaskStatus.FAILURE],
        "warnings": by_status[TaskStatus.WARNING],
        "running": by_status[TaskStatus.IN_PROGRESS],
    }


def going(job: Job, by_status: Counter[str], paces: Paces | None, *, now: datetime, at: float) -> Mapping[str, Any]:
    """The sums of the job's ledgers, how much is done, bytes per second, and seconds left.

    Args:
        paces: None for a page that is just being loaded: it does not wait for the sums of a large job.
        at: A clock's seconds.
    """
    sums = sums_of(job, by_status.total(), waits=paces is not None, at=at)
    speed, left = None, None
    running = running_shares([job.pk]).get(job.pk, 0.0) if by_status[TaskStatus.IN_PROGRESS] else 0.0
    share = (ended(by_status) + running) / max(1, by_status.total())
    if job.status in (JobStatus.IN_PROGRESS, JobStatus.CANCELING):
        if paces is not None and sums is not None:
            pace = paces[job.pk]
            pace.note(at, sums.size, share)
            speed, left = pace.bytes_per_second, pace.seconds_left
    elif sums is not None and job.started_at and job.ended_at and job.ended_at > job.started_at:
        speed = sums.size / (job.ended_at - job.started_at).total_seconds()
    seconds = ((job.ended_at or now) - job.started_at).total_seconds() if job.started_at else None
    return {"sums": sums, "speed": speed, "left": left, "seconds": seconds, "permille": int(1000 * share)}


def sums_of(job: Job, tasks: int, *, waits: bool, at: float) -> Totals | None:
    """The sums of the job's ledgers; those of a large job may be some seconds old.

    Args:
        tasks: How many the job has.
        waits: Whoever asks can wait until the ledgers of a large job are added up; else it may be None.
    """
    if tasks <= LARGE:
        return totals(task__job=job.pk)
    known = _known.get(job.pk)
    if known is not None and (not waits or at - known[0] < FRESH):
        return known[1]
    if not waits:
        return None
    if len(_known) > 1000:
        _known.clear()
    _known[job.pk] = (at, totals(task__job=job.pk))
    return _known[job.pk][1]
