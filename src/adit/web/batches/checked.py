"""What a check against the PACS says, and the button that sends exactly that; and what became of what was sent."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as later
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from adit.accounts.verdict import Verdict
from adit.audit.record import record
from adit.jobs.batch_transfers import plan_of_check
from adit.jobs.batchmodels import Line, Outcome
from adit.jobs.check_totals import check_totals
from adit.jobs.kind_settings import may_make, starts_at_once
from adit.jobs.kinds.batch import BATCH_TRANSFER
from adit.jobs.kinds.check import BATCH_CHECK
from adit.jobs.models import Job
from adit.jobs.options import Options
from adit.jobs.outcome_sheets import NoFile, outcome_sheet
from adit.jobs.states import JOB_ENDED
from adit.jobs.submit import submit
from adit.transfer.sheets.reading import BadSheet
from adit.web.batches.saving import as_file
from adit.web.doors.guarding import refused
from adit.web.doors.visits import address_of, visitor
from adit.web.jobs.pages import job_of
from adit.web.paging import page_of
from adit.web.search.sending import REFUSALS

LINES = 50
"""Of the table on one page."""


class SendForm(forms.Form):
    """What the check has forgotten: the password of the archive, where one was wanted."""

    archive_password = forms.CharField(
        label=later("Archive password"),
        max_length=128,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )


@require_safe
@never_cache
@login_required
def checked(request: HttpRequest, pk: int) -> HttpResponse:
    """The sums, and line by line what would become of it."""
    job = _job_of(request, pk, BATCH_CHECK.key)
    record(
        "job.results_viewed",
        by=visitor(request),
        nodes=(job.source_name, job.destination_name),
        job=job.pk,
        address=address_of(request),
    )
    return render(request, "batches/checked.html", _context(request, job))


def _context(request: HttpRequest, job: Job) -> dict[str, Any]:
    user, sums, outcome = visitor(request), check_totals(job), request.GET.get("outcome", "")
    studies = sums.outcomes.get(Outcome.FOUND, 0)
    lines = Line.objects.filter(job=job).prefetch_related("found")
    if outcome in set(Outcome):
        lines = lines.filter(outcome=outcome)
    page = page_of(lines, request.GET, size=LINES)
    ready = _ready(job, studies) and may_make(BATCH_TRANSFER, user=user, group=user.active_group)
    return {
        "job": job,
        "ended": job.status in JOB_ENDED,
        "sums": sums,
        "studies": studies,
        "series": sums.series - sum(sums.behind.values()),
        "whole": sum(sums.outcomes.values()),
        "counts": [(each.value, sums.outcomes[each]) for each in Outcome if sums.outcomes.get(each)],
        "excluded": settings.ADIT_EXCLUDED_MODALITIES,
        "pseudonymised": Options.of(job).treating is not None,
        "wanted": outcome,
        "lines": page.rows,
        "previous": page.previous,
        "next": page.next,
        "ready": ready,
        "at_once": starts_at_once(BATCH_TRANSFER, _size(job), user),
        "form": SendForm(auto_id="send-%s", label_suffix="") if _wants_password(job) else None,
    }


def _ready(job: Job, studies: int) -> Verdict:
    if job.status not in JOB_ENDED:
        return Verdict.no(_("The check has not ended yet."))
    if not studies:
        return Verdict.no(_("Nothing was found that could be sent."))
    return Verdict(True)


def _size(job: Job) -> int:
    """How much would be sent, as limits count it: lines of the file."""
    found = Line.objects.filter(job=job, outcome=Outcome.FOUND)
    return sum(1 + len(also) for also in found.values_list("also", flat=True))


def _wants_password(job: Job) -> bool:
    return bool(Options.of(job).archive_salt) and job.archive_password is None


@require_POST
@login_required
def send(request: HttpRequest, pk: int) -> HttpResponse:
    """Submit exactly the plan that was checked, of what was found."""
    job, user = _job_of(request, pk, BATCH_CHECK.key), visitor(request)
    if job.owner != user:
        # Staff see the check of somebody; what is sent is sent by whoever brought the file.
        raise Http404
    try:
        with transaction.atomic():
            plan = plan_of_check(job, archive_password=request.POST.get("archive_password", ""))
            made = submit(plan, by=user)
    except REFUSALS as refusal:
        refused(request, "job.submitted", str(refusal), job=job.pk)
        messages.error(request, str(refusal))
        return redirect("batchtransfer-checked", pk)
    return redirect("jobs-one", made.pk)


@require_safe
@login_required
def sheet(request: HttpRequest, pk: int, what: str) -> HttpResponse:
    """The file with what became of its lines: the `result`, or the `failed` ones alone."""
    job = job_of(visitor(request), pk)
    if what not in ("result", "failed") or job.kind not in (BATCH_CHECK.key, BATCH_TRANSFER.key):
        raise Http404
    try:
        given = outcome_sheet(job, by=visitor(request), failed_only=what == "failed")
    except (NoFile, BadSheet) as error:
        messages.error(request, str(error))
        return redirect("jobs-one", pk)
    return as_file(given.content, given.name)


def _job_of(request: HttpRequest, pk: int, kind: str) -> Job:
    """The job, if whoever asks may know of it. Raises Http404 for others."""
    job = job_of(visitor(request), pk)
    if job.kind != kind:
        raise Http404
    return job
