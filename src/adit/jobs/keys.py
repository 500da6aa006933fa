"""The key under which a job pseudonymises, and the treatment that follows from it."""

from __future__ import annotations

from adit.jobs.models import Job
from adit.jobs.options import Options
from adit.projects.keys import NoKey, key_of, revealed
from adit.transfer.items import BadItem, TransferStudy
from adit.transfer.treating import Labelled, Treats, Unchanged


def key_of_job(job: Job) -> bytes:
    """That of its project, or its own.

    Raises:
        NoKey: It was destroyed, or the job has none.
        UnreadableKey: None of ADIT_SECRET_KEYS decrypts it.
    """
    if job.project is not None:
        return key_of(job.project)
    if job.secret is None:
        raise NoKey(f"job {job.pk} has no key")
    return revealed(job.secret)


def treats_of(job: Job, item: TransferStudy) -> Treats:
    """What is done to *item* on its way.

    Raises:
        BadItem: Job and item contradict each other: nothing goes.
        Unreadable, NoKey, UnreadableKey: It cannot be treated as it must.
    """
    options = Options.of(job)
    treating, trial = options.treating, options.trial
    if item.treated != bool(treating or trial) or bool(item.pseudonym) != bool(treating):
        raise BadItem("the item is damaged: job and study do not agree on whether it is pseudonymised")
    if treating is not None:
        return treating.treats(item, key_of_job(job), trial, converted=options.nifti)
    return Labelled(trial) if trial else Unchanged()
