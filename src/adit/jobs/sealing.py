"""The archive of a job: when it is sealed, with what, and when its password is forgotten."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.db.models import Max, Sum

from adit.accounts.verdict import ALLOWED, Verdict
from adit.dicom.errors import DicomError
from adit.endpoints.archive import Archive
from adit.endpoints.locked import key_of
from adit.jobs.models import Entry, Job, Task
from adit.jobs.options import Options
from adit.jobs.states import TASK_ENDED, TaskStatus
from adit.nodes.models import Node
from adit.nodes.secrets import WrongKey
from adit.transfer.items import SealArchive
from adit.transfer.manifest import VERSION


class NoPassword(DicomError):
    """The password of the job's archive is not there any more, or cannot be decrypted."""


def plan_sealing(job: Job) -> None:
    """Plan the task that seals, when all others have ended and something was stored; *job*'s row is locked.

    One that has run already is planned anew when another task has ended since it began.
    """
    if not Options.of(job).archive_salt or job.cancel_requested_at is not None:
        return
    others = job.tasks.exclude(work=SealArchive.work)
    if others.filter(status__in=(TaskStatus.PENDING, TaskStatus.IN_PROGRESS)).exists():
        return
    sealing = job.tasks.filter(work=SealArchive.work).first()
    if sealing is not None:
        ended = others.aggregate(last=Max("ended_at"))["last"]
        outdated = sealing.started_at is not None and ended is not None and ended > sealing.started_at
        if sealing.status not in TASK_ENDED or not outdated:
            return
        sealing.delete()
    model = others.filter(destination__isnull=False).order_by("pk").first()
    if model is None or not Entry.objects.filter(task__job=job, stored__gt=0).exists():
        return
    Task.objects.create(
        job=job,
        owner_id=job.owner_id,
        # The staging folder lies where the archive will.
        source=model.destination,
        destination=model.destination,
        work=SealArchive.work,
        study_uid="",
        item=SealArchive().to_json(),
        status=TaskStatus.PENDING,
        priority=model.priority,
        interactive=model.interactive,
    )


def forget_sealing(job: Job) -> None:
    """Let the archive be sealed again once all tasks have ended."""
    job.tasks.filter(work=SealArchive.work).exclude(status=TaskStatus.IN_PROGRESS).delete()


def forget_password(job: Job) -> None:
    """The job has ended well: nothing has to be locked or sealed again."""
    Job.objects.filter(pk=job.pk, archive_password__isnull=False).update(archive_password=None)
    job.archive_password = None


def needs_no_staging(job: Job) -> bool:
    """Whether *job* has ended well, so that what it staged may go."""
    return Job.objects.filter(pk=job.pk, archive_password__isnull=True).exists()


def can_be_staged_again(job: Job) -> Verdict:
    """Whether what was transferred can be transferred again: not without the password."""
    if not Options.of(job).archive_salt or job.archive_password is not None:
        return ALLOWED
    return Verdict.no(f"The archive of job {job.pk} is sealed and its password forgotten; order the transfer anew.")


def password_of(job: Job) -> str:
    """The password of the job's archive.

    Raises:
        NoPassword: It is not there any more, or cannot be decrypted.
    """
    if job.archive_password is None:
        raise NoPassword("the password of the archive is not there any more; order the transfer anew")
    try:
        return job.archive_password.reveal()
    except WrongKey as error:
        raise NoPassword(f"the password of the archive cannot be read: {error}") from error


def archive_key(job: Job) -> bytes | None:
    """What the job's staged files are locked with; None where it has no archive.

    Raises:
        NoPassword: It is not there any more, or cannot be decrypted.
    """
    salt = Options.of(job).archive_salt
    return key_of(password_of(job), salt) if salt else None


def archive_of(job: Job, destination: Node, folder: str) -> Archive:
    """The archive of *job* in the folder *destination*.

    Raises:
        NoPassword: It is not there any more, or cannot be decrypted.
    """
    key = archive_key(job)
    if key is None:
        raise ValueError("the job has no archive")
    return Archive(Path(destination.path), folder, key)


def staged_by(job: Job) -> int:
    """How many instances the tasks of *job* have staged."""
    staged = Entry.objects.filter(task__job=job).aggregate(stored=Sum("stored"))["stored"]
    return int(staged or 0)


def job_manifest(job: Job) -> dict[str, Any]:
    """What the archive says of itself: the ledger of the job's tasks."""
    known = Entry.objects.filter(task__job=job).order_by("task", "pk")
    return {
        "version": VERSION,
        "job": job.pk,
        "series": [
            {
                # The archive may be for somebody who must not know the originals.
                "study": entry.new_study_uid or entry.study_uid,
                "series": entry.new_series_uid or entry.series_uid,
                "expected": entry.expected,
                "stored": entry.stored,
                "excluded": entry.excluded,
                "reasons": entry.reasons,
                "notes": entry.notes,
            }
            for entry in known.defer("stored_instances", "excluded_instances")
        ],
    }
