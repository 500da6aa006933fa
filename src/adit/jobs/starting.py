"""A worker process as the settings say."""

from __future__ import annotations

from django.conf import settings

from adit.endpoints.budget import Budget
from adit.endpoints.spoolfile import sweep
from adit.jobs.process import Limits, Process, run
from adit.nodes.opening import Opening


def run_worker(concurrency: int) -> None:
    """Be a worker that runs so many tasks at the same time, until SIGTERM or SIGINT. Call it in the main thread."""
    opening = Opening(
        spool=settings.ADIT_SPOOL,
        budget=Budget(settings.ADIT_BUDGET),
        calling_ae_title=settings.ADIT_AE_TITLE,
        waits=settings.ADIT_RETRY_WAITS,
    )
    limits = Limits(
        lease=settings.ADIT_LEASE,
        heartbeat=settings.ADIT_HEARTBEAT,
        no_progress=settings.ADIT_NO_PROGRESS,
        waits=settings.ADIT_TASK_RETRY_WAITS,
    )
    run(Process(places=concurrency, opening=opening, limits=limits, sweep=lambda: sweep(settings.ADIT_SPOOL)))
