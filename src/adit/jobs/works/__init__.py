"""What a worker does for each form of item, spelled out: one file each."""

from __future__ import annotations

from collections.abc import Callable

from adit.jobs.attempt import Attempt
from adit.jobs.models import Task
from adit.jobs.works import finding, looking_up, sealing, sweeping, transferring
from adit.transfer.items import FindStudies, LookUpStudies, SealArchive, SweepWindow, TransferStudy

Work = Callable[[Attempt, Task], None]
"""Runs the task, and settles it by `Attempt.settle`. Raises Lost and Canceled, when somebody else has it."""

WORKS: dict[str, Work] = {
    TransferStudy.work: transferring.run,
    SealArchive.work: sealing.run,
    FindStudies.work: finding.run,
    LookUpStudies.work: looking_up.run,
    SweepWindow.work: sweeping.run,
}
