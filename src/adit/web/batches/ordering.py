"""From a file without faults, or from its good rows, to a job."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from adit.jobs.models import Job
from adit.transfer.sheets.reading import BadSheet
from adit.web.batches.filepage import Order, goes_on, ordering_of, page_of, unreadable
from adit.web.batches.reading import Reading, reading_of
from adit.web.batches.sorts import SORTS, Gone, file_of, gone
from adit.web.doors.guarding import refused
from adit.web.doors.visits import visitor
from adit.web.search.sending import REFUSALS


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
    told: Reading | None = None
    if form.is_valid():
        answer = _made(request, form)
        if isinstance(answer, Job):
            return redirect("jobs-one", answer.pk)
        told = answer
    context = page_of(reading, sort, user, form, only_good=only_good)
    if told is not None and told.checked.faults:
        context |= {"troubles": told.troubles, "reading": told, "by_choice": True}
    return render(request, "batches/file.html", context, status=422)


def _made(request: HttpRequest, form: Order) -> Job | Reading:
    """The job; or the file with what is wrong with it by what was chosen, and the form says what."""
    try:
        with transaction.atomic():
            return form.submitted(check=request.POST.get("do") == "check")
    except REFUSALS as refusal:
        refused(request, "job.submitted", str(refusal), kind=form.reading.file.kind)
        form.add_error(None, str(refusal))
    try:
        return form.told()
    except REFUSALS:
        # Said already.
        return form.reading
