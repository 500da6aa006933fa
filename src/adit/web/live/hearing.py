"""Hears which jobs change: one connection that listens per web process, and any number of pages that wait."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from weakref import WeakKeyDictionary

from channels.layers import get_channel_layer
from django.db import connections
from psycopg import AsyncConnection, OperationalError

from adit.accounts.sessions import ENDED
from adit.jobs.signals import CHANNEL, INTERVAL, LOOK_AGAIN, Signal

logger = logging.getLogger(__name__)

PAUSE = 1.0
"""Seconds before another try to reach a database that is away."""

TICK = 5.0
"""Seconds after which a page looks even if it heard nothing: time passes, and dead workers tell nobody."""

_ALIVE = 30.0
"""Seconds of silence after which the connection is asked whether it is still there."""


class Watch:
    """One page that waits for something to change.

    Attributes:
        job: The one it waits for; None for any.
    """

    def __init__(self, job: int | None) -> None:
        self.job = job
        self._heard = asyncio.Event()
        self._again = False

    def hear(self) -> None:
        """Something has changed, or may have while nobody listened."""
        self._heard.set()

    async def heard(self) -> None:
        """Return when something has changed, or may have."""
        await self._heard.wait()
        self._heard.clear()

    async def change(self) -> None:
        """Return when it is worth looking: never sooner than a second after the call, `TICK` at the latest."""
        await asyncio.sleep(INTERVAL)
        wait = LOOK_AGAIN - INTERVAL if self._again else TICK - INTERVAL
        try:
            await asyncio.wait_for(self._heard.wait(), wait)
            # A signal stands for what changes shortly afterwards, too.
            self._again = True
        except TimeoutError:
            self._again = False
        self._heard.clear()


class Listener:
    """Listens while somebody watches."""

    def __init__(self) -> None:
        self._watches: set[Watch] = set()
        self._listening: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def watching(self, job: int | None) -> AsyncIterator[Watch]:
        """Watch one job, or all."""
        watch = Watch(job)
        self._watches.add(watch)
        if self._listening is None:
            self._listening = asyncio.create_task(self._listen())
        try:
            yield watch
        finally:
            self._watches.discard(watch)
            if not self._watches and self._listening is not None:
                self._listening.cancel()
                self._listening = None

    async def _listen(self) -> None:
        while True:
            try:
                async with await AsyncConnection.connect(**_parameters(), autocommit=True) as connection:
                    await connection.execute(f"LISTEN {CHANNEL}")
                    await connection.execute(f"LISTEN {ENDED}")
                    # What changed meanwhile, nobody told.
                    self._tell(None)
                    await self._hear(connection)
            except OperationalError as error:
                logger.warning("The pages lost the database, listening again: %s", type(error).__name__)
            await asyncio.sleep(PAUSE)

    async def _hear(self, connection: AsyncConnection) -> None:
        while True:
            async for note in connection.notifies(timeout=_ALIVE):
                if note.channel == ENDED:
                    layer: Any = get_channel_layer()
                    await layer.group_send(f"user.{note.payload}", {"type": "session.ended"})
                elif (signal := Signal.parse(note.payload)) is not None:
                    self._tell(signal.job)
            await connection.execute("SELECT 1")

    def _tell(self, job: int | None) -> None:
        for watch in self._watches:
            if job is None or watch.job is None or watch.job == job:
                watch.hear()


_listeners: WeakKeyDictionary[asyncio.AbstractEventLoop, Listener] = WeakKeyDictionary()


def listener() -> Listener:
    """The one of this process: of the loop that runs, of which a web process has one."""
    return _listeners.setdefault(asyncio.get_running_loop(), Listener())


def _parameters() -> dict[str, Any]:
    parameters = connections["default"].get_connection_params()
    return {name: value for name, value in parameters.items() if name not in ("cursor_factory", "context")}
