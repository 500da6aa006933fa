"""One worker process: threads that claim and run tasks, a heartbeat, upkeep, and an orderly end."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import signal
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.db import close_old_connections, connection, connections, transaction
from django.db.models.functions import Now
from django.utils import timezone

from adit.jobs.attempt import Conditions, Opens
from adit.jobs.claim import Claimed, claim
from adit.jobs.leases import Heartbeat, announce
from adit.jobs.models import Worker
from adit.jobs.outcomes import Stop
from adit.jobs.patience import AWAY, PAUSE
from adit.jobs.queue import serve, wake
from adit.jobs.upkeep import give_back, tidy
from adit.jobs.worker import perform

logger = logging.getLogger(__name__)

GRACE = 5.0
"""Seconds that running tasks have to let go of their peers when the process is told to stop."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds, but for the waits between attempts, which are several."""

    lease: float
    heartbeat: float
    no_progress: float
    waits: Sequence[float]


class Process:
    """What makes a process a worker. Usable without procrastinate: `work` runs what can be claimed.

    Args:
        places: Tasks at the same time.
        sweep: Removes what dead processes left in the spool; called now and then.
        chores: What may take long and must not keep the upkeep; called now and then on a thread of its own.
        receives: Whether a receiver runs on this machine now; what needs one is left to others without it.
    """

    def __init__(
        self,
        *,
        places: int,
        opening: Opens,
        limits: Limits,
        sweep: Callable[[], object] = lambda: None,
        chores: Callable[[], object] = lambda: None,
        receives: Callable[[], bool] = lambda: False,
    ) -> None:
        self.name = f"{socket.gethostname()[:60]}:{os.getpid()}:{secrets.token_hex(4)}"
        self.places = places
        self._limits = limits
        self._sweep = sweep
        self._chores = chores
        self._receives = receives
        self._stopping = threading.Event()
        self._heartbeat = Heartbeat(
            self.name,
            places=places,
            lease=limits.lease,
            interval=limits.heartbeat,
            no_progress=limits.no_progress,
            receives=receives,
        )
        self._conditions = Conditions(opening=opening, waits=limits.waits, wake=wake)
        self._threads = [
            threading.Thread(target=self._heartbeat.run, name="heartbeat", daemon=True),
            threading.Thread(target=self._keep_up, args=(self._tidy,), name="upkeep", daemon=True),
            threading.Thread(target=self._keep_up, args=(self._chores,), name="chores", daemon=True),
        ]

    def start(self) -> None:
        """Register, and begin with heartbeat and upkeep."""
        alive_until = Now() + timedelta(seconds=self._limits.lease)
        announce(self.name, places=self.places, until=alive_until, receives=self._receives())
        # Whoever starts anew after a crash of all goes on at once with what they left.
        tidy(waits=self._limits.waits)
        with transaction.atomic():
            wake()
        for thread in self._threads:
            thread.start()

    def work(self) -> None:
        """Claim and run tasks until none can be claimed. Called in any number of threads."""
        try:
            while (claimed := self._claim()) is not None:
                perform(claimed, heartbeat=self._heartbeat, conditions=self._conditions)
        finally:
            connections.close_all()

    def _claim(self) -> Claimed | None:
        while not self._stopping.is_set():
            try:
                receives = self._receives()
                return claim(self.name, lease=self._limits.lease, now=timezone.now(), receives=receives)
            except AWAY:
                connection.close()
                self._stopping.wait(PAUSE)
        return None

    def stop(self) -> None:
        """Claim nothing more, and let what runs come back to the queue. Returns at once."""
        self._stopping.set()
        self._heartbeat.stop_all(Stop.SHUTDOWN)

    def finish(self) -> None:
        """End the threads, give back what is left, and unregister."""
        self._stopping.set()
        self._heartbeat.end()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(1)
        try:
            give_back(self.name)
            Worker.objects.filter(name=self.name).delete()
        except AWAY as error:
            logger.warning("The database is away, leases run out by themselves: %s", type(error).__name__)
        finally:
            connections.close_all()

    def _tidy(self) -> None:
        tidy(waits=self._limits.waits)
        self._sweep()

    def _keep_up(self, work: Callable[[], object]) -> None:
        try:
            while not self._stopping.wait(self._limits.heartbeat):
                close_old_connections()
                try:
                    work()
                except AWAY as error:
                    logger.warning("No upkeep, the database is away: %s", type(error).__name__)
                except Exception:
                    logger.exception("Upkeep failed, and is tried again")
        finally:
            connections.close_all()


def run(process: Process, *, grace: float = GRACE) -> None:
    """Be a worker until SIGTERM or SIGINT. Call it in the main thread.

    Then running transfers are broken off and their tasks pending again, all within 8 s.
    """
    process.start()
    try:
        asyncio.run(_serve(process, grace))
    finally:
        process.finish()


async def _serve(process: Process, grace: float) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stop() -> None:
        process.stop()
        stopping.set()
        # A peer that does not even let go of its socket must not keep the process.
        threading.Thread(target=_leave, args=(process, grace), name="last resort", daemon=True).start()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    await serve(process.work, worker=process.name, places=process.places, stopping=stopping)


def _leave(process: Process, grace: float) -> None:
    threading.Event().wait(grace)
    logger.error("Tasks did not end within %s s; the process leaves them to the others", grace)
    process.finish()
    os._exit(1)
