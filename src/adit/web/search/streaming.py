"""The WebSocket of the search page: results stream in while the server answers, and leaving the page ends the query."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from contextlib import closing
from typing import Any, cast

from channels.generic.websocket import AsyncWebsocketConsumer
from django.http import Http404
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from adit.accounts.verdict import Denied
from adit.dicom.errors import Canceled, DicomError
from adit.dicom.match import Match
from adit.endpoints.cancel import CancelToken
from adit.nodes.models import Node
from adit.web.asking import on_a_thread
from adit.web.doors.sockets import LOGGED_OUT, caller_of, group_of, visitor_of
from adit.web.search.preferring import prefer
from adit.web.search.queries import MOST, SearchFields
from adit.web.search.sources import Caller, looking_into, may_search, refused, source_of

logger = logging.getLogger(__name__)

_LONGEST = 16_384
"""Characters of one message; the fields of a search are far shorter."""

NOT_UNDERSTOOD = 4400

Emit = Callable[[dict[str, Any]], None]


class SearchConsumer(AsyncWebsocketConsumer):
    """One search at a time; a new one ends the one before. Every answer carries the id that the search was sent with.

    From the browser: `{"type": "search", "id": …, "fields": {…}}` and `{"type": "cancel"}`.
    To the browser, all with `id`: `rows`, `state`, `errors` by field, and `ended`.
    """

    async def connect(self) -> None:
        self._cancel = CancelToken()
        self._searches: set[asyncio.Task[None]] = set()
        user = await visitor_of(self.scope)
        if user is None:
            await self.close()
            return
        caller = Caller(user, caller_of(self.scope))
        if not await on_a_thread(lambda _token: _allowed(caller)):
            await self.close()
            return
        self._group = group_of(user)
        await self.channel_layer.group_add(self._group, self.channel_name)
        await self.accept()

    async def disconnect(self, code: int) -> None:  # noqa: ARG002  the signature is that of all consumers
        self._cancel.set("the page was left")
        for search in self._searches:
            search.cancel()
        if hasattr(self, "_group"):
            await self.channel_layer.group_discard(self._group, self.channel_name)

    async def session_ended(self, _message: dict[str, Any]) -> None:
        """One of the user's sessions ended; perhaps this one."""
        if await visitor_of(self.scope) is None:
            self._cancel.set("the session ended")
            await self.close(LOGGED_OUT)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:  # noqa: ARG002
        # Whatever this message is, the one who sends it may not be allowed to any more.
        user = await visitor_of(self.scope)
        if user is None:
            self._cancel.set("the session ended")
            await self.close(LOGGED_OUT)
            return
        caller = Caller(user, caller_of(self.scope))
        match _read(text_data):
            case {"type": "search", "id": str(search), "fields": dict(fields)}:
                self._cancel.set("another search was started")
                self._cancel = CancelToken()
                task = asyncio.create_task(self._search(search[:64], fields, caller, self._cancel))
                self._searches.add(task)
                task.add_done_callback(self._searches.discard)
            case {"type": "cancel"}:
                self._cancel.set("you canceled it")
            case _:
                await self.close(NOT_UNDERSTOOD)

    async def _search(self, search: str, fields: dict[str, Any], caller: Caller, cancel: CancelToken) -> None:
        """Send what is found as it is found; what piles up meanwhile goes in one message."""
        loop = asyncio.get_running_loop()
        told: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()

        def emit(message: dict[str, Any]) -> None:
            loop.call_soon_threadsafe(told.put_nowait, message)

        work = asyncio.ensure_future(
            on_a_thread(lambda token: search_for(fields, caller, emit=emit, cancel=token), cancel=cancel)
        )
        work.add_done_callback(lambda _: told.put_nowait(None))
        try:
            over = False
            while not over:
                heard = [await told.get()]
                while not told.empty():
                    heard.append(told.get_nowait())
                over = heard[-1] is None
                for message in _joined(heard):
                    await self._send(search, message)
            if (error := work.exception()) is not None:
                logger.error("A search broke off", exc_info=error)
                sentence = _("The search broke off over an error of ADIT; its log says more.")
                await self._send(search, _ended("failed", sentence))
        finally:
            work.cancel()

    async def _send(self, search: str, message: dict[str, Any]) -> None:
        await self.send(json.dumps({"id": search, **message}))


def _joined(heard: list[dict[str, Any] | None]) -> list[dict[str, Any]]:
    """What was told, with the rows of neighbours in one message."""
    joined: list[dict[str, Any]] = []
    for message in heard:
        if message is None:
            continue
        if joined and message["type"] == joined[-1]["type"] == "rows":
            joined[-1]["rows"] += message["rows"]
        else:
            joined.append(message)
    return joined


def _allowed(caller: Caller) -> bool:
    verdict = may_search(caller.user)
    if not verdict:
        refused("search", caller, verdict.reason)
    return bool(verdict)


def _read(text: str | None) -> Any:
    if text is None or len(text) > _LONGEST:
        return None
    try:
        return json.loads(text)
    except ValueError:
        return None


def search_for(fields: dict[str, Any], caller: Caller, *, emit: Emit, cancel: CancelToken) -> None:
    """Search, and tell of everything that happens. Blocks."""
    try:
        node = source_of(caller, str(fields.get("source", "")))
    except Http404:
        emit(_ended("refused", _("You may not search there (any more). Load the page again.")))
        return
    form = SearchFields(fields, user=caller.user)
    if not form.is_valid() or form.query is None:
        emit({"type": "errors", "errors": {name: [str(each) for each in told] for name, told in form.errors.items()}})
        return
    prefer(caller.user, source=node.pk)
    emit({"type": "state", "sentence": _("Asking %(node)s …") % {"node": node.name}})
    shown = 0
    try:
        with (
            looking_into(node, caller, cancel=cancel) as source,
            closing(cast("Any", source.find(form.query))) as found,
        ):
            for match in found:
                if match.uid("StudyInstanceUID") is None:
                    continue
                if shown == MOST:
                    break
                shown += 1
                emit({"type": "rows", "rows": [row_of(match, node)]})
            else:
                emit(_ended("done", _found(shown, node)))
                return
    except Canceled:
        emit(_ended("canceled", _("Canceled. %(found)s so far.") % {"found": _studies(shown)}))
    except Denied as denied:
        emit(_ended("failed", str(denied)))
    except DicomError as error:
        emit(_ended("failed", error.explained()))
    else:
        sentence = _(
            "More than %(most)d studies were found: these are the first that %(node)s named. "
            "Narrow the search down to see others."
        )
        emit(_ended("more", sentence % {"most": MOST, "node": node.name}))


def row_of(match: Match, node: Node) -> dict[str, str]:
    """One study, for the table."""
    html = render_to_string("search/study.html", {"study": match, "source": node})
    return {"study": match.text("StudyInstanceUID"), "html": html}


def _found(shown: int, node: Node) -> str:
    if not shown:
        return _("%(node)s has nothing like that.") % {"node": node.name}
    return _("%(found)s found.") % {"found": _studies(shown)}


def _studies(count: int) -> str:
    return ngettext("%(count)d study", "%(count)d studies", count) % {"count": count}


def _ended(outcome: str, sentence: str) -> dict[str, Any]:
    return {"type": "ended", "outcome": outcome, "sentence": sentence}
