"""What the page of a file shows: how it was read and what is wrong, or the form that makes a job of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from adit.accounts.models import User
from adit.jobs.kind_settings import may_make, most_at_once, starts_at_once
from adit.jobs.models import BatchFile
from adit.transfer.batches.columns import QUERY
from adit.web.batches.queryform import QueryOrder
from adit.web.batches.reading import Reading
from adit.web.batches.sorts import Sort
from adit.web.batches.transferform import TransferOrder
from adit.web.batches.uploading import UploadForm

FORMS = ("file", "json", "others")
"""In which what is wrong can be taken along."""

Order = QueryOrder | TransferOrder


def ordering_of(reading: Reading, user: User, data: Mapping[str, Any] | None = None) -> Order:
    """The form below a file."""
    form = QueryOrder if reading.file.kind == QUERY else TransferOrder
    return form(reading, data, user=user)


def goes_on(reading: Reading, *, only_good: bool) -> bool:
    """Whether a job can be made: of a whole file without faults, or of the good rows, if somebody chose that."""
    return bool(reading.checked.good) and (only_good or not reading.checked.faults)


def page_of(reading: Reading, sort: Sort, user: User, form: Order | None, *, only_good: bool) -> dict[str, Any]:
    """The context of the page.

    Args:
        form: What makes a job of it; None where it cannot be made yet.
        only_good: Somebody chose to send the good rows and to have the others back.
    """
    file, troubles = reading.file, reading.troubles
    return {
        "sort": sort,
        "file": file,
        "reading": reading,
        "troubles": troubles,
        "only_good": only_good and bool(reading.checked.faults),
        "form": form,
        "transfers": isinstance(form, TransferOrder),
        "verdict": may_make(sort.of_jobs, user=user, group=user.active_group),
        "at_once": starts_at_once(sort.of_jobs, reading.good_lines, user),
        "most": most_at_once(sort.of_jobs),
        "upload": UploadForm(user=user),
        "upload_url": reverse(sort.place),
        "largest": settings.ADIT_BATCH_FILE_BYTES,
        "urls": {what: reverse(f"{sort.place}-{what}", args=[file.pk]) for what in ("file", "order", "worksheet")},
        "downloads": {what: reverse(f"{sort.place}-errors", args=[file.pk, what]) for what in FORMS},
        "show_troubles": bool(troubles) and not only_good,
        "jobs": list(file.jobs.visible_to(user).order_by("-pk")[:5]),
        "known": dict(file.jobs.order_by("pk").values_list("kind", "pk")),
        "sent": file.jobs.visible_to(user).filter(kind=file.kind).order_by("pk").last(),
    }


def unreadable(request: HttpRequest, sort: Sort, file: BatchFile, sentence: str) -> HttpResponse:
    """What is said of a file that was kept, but cannot be read (any more)."""
    context = {"sort": sort, "file": file, "sentence": sentence, "url": reverse(sort.place)}
    return render(request, "batches/unreadable.html", context, status=422)
