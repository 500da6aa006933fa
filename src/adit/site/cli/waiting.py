"""Waiting for a job, with its progress for a person who watches."""

from __future__ import annotations

import sys
import time

import typer

from adit.jobs.models import Job
from adit.jobs.reports import job_report
from adit.jobs.states import JOB_ENDED, JobStatus, TaskStatus
from adit.site.cli.ledger import print_report
from adit.site.cli.output import counted, print_json

POLL = 0.1
"""Seconds between two looks at a job that is waited for."""

_SHOWN_EVERY = 1.0


def follow(job: Job, *, wait: bool, as_json: bool) -> None:
    """Say what was submitted, as a job that has a task for each study; or *wait* and say what became of it.

    Raises:
        typer.Exit: It was waited for, and did not end as a success.
    """
    if wait:
        wait_for(job, as_json=as_json)
    elif as_json:
        print_json(job_report(job, by=job.owner))
    else:
        print(f"Job {job.pk}: {counted(job.tasks.count(), 'study', 'studies')}, {job.status}.")


def wait_for(job: Job, *, as_json: bool) -> None:
    """Wait until *job* has ended, or somebody has to verify it; then print its ledger.

    Raises:
        typer.Exit: It did not end as a success.
    """
    until_ended(job)
    report = job_report(job, by=job.owner)
    if as_json:
        print_json(report)
    else:
        print_report(report)
    if job.status != JobStatus.SUCCESS:
        print(f"adit: job {job.pk} ended as {job.status}: {job.message}", file=sys.stderr)
        raise typer.Exit(1)


def until_ended(job: Job) -> None:
    """Wait until *job* has ended, or somebody has to verify it."""
    watched, shown = sys.stderr.isatty(), 0.0
    while job.status not in JOB_ENDED and job.status != JobStatus.UNVERIFIED:
        time.sleep(POLL)
        job.refresh_from_db()
        if watched and time.monotonic() - shown >= _SHOWN_EVERY:
            shown = time.monotonic()
            print(f"\r\033[K{_progress(job)}", end="", file=sys.stderr, flush=True)
    if shown:
        # What was said makes room for the result.
        print("\r\033[K", end="", file=sys.stderr, flush=True)


def _progress(job: Job) -> str:
    ended = job.tasks.exclude(status__in=(TaskStatus.PENDING, TaskStatus.IN_PROGRESS)).count()
    return f"job {job.pk}: {ended} of {job.tasks.count()} tasks"
