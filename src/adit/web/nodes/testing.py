"""The connection test of a node, line by line as it runs; it ends when the page is left."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from channels.generic.websocket import AsyncWebsocketConsumer
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from adit.accounts.models import User
from adit.accounts.verdict import Denied
from adit.audit.models import Outcome as Ending
from adit.audit.record import record
from adit.dicom.errors import Canceled, DicomError
from adit.endpoints.cancel import CancelToken
from adit.nodes.contact import note_findings
from adit.nodes.doctor import abilities_found, examine
from adit.nodes.findings import ADMINISTRATOR, Finding, Outcome
from adit.nodes.forms import form_for
from adit.nodes.models import Kind, Node
from adit.nodes.permissions import may_manage
from adit.web.asking import on_a_thread
from adit.web.doors.sockets import GONE, LOGGED_OUT, caller_of, visitor_of

logger = logging.getLogger(__name__)

_LONGEST = 500_000
"""Characters of what a page may send: a form with certificates."""

Say = Callable[[dict[str, Any]], None]


class NodeTest(AsyncWebsocketConsumer):
    """One test at a time; a new one ends the one before, and so does leaving the page.

    From the browser: `{"node": id or null, "kind": …, "form": urlencoded or null, "find": bool}`. Without a form what
    is stored is tested; with one what was typed, together with the secrets that are stored.
    To the browser: `{"line": html}` for each finding, `{"abilities": […]}` where they were to be found out, and
    `{"done": true}` at the end.
    """

    async def connect(self) -> None:
        self._cancel = CancelToken()
        await self.accept()

    async def disconnect(self, code: int) -> None:  # noqa: ARG002  the signature is that of all consumers
        self._cancel.set("the page was left")

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:  # noqa: ARG002
        self._cancel.set("another test was started")
        self._cancel = cancel = CancelToken()
        user = await visitor_of(self.scope)
        if user is None:
            await self.close(LOGGED_OUT)
            return
        loop, address = asyncio.get_running_loop(), caller_of(self.scope)

        def say(message: dict[str, Any]) -> None:
            if not cancel.canceled:
                asyncio.run_coroutine_threadsafe(self._send(message, cancel), loop)

        # Not awaited: the next message, or the end of the socket, has to be heard meanwhile.
        self._running = asyncio.create_task(self._test(text_data or "", user, address, cancel, say))

    async def _send(self, message: dict[str, Any], cancel: CancelToken) -> None:
        if not cancel.canceled:
            await self.send(json.dumps(message))

    async def _test(self, text: str, user: User, address: str | None, cancel: CancelToken, say: Say) -> None:
        try:
            await on_a_thread(lambda token: _run(text, user, address, token, say), cancel=cancel)
        except Canceled:
            return
        except (Denied, Node.DoesNotExist, ValueError, TypeError, KeyError):
            await self.close(GONE)
            return
        except Exception:
            logger.exception("The test of a node broke off")
            words = _("The test broke off over an error of ADIT; its log says more.")
            say(_line(Finding(_("Test"), Outcome.FAILED, words, ADMINISTRATOR)))
        say({"done": True})


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is to be tested.

    Attributes:
        wrong: What is wrong with what was typed, as sentences.
        find: What the server can do is to be found out.
    """

    node: Node
    stored: bool
    wrong: list[str]
    find: bool


def _run(text: str, user: User, address: str | None, cancel: CancelToken, say: Say) -> None:
    if not (answer := may_manage(user)):
        why = {"reason": answer.reason}
        record("node.tested", by=user, outcome=Ending.REFUSED, address=address, details=why)
        raise Denied(answer.reason)
    asked = _read(text)
    if asked.wrong:
        for sentence in asked.wrong:
            say(_line(Finding(_("Form"), Outcome.FAILED, sentence, ADMINISTRATOR)))
        return
    failed = _find(asked.node, cancel, say) if asked.find else _examine(asked, cancel, say)
    details: dict[str, Any] = {"failed": failed, "stored": asked.stored}
    record("node.tested", by=user, nodes=[asked.node.name], address=address, details=details)


def _read(text: str) -> _Asked:
    """Raises ValueError, KeyError, TypeError or DoesNotExist for what no page sends."""
    if len(text) > _LONGEST:
        raise ValueError("longer than any form")
    asked = json.loads(text)
    if not isinstance(asked, dict) or not isinstance(asked.get("form"), str | None):
        raise TypeError("no page sends this")
    find = bool(asked.get("find"))
    stored = Node.objects.get(pk=int(asked["node"])) if asked.get("node") else None
    if asked.get("form") is None:
        if stored is None:
            raise ValueError("neither a node nor a form")
        return _Asked(stored, stored=True, wrong=[], find=find)
    kind = Kind(stored.kind if stored else asked["kind"])
    form = form_for(kind)(QueryDict(asked["form"]), node=stored)
    node = Node(kind=kind)
    if form.is_valid():
        node = form.as_node()
        try:
            node.full_clean()
        except ValidationError as error:
            form.take(error)
    return _Asked(node, stored=False, wrong=form.complaints(), find=find)


def _examine(asked: _Asked, cancel: CancelToken, say: Say) -> list[str]:
    """Test it, say every finding, and note whether it answers. The names of the steps that failed."""
    found: list[Finding] = []
    for finding in examine(asked.node, cancel=cancel):
        say(_line(finding))
        found.append(finding)
    if asked.stored:
        note_findings(asked.node, found)
    return [finding.name for finding in found if finding.outcome is Outcome.FAILED]


def _find(node: Node, cancel: CancelToken, say: Say) -> list[str]:
    """Say what the server can do."""
    step = _("Abilities")
    try:
        found = abilities_found(node, cancel=cancel)
    except Canceled:
        raise
    except DicomError as error:
        say(_line(Finding(step, Outcome.FAILED, f"{error}.", error.mended_by)))
        return [step]
    words = _("%(count)d of them work here; look through them, and save.") % {"count": len(found)}
    say({"abilities": sorted(found)} | _line(Finding(step, Outcome.OK, words)))
    return []


def _line(finding: Finding) -> dict[str, Any]:
    return {"line": render_to_string("nodes/finding.html", {"finding": finding})}
