"""The page of mass transfers: filters come and go, an estimate is asked for, and a job is made."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from adit.accounts.models import User
from adit.accounts.permitting import has_permission
from adit.accounts.verdict import ALLOWED, Denied, Verdict
from adit.dicom.protocols import Cancellation
from adit.jobs.kind_settings import may_make, starts_at_once
from adit.jobs.kinds.mass import MASS
from adit.jobs.mass import estimated, may_estimate, sweep_of
from adit.jobs.models import Job
from adit.jobs.once import SentAlready, pressed_once, require_new
from adit.jobs.submit import submit
from adit.nodes.models import Node
from adit.transfer.items import SweepWindow
from adit.transfer.mass.criteria import FIELDS
from adit.web.doors.guarding import only, refused
from adit.web.doors.visits import visitor
from adit.web.jobs.twice import led_to_first, value_for, value_in
from adit.web.mass.filterrows import one_more, rows_in, rows_of
from adit.web.mass.form import MassForm, filled, typed
from adit.web.search.page import answered, caller_of
from adit.web.search.sendfields import remember
from adit.web.search.sending import REFUSALS
from adit.web.search.sources import Caller, opened
from adit.web.search.sources import refused as not_given


def may_see(user: User) -> Verdict:
    """Whether the page is there for *user*; it may still be that no job can be made now."""
    if has_permission(user, user.active_group, MASS.permission):
        return ALLOWED
    return Verdict.no("You may not send whole ranges of dates; an administrator can permit it.")


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@only(may_see)
def mass(request: HttpRequest) -> HttpResponse:
    """The form, not checked yet: empty, as the job in `?job=` was ordered, or as posted with what a button does."""
    user = visitor(request)
    if request.method != "POST":
        return _shown(request, _as_before(request.GET.get("job", ""), request.GET.get("task", ""), user))
    posted, rows = request.POST, rows_in(request.POST)
    do, _blank, key = posted.get("do", "").partition(" ")
    if do == "read":
        form, wrong = filled(posted, posted.get("json", ""), user=user)
        return _shown(request, form, wrong=wrong, text=posted.get("json", "") if wrong else "")
    rows = [row for row in rows if row.key != key] if do == "remove" else one_more(rows)
    return _shown(request, MassForm(user=user, initial=typed(posted), rows=rows))


def _as_before(number: str, task: str, user: User) -> MassForm:
    """The form filled in as a job was ordered, so far as *user* may know of it; else empty.

    Args:
        task: Of one of its partitions, if only the days of that one are wanted: to be narrowed.
    """
    known = Job.objects.visible_to(user).filter(kind=MASS.key).select_related("project")
    job = known.filter(pk=_number(number)).first()
    sweep = sweep_of(job) if job else None
    if job is None or sweep is None:
        return MassForm(user=user)
    window = job.tasks.filter(pk=_number(task), work=SweepWindow.work).first()
    if window is not None:
        item = SweepWindow.from_json(window.item)
        sweep = replace(sweep, first=item.first.date(), last=item.last.date())
    initial = {
        "source": Node.objects.filter(name=job.source_name).first(),
        "destination": Node.objects.filter(name=job.destination_name).first(),
        "project": job.project,
        "first": sweep.first,
        "last": sweep.last,
        "partition": sweep.partition.value,
        "description": job.description,
        "ethics_number": job.ethics_number,
    }
    return MassForm(user=user, initial=initial, rows=rows_of(sweep.criteria) or one_more([]))


def _number(text: str) -> int:
    """An id of an address; 0, which nothing has, for what is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 18 else 0


@require_POST
@never_cache
@only(may_see)
def order(request: HttpRequest) -> HttpResponse:
    """Make the job, and go to it; or the page again, with what is wrong near its field."""
    user = visitor(request)
    form = MassForm(request.POST, user=user)
    if form.is_valid() and form.plan is not None:
        try:
            with transaction.atomic():
                plan = pressed_once(form.plan, value_in(request.POST), by=user)
                require_new(plan)
                job = submit(plan, by=user)
        except SentAlready as sent:
            page = f"{reverse('mass')}?job={sent.job.pk}"
            return redirect(led_to_first(request, sent, page=page, again=_("Order it again")))
        except REFUSALS as refusal:
            refused(request, "job.submitted", str(refusal), kind=MASS.key)
            form.add_error(None, str(refusal))
        else:
            remember(user, form.cleaned_data)
            return redirect(reverse("jobs-one", args=[job.pk]))
    return _shown(request, form, status=422)


@require_POST
@never_cache
@only(may_see)
def text(request: HttpRequest) -> HttpResponse:
    """The days and filters of the form as JSON, in its box."""
    form = MassForm(request.POST, user=visitor(request))
    form.is_valid()
    return render(request, "mass/mass.html#json", {"text": form.to_text(), "form": form})


@require_POST
@never_cache
@login_required
async def estimate(request: HttpRequest) -> HttpResponse:
    """Ask the source how much it would be. The question ends when the browser goes, or when it takes too long."""
    return await answered(partial(_estimate, caller_of(request), request.POST), problem=200)


def _estimate(caller: Caller, posted: QueryDict, cancel: Cancellation) -> HttpResponse:
    if not (visible := may_see(caller.user)):
        not_given("mass.estimated", caller, visible.reason)
        raise Http404
    form = MassForm(posted, user=caller.user)
    form.is_valid()
    if form.sweep is None or "source" in form.errors:
        return HttpResponse(render_to_string("mass/estimate.html", {"form": form}))
    node = form.origin
    if not (verdict := may_estimate(node, user=caller.user, group=caller.user.active_group)):
        not_given("mass.estimated", caller, verdict.reason, node=node.name)
        raise Denied(verdict.reason)
    with opened(node, caller, cancel=cancel) as source:
        found = estimated(form.sweep, node, source, by=caller.user)
    return HttpResponse(render_to_string("mass/estimate.html", {"form": form, "found": found, "source": node}))


def _shown(
    request: HttpRequest, form: MassForm, *, wrong: tuple[str, ...] = (), text: str = "", status: int = 200
) -> HttpResponse:
    user = visitor(request)
    number = len(form.sweep.spans()) if form.sweep else 0
    return render(
        request,
        "mass/mass.html",
        {
            "form": form,
            "fields": FIELDS.values(),
            "wrong": wrong,
            "text": text or form.to_text(),
            "once": value_for(request.POST),
            "verdict": may_make(MASS, user=user, group=user.active_group),
            "at_once": starts_at_once(MASS, number, user),
        },
        status=status,
    )
