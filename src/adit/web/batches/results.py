"""What a batch query found: a table to filter and sort, files to take along, and the way on to a batch transfer."""

from __future__ import annotations

from typing import Any, Literal, cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as later
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from adit.accounts.permitting import has_permission
from adit.accounts.verdict import ALLOWED, Denied, Verdict
from adit.audit.record import record
from adit.jobs.actions import WrongState, ask_again
from adit.jobs.batchmodels import Line, Outcome
from adit.jobs.files import keep_file
from adit.jobs.models import Job
from adit.jobs.results import SORTS as ORDERS
from adit.jobs.results import Choice, counts_of, export, results
from adit.jobs.states import JOB_ENDED
from adit.transfer.sheets.reading import BadSheet
from adit.web.batches.saving import as_file
from adit.web.batches.sorts import QUERIES, TRANSFERS
from adit.web.doors.visits import address_of, visitor
from adit.web.jobs.acting import refuse
from adit.web.jobs.pages import job_of

ROWS = 50
"""Of the table on one page."""

_LONGEST_WORDS = 64


@require_safe
@never_cache
@login_required
def found(request: HttpRequest, pk: int) -> HttpResponse:
    """The table. That somebody looked, and for what, is recorded."""
    job = _query_of(request, pk)
    choice, start = _choice(request.GET), _start(request.GET)
    details = {"words": choice.words} if choice.words else {}
    record(
        "job.results_viewed",
        by=visitor(request),
        nodes=[job.source_name],
        job=job.pk,
        address=address_of(request),
        details=details,
    )
    return render(request, "batches/results.html", _context(request, job, choice, start))


def _context(request: HttpRequest, job: Job, choice: Choice, start: int) -> dict[str, Any]:
    counts = counts_of(job)
    rows = results(job, choice, start=start, size=ROWS + 1, after=_after(request.GET) if start else None)
    user = visitor(request)
    return {
        "job": job,
        "choice": choice,
        "orders": [(name, title, choice.sort == name) for name, title in _TITLES],
        "counts": [(outcome.value, counts[outcome]) for outcome in Outcome if counts.get(outcome)],
        "whole": sum(counts.values()),
        "pending": counts.get(Outcome.PENDING, 0),
        "ended": job.status in JOB_ENDED,
        "rows": rows[:ROWS],
        "of_series": any(row.series_uid for row in rows),
        "start": start,
        "earlier": max(0, start - ROWS) if start else None,
        "later": start + ROWS if len(rows) > ROWS else None,
        "after": f"{rows[ROWS - 1].lines[0]}.{rows[ROWS - 1].position or 0}" if len(rows) > ROWS else "",
        "may_transfer": _may_transfer(request),
        "owns": job.owner_id == user.pk or user.is_staff,
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
            request, _("Line %(line)d is asked for again; load the page again in a while.") % {"line": line.number}
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


def _choice(asked: QueryDict) -> Choice:
    outcome, sort = asked.get("outcome", ""), asked.get("sort", "")
    return Choice(
        outcome if outcome in set(Outcome) else "",
        asked.get("q", "").replace("\0", "").strip()[:_LONGEST_WORDS],
        sort if sort in ORDERS else "line",
        asked.get("order") == "down",
    )


def _start(asked: QueryDict) -> int:
    text = asked.get("start", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 8 else 0


def _after(asked: QueryDict) -> tuple[int, int] | None:
    """Line and position of the row before the page, as its address says; None where it says nothing of the kind."""
    number, _dot, position = asked.get("after", "").partition(".")
    if all(part.isascii() and part.isdigit() and len(part) < 10 for part in (number, position)):
        return int(number), int(position)
    return None
