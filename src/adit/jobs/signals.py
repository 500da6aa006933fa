"""Tells whoever looks at a job that it has changed: NOTIFY with its id and a version, and nothing else."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from django.db import connection, transaction

CHANNEL = "adit_jobs"

STATEMENT = f"pg_notify('{CHANNEL}', %s::bigint || ' ' || pg_current_xact_id())"
"""For whoever tells within a statement of his own; its parameter is the job's id."""

INTERVAL = 1.0
"""Seconds between two signals of a process for one job. What changes in between, the signal before stands for: whoever
gets one looks again after `LOOK_AGAIN`."""

LOOK_AGAIN = 1.5
"""Seconds after a signal at which all is committed that was not told because of it."""

_FORGET = 1000
"""Jobs of which a process remembers when it told of them."""


@dataclass(frozen=True, slots=True)
class Signal:
    """A job has changed.

    Attributes:
        version: Of the transaction that changed it; a later one has a higher.
    """

    job: int
    version: int

    @classmethod
    def parse(cls, payload: str) -> Self | None:
        """Read what `changed` sent; None for what somebody else did."""
        try:
            job, version = map(int, payload.split())
        except ValueError:
            return None
        return cls(job, version)


class Teller:
    """Sends signals for one process. For any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._told: dict[int, float] = {}

    def due(self, job: int) -> bool:
        """Whether the last signal for *job* is long enough ago."""
        told = self._told.get(job)
        return told is None or self._clock() - told >= INTERVAL

    def changed(self, job: int, *, at_once: bool = False) -> None:
        """Tell of *job*, when the current transaction commits; not more often than it is useful.

        Args:
            at_once: However short ago the last signal was: its status is another one.
        """
        if not at_once and not self.due(job):
            return
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {STATEMENT}", [job])
        # Not before: a transaction that fails tells nobody.
        transaction.on_commit(lambda: self.told(job))

    def told(self, job: int) -> None:
        """A transaction that told of *job* was committed."""
        if len(self._told) >= _FORGET:
            self._told.clear()
        self._told[job] = self._clock()


_teller = Teller()
changed = _teller.changed
due = _teller.due
told = _teller.told
