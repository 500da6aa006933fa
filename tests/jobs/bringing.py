"""Jobs as workers would have left them."""

from __future__ import annotations

from django.db.models.functions import Now

from adit.jobs.models import Job, Task
from adit.jobs.settling import settle_job


def bring_to(job: Job, *statuses: str) -> Job:
    """Put the tasks of *job* into these states, as workers would have done."""
    for task, status in zip(job.tasks.all(), statuses, strict=True):
        running = (
            {"worker": "w", "lease_until": Now()} if status == "in progress" else {"worker": "", "lease_until": None}
        )
        ended = None if status in ("pending", "in progress") else Now()
        Task.objects.filter(pk=task.pk).update(
            status=status, ended_at=ended, claim=1, attempts=1, failures=int(status == "failure"), **running
        )
    return _settled(job)


def _settled(job: Job) -> Job:
    job = Job.objects.select_for_update().get(pk=job.pk)
    settle_job(job)
    return Job.objects.get(pk=job.pk)
