"""The WebSocket that keeps a page up to date: it pushes what the page would show now to whoever looks."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest
from django.middleware.csrf import get_token
from django.utils import timezone

from adit.accounts.models import User
from adit.jobs.progress import Pace
from adit.web.doors.sockets import BROKEN, GONE, LOGGED_OUT, LoggedOut, group_of, request_of
from adit.web.doors.visits import visitor, zone_of
from adit.web.live.hearing import PAUSE, listener

logger = logging.getLogger(__name__)

Paces = defaultdict[int, Pace]
"""Job → how fast it goes, as far as one socket has seen."""

Shows = Callable[..., Mapping[str, str]]
"""Renders what a page shows, from a request, `Paces`, and what the address holds: id of an element → the element.

Raises:
    Http404: It does not exist, or not for this user.
"""


def live_address(request: HttpRequest, page: str) -> str:
    """Where the WebSocket is that keeps *page* up to date, with the filters of this request: below `/live`."""
    return f"/live{page}" + (f"?{request.GET.urlencode()}" if request.GET else "")


class Live(AsyncWebsocketConsumer):
    """Pushes fragments as `{"fragments": {id: html}}`, those that changed; an empty one is a sign of life.

    `{"away": true}` says that the database does not answer. Who looks is asked for anew with every push.
    """

    def __init__(self, *, shows: Shows, every_job: bool = False) -> None:
        """
        Args:
            every_job: Look when any job changes, not only job `pk` of the address.
        """
        super().__init__()
        self._shows = shows
        self._every_job = every_job
        self._paces: Paces = defaultdict(Pace)
        self._token = ""
        self._group = ""
        self._pushing: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        await self.accept()
        user = self.scope["user"]
        if isinstance(user, User):
            self._group = group_of(user)
            await self.channel_layer.group_add(self._group, self.channel_name)
        self._pushing = asyncio.create_task(self._push_until_it_ends())

    async def disconnect(self, code: int) -> None:  # noqa: ARG002  the signature is that of channels
        if self._group:
            await self.channel_layer.group_discard(self._group, self.channel_name)
        if self._pushing is not None:
            self._pushing.cancel()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """A page has nothing to say here."""

    async def session_ended(self, _: dict[str, Any]) -> None:
        """Somebody logged this user out everywhere."""
        if self._pushing is not None:
            self._pushing.cancel()
        await self.close(LOGGED_OUT)

    async def _push_until_it_ends(self) -> None:
        try:
            await self._push()
        except LoggedOut:
            await self.close(LOGGED_OUT)
        except Http404:
            await self.close(GONE)
        except OSError:
            # Whoever looked is gone, and the server has noticed before it told us.
            return
        except Exception:
            logger.exception("A page cannot be kept up to date: %s", self.scope["path"])
            await self.close(BROKEN)

    async def _push(self) -> None:
        sent: dict[str, str] = {}
        job = None if self._every_job else self.scope["url_route"]["kwargs"]["pk"]
        async with listener().watching(job) as watch:
            while True:
                try:
                    shown = await database_sync_to_async(self._render, thread_sensitive=False)()
                except (OperationalError, InterfaceError):
                    await self.send(json.dumps({"away": True}))
                    await asyncio.sleep(PAUSE)
                    continue
                fresh = {name: html for name, html in shown.items() if sent.get(name) != html}
                await self.send(json.dumps({"fragments": fresh}))
                sent.update(fresh)
                await watch.change()

    def _render(self) -> dict[str, str]:
        request = request_of(self.scope)
        # One token for all pushes: what has not changed must look so.
        self._token = self._token or get_token(request)
        request.META["CSRF_TOKEN_SHOWN"] = self._token
        with timezone.override(zone_of(visitor(request))):
            return dict(self._shows(request, self._paces, **self.scope["url_route"]["kwargs"]))
