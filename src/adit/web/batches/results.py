"""What a batch query found: a table to filter and sort, files to take along, and the way on to a batch transfer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, cast
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as later
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from adit.accounts.permitting import has_permission
from adit.accounts.verdict import ALLOWED, Denied, Verdict
from adit.audit.record import record
from adit.jobs.actions import WrongState, ask_again
from adit.jobs.batchmodels import Line, Outcome
from adit.jobs.files import keep_file
from adit.jobs.line_counts import counts_of
from adit.jobs.models import Job
from adit.jobs.result_table import SORTS as ORDERS
from adit.jobs.result_table import Choice, Place, page_of
from adit.jobs.results import export
from adit.jobs.states import JOB_ENDED
from adit.transfer.sheets.reading import BadSheet
from adit.web.batches.saving import as_file
from adit.web.batches.sorts import QUERIES, TRANSFERS
from adit.web.doors.visits import address_of, visitor
from adit.web.jobs.acting import refuse
from adit.web.jobs.pages import job_of
from adit.web.live.fragments import fragment
from adit.web.live.pushing import Paces, live_address
from adit.web.sealed import HELD, seal, unseal

ROWS = 50
"""Of the table on one page."""

_WORDS = "q"
"""The field of what is looked for in the table: anything of a patient."""

_LONGEST_WORDS = 64


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_required
def found(request: HttpRequest, pk: int) -> HttpResponse:
    """The table. That somebody looked, and for what, is recorded; words are posted, so that no address holds them."""
    job = _query_of(request, pk)
    if request.method == "POST":
        return redirect(f"{reverse('batchquery-results', args=[pk])}{_sealed(request)}")
    choice = _choice(request)
    details = {"words": choice.words} if choice.words else {}
    record(
        "job.results_viewed",
        by=visitor(request),
        nodes=[job.source_name],
        job=job.pk,
        address=address_of(request),
        details=details,
    )
    return render(request, "batches/results.html", _context(request, job, choice))


def found_live(request: HttpRequest, _: Paces, *, pk: int) -> Mapping[str, str]:
    """What moves in the table of a batch query, by the filter, order and page that the address says."""
    context = _context(request, _query_of(request, pk), _choice(request))
    parts = ("standing", "counts", "rows")
    return {f"results-{part}": fragment(request, f"batches/results.html#{part}", context) for part in parts}


def _context(request: HttpRequest, job: Job, choice: Choice) -> dict[str, Any]:
    counts = counts_of(job)
    page = page_of(
        job, choice, size=ROWS, after=_place(request.GET.get("after")), before=_place(request.GET.get("before"))
    )
    user = visitor(request)
    return {
        "job": job,
        "choice": choice,
        "orders": [(name, title, choice.sort == name) for name, title in _TITLES],
        "counts": [(outcome.value, counts[outcome]) for outcome in Outcome if counts.get(outcome)],
        "whole": sum(counts.values()),
        "pending": counts.get(Outcome.PENDING, 0),
        "ended": job.status in JOB_ENDED,
        "rows": page.rows,
        "before": _written(page.before),
        "after": _written(page.after),
        "may_transfer": _may_transfer(request),
        "owns": job.owner_id == user.pk or user.is_staff,
        "address": live_address(request, reverse("batchquery-results", args=[job.pk])),
    }


_TITLES = (
    ("line", later("Line")), ("status", later("Outcome")), ("name", later("Patient")), ("date", later("Date")),
    ("modality", later("Modality")), ("study", later("Study")), ("instances", later("Instances")),
)  # fmt: skip
"""What the table is sorted by, in the order of its columns."""


@require_safe
@login_required
def file(request: HttpRequest, pk: int, form: str) -> HttpResponse:
    """All that was found, as a file that a batch transfer reads."""
    job = _query_of(request, pk)
    if form not in ("csv", "xlsx"):
        raise Http404
    given = export(job, by=visitor(request), form=cast(Literal["csv", "xlsx"], form))
    return as_file(given.content, given.name)


@require_POST
@login_required
def again(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask again for one line."""
    job, number = _query_of(request, pk), request.POST.get("line", "")
    if not (number.isascii() and number.isdigit() and len(number) < 10):
        raise Http404
    line = get_object_or_404(Line, job=job, number=int(number))
    try:
        ask_again(line, by=visitor(request))
    except (Denied, WrongState) as refused:
        refuse(request, refused, "line.asked_again", job)
    else:
        messages.success(
            request, _("Line %(line)d is asked for again; its answer comes by itself.") % {"line": line.number}
        )
    return redirect("batchquery-results", pk)


@require_POST
@login_required
def use(request: HttpRequest, pk: int) -> HttpResponse:
    """Make a file for a batch transfer out of what was found."""
    job, user = _query_of(request, pk), visitor(request)
    if not (verdict := _may_transfer(request)):
        refuse(request, Denied(verdict.reason), "file.kept", job)
        return redirect("batchquery-results", pk)
    given = export(job, by=user, form="xlsx")
    try:
        kept = keep_file(given.content, given.name, kind=TRANSFERS.kind, by=user, group=user.active_group)
    except BadSheet as error:
        messages.error(request, str(error))
        return redirect("batchquery-results", pk)
    return redirect("batchtransfer-file", kept.pk)


def _query_of(request: HttpRequest, pk: int) -> Job:
    """The batch query, if whoever asks may know of it. Raises Http404 for others."""
    job = job_of(visitor(request), pk)
    if job.kind != QUERIES.kind:
        raise Http404
    return job


def _may_transfer(request: HttpRequest) -> Verdict:
    user, kind = visitor(request), TRANSFERS.of_jobs
    if has_permission(user, user.active_group, kind.permission):
        return ALLOWED
    return Verdict.no(_("You may not make a batch transfer; an administrator can permit it."))


def _sealed(request: HttpRequest) -> str:
    """The query of the address that shows what was posted."""
    told = {name: request.POST[name] for name in ("outcome", "sort", "order") if name in request.POST}
    if words := request.POST.get(_WORDS, "").replace("\0", "").strip()[:_LONGEST_WORDS]:
        told[HELD] = seal({_WORDS: words}, to=visitor(request))
    return f"?{urlencode(told)}" if told else ""


def _choice(request: HttpRequest) -> Choice:
    """As the address says."""
    asked = request.GET
    outcome, sort = asked.get("outcome", ""), asked.get("sort", "")
    return Choice(
        outcome if outcome in set(Outcome) else "",
        unseal(asked.get(HELD, ""), by=visitor(request)).get(_WORDS, ""),
        sort if sort in ORDERS else "line",
        asked.get("order") == "down",
    )


def _place(text: str | None) -> Place | None:
    """A row, as the address says it; None where it says nothing of the kind."""
    line, _dot, position = (text or "").partition(".")
    if all(part.isascii() and part.isdigit() and len(part) < 10 for part in (line, position)):
        return Place(int(line), int(position))
    return None


def _written(place: Place | None) -> str:
    """As an address says it, which names no patient."""
    return f"{place.line}.{place.position}" if place else ""
