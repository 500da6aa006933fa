"""Cancellations for what a running task does beside moving instances."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from adit.dicom.errors import Canceled
from adit.endpoints.cancel import NEVER
from adit.jobs.leases import Running
from adit.jobs.outcomes import Stop


@dataclass(frozen=True, slots=True)
class Lively:
    """The cancellation of a running task, for what takes long without an event: being asked is a sign of life."""

    running: Running

    @property
    def canceled(self) -> bool:
        return self.running.cancel.canceled

    def check(self) -> None:
        self.running.cancel.check()
        self.running.moved()

    def wait(self, seconds: float) -> None:
        self.running.cancel.wait(seconds)

    def closing(self, close: Callable[[], None]) -> AbstractContextManager[None]:
        return self.running.cancel.closing(close)


@dataclass(frozen=True, slots=True)
class LeaseOnly:
    """A cancellation for what must be written even after a cancel, as long as the lease may hold."""

    running: Running

    @property
    def canceled(self) -> bool:
        return self.running.why is Stop.LOST

    def check(self) -> None:
        if self.canceled:
            raise Canceled(Stop.LOST)

    def wait(self, seconds: float) -> None:
        NEVER.wait(seconds)
        self.check()

    def closing(self, close: Callable[[], None]) -> AbstractContextManager[None]:
        return self.running.cancel.closing(close)
