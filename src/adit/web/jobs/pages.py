"""The list of jobs, and the page of one: how far it is, what becomes of its studies, what can be done to it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from adit.accounts.models import User
from adit.accounts.permitting import has_permission
from adit.accounts.verdict import Denied
from adit.audit.record import record
from adit.dicom.errors import DicomError
from adit.jobs.actions import perform
from adit.jobs.cutwords import different_in
from adit.jobs.kinds import KINDS
from adit.jobs.kinds.mass import MASS
from adit.jobs.linking import SeriesLink, may_link_job, series_of_job
from adit.jobs.mass import sweep_of
from adit.jobs.models import Job
from adit.jobs.options import Options
from adit.jobs.permissions import verdict
from adit.jobs.progress import counts
from adit.jobs.receipts import can_have_receipt, receipts_of
from adit.jobs.releasing import CannotRelease, may_release
from adit.jobs.releasing import release as let_pass
from adit.jobs.reports import tasks_of
from adit.jobs.states import JOB_ENDED, Action, JobStatus, TaskStatus
from adit.jobs.waiting import heard_of
from adit.projects.tables import as_csv
from adit.web.batches.jobcard import SENDS_NOTHING, card_of
from adit.web.doors.visits import address_of, visitor
from adit.web.jobs.acting import Button, act_on, button, refuse
from adit.web.jobs.choosing import Choice, chosen, projects_for
from adit.web.jobs.going import going, standing
from adit.web.jobs.rows import rows_of
from adit.web.live.fragments import fragment
from adit.web.live.pushing import Paces, live_address
from adit.web.paging import page_of
from adit.web.search.sources import may_search

JOBS_ON_A_PAGE = 25
TASKS_ON_A_PAGE = 25


@require_safe
@never_cache
@login_required
def jobs(request: HttpRequest) -> HttpResponse:
    """All jobs that one may see, the newest first."""
    return render(request, "jobs/list.html", list_context(request))


def list_live(request: HttpRequest, _: Paces) -> Mapping[str, str]:
    """What moves on the list."""
    return {"jobs": fragment(request, "jobs/list.html#jobs", list_context(request))}


def list_context(request: HttpRequest) -> dict[str, Any]:
    user = visitor(request)
    choice = Choice.of(request.GET)
    page = page_of(chosen(user, choice), request.GET, size=JOBS_ON_A_PAGE, newest_first=True)
    known = counts([job.pk for job in page.rows])
    return {
        "rows": [{"job": job, "title": title_of(job), **standing(known[job.pk])} for job in page.rows],
        "previous": page.previous,
        "next": page.next,
        "choice": choice,
        "statuses": list(JobStatus),
        "kinds": KINDS.values(),
        "projects": projects_for(user),
        "searches": may_search(user),
        "address": live_address(request, reverse("jobs")),
    }


@require_safe
@never_cache
@login_required
def job(request: HttpRequest, pk: int) -> HttpResponse:
    """One job."""
    found = job_of(visitor(request), pk)
    record("job.viewed", by=visitor(request), job=found.pk, address=address_of(request))
    return render(request, "jobs/one.html", job_context(request, found, None))


def job_live(request: HttpRequest, paces: Paces, *, pk: int) -> Mapping[str, str]:
    """What moves on the page of a job."""
    context = job_context(request, job_of(visitor(request), pk), paces)
    parts = ("head", *(("file",) if context["card"] else ()), "actions", "tasks", "facts")
    return {f"job-{part}": fragment(request, f"jobs/one.html#{part}", context) for part in parts}


def job_of(user: User, pk: int) -> Job:
    """The job, if *user* may know of it.

    Raises:
        Http404: There is none, or it is somebody else's.
    """
    return get_object_or_404(Job.objects.visible_to(user).select_related("owner", "group", "project", "file"), pk=pk)


def title_of(job: Job) -> str:
    kind = KINDS.get(job.kind)
    return kind.title if kind else job.kind


def job_context(request: HttpRequest, found: Job, paces: Paces | None) -> dict[str, Any]:
    user, now = visitor(request), timezone.now()
    by_status = counts([found.pk])[found.pk]
    wanted = request.GET.get("status", "")
    tasks = tasks_of(found)
    if wanted in set(TaskStatus):
        tasks = tasks.filter(status=wanted)
    page = page_of(tasks, request.GET, size=TASKS_ON_A_PAGE)
    options = Options.of(found)
    return {
        "job": found,
        "title": title_of(found),
        "ended": found.status in JOB_ENDED,
        "sends": found.kind not in SENDS_NOTHING,
        "card": card_of(found, user),
        "options": options,
        "profile": options.treating.profile if options.treating else None,
        "asked": sweep_of(found) if found.kind == MASS.key else None,
        "orders_again": has_permission(user, user.active_group, MASS.permission),
        **standing(by_status),
        **going(found, by_status, paces, now=now, at=time.monotonic()),
        # What a dead worker has begun does not run, though it is in progress until another goes on with it.
        "running": heard_of(found.pk, now=now, lease=settings.ADIT_LEASE, heartbeat=settings.ADIT_HEARTBEAT),
        "tasks": rows_of(page.rows, now=now),
        "previous": page.previous,
        "next": page.next,
        "wanted": wanted,
        "statuses": [(status, by_status[status]) for status in TaskStatus if by_status[status]],
        "buttons": _buttons(found, user),
        "receipt": can_have_receipt(found),
        "receipts": receipts_of(found) if found.status in JOB_ENDED else [],
        **_links(found, options, user),
        "releases": _releases(found, options, user),
        "address": live_address(request, reverse("jobs-one", args=[found.pk])),
        "now": now,
    }


def _links(job: Job, options: Options, user: User) -> dict[str, Any]:
    """What *user* may know of old and new identity."""
    links = options.treating is not None and bool(may_link_job(job, user))
    return {"links": links, "cut": different_in(job) if links else 0}


def _releases(job: Job, options: Options, user: User) -> bool:
    """Whether to show how an attribute is let pass: something was stopped, and *user* may decide."""
    stopped = job.status in (JobStatus.WARNING, JobStatus.FAILURE)
    return stopped and options.treating is not None and bool(may_release(job, user, user.active_group))


def _buttons(job: Job, user: User) -> list[Button]:
    pointless = Action.MAKE_URGENT if job.urgent else Action.MAKE_NORMAL
    questions = {
        Action.DELETE: _("Delete job %(job)d with all its tasks?") % {"job": job.pk},
        Action.CANCEL: _("Cancel job %(job)d? What is stored stays at the destination.") % {"job": job.pk},
        Action.RESTART: _("Run all tasks of job %(job)d from scratch? Everything is sent again.") % {"job": job.pk},
    }
    return [
        button(action, verdict(action, job, user), confirm=questions.get(action, ""))
        for action in Action
        if action is not pointless
    ]


@require_POST
@login_required
def act(request: HttpRequest, pk: int) -> HttpResponse:
    """Do what a button says."""
    user = visitor(request)
    found = job_of(user, pk)
    return act_on(
        request,
        Action,
        found,
        lambda action, reason: perform(action, found, by=user, reason=reason),
        event="job",
        done=lambda action: redirect("jobs") if action is Action.DELETE else redirect("jobs-one", pk),
        refused=lambda status: _again(request, pk, status),
    )


def _again(request: HttpRequest, pk: int, status: int) -> HttpResponse:
    return render(request, "jobs/one.html", job_context(request, job_of(visitor(request), pk), None), status=status)


@require_POST
@login_required
def release(request: HttpRequest, pk: int) -> HttpResponse:
    """Let an attribute pass in which an identifier was found."""
    user = visitor(request)
    found = job_of(user, pk)
    try:
        let_pass(found, request.POST.get("attribute", ""), by=user)
    except (Denied, CannotRelease) as refused:
        return _again(request, pk, refuse(request, refused, "job.release", found))
    messages.success(request, _("It passes in this job from now on; retry sends what was stopped by it."))
    return redirect("jobs-one", pk)


@require_safe
@never_cache
@login_required
def linking(request: HttpRequest, pk: int) -> HttpResponse:
    """Which study and series is which at the destination, for those who may link."""
    user = visitor(request)
    found = job_of(user, pk)
    try:
        rows = series_of_job(found, by=user)
    except (Denied, DicomError) as refused:
        return _again(request, pk, refuse(request, refused, "job.linked", found))
    return HttpResponse(
        as_csv(SeriesLink, rows),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="adit-job-{found.pk}-linking.csv"'},
    )
