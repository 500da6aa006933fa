"""A worker process, put together from the configuration."""

from __future__ import annotations

from adit.endpoints.budget import Budget
from adit.endpoints.expecting import sweep_expectations
from adit.endpoints.receiver import listening
from adit.endpoints.reporting import sweep_reports
from adit.endpoints.spoolfile import sweep
from adit.jobs.chores import Chores
from adit.jobs.process import Limits, Process, run
from adit.nodes.opening import Opening
from adit.site.env import Config


def work(config: Config, *, concurrency: int) -> None:
    """Be a worker until SIGTERM or SIGINT. Call it in the main thread, with Django set up."""
    opening = opening_of(config)
    limits = Limits(
        lease=config.lease,
        heartbeat=config.heartbeat,
        no_progress=config.no_progress,
        waits=config.task_retry_waits,
    )
    chores = Chores(retention=config.audit_retention)
    process = Process(
        places=concurrency,
        opening=opening,
        limits=limits,
        sweep=lambda: _sweep(config),
        chores=chores,
        receives=lambda: listening(config.spool) is not None,
    )
    run(process)


def _sweep(config: Config) -> None:
    sweep(config.spool)
    sweep_expectations(config.spool)
    sweep_reports(config.spool)


def opening_of(config: Config) -> Opening:
    """How this process opens nodes."""
    return Opening(
        spool=config.spool,
        budget=Budget(config.budget),
        calling_ae_title=config.ae_title,
        waits=config.retry_waits,
    )
