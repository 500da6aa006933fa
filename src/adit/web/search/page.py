"""The search page, and the series of one study."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from adit.accounts.verdict import Denied
from adit.deid.gate import Gate
from adit.dicom.errors import Canceled, DicomError
from adit.dicom.protocols import Cancellation
from adit.dicom.refs import UID, BadUID, uid
from adit.endpoints.cancel import CancelToken
from adit.transfer.items import TransferStudy
from adit.transfer.runners import list_series, look_up
from adit.transfer.treating import stays_behind
from adit.web.asking import on_a_thread
from adit.web.doors.visits import address_of, visitor
from adit.web.search.queries import SearchFields
from adit.web.search.sources import Caller, looking_into, require_search, source_of

WITHOUT_PICTURE = frozenset(
    ("SR", "PR", "KO", "REG", "PLAN", "RTSTRUCT", "RTPLAN", "RTRECORD", "ECG", "HD", "DOC", "AU")
)
"""Modalities whose objects show nothing that could be drawn."""

Answering = Callable[[CancelToken], HttpResponse]


def caller_of(request: HttpRequest) -> Caller:
    """Who asks, behind `login_required`."""
    return Caller(visitor(request), address_of(request))


@require_safe
@never_cache
@login_required
def search(request: HttpRequest) -> HttpResponse:
    caller = caller_of(request)
    require_search(caller)
    form = SearchFields(user=caller.user)
    return render(request, "search/search.html", {"form": form, "has_sources": form.fields["source"].queryset.exists()})  # type: ignore[attr-defined]


@require_safe
@never_cache
@login_required
async def series(request: HttpRequest) -> HttpResponse:
    """The series of one study, as rows. The question ends when the browser goes."""
    return await answered(
        partial(_series, caller_of(request), request.GET.get("source", ""), given_uid(request, "study"))
    )


def given_uid(request: HttpRequest, name: str) -> UID:
    """A UID in the address. Raises Http404 when it is none: then nothing there is meant."""
    try:
        return uid(request.GET.get(name, ""))
    except BadUID:
        raise Http404 from None


async def answered(ask: Answering, *, problem: int = 502) -> HttpResponse:
    """What *ask* answers, on a thread; what a server says against it as a sentence.

    Args:
        problem: Status of the sentence; htmx shows only what comes with 200.
    """
    try:
        return await on_a_thread(ask)
    except Canceled:
        return HttpResponse(status=499)
    except (Denied, DicomError) as error:
        sentence = error.explained() if isinstance(error, DicomError) else str(error)
        return HttpResponse(render_to_string("search/problem.html", {"sentence": sentence}), status=problem)


def _series(caller: Caller, source: str, study: UID, cancel: Cancellation) -> HttpResponse:
    node = source_of(caller, source)
    with looking_into(node, caller, cancel=cancel) as opened:
        known = look_up(opened, study)
        found = list_series(opened, TransferStudy(study))
    gate = Gate(excluded_modalities=frozenset(settings.ADIT_EXCLUDED_MODALITIES))
    rows = [
        {
            "match": match,
            "uid": match.uid("SeriesInstanceUID"),
            "behind": stays_behind(gate, known, match),
            "drawable": not WITHOUT_PICTURE.intersection(match.modalities),
        }
        for match in sorted(found, key=lambda match: (match.series_number is None, match.series_number or 0))
    ]
    return HttpResponse(render_to_string("search/series.html", {"source": node, "study": study, "rows": rows}))
