"""The page of a file, and what is wrong with it to take along."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from adit.accounts.models import User
from adit.audit.record import record
from adit.jobs.files import keep_file
from adit.jobs.models import BatchFile
from adit.jobs.outcome_sheets import faulty_lines, named
from adit.transfer.batches.validating import errors_of, faults_json
from adit.transfer.sheets.reading import BadSheet, read_sheet
from adit.transfer.sheets.returning import with_columns
from adit.web.batches.filepage import goes_on, ordering_of, page_of, unreadable
from adit.web.batches.holding import held
from adit.web.batches.reading import Reading, reading_of
from adit.web.batches.saving import as_file, as_json
from adit.web.batches.sorts import SORTS, Gone, file_of, gone
from adit.web.doors.visits import address_of, visitor
from adit.web.search.sending import REFUSALS

ERRORS = "Errors"
"""The column that says what is wrong."""


@require_safe
@never_cache
@login_required
def file(request: HttpRequest, kind: str, pk: int) -> HttpResponse:
    """What was understood of a file. Everything but the form that goes on, as long as faults remain."""
    sort, user = SORTS[kind], visitor(request)
    try:
        found = file_of(request, sort, pk)
        record("file.viewed", by=user, address=address_of(request), details={"file": found.pk, "kind": kind})
        reading = reading_of(found, user)
    except Gone:
        return gone(request, sort)
    except BadSheet as error:
        return unreadable(request, sort, found, str(error))
    only_good = request.GET.get("rows") == "good"
    form = ordering_of(reading, user) if goes_on(reading, only_good=only_good) else None
    return render(request, "batches/file.html", page_of(reading, sort, user, form, only_good=only_good))


@require_safe
@login_required
def errors(request: HttpRequest, kind: str, pk: int, what: str) -> HttpResponse:
    """What is wrong: `file` with an Errors column, `json`, or the `others`, which are the bad lines alone.

    With what a project has against lines, where the address names one.
    """
    sort, user = SORTS[kind], visitor(request)
    if what not in ("file", "json", "others"):
        raise Http404
    try:
        found = file_of(request, sort, pk)
        record("file.exported", by=user, address=address_of(request), details={"file": found.pk, "form": what})
        reading = held(reading_of(found, user), request.GET, user)
        if what == "json":
            return as_json(faults_json(reading.checked), f"{found.name}-errors.json")
        if what == "others":
            given = faulty_lines(found, reading.checked)
            return as_file(given.content, given.name)
        content = _with_errors(reading)
        return as_file(content, named(found.name, "errors", content))
    except Gone:
        return gone(request, sort)
    except (BadSheet, *REFUSALS) as error:
        return unreadable(request, sort, found, str(error))


def _with_errors(reading: Reading) -> bytes:
    found = reading.file
    values = {line: ["; ".join(sentences)] for line, sentences in errors_of(reading.checked).items()}
    return with_columns(bytes(found.content), found.name, reading.sheet, [ERRORS], values)


@require_POST
@login_required
def worksheet(request: HttpRequest, kind: str, pk: int) -> HttpResponse:
    """The same file again, by another of its worksheets."""
    sort, user = SORTS[kind], visitor(request)
    try:
        found = file_of(request, sort, pk)
    except Gone:
        return gone(request, sort)
    chosen = request.POST.get("worksheet", "")
    try:
        kept = _by_worksheet(found, chosen, user)
    except BadSheet as error:
        return unreadable(request, sort, found, _("Worksheet %(name)s: %(why)s") % {"name": chosen, "why": error})
    return redirect(f"{sort.place}-file", kept.pk)


def _by_worksheet(found: BatchFile, chosen: str, user: User) -> BatchFile:
    """Keep the file once more. Raises BadSheet where there is no such worksheet, or nothing in it."""
    content = bytes(found.content)
    if read_sheet(content, found.name, worksheet=chosen).worksheet != chosen:
        raise BadSheet(_("The file has no worksheets."))
    return keep_file(content, found.name, kind=found.kind, worksheet=chosen, by=user, group=user.active_group)
