"""The page of a file: how it was read and what is wrong, or the form that makes a job of it."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from adit.accounts.models import User
from adit.audit.record import record
from adit.jobs.files import keep_file
from adit.jobs.kind_settings import may_make
from adit.jobs.models import BatchFile
from adit.transfer.returning import with_columns
from adit.transfer.sheets import BadSheet
from adit.transfer.validating import errors_of, faults_json
from adit.web.batches.reading import Reading, reading_of
from adit.web.batches.saving import as_file, as_json, renamed
from adit.web.batches.sorts import SORTS, Gone, Sort, file_of, gone
from adit.web.batches.uploading import UploadForm
from adit.web.visits import address_of, visitor

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


def page_of(
    reading: Reading, sort: Sort, user: User, form: Order | None, *, only_good: bool
) -> dict[str, Any]:
    """The context of the page.

    Args:
        form: What makes a job of it; None where it cannot be made yet.
        only_good: Somebody chose to send the good rows and to have the others back.
    """
    found, ready = reading.file, goes_on(reading, only_good=only_good)
    return {
        "sort": sort,
        "file": found,
        "reading": reading,
        "form": form,
        "ready": ready,
        "at_once": starts_at_once(sort.of_jobs, reading.items, user),
        "most": most_of(sort.of_jobs),
        "only_good": only_good and ready and bool(reading.checked.faults),
        "upload": UploadForm(user=user),
        "upload_url": reverse(sort.place),
        "url": reverse(f"{sort.place}-file", args=[found.pk]),
        "order_url": reverse(f"{sort.place}-order", args=[found.pk]),
        "worksheet_url": reverse(f"{sort.place}-worksheet", args=[found.pk]),
        "files": {what: reverse(f"{sort.place}-errors", args=[found.pk, what]) for what in ("file", "json", "others")},
        "verdict": may_make(sort.of_jobs, user=user, group=user.active_group),
        "jobs": list(found.jobs.visible_to(user).order_by("-pk")[:5]),
    }


@require_safe
@login_required
def errors(request: HttpRequest, kind: str, pk: int, what: str) -> HttpResponse:
    """What is wrong: `file` with an Errors column, `json`, or the `others`, which are the bad lines alone."""
    sort, user = SORTS[kind], visitor(request)
    if what not in ("file", "json", "others"):
        raise Http404
    try:
        found = file_of(request, sort, pk)
    except Gone:
        return gone(request, sort)
    record("file.exported", by=user, address=address_of(request), details={"file": found.pk, "form": what})
    try:
        reading = reading_of(found, user)
        if what == "json":
            return as_json(faults_json(reading.checked), f"{found.name}-errors.json")
        return as_file(_with_errors(reading, what), renamed(found.name, "errors" if what == "file" else "others"))
    except BadSheet as error:
        return unreadable(request, sort, found, str(error))


def _with_errors(reading: Reading, what: str) -> bytes:
    checked, found = reading.checked, reading.file
    values = {line: ["; ".join(sentences)] for line, sentences in errors_of(checked).items()}
    lines = checked.bad_lines if what == "others" else None
    return with_columns(bytes(found.content), found.name, reading.sheet, [ERRORS], values, lines=lines)


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
        sentence = _("Worksheet %(name)s: %(why)s") % {"name": chosen, "why": error}
        return unreadable(request, sort, found, sentence)
    return redirect(f"{sort.place}-file", kept.pk)


def _by_worksheet(found: BatchFile, chosen: str, user: User) -> BatchFile:
    content = bytes(found.content)
    candidate = BatchFile(kind=found.kind, name=found.name, worksheet=chosen, content=content)
    reading_of(candidate, user)
    return keep_file(
        content, found.name, kind=found.kind, worksheet=chosen, by=user, group=user.active_group
    )
