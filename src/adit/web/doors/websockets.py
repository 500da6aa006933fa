"""WebSockets are for those who are logged in and may work now; they close when that ends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from channels.db import database_sync_to_async
from channels.layers import get_channel_layer
from django.db import InterfaceError, OperationalError

from adit.accounts.models import User
from adit.accounts.notices import may_work, notice
from adit.web.doors.sockets import GONE, LOGGED_OUT, LoggedOut, request_of
from adit.web.live.hearing import listener

Scope = dict[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

LOOK_AGAIN = 15.0
"""Seconds after which an open socket is asked again whether it may stay, if nobody said that a session ended."""

_NO_JOB = 0


class Doors:
    """ASGI middleware behind channels' authentication, in front of all consumers.

    Whoever's session has ended, who was deactivated or has to wait for the end of maintenance is closed out (4401),
    at once where somebody ended the sessions, else within `LOOK_AGAIN`; the consumer sees a disconnect.
    """

    def __init__(self, application: Any) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not await may_stay(scope):
            await _turn_away(receive, send, LOGGED_OUT)
            return
        passing = _Passing(receive, send, asyncio.create_task(_ended(scope)))
        try:
            await self._application(scope, passing.receive, passing.send)
        finally:
            passing.stop()


async def nowhere(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001  the signature of ASGI
    """The consumer of addresses that do not exist."""
    await _turn_away(receive, send, GONE)


async def _turn_away(receive: Receive, send: Send, code: int) -> None:
    await receive()
    # Accepted first: else a browser does not tell its page the code.
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.close", "code": code})


class _Passing:
    """Messages between server and consumer, until the session ends."""

    def __init__(self, receive: Receive, send: Send, ended: asyncio.Task[None]) -> None:
        self._receive, self._send, self._ended = receive, send, ended
        self._coming: asyncio.Task[Message] | None = None
        self._closed = False

    async def receive(self) -> Message:
        self._coming = self._coming or asyncio.ensure_future(self._receive())
        await asyncio.wait((self._coming, self._ended), return_when=asyncio.FIRST_COMPLETED)
        if self._ended.done():
            if not self._closed:
                self._closed = True
                await self._send({"type": "websocket.close", "code": LOGGED_OUT})
            return {"type": "websocket.disconnect", "code": LOGGED_OUT}
        message, self._coming = self._coming.result(), None
        return message

    async def send(self, message: Message) -> None:
        # A consumer may not know yet that it is over.
        if not self._closed:
            self._closed = message["type"] == "websocket.close"
            await self._send(message)

    def stop(self) -> None:
        for task in (self._ended, self._coming):
            if task is not None:
                task.cancel()


async def _ended(scope: Scope) -> None:
    """Return when whoever opened the socket has to go."""
    layer: Any = get_channel_layer()
    group, name = f"user.{scope['user'].pk}", await layer.new_channel()
    await layer.group_add(group, name)
    try:
        # Watching no job keeps up the one connection that hears of ended sessions; it tells if it may have missed one.
        async with listener().watching(_NO_JOB) as watch:
            while await may_stay(scope):
                await _first(layer.receive(name), watch.heard())
    finally:
        await layer.group_discard(group, name)


async def _first(*waits: Coroutine[Any, Any, Any]) -> None:
    """Return when one of *waits* does, after `LOOK_AGAIN` at the latest."""
    tasks = [asyncio.create_task(each) for each in waits]
    try:
        await asyncio.wait(tasks, timeout=LOOK_AGAIN, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _may_stay(scope: Scope) -> bool:
    try:
        user = request_of(scope).user
        return isinstance(user, User) and bool(may_work(user, notice()))
    except LoggedOut:
        return False
    except (OperationalError, InterfaceError):
        # A database that is away says nothing about sessions.
        return True


async def may_stay(scope: Scope) -> bool:
    """Whether whoever opened the socket is logged in and may work now."""
    # On a thread of its own: one socket does not wait for the questions of another.
    stays: bool = await database_sync_to_async(_may_stay, thread_sensitive=False)(scope)
    return stays
