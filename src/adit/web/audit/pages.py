"""Pages of the audit trail. Every look into it is part of it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from adit.accounts.auditing import may_search_patients, may_view_audit
from adit.audit.record import record
from adit.audit.searching import Cursor, page
from adit.jobs.tracing import MOST, events_about, people_in, receivers_of
from adit.web.audit.files import FORMS, streamed
from adit.web.audit.trail import TrailSearch, lines, phrase_of
from adit.web.doors.guarding import only, refused
from adit.web.doors.visits import address_of, visitor
from adit.web.sealed import HELD, seal, unseal

SIZE = 50
"""Events of a page."""


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@only(may_view_audit)
def audit(request: HttpRequest) -> HttpResponse:
    """A page of events; the form is posted, so that no address names a patient."""
    user = visitor(request)
    patients = bool(may_search_patients(user))
    if request.method == "POST":
        form = TrailSearch(request.POST, patients=patients)
        return redirect(f"{reverse('audit')}?{_address(request, form)}") if form.is_valid() else _list(request, form)
    return _list(request, _searched(request))


@require_safe
@only(may_view_audit)
def export(request: HttpRequest, form: str) -> StreamingHttpResponse:
    """Everything that is searched for, as a file that is written while it is read."""
    search = _searched(request)
    if form not in FORMS or not search.is_valid():
        raise Http404
    _note(request, "audit.exported", search, file=form)
    return streamed(search.wanted(), form, patients=bool(may_search_patients(visitor(request))))


@require_safe
@never_cache
@only(may_view_audit)
def patient(request: HttpRequest, token: str) -> HttpResponse:
    """Who saw, sent and received one patient, in order."""
    user = visitor(request)
    if not (answer := may_search_patients(user)):
        refused(request, "audit.patient_viewed", answer)
        raise Http404
    who = unseal(token, by=user).get("patient", "")
    if not who:
        raise Http404
    record("audit.patient_viewed", by=user, patient_id=who, address=address_of(request))
    about = events_about(who)
    count = about.count()
    # The last ones, for what happened long ago is in the file.
    events = list(about.reverse()[:MOST])[::-1]
    context = {
        "who": who,
        "people": [(person, _told(person.actions)) for person in people_in(events)],
        "received": receivers_of(who),
        "lines": lines(events, to=user, patients=True),
        "left_out": max(0, count - len(events)),
        "export_query": urlencode({HELD: token}),
    }
    return render(request, "audit/patient.html", context)


def _list(request: HttpRequest, form: TrailSearch) -> HttpResponse:
    user = visitor(request)
    patients = bool(may_search_patients(user))
    context: dict[str, Any] = {"form": form, "patients": patients, "now": timezone.now()}
    if form.is_valid():
        _note(request, "audit.searched", form)
        after, before = (Cursor.parse(request.GET.get(name, "")) for name in ("after", "before"))
        found = page(form.wanted(), size=SIZE, after=after, before=before)
        context |= {
            "lines": lines(found.events, to=user, patients=patients),
            "previous": found.newer,
            "next": found.older,
            "export_query": _address(request, form),
            "searching": bool(form.wanted()),
        }
        if who := form.identifying().get("patient"):
            context["patient_token"] = seal({"patient": who}, to=user)
    return render(request, "audit/list.html", context)


def _searched(request: HttpRequest) -> TrailSearch:
    """The form as the address says."""
    user = visitor(request)
    patients = may_search_patients(user)
    data = request.GET.dict()
    if held := data.pop(HELD, ""):
        if patients:
            data |= unseal(held, by=user)
        else:
            refused(request, "audit.searched", patients)
            messages.error(request, _("You may not search the audit trail for patients."))
    return TrailSearch(data, patients=bool(patients))


def _address(request: HttpRequest, form: TrailSearch) -> str:
    held = {HELD: seal(who, to=visitor(request))} if (who := form.identifying()) else {}
    return urlencode(form.told() | held)


def _note(request: HttpRequest, action: str, form: TrailSearch, **details: str) -> None:
    who = form.identifying()
    record(
        action,
        by=visitor(request),
        patient_id=who.get("patient", ""),
        study_uid=who.get("study", ""),
        address=address_of(request),
        details={**form.told(), **details},
    )


def _told(actions: dict[str, int]) -> list[tuple[str, int]]:
    return sorted(((phrase_of(action), times) for action, times in actions.items()), key=lambda each: -each[1])
