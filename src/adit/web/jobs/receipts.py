"""Reports and receipts of jobs: to read, to print, to hand on; and whether a receipt is genuine."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

from allauth.core import ratelimit
from asgiref.sync import sync_to_async
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from adit.audit.models import Outcome
from adit.audit.record import record
from adit.jobs.models import IssuedReceipt, Job
from adit.jobs.options import Options
from adit.jobs.progress import counts
from adit.jobs.receipts import Form, NoReceipt, find_genuine, issue
from adit.jobs.reports import report_as_csv, report_as_json, task_reports
from adit.web.doors.visits import address_of, visitor
from adit.web.jobs.going import standing, sums_of
from adit.web.jobs.pages import job_of, title_of

PRINTED_TASKS = 50
"""Tasks of a report that a page shows; the files hold all of them."""

_FORMS = {"json": (report_as_json, "application/json"), "csv": (report_as_csv, "text/csv; charset=utf-8")}


@require_safe
@never_cache
@login_required
def report(request: HttpRequest, pk: int) -> HttpResponse:
    """The report of a job as a page that prints well."""
    user, now = visitor(request), timezone.now()
    found = job_of(user, pk)
    _record_report(request, found, "page")
    treating, by_status = Options.of(found).treating, counts([found.pk])[found.pk]
    context = {
        "job": found,
        "title": title_of(found),
        "now": now,
        "profile": treating.profile if treating else None,
        "sums": sums_of(found, by_status.total(), waits=False, at=time.monotonic()),
        **standing(by_status),
        "tasks": _first(PRINTED_TASKS, task_reports(found, by=user, now=now)),
    }
    return render(request, "jobs/report.html", context | {"more": max(0, context["whole"] - PRINTED_TASKS)})


@require_safe
@never_cache
@login_required
def report_file(request: HttpRequest, pk: int, form: str) -> StreamingHttpResponse:
    """The report of a job as a file: JSON or CSV, streamed."""
    found = job_of(visitor(request), pk)
    if form not in _FORMS:
        raise Http404
    _record_report(request, found, form)
    pieces, content_type = _FORMS[form]
    response = StreamingHttpResponse(
        _streamed(pieces(found, by=visitor(request), now=timezone.now())), content_type=content_type
    )
    response["Content-Disposition"] = f'attachment; filename="adit-job-{found.pk}.{form}"'
    return response


def _first(count: int, tasks: Iterator[dict[str, Any]]) -> list[dict[str, Any]]:
    return [task for _, task in zip(range(count), tasks, strict=False)]


async def _streamed(pieces: Iterator[str]) -> AsyncIterator[str]:
    """*pieces*, which ask the database, for an asynchronous server: many at a time."""

    def some() -> str:
        return "".join(piece for _, piece in zip(range(500), pieces, strict=False))

    while text := await sync_to_async(some)():
        yield text


def _record_report(request: HttpRequest, job: Job, form: str) -> None:
    record(
        "job.reported",
        by=visitor(request),
        nodes=(job.source_name, job.destination_name),
        job=job.pk,
        address=address_of(request),
        details={"form": form},
    )


@require_POST
@login_required
def make(request: HttpRequest, pk: int) -> HttpResponse:
    """Give out a receipt."""
    found = job_of(visitor(request), pk)
    try:
        form = Form(request.POST.get("form", ""))
        receipt = issue(found, form, by=visitor(request))
    except NoReceipt as refused:
        messages.error(request, str(refused))
        return redirect("jobs-one", pk)
    except ValueError as unknown:
        raise Http404 from unknown
    return redirect("jobs-receipt", receipt.number)


@require_safe
@never_cache
@login_required
def receipt(request: HttpRequest, number: int) -> HttpResponse:
    """A receipt that was given out, to print."""
    jobs = Job.objects.visible_to(visitor(request))
    issued = get_object_or_404(IssuedReceipt.objects.filter(job__in=jobs), pk=number)
    record("receipt.viewed", by=visitor(request), job=issued.job_id, address=address_of(request),
           details={"number": number})  # fmt: skip
    context = {
        "number": number,
        "said": issued.content,
        "code": issued.code,
        "job": issued.job,
        "genuine": find_genuine(number, issued.code) is not None,
    }
    return render(request, "jobs/receipt.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def verify(request: HttpRequest) -> HttpResponse:
    """Whether a receipt is genuine, and what it says: for everybody who holds one."""
    number = request.POST.get("number", request.GET.get("number", "")).strip()
    if request.method != "POST":
        return render(request, "jobs/verify.html", {"number": number})
    if not ratelimit.consume(request, action="receipt"):
        error = _("Too many tries; wait a minute.")
        return render(request, "jobs/verify.html", {"number": number, "error": error}, status=429)
    code = request.POST.get("code", "").strip()
    genuine = find_genuine(int(number), code) if number.isascii() and number.isdigit() and len(number) <= 18 else None
    record(
        "receipt.verified",
        by=request.user if request.user.is_authenticated else "",
        outcome=Outcome.DONE if genuine else Outcome.REFUSED,
        job=genuine.content["job"] if genuine else None,
        address=address_of(request),
        details={"number": number[:20]},
    )
    context = {
        "number": number,
        "code": code,
        "asked": True,
        "said": genuine.content if genuine else None,
        "genuine": genuine is not None,
    }
    return render(request, "jobs/verify.html", context)
