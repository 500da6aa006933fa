"""What a worker process does beside its tasks, which never wait for it: mails, warnings, keeping things short."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import timedelta

from django.db import DatabaseError
from django.utils import timezone

from adit.accounts.mails import forget_old, send_waiting
from adit.audit.retention import keep
from adit.jobs.files import forget_unused
from adit.jobs.mails import warn_of_folders

logger = logging.getLogger(__name__)

HOURLY = 3600.0
"""Seconds between two rounds of what need not be done at once."""


class Chores:
    """For one thread; call it every few seconds.

    Args:
        retention: How long events stay in the audit trail; None for ever.
    """

    def __init__(self, *, retention: timedelta | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._retention = retention
        self._clock = clock
        self._last: float | None = None

    def __call__(self) -> None:
        send_waiting(timezone.now)
        if self._last is not None and self._clock() - self._last < HOURLY:
            return
        self._last = self._clock()
        now = timezone.now()
        for chore in (lambda: warn_of_folders(now), lambda: forget_old(now), lambda: forget_unused(now), self._shorten):
            try:
                chore()
            except (DatabaseError, OSError) as error:
                logger.warning("A chore was not done and is tried again in an hour: %s", error)

    def _shorten(self) -> None:
        if self._retention is not None:
            keep(self._retention, now=timezone.now())
