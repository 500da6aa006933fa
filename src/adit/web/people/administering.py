"""What concerns everybody: who waits for approval, kinds of job, the announcement, maintenance."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from adit.accounts.forms import AnnouncementForm, MaintenanceForm
from adit.accounts.notices import announce, begin_maintenance, end_maintenance, notice
from adit.accounts.people import people, waiting
from adit.jobs.kind_settings import change
from adit.jobs.kindforms import KindForm
from adit.jobs.kinds import KINDS
from adit.jobs.models import Job
from adit.jobs.states import JobStatus
from adit.web.doors.guarding import only
from adit.web.doors.staff import is_staff
from adit.web.doors.visits import visitor

_WAITING = 20


@require_safe
@never_cache
@only(is_staff)
def administration(request: HttpRequest) -> HttpResponse:
    shown = {
        "waiting": waiting().order_by("date_joined")[:_WAITING],
        "people": people().filter(is_active=True).count(),
        "unverified": Job.objects.filter(status=JobStatus.UNVERIFIED).count(),
        "told": notice(),
    }
    return render(request, "administration/overview.html", shown)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@only(is_staff)
def kinds(request: HttpRequest) -> HttpResponse:
    """What counts for each kind of job. A form for each; one is sent at a time."""
    sent = request.POST.get("kind", "")
    if request.method == "POST" and sent not in KINDS:
        raise Http404
    forms = [KindForm(request.POST if key == sent else None, kind=kind) for key, kind in KINDS.items()]
    for form in forms:
        if form.is_bound and form.is_valid():
            change(form.kind, by=visitor(request), **form.cleaned_data)
            messages.success(request, _("Saved."))
            return redirect("administration-kinds")
    return render(request, "administration/kinds.html", {"forms": forms})


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@only(is_staff)
def notices(request: HttpRequest) -> HttpResponse:
    """The announcement, and maintenance."""
    told = notice()
    announcing = AnnouncementForm(
        request.POST if "announcement" in request.POST else None, initial={"announcement": told.announcement}
    )
    maintaining = MaintenanceForm(request.POST if "reason" in request.POST else None)
    if announcing.is_bound and announcing.is_valid():
        announce(announcing.cleaned_data["announcement"], by=visitor(request))
        messages.success(request, _("Saved."))
        return redirect("administration-notices")
    if maintaining.is_bound and maintaining.is_valid():
        begin_maintenance(
            maintaining.cleaned_data["reason"], by=visitor(request), until=maintaining.cleaned_data["until"]
        )
        messages.success(request, _("Only administrators work now."))
        return redirect("administration-notices")
    shown = {"announcing": announcing, "maintaining": maintaining, "told": told}
    return render(request, "administration/notices.html", shown)


@require_POST
@only(is_staff)
def open_again(request: HttpRequest) -> HttpResponse:
    """End maintenance."""
    end_maintenance(by=visitor(request))
    messages.success(request, _("Everybody can work again."))
    return redirect("administration-notices")
