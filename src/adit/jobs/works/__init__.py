"""What a worker does for each form of item, spelled out: one file each."""

from __future__ import annotations

from collections.abc import Callable

from adit.jobs.attempt import Attempt
from adit.jobs.models import Task
from adit.jobs.works import finding, sealing, sweeping, transferring
from adit.transfer.items import FindStudies, SealArchive, SweepWindow, TransferStudy

Work = Callable[[Attempt, Task], None]
"""Runs the task, and settles it by `Attempt.settle`. Raises Lost and Canceled, when somebody else has it."""

WORKS: dict[str, Work] = {
    TransferStudy.work: transferring.run,
    SealArchive.work: sealing.run,
    FindStudies.work: finding.run,
    SweepWindow.work: sweeping.run,
}
