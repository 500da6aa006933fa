"""Seals the archive that the other tasks of the job filled."""

from __future__ import annotations

from adit.endpoints.archive import Archive, unstage
from adit.jobs.attempt import Attempt
from adit.jobs.lively import LeaseOnly, Lively
from adit.jobs.models import Task
from adit.jobs.naming import job_folder
from adit.jobs.patience import patiently
from adit.jobs.sealing import archive_of, job_manifest, needs_no_staging, password_of, staged_by
from adit.transfer.ledger import Status, Verdict


def run(attempt: Attempt, task: Task) -> None:
    """Run the task, and settle it."""
    assert task.destination is not None
    destination, job = task.destination, task.job
    verdict = Verdict(Status.FAILURE, "the archive was not sealed")
    archive: Archive | None = None

    def sealing() -> None:
        nonlocal verdict, archive
        archive = archive_of(job, destination, job_folder(job))
        manifest, least = patiently(lambda: (job_manifest(job), staged_by(job)), cancel=attempt.running.cancel)
        with attempt.blame.on(destination.name):
            count = attempt.conditions.opening.seal(
                destination,
                archive,
                password=password_of(job),
                manifest=manifest,
                least=least,
                cancel=Lively(attempt.running),
            )
        attempt.committed = True
        verdict = Verdict(Status.SUCCESS, f"{count} instances sealed in {archive.path.name}")

    end = attempt.end_of(task, sealing)
    attempt.settle(attempt.decide(end, verdict, failures=task.failures))
    if archive is not None and patiently(lambda: needs_no_staging(job), cancel=LeaseOnly(attempt.running)):
        unstage(archive)
