"""Which original study and series is which at the destination: for those who may link, every look audited."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction

from adit.accounts.models import User
from adit.accounts.verdict import ALLOWED, Verdict
from adit.audit.record import record
from adit.jobs.keys import key_of_job
from adit.jobs.models import Entry, Job, JobQuerySet
from adit.projects.linking import may_link
from adit.projects.models import Project


@dataclass(frozen=True, slots=True)
class SeriesLink:
    """One line: a series that a job moved. Its fields are the columns of the files that are written."""

    job: int
    pseudonym: str
    patient_id: str
    issuer: str
    study_uid: str
    new_study_uid: str
    series_uid: str
    new_series_uid: str
    stored: int


def may_link_job(job: Job, user: User) -> Verdict:
    """Whether *user* may join old and new identity in *job*: as its project says; without one, its owner."""
    if job.project is not None:
        return may_link(job.project, user)
    if user.is_active and (user == job.owner or user.is_local_administrator):
        return ALLOWED
    return Verdict.no(f"Only its owner may link job {job.pk}, which has no project.")


@transaction.atomic
def series_of_job(job: Job, *, by: User) -> list[SeriesLink]:
    """Every series of *job* that left under new UIDs. The look is audited.

    Raises:
        Denied: *by* may not link.
        NoKey, UnreadableKey: Its key is gone.
    """
    may_link_job(job, by).require()
    if job.project is not None or job.secret is not None:
        key_of_job(job)
    found = _links(Job.objects.filter(pk=job.pk))
    project = {"project": job.project.name} if job.project else {}
    record("job.linked", by=by, job=job.pk, details={**project, "series": len(found)})
    return found


@transaction.atomic
def series_of_project(project: Project, *, by: User) -> list[SeriesLink]:
    """The same for all jobs of *project*.

    Raises:
        Denied: *by* may not link.
    """
    may_link(project, by).require()
    found = _links(Job.objects.filter(project=project))
    record("project.linked", by=by, details={"project": project.name, "series": len(found)})
    return found


def _links(jobs: JobQuerySet) -> list[SeriesLink]:
    known = Entry.objects.filter(task__job__in=jobs).exclude(new_series_uid="").select_related("task")
    return [
        SeriesLink(
            entry.task.job_id,
            entry.task.item.get("pseudonym", ""),
            entry.task.patient_id,
            entry.task.item.get("issuer", ""),
            entry.study_uid,
            entry.new_study_uid,
            entry.series_uid,
            entry.new_series_uid,
            entry.stored,
        )
        for entry in known.defer("stored_instances", "excluded_instances").order_by("task__job", "task", "pk")
    ]
