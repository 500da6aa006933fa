"""What a check against the PACS says, and the buttons that send it; and what became of what was sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as later
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from adit.audit.record import record
from adit.jobs.batch_transfers import plan_of_check
from adit.jobs.batchmodels import Line, Outcome
from adit.jobs.check_totals import check_totals, series_going
from adit.jobs.kinds.batch import BATCH_TRANSFER
from adit.jobs.kinds.check import BATCH_CHECK
from adit.jobs.models import Job
from adit.jobs.once import SentAlready, require_new, sent_from
from adit.jobs.options import Options
from adit.jobs.outcome_sheets import NoFile, outcome_sheet
from adit.jobs.states import JOB_ENDED
from adit.jobs.submit import submit
from adit.transfer.sheets.reading import BadSheet
from adit.web.batches.saving import as_file
from adit.web.batches.sendings import FOUND, sendings_of
from adit.web.doors.guarding import refused
from adit.web.doors.visits import address_of, visitor
from adit.web.jobs.pages import job_of
from adit.web.jobs.twice import led_to_first, pressed
from adit.web.live.fragments import fragment
from adit.web.live.pushing import Paces, live_address
from adit.web.paging import page_of
from adit.web.search.sending import REFUSALS

LINES = 50
"""Of the table on one page."""

SENT = 5
"""Jobs that sent it which its page names."""


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


def checked_live(request: HttpRequest, _: Paces, *, pk: int) -> Mapping[str, str]:
    """What moves of a check, by the filter and page that the address says: with its end come the buttons."""
    context = _context(request, _job_of(request, pk, BATCH_CHECK.key))
    parts = ("standing", "sums", "counts", "lines")
    return {f"check-{part}": fragment(request, f"batches/checked.html#{part}", context) for part in parts}


def _context(request: HttpRequest, job: Job) -> dict[str, Any]:
    user, sums, outcome = visitor(request), check_totals(job), request.GET.get("outcome", "")
    lines = Line.objects.filter(job=job).prefetch_related("found")
    if outcome in set(Outcome):
        lines = lines.filter(outcome=outcome)
    page = page_of(lines, request.GET, size=LINES)
    return {
        "job": job,
        "ended": job.status in JOB_ENDED,
        "sums": sums,
        "studies": sums.outcomes.get(Outcome.FOUND, 0),
        "pending": sums.outcomes.get(Outcome.PENDING, 0),
        "whole": sum(sums.outcomes.values()),
        "counts": [(each.value, sums.outcomes[each]) for each in Outcome if sums.outcomes.get(each)],
        "pseudonymised": Options.of(job).treating is not None,
        "wanted": outcome,
        "lines": [(line, series_going(line.details)) for line in page.rows],
        "previous": page.previous,
        "next": page.next,
        "sendings": sendings_of(job, sums, user),
        "sent": list(sent_from(job).visible_to(user)[:SENT]),
        "known": sent_from(job).values_list("pk", flat=True).first() or 0,
        "form": SendForm(auto_id="send-%s", label_suffix="") if _wants_password(job) else None,
        "address": live_address(request, reverse("batchtransfer-checked", args=[job.pk])),
    }


def _wants_password(job: Job) -> bool:
    return bool(Options.of(job).archive_salt) and job.archive_password is None


@require_POST
@login_required
def send(request: HttpRequest, pk: int) -> HttpResponse:
    """Submit what the button says: exactly the plan that was checked, or a part of it, or more."""
    job, user = _job_of(request, pk, BATCH_CHECK.key), visitor(request)
    what, known = pressed(request.POST.get("what", FOUND))
    password = request.POST.get("archive_password", "")
    sending = next((each for each in sendings_of(job, check_totals(job), user) if each.name == what), None)
    if sending is None:
        messages.error(request, _("What was found is not the same any more; look at it again."))
        return redirect("batchtransfer-checked", pk)
    try:
        with transaction.atomic():
            sending.verdict.require()
            plan = plan_of_check(
                job, every=sending.every, unchecked_pixels=sending.unchecked_pixels, archive_password=password
            )
            require_new(plan, known=known)
            made = submit(plan, by=user)
    except SentAlready as sent:
        page = reverse("batchtransfer-checked", args=[pk])
        return redirect(led_to_first(request, sent, page=page, again=_("To the check, to send it once more")))
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
