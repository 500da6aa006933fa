"""How far a job is that asks for the lines of a file."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache

from django.db.models import Count

from adit.jobs.batchmodels import Line
from adit.jobs.models import Job
from adit.jobs.states import JOB_ENDED


def counts_of(job: Job) -> dict[str, int]:
    """How many lines of *job* have which outcome."""
    if job.status in JOB_ENDED and job.ended_at is not None:
        return dict(_counts_at_end(job.pk, job.ended_at))
    return _counts(job.pk)


@lru_cache(maxsize=128)
def _counts_at_end(job: int, ended_at: datetime) -> dict[str, int]:  # noqa: ARG001 (a job that is run again ends anew)
    return _counts(job)


def _counts(job: int) -> dict[str, int]:
    # All columns are in an index: counting ids would read the rows.
    counted = Line.objects.filter(job=job).order_by().values_list("outcome").annotate(together=Count("*"))
    return dict(counted)
