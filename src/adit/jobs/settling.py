"""Brings a job's status in line with its tasks. Nothing else writes it."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import connection
from django.db.models import Count, F, Sum
from django.db.models.functions import Coalesce, Now

from adit.audit.record import SYSTEM, record
from adit.jobs.mails import tell_of_end
from adit.jobs.models import Entry, Job
from adit.jobs.sealing import forget_password, plan_sealing
from adit.jobs.signals import changed
from adit.jobs.states import JOB_ENDED, JobStatus, TaskStatus, job_status
from adit.transfer.plan import SealArchive

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


def summary(job: Job) -> str:
    """What became of a job, in one sentence."""
    studies = job.tasks.exclude(work=SealArchive.work)
    counts: Mapping[str, int] = dict(studies.order_by().values_list("status").annotate(Count("pk")))
    total = sum(counts.values())
    if not total:
        return "nothing to do"
    words = {
        TaskStatus.WARNING: "incomplete",
        TaskStatus.FAILURE: "failed",
        TaskStatus.CANCELED: "canceled",
        TaskStatus.PENDING: "pending",
    }
    done = counts.get(TaskStatus.SUCCESS, 0)
    sentence = f"{done} of {total} {'study' if total == 1 else 'studies'} complete"
    if accepted := studies.filter(accepted_at__isnull=False).count():
        sentence += f" ({accepted} accepted as such)"
    rest = ", ".join(f"{counts[status]} {word}" for status, word in words.items() if counts.get(status))
    stored = Entry.objects.filter(task__job=job).aggregate(stored=Sum("stored"))["stored"] or 0
    sealing = job.tasks.filter(work=SealArchive.work).values_list("message", flat=True).first()
    return f"{sentence}{', ' + rest if rest else ''}; {stored} instances stored{'; ' + sealing if sealing else ''}"
