"""The two sorts of batch, as pages tell them apart; and who may open which file."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from adit.accounts.permitting import has_permission
from adit.accounts.verdict import Verdict
from adit.jobs.kinds import KINDS, Kind
from adit.jobs.models import BatchFile
from adit.transfer.batches.columns import QUERY, TRANSFER
from adit.web.doors.guarding import refused
from adit.web.doors.visits import visitor


@dataclass(frozen=True, slots=True)
class Sort:
    """One sort of batch.

    Attributes:
        kind: Of the jobs that are made from its files.
        place: Its place in the navigation; names of its addresses begin with it.
    """

    kind: str
    place: str
    title: str | Promise
    purpose: str | Promise

    @property
    def of_jobs(self) -> Kind:
        return KINDS[self.kind]


QUERIES = Sort(
    QUERY,
    "batchquery",
    _("Batch query"),
    _("Find the studies of many patients at once: a line for each patient or examination, a table of studies back."),
)
TRANSFERS = Sort(
    TRANSFER,
    "batchtransfer",
    _("Batch transfer"),
    _("Send many studies at once: a line for each study or series, and the same file back with what became of them."),
)
SORTS = {sort.kind: sort for sort in (QUERIES, TRANSFERS)}


class Gone(Exception):
    """The file is not kept any more, or never was one of whoever asks."""


def require(request: HttpRequest, sort: Sort) -> None:
    """Raises Http404 for whoever may not make such jobs, and writes the refusal down."""
    user, kind = visitor(request), sort.of_jobs
    if not has_permission(user, user.active_group, kind.permission):
        refused(request, "page.opened", Verdict.no(f"You may not make a {kind.title}; an administrator can permit it."))
        raise Http404


def file_of(request: HttpRequest, sort: Sort, pk: int) -> BatchFile:
    """The file, if whoever asks may see it.

    Raises:
        Gone: There is none.
    """
    require(request, sort)
    known = BatchFile.objects.visible_to(visitor(request)).filter(kind=sort.kind, pk=pk)
    file = known.select_related("owner").first()
    if file is None:
        raise Gone
    return file


def gone(request: HttpRequest, sort: Sort) -> HttpResponse:
    """The same answer for a file that is forgotten and for somebody else's: it tells nothing of either."""
    return render(request, "batches/gone.html", {"sort": sort}, status=404)
