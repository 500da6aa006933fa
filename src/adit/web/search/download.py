"""One study straight to the browser, as a ZIP file that is written while it is sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import CancelledError
from functools import partial
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core import signing
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from adit.dicom.errors import Canceled, DicomError
from adit.endpoints.cancel import CancelToken
from adit.endpoints.names import safe_name
from adit.jobs.downloading import prepare
from adit.jobs.zipping import Way, zip_study
from adit.nodes.permissions import answers_now, can_send
from adit.nodes.places import place
from adit.transfer.items import TransferStudy
from adit.transfer.plan import Plan, Pseudonymising, Trial
from adit.web.asking import on_a_thread
from adit.web.doors.visits import visitor
from adit.web.sealed import seal, unseal
from adit.web.search.page import caller_of
from adit.web.search.sending import REFUSALS, asked_of, bound_form, download_permitted, may_download, panel_html
from adit.web.search.sources import Caller, opening, refused, source_of

_SALT = "adit.search.download"

_TOLD = "download"
"""What is sealed in the address, because it names a patient."""

_LASTS = 300
"""Seconds between the form and the download that it begins."""

_CHUNK = 256 << 10
"""Bytes that are handed over at once."""

_AHEAD = 4
"""Chunks that wait for a slow browser; then the server waits, too."""


@require_POST
@never_cache
@login_required
def begin(request: HttpRequest) -> HttpResponse:
    """Check the form and let the browser fetch the file; or the panel again, with what is wrong near its field."""
    asked = asked_of(request)
    if isinstance(asked, HttpResponse):
        return asked
    form = bound_form(asked, request.POST, download=True)
    verdict = may_download(asked)
    if not verdict:
        refused("download", asked.caller, verdict.reason, node=asked.source.name)
        form.add_error(None, verdict.reason)
    answer: dict[str, str] = {}
    if form.is_valid() and form.plan is not None:
        plan = form.plan
        told = {
            "source": asked.source.pk,
            "item": plan.items[0].to_json(),
            "trial": [plan.trial.protocol_id, plan.trial.protocol_name],
            "pseudonymising": _wanted_json(plan.pseudonymising),
        }
        token = seal({_TOLD: signing.dumps(told, salt=_SALT, compress=True)}, to=asked.caller.user)
        url = reverse("search-file", args=[token])
        answer["HX-Trigger"] = f'{{"adit:download": {{"url": "{url}"}}}}'
    return HttpResponse(panel_html(asked, form, request.POST), headers=answer)


def _wanted_json(wanted: Pseudonymising | None) -> dict[str, Any] | None:
    if wanted is None:
        return None
    return {
        "project": wanted.project,
        "profile": wanted.profile,
        "generate": wanted.generate,
        "unchecked_pixels": wanted.unchecked_pixels,
    }


@require_safe
@never_cache
@login_required
async def file(request: HttpRequest, token: str) -> HttpResponseBase:
    """The ZIP file. What goes wrong after its beginning breaks it off: then it has no directory, and no program
    takes it for whole. When the browser goes, the retrieval ends.
    """
    try:
        held = unseal(token, by=visitor(request))
        told: dict[str, Any] = signing.loads(held.get(_TOLD, ""), salt=_SALT, max_age=_LASTS)
    except signing.BadSignature:
        raise Http404 from None
    if request.method == "HEAD":
        raise Http404
    caller = caller_of(request)
    pipe = _Pipe()
    work = asyncio.ensure_future(on_a_thread(partial(_write, caller, told, pipe), cancel=pipe.cancel))
    try:
        first = await pipe.next_of(work)
    except asyncio.CancelledError:
        work.cancel()
        raise
    except REFUSALS as refusal:
        reason = str(refusal)
        await on_a_thread(lambda _token: refused("download", caller, reason))
        return HttpResponse(render_to_string("search/problem.html", {"sentence": reason}), status=403)
    except DicomError as error:
        return HttpResponse(render_to_string("search/problem.html", {"sentence": error.explained()}), status=502)
    item = TransferStudy.from_json(told["item"])
    name = safe_name(item.pseudonym or item.study)
    return StreamingHttpResponse(
        pipe.chunks(first, work),
        content_type="application/zip",
        headers={"Content-Disposition": f'attachment; filename="{name}.zip"'},
    )


def _write(caller: Caller, told: dict[str, Any], pipe: _Pipe, cancel: CancelToken) -> None:
    """Write the file into *pipe*. Everything that `begin` asked is asked again.

    Raises:
        Http404, Denied, DicomError and what `submit` raises.
    """
    user = caller.user
    node = source_of(caller, str(told["source"]))
    download_permitted(user).require()
    can_send(node).require()
    answers_now(node).require()
    wanted = told["pseudonymising"]
    plan = Plan(
        "download",
        node.name,
        "",
        (TransferStudy.from_json(told["item"]),),
        pseudonymising=None if wanted is None else Pseudonymising(**wanted),
        trial=Trial(*told["trial"]),
    )
    way = Way(node, *prepare(plan, node, by=user, group=user.active_group))
    with place(node, cancel=cancel) as keep:
        zip_study(way, pipe.write, opening=opening(), keep=keep, cancel=cancel, by=user, address=caller.address)
    pipe.flush()


class _Pipe:
    """From a thread that writes to a response that is sent; the thread waits when the browser is slow.

    Attributes:
        cancel: Set when the browser has gone.
    """

    def __init__(self) -> None:
        self.cancel = CancelToken()
        self._loop = asyncio.get_running_loop()
        self._waiting: asyncio.Queue[bytes] = asyncio.Queue(_AHEAD)
        self._begun = bytearray()

    def write(self, data: bytes | memoryview) -> None:
        """Raises Canceled when the browser has gone."""
        self._begun += data
        if len(self._begun) >= _CHUNK:
            self.flush()

    def flush(self) -> None:
        """Hand over what was written."""
        self.cancel.check()
        chunk, self._begun = bytes(self._begun), bytearray()
        handed = asyncio.run_coroutine_threadsafe(self._waiting.put(chunk), self._loop)

        def let_go() -> None:
            handed.cancel()

        try:
            with self.cancel.closing(let_go):
                handed.result()
        except CancelledError:
            raise Canceled(self.cancel.reason) from None

    async def next_of(self, work: asyncio.Future[None]) -> bytes:
        """The next chunk, empty at the end. Raises what *work* raised, when all chunks before are out."""
        getting = asyncio.ensure_future(self._waiting.get())
        try:
            await asyncio.wait((getting, work), return_when=asyncio.FIRST_COMPLETED)
            if getting.done():
                return getting.result()
        finally:
            getting.cancel()
        if not self._waiting.empty():
            return self._waiting.get_nowait()
        work.result()
        return b""

    async def chunks(self, first: bytes, work: asyncio.Future[None]) -> AsyncIterator[bytes]:
        """*first* and all that follows."""
        try:
            chunk = first
            while chunk:
                yield chunk
                chunk = await self.next_of(work)
        finally:
            # Whether it is over or the browser has gone.
            self.cancel.set("the browser has gone")
            work.cancel()
