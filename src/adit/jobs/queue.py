"""The only door to procrastinate, which carries tickets: each wakes a worker, none names a task.

The task table is the queue. A ticket says "something may have become claimable". Whoever is idle takes it; where
some workers have a receiver and others have none, those that have one get tickets of their own for what needs it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from django.db import connection
from procrastinate import App, PsycopgConnector
from procrastinate.connector import Notify
from procrastinate.contrib.django import app as django_app
from procrastinate.contrib.django.utils import connector_params
from procrastinate.exceptions import ConnectorException

from adit.jobs.models import Worker
from adit.jobs.receivers import waiting_for_receiver

logger = logging.getLogger(__name__)

Value = TypeVar("Value")

TICKET = "adit.ticket"
QUEUE = "tickets"

PAUSE = 0.3
"""Seconds between two tries to reach a database that is away."""

# Tasks that may run, but no more than there are places without a running task, less the tickets that
# are on their way; and whether only some of the workers can run what needs a receiver.
_WANTED = """
SELECT greatest(0, (
  SELECT count(*) FROM (
    SELECT 1 FROM jobs_task
    WHERE status = 'pending' AND NOT held AND (not_before IS NULL OR not_before <= now())
    LIMIT greatest(0,
      coalesce((SELECT sum(places) FROM jobs_worker WHERE alive_until > now()), 0)
      - (SELECT count(*) FROM jobs_task WHERE status = 'in progress'))) eligible
) - (SELECT count(*) FROM procrastinate_jobs WHERE task_name = %s AND queue_name = %s AND status = 'todo')),
  EXISTS (SELECT 1 FROM jobs_worker WHERE alive_until > now() AND receives)
    AND EXISTS (SELECT 1 FROM jobs_worker WHERE alive_until > now() AND NOT receives)
"""

# Of the workers beside a receiver: name, places without a running task.
_IDLE_BESIDE_RECEIVER = """
SELECT w.name, w.places - (SELECT count(*) FROM jobs_task t WHERE t.status = 'in progress' AND t.worker = w.name)
FROM jobs_worker w WHERE w.alive_until > now() AND w.receives
"""

_ON_THEIR_WAY = """
SELECT queue_name, count(*) FROM procrastinate_jobs WHERE task_name = %s AND status = 'todo' GROUP BY queue_name
"""


def wake() -> int:
    """Issue as many tickets as there are tasks that may run and places to run them, in the current transaction.

    Called whenever something may have become claimable. Too many tickets do no harm.

    Returns:
        How many tickets were issued.
    """
    with connection.cursor() as cursor:
        cursor.execute(_WANTED, [TICKET, QUEUE])
        count, some_receive = cursor.fetchone()
    _issue(count, QUEUE)
    return int(count) + (_wake_beside_receivers() if some_receive else 0)


def _wake_beside_receivers() -> int:
    """The same for what needs a receiver. A ticket that anybody may take could wake those without one only."""
    with connection.cursor() as cursor:
        cursor.execute(_IDLE_BESIDE_RECEIVER)
        idle = {queue_of(worker): places for worker, places in cursor.fetchall() if places > 0}
        cursor.execute(_ON_THEIR_WAY, [TICKET])
        coming = {queue: count for queue, count in cursor.fetchall() if queue in idle}
    wanted = waiting_for_receiver(most=sum(idle.values())) - sum(coming.values())
    issued = 0
    for queue, places in idle.items():
        count = max(0, min(wanted - issued, places - coming.get(queue, 0)))
        _issue(count, queue)
        issued += count
    return issued


def _issue(count: int, queue: str) -> None:
    if count:
        django_app.configure_task(TICKET, queue=queue).batch_defer(*({} for _ in range(count)))


def queue_of(worker: str) -> str:
    """The queue of tickets that only *worker* takes."""
    # The token alone: the name of a channel of the database holds 63 bytes.
    return f"{QUEUE}.{worker.rpartition(':')[2]}"


def forget_tickets() -> int:
    """Remove tickets that nobody waits for any more: of workers that are gone, and ended ones.

    Returns:
        How many there were.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM procrastinate_jobs j WHERE task_name = %s AND ("
            " status NOT IN ('todo', 'doing')"
            " OR status = 'todo' AND queue_name <> ALL(%s)"
            " OR status = 'doing' AND NOT EXISTS (SELECT 1 FROM procrastinate_workers w"
            "   WHERE w.id = j.worker_id AND w.last_heartbeat > now() - interval '60 seconds'))",
            [TICKET, [QUEUE, *map(queue_of, Worker.objects.values_list("name", flat=True))]],
        )
        return int(cursor.rowcount)


async def serve(work: Callable[[], None], *, worker: str, places: int, stopping: asyncio.Event) -> None:
    """Call *work* in a thread for every ticket, up to *places* at the same time, until *stopping* is set.

    Args:
        worker: Name of the process, which gets tickets of its own too.

    Returns when the running calls have ended. A database that is away is waited for.
    """
    loop = asyncio.get_running_loop()
    # Procrastinate runs synchronous tasks in the loop's executor, whose size is not its concurrency.
    executor = ThreadPoolExecutor(places, thread_name_prefix="task")
    app = App(connector=Patient(stopping, kwargs=connector_params(), min_size=1, max_size=4))

    @app.task(name=TICKET, queue=QUEUE)
    async def ticket() -> None:
        await loop.run_in_executor(executor, work)

    async with app.open_async():
        serving = asyncio.create_task(
            app.run_worker_async(
                queues=[QUEUE, queue_of(worker)],
                concurrency=places,
                install_signal_handlers=False,
                delete_jobs="always",
                fetch_job_polling_interval=5.0,
            )
        )
        stopped = asyncio.create_task(stopping.wait())
        await asyncio.wait((serving, stopped), return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        # Cancelling lets procrastinate's worker end in good order: no new ticket, the running ones end.
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
    executor.shutdown()


class Patient(PsycopgConnector):
    """A connector that outlives its database: it tries again, and listens again.

    Procrastinate's own gives up at the first restart: its listener ends, or the worker with it.
    """

    def __init__(self, stopping: asyncio.Event, **options: Any) -> None:
        super().__init__(**options)
        self._stopping = stopping

    async def execute_query_async(self, query: Any, **arguments: Any) -> None:
        ask = super().execute_query_async
        await self._patiently(lambda: ask(query, **arguments))

    async def execute_query_one_async(self, query: Any, **arguments: Any) -> dict[str, Any]:
        ask = super().execute_query_one_async
        return await self._patiently(lambda: ask(query, **arguments))

    async def execute_query_all_async(self, query: Any, **arguments: Any) -> list[dict[str, Any]]:
        ask = super().execute_query_all_async
        return await self._patiently(lambda: ask(query, **arguments))

    async def _patiently(self, ask: Callable[[], Awaitable[Value]]) -> Value:
        while True:
            try:
                return await ask()
            except ConnectorException:
                if self._stopping.is_set():
                    raise
                await asyncio.sleep(PAUSE)

    async def listen_notify(self, on_notification: Notify, channels: Iterable[str]) -> None:
        listen = super().listen_notify
        names = list(channels)
        while True:
            try:
                await listen(on_notification, names)
            except ConnectorException as error:
                logger.warning("Lost the database, listening again: %s", type(error.__cause__ or error).__name__)
            await asyncio.sleep(PAUSE)
