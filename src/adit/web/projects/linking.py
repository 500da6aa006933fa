"""Who is behind the pseudonyms of a project: for members who may link, every look and every refusal recorded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from adit.accounts.models import User
from adit.dicom.errors import DicomError
from adit.dicom.refs import BadUID, uid
from adit.jobs.linking import SeriesLink, series_of_project
from adit.nodes.secrets import WrongKey
from adit.projects.aliases import NoPseudonym
from adit.projects.forms import ImportForm
from adit.projects.linking import PatientLink, may_link, patients_of, some_patients_of, uids_of
from adit.projects.models import Project
from adit.projects.tables import BadTable, as_csv, as_excel, import_pseudonyms
from adit.transfer.pseudonyms import UnfitPseudonym
from adit.web.doors.guarding import refused
from adit.web.doors.visits import visitor
from adit.web.projects.pages import visible
from adit.web.sealed import HELD, seal, unseal

LINES = 100
"""Of the linking list on one page."""

_MOST_UIDS = 500

_FORMS: dict[str, tuple[Callable[[type[Any], Sequence[Any]], bytes], str]] = {
    "csv": (as_csv, "text/csv; charset=utf-8"),
    "xlsx": (as_excel, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
}


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_required
def linking(request: HttpRequest, pk: int) -> HttpResponse:
    """The linking list, page by page; its filter is posted, so that no address holds a pseudonym."""
    project, user = _linkable(request, pk), visitor(request)
    if request.method == "POST":
        like = _typed(request.POST.get("like", ""))
        return redirect(f"{reverse('projects-linking', args=[pk])}{_sealed(user, like=like)}")
    held = unseal(request.GET.get(HELD, ""), by=user)
    like, after = (held.get(name, "") for name in ("like", "after"))
    first = _sealed(user, like=like) or "?"
    context: dict[str, Any] = {"project": project, "like": like, "first": first if after else "", "form": ImportForm()}
    try:
        found = some_patients_of(project, by=user, after=after, most=LINES + 1, like=like)
    except (DicomError, WrongKey) as error:
        context["broken"] = str(error)
    else:
        more = len(found) > LINES
        context |= {
            "links": found[:LINES],
            "next": _sealed(user, like=like, after=found[LINES - 1].pseudonym) if more else "",
        }
    return render(request, "projects/linking.html", context)


@require_POST
@login_required
def download(request: HttpRequest, pk: int, what: str, form: str) -> HttpResponse:
    """The whole list as a file: `patients`, or `series` of all jobs; `csv` or `xlsx`."""
    project, user = _linkable(request, pk), visitor(request)
    if form not in _FORMS or what not in ("patients", "series"):
        raise Http404
    write, kind = _FORMS[form]
    try:
        if what == "patients":
            content = write(PatientLink, patients_of(project, by=user))
        else:
            content = write(SeriesLink, series_of_project(project, by=user))
    except (DicomError, WrongKey) as error:
        messages.error(request, str(error))
        return redirect("projects-linking", pk=pk)
    answer = HttpResponse(content, content_type=kind)
    answer["Content-Disposition"] = f'attachment; filename="{_file_name(project)}-{what}.{form}"'
    answer["Cache-Control"] = "no-store"
    return answer


@require_POST
@never_cache
@login_required
def uids(request: HttpRequest, pk: int) -> HttpResponse:
    """What studies, series or instances are called in the project."""
    project = _linkable(request, pk)
    typed = request.POST.get("uids", "")
    context: dict[str, Any] = {"project": project, "typed": typed, "form": ImportForm(), "links": None}
    try:
        originals = [uid(each) for each in typed.replace(",", " ").split()[:_MOST_UIDS]]
        context["found"] = uids_of(project, originals, by=visitor(request)) if originals else []
    except BadUID as error:
        context["wrong_uid"] = str(error)
    except (DicomError, WrongKey) as error:
        context["broken"] = str(error)
    return render(request, "projects/linking.html", context)


@require_POST
@login_required
def take_over(request: HttpRequest, pk: int) -> HttpResponse:
    """Import a list of pseudonyms: all of it, or nothing."""
    project = _linkable(request, pk)
    form = ImportForm(request.POST, request.FILES)
    if form.is_valid():
        try:
            done = import_pseudonyms(project, form.cleaned_data["table"].read(), by=visitor(request))
        except (BadTable, UnfitPseudonym, NoPseudonym, DicomError, WrongKey) as error:
            form.add_error("table", _("%(what)s Nothing was taken over.") % {"what": error})
        else:
            words = _("%(given)d pseudonyms of patients and %(free)d free ones were taken over.")
            messages.success(request, words % {"given": done.given, "free": done.free})
            return redirect("projects-linking", pk=pk)
    return render(request, "projects/linking.html", {"project": project, "form": form, "links": None}, status=422)


def _linkable(request: HttpRequest, pk: int) -> Project:
    """The project, for members who may link; for others there is no such page, and the try is recorded."""
    project = visible(request, pk)
    if not (answer := may_link(project, visitor(request))):
        refused(request, "project.linked", answer, project=project.name)
        raise Http404
    return project


def _sealed(user: User, **values: str) -> str:
    """The query of the address of a page of the list."""
    told = {name: value for name, value in values.items() if value}
    return f"?{urlencode({HELD: seal(told, to=user)})}" if told else ""


def _typed(text: str) -> str:
    """What may stand in a pseudonym; the database takes no NUL."""
    return text.replace("\0", "")[:64]


def _file_name(project: Project) -> str:
    return "".join(one if one.isascii() and one.isalnum() else "-" for one in project.name)[:60]
