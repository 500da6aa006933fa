"""From a file without faults, or from its good rows, to a job."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from adit.accounts.models import User
from adit.jobs.models import Job
from adit.transfer.columns import QUERY
from adit.transfer.sheets import BadSheet
from adit.web.batches.checking import goes_on, page_of, unreadable
from adit.web.batches.queryform import QueryOrder
from adit.web.batches.reading import Reading, reading_of
from adit.web.batches.sorts import SORTS, Gone, Sort, file_of, gone
from adit.web.batches.transferform import TransferOrder
from adit.web.guarding import refused
from adit.web.sending import REFUSALS
from adit.web.visits import visitor

Order = QueryOrder | TransferOrder


def ordering_of(reading: Reading, user: User, data: Mapping[str, Any] | None = None) -> Order:
    """The form below a file."""
    form = QueryOrder if reading.file.kind == QUERY else TransferOrder
    return form(reading, data, user=user)


@require_POST
@never_cache
@login_required
def order(request: HttpRequest, kind: str, pk: int) -> HttpResponse:
    """Make the job, and go to it; or the page again, with what is wrong near its field or its line."""
    sort, user = SORTS[kind], visitor(request)
    try:
        found = file_of(request, sort, pk)
        reading = reading_of(found, user)
    except Gone:
        return gone(request, sort)
    except BadSheet as error:
        return unreadable(request, sort, found, str(error))
    only_good = request.POST.get("rows") == "good"
    if not goes_on(reading, only_good=only_good):
        # Somebody else's rules changed meanwhile, or the page was not ours.
        return redirect(f"{sort.place}-file", pk)
    form = ordering_of(reading, user, request.POST)
    if form.is_valid():
        answer = _made(request, form, only_good=only_good)
        if isinstance(answer, Job):
            return redirect("jobs-one", answer.pk)
        reading = answer
    form.reading = reading
    return render(request, "batches/file.html", page_of(reading, sort, user, form, only_good=only_good), status=422)


def _made(request: HttpRequest, form: Order, *, only_good: bool) -> Job | Reading:
    """The job; or the file with what is wrong with it by what was chosen, or what the form says now."""
    try:
        reading = form.checked()
        if not goes_on(reading, only_good=only_good):
            return reading
        with transaction.atomic():
            return form.submitted(reading, check=request.POST.get("do") == "check")
    except REFUSALS as refusal:
        refused(request, "job.submitted", str(refusal), kind=form.reading.file.kind)
        form.add_error(None, str(refusal))
    return form.reading
