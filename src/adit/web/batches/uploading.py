"""Where a batch begins: what the file must hold, templates for it, and the place to drop it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, cast

from django import forms
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from adit.accounts.models import User
from adit.jobs.files import check_size, keep_file
from adit.jobs.kind_settings import may_make
from adit.jobs.models import BatchFile
from adit.nodes.models import Node
from adit.transfer.batches.columns import COLUMNS_OF
from adit.transfer.batches.templates import template
from adit.transfer.sheets.reading import BadSheet, read_sheet
from adit.web.batches.saving import as_file
from adit.web.batches.sorts import SORTS, Sort, require
from adit.web.doors.guarding import refused
from adit.web.doors.visits import visitor
from adit.web.search.preferring import prefer
from adit.web.search.queries import sources_of

SHOWN_FILES = 5
"""Own files that the page offers to go on with."""

_ACCEPTED = ".csv,.txt,.tsv,.xlsx,.xlsm"


class UploadForm(forms.Form):
    """One file, and from where its studies come."""

    source = forms.ModelChoiceField(Node.objects.none(), label=_("Source"), empty_label=None)
    file = forms.FileField(
        label=_("File"),
        allow_empty_file=True,
        max_length=1000,
        error_messages={"required": _("Choose a file first.")},
        widget=forms.FileInput(attrs={"accept": _ACCEPTED}),
    )

    def __init__(
        self, data: Mapping[str, Any] | None = None, files: Mapping[str, Any] | None = None, *, user: User
    ) -> None:
        super().__init__(data, cast(Any, files), auto_id="upload-%s", label_suffix="")
        sources = sources_of(user)
        self.fields["source"].queryset = sources  # type: ignore[attr-defined]
        preferred = user.preferences.get("source")
        self.initial.setdefault("source", preferred if isinstance(preferred, int) else sources.first())


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_required
def start(request: HttpRequest, kind: str) -> HttpResponse:
    """The page; and what was dropped there, kept and read."""
    sort, user = SORTS[kind], visitor(request)
    require(request, sort)
    form = UploadForm(request.POST or None, request.FILES or None, user=user)
    if request.method == "POST" and form.is_valid():
        try:
            kept = _kept(form.cleaned_data["file"], sort, user)
        except BadSheet as error:
            refused(request, "file.kept", str(error), kind=kind)
            form.add_error("file", str(error))
        else:
            prefer(user, source=form.cleaned_data["source"].pk)
            return redirect(f"{sort.place}-file", kept.pk)
    return render(request, "batches/start.html", _context(sort, user, form), status=422 if form.errors else 200)


def _kept(upload: UploadedFile[Any], sort: Sort, user: User) -> BatchFile:
    """Keep what can be read.

    Raises:
        BadSheet: It cannot.
    """
    check_size(upload.size or 0)
    content, name = upload.read(), upload.name or ""
    read_sheet(content, name)
    return keep_file(content, name, kind=sort.kind, by=user, group=user.active_group)


def _context(sort: Sort, user: User, form: UploadForm) -> dict[str, Any]:
    own = BatchFile.objects.filter(owner=user, kind=sort.kind).defer("content")
    return {
        "sort": sort,
        "upload": form,
        "upload_url": reverse(sort.place),
        "has_sources": form.fields["source"].queryset.exists(),  # type: ignore[attr-defined]
        "columns": COLUMNS_OF[sort.kind],
        "largest": settings.ADIT_BATCH_FILE_BYTES,
        "files": [
            {"file": file, "url": reverse(f"{sort.place}-file", args=[file.pk])}
            for file in own.order_by("-pk")[:SHOWN_FILES]
        ],
        "templates": [
            {"form": form, "url": reverse(f"{sort.place}-template", args=[form])} for form in ("xlsx", "csv")
        ],
        "verdict": may_make(sort.of_jobs, user=user, group=user.active_group),
    }


@require_safe
@login_required
def example(request: HttpRequest, kind: str, form: str) -> HttpResponse:
    """A file to begin with."""
    sort = SORTS[kind]
    require(request, sort)
    if form not in ("csv", "xlsx"):
        raise Http404
    content = template(kind, cast(Literal["csv", "xlsx"], form))
    return as_file(content, f"{kind.replace('_', '-')}.{form}")
