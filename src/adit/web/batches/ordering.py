"""From a file without faults, or from its good rows, to a job."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from adit.jobs.models import Job
from adit.jobs.once import SentAlready
from adit.transfer.sheets.reading import BadSheet
from adit.web.batches.filepage import FORMS, Order, goes_on, ordering_of, page_of, unreadable
from adit.web.batches.holding import choice_of
from adit.web.batches.reading import Reading, reading_of
from adit.web.batches.sorts import SORTS, Gone, file_of, gone
from adit.web.doors.guarding import refused
from adit.web.doors.visits import visitor
from adit.web.jobs.twice import led_to_first, pressed
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
    if form.is_valid():
        try:
            answer = _made(request, form, only_good=only_good)
        except SentAlready as sent:
            page = reverse(f"{sort.place}-file", args=[pk])
            return redirect(led_to_first(request, sent, page=page, again=_("To the file, to do it once more")))
        if isinstance(answer, Job):
            return redirect("jobs-one", answer.pk)
        form.reading = answer
    context = page_of(form.reading, sort, user, form, only_good=only_good) | _by_choice(form, only_good=only_good)
    return render(request, "batches/file.html", context, status=422 if form.errors else 200)


def _by_choice(form: Order, *, only_good: bool) -> dict[str, Any]:
    """What the page says otherwise where what was chosen has something against lines of the file."""
    choice, places = choice_of(form), SORTS[form.reading.file.kind].place
    if not choice or not form.reading.checked.faults:
        return {}
    downloads = {what: reverse(f"{places}-errors", args=[form.reading.file.pk, what]) + choice for what in FORMS}
    return {"downloads": downloads, "by_choice": True, "show_troubles": not only_good}


def _made(request: HttpRequest, form: Order, *, only_good: bool) -> Job | Reading:
    """The job; or the file with what is wrong with it by what was chosen.

    Where the good rows alone are to go, those that the project refuses stay out with the others; without a button
    that makes a job, it is shown first which those are.
    """
    do, known = pressed(request.POST.get("do", ""))
    try:
        if only_good:
            form.reading = form.told()
        if only_good and not form.reading.checked.good:
            form.add_error(None, _("Of what was chosen, every line is refused."))
            return form.reading
        if not do:
            return form.reading
        with transaction.atomic():
            return form.submitted(check=do == "check", known=known)
    except REFUSALS as refusal:
        refused(request, "job.submitted", str(refusal), kind=form.reading.file.kind)
        told = _told(form)
        if told is None or not told.checked.faults:
            form.add_error(None, str(refusal))
        else:
            form.add_error(
                None, _("Some lines are refused by what was chosen; they stand above, each with the reason.")
            )
    return told or form.reading


def _told(form: Order) -> Reading | None:
    """The file held against what was chosen; None where that does not go together, whatever the file says."""
    try:
        return form.told()
    except REFUSALS:
        return None
