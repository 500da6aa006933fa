"""Brings a job's status in line with its tasks. Nothing else writes it."""

from __future__ import annotations

from django.db import connection
from django.db.models import F
from django.db.models.functions import Coalesce, Now

from adit.audit.record import SYSTEM, record
from adit.jobs.mails import tell_of_end
from adit.jobs.models import Job
from adit.jobs.sealing import forget_password, plan_sealing
from adit.jobs.signals import changed
from adit.jobs.states import JOB_ENDED, JobStatus, TaskStatus, job_status
from adit.jobs.summing import summary

# One probe of an index for each status, however many tasks the job has.
_PRESENT = """
SELECT known.status FROM unnest(%s::text[]) known (status)
WHERE EXISTS (SELECT 1 FROM jobs_task WHERE job_id = %s AND jobs_task.status = known.status)
"""


def settle_job(job: Job) -> JobStatus:
    """Derive the status of *job*, whose row the caller has locked, and write it down with its time and message.

    Called in the transaction that changed a task or one of the two stored facts.
    """
    plan_sealing(job)
    status = job_status(
        present(job.pk), verified=job.verified_at is not None, cancel_requested=job.cancel_requested_at is not None
    )
    changed(job.pk, at_once=status != job.status)
    if status == job.status:
        return status
    ended = status in JOB_ENDED
    job.status = status
    job.message = summary(job) if ended else ""
    Job.objects.filter(pk=job.pk).update(
        status=status,
        message=job.message,
        started_at=Coalesce(F("started_at"), Now()) if status == JobStatus.IN_PROGRESS else F("started_at"),
        ended_at=Now() if ended else None,
    )
    if status is JobStatus.SUCCESS:
        forget_password(job)
    if ended:
        record("job.ended", by=SYSTEM, job=job.pk, details={"status": status, "message": job.message})
        tell_of_end(job)
    return status


def present(job: int) -> frozenset[TaskStatus]:
    """The statuses that occur among the tasks of a job."""
    with connection.cursor() as cursor:
        cursor.execute(_PRESENT, [[status.value for status in TaskStatus], job])
        return frozenset(TaskStatus(status) for (status,) in cursor.fetchall())
