"""Work that blocks, such as a question to a PACS, asked from where nothing may block."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from django.db import connections

from adit.endpoints.cancel import CancelToken

T = TypeVar("T")


async def on_a_thread(work: Callable[[CancelToken], T], *, cancel: CancelToken | None = None) -> T:
    """What *work* returns or raises. It has a thread and database connections of its own.

    When whoever waits is cancelled, because the browser has gone, the token is set and nobody waits any longer.

    Args:
        cancel: The token that *work* gets; without one a new one.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[T] = loop.create_future()
    token = cancel or CancelToken()

    def settle(settled: Callable[[], None]) -> None:
        # The loop may have ended meanwhile, with the server.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(lambda: None if answer.done() else settled())

    def run() -> None:
        try:
            result = work(token)
        except BaseException as error:  # noqa: BLE001  it is raised where somebody waits
            # Bound anew, because Python forgets the name behind the block.
            raised = error
            connections.close_all()
            settle(lambda: answer.set_exception(raised))
        else:
            connections.close_all()
            settle(lambda: answer.set_result(result))

    # Language and time zone of whoever asks go along.
    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(run,), name="asking", daemon=True).start()
    try:
        return await answer
    except asyncio.CancelledError:
        token.set("whoever asked has gone")
        raise
