"""Signs of life: one thread per process keeps its tasks and slots, and hears who wants them to stop."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterable
from datetime import timedelta
from socket import gethostname

from django.db import connection, transaction
from django.db.models import Q
from django.db.models.expressions import Combinable
from django.db.models.functions import Now

from adit.endpoints.cancel import CancelToken
from adit.jobs.claim import Claimed
from adit.jobs.machine import here
from adit.jobs.models import Task, Worker
from adit.jobs.outcomes import Stop
from adit.jobs.patience import AWAY
from adit.jobs.queue import wake
from adit.nodes.models import Slot

logger = logging.getLogger(__name__)

LOOK = 1.0
"""Seconds between two looks for tasks that somebody wants to stop."""


def announce(worker: str, *, places: int, until: Combinable, receives: bool = False) -> None:
    """Tell all others that this process runs tasks, is alive until then, and whether a receiver runs beside it.

    Again and again: a process that was frozen for long finds its row removed.
    """
    Worker.objects.update_or_create(
        name=worker,
        defaults={"alive_until": until, "receives": receives},
        create_defaults={
            "host": gethostname(),
            "machine": here(),
            "pid": os.getpid(),
            "places": places,
            "alive_until": until,
            "receives": receives,
        },
    )


class Running:
    """A task that this process runs.

    Attributes:
        cancel: Stops its endpoints.
        why: Why it was told to stop, None before.
    """

    def __init__(self, claimed: Claimed, clock: Callable[[], float]) -> None:
        self.claimed = claimed
        self.cancel = CancelToken()
        self.why: Stop | None = None
        self._clock = clock
        self._lock = threading.Lock()
        self._moved_at = clock()

    def moved(self) -> None:
        """Something happened: the task makes progress."""
        self._moved_at = self._clock()

    @property
    def idle(self) -> float:
        """Seconds without progress."""
        return self._clock() - self._moved_at

    def stop(self, why: Stop) -> None:
        """Tell it to stop. The first reason stays, but a lost lease overrules: nothing may be written then."""
        with self._lock:
            if self.why is None or why is Stop.LOST:
                self.why = why
        self.cancel.set(why)


class Heartbeat:
    """Keeps what this process has, until `stop`.

    Its methods may be called from any thread; `run` is the thread's body, and what it does in a
    round, `beat` and `look`, can be called without it.

    Args:
        worker: Name of the process.
        places: Tasks that it runs at the same time.
        lease, interval, no_progress: Seconds.
        receives: Whether a receiver runs beside it now.
    """

    def __init__(
        self,
        worker: str,
        *,
        places: int,
        lease: float,
        interval: float,
        no_progress: float,
        receives: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.worker = worker
        self.places = places
        self.lease = lease
        self._interval = interval
        self._no_progress = no_progress
        self._receives = receives
        self._received = False
        self._clock = clock
        self._lock = threading.Lock()
        self._running: dict[str, Running] = {}
        self._renewed_at = clock()
        self._ended = threading.Event()

    def watch(self, claimed: Claimed) -> Running:
        """Keep the lease of a task that was just claimed."""
        running = Running(claimed, self._clock)
        with self._lock:
            self._running[claimed.key] = running
        return running

    def forget(self, running: Running) -> None:
        """The task is settled, or not ours any more."""
        with self._lock:
            self._running.pop(running.claimed.key, None)

    def running(self) -> list[Running]:
        with self._lock:
            return list(self._running.values())

    def stop_all(self, why: Stop) -> None:
        """Tell every task of this process to stop."""
        for running in self.running():
            running.stop(why)

    def beat(self) -> None:
        """Renew all leases of this process, and stop what has lost its own or makes no progress.

        When the database was away for as long as a lease, everything stops: somebody else may
        have taken it over.
        """
        before, began = self.running(), self._clock()
        try:
            ours = self._renew(before)
        except AWAY:
            connection.close()
            if self._clock() - self._renewed_at >= self.lease:
                logger.warning("No database for %s s: all transfers stop", self.lease)
                self.stop_all(Stop.LOST)
            return
        self._renewed_at = began
        for running in before:
            if running.claimed.key not in ours:
                running.stop(Stop.LOST)

    def _renew(self, running: Iterable[Running]) -> set[str]:
        """Renew, and return the keys of the claims that hold.

        Only what a thread of ours is at: what one left behind in a crash runs out and goes to others.
        """
        until = Now() + timedelta(seconds=self.lease)
        self._announce(until)
        return {each.claimed.key for each in running if self._renew_one(each.claimed, until)}

    @transaction.atomic
    def _announce(self, until: Combinable) -> None:
        receives = self._receives()
        announce(self.worker, places=self.places, until=until, receives=receives)
        if receives and not self._received:
            # What waited for it can start here now.
            wake()
        self._received = receives

    @transaction.atomic
    def _renew_one(self, claimed: Claimed, until: Combinable) -> bool:
        # The task before its slots, as settling does: two that wait for each other would stop both.
        mine = Task.objects.mine(claimed.worker, claimed.task, claimed.claim)
        if not mine.update(lease_until=until):
            return False
        Slot.objects.filter(holder=claimed.worker, task=claimed.key).update(lease_until=until)
        return True

    def look(self) -> None:
        """Stop the tasks that somebody wants to stop, those of nodes suspended now, and those without progress."""
        running = {each.claimed.key: each for each in self.running()}
        if not running:
            return
        for each in running.values():
            if each.idle >= self._no_progress:
                each.stop(Stop.NO_PROGRESS)
        unwanted = Task.objects.in_progress().filter(worker=self.worker, stop_requested_at__isnull=False)
        suspended = Task.objects.in_progress().filter(
            Q(source__suspended_now=True) | Q(destination__suspended_now=True), worker=self.worker
        )
        try:
            found = [(key, Stop.USER) for key in unwanted.values_list("pk", "claim")]
            found += [(key, Stop.SUSPENDED) for key in suspended.values_list("pk", "claim")]
        except AWAY:
            connection.close()
            return
        for (task, claim), why in found:
            if wanted := running.get(f"{task}.{claim}"):
                wanted.stop(why)

    def run(self) -> None:
        """Beat and look until `end` is called."""
        try:
            beat_at = self._clock()
            while not self._ended.wait(min(LOOK, self._interval)):
                if self._clock() >= beat_at or self._receives() != self._received:
                    beat_at = self._clock() + self._interval
                    self.beat()
                self.look()
        finally:
            connection.close()

    def end(self) -> None:
        """Let `run` come to its end."""
        self._ended.set()
