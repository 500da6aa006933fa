"""The page of one task: its ledger series by series, what failed and why, and what can be done."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from adit.accounts.models import User
from adit.audit.record import record
from adit.jobs.actions import perform_on_task
from adit.jobs.linking import may_link_job
from adit.jobs.models import Task
from adit.jobs.options import Options
from adit.jobs.permissions import task_verdict
from adit.jobs.progress import totals
from adit.jobs.reports import entries_of, shows_pseudonyms
from adit.jobs.states import TASK_ENDED, TaskAction
from adit.jobs.waiting import why_waiting
from adit.transfer.items import SealArchive
from adit.web.batches.jobcard import SENDS_NOTHING, lines_of
from adit.web.doors.visits import address_of, visitor
from adit.web.jobs.acting import Button, act_on, button
from adit.web.jobs.naming import name_of
from adit.web.jobs.pages import title_of
from adit.web.jobs.rows import sentence_of
from adit.web.live.fragments import fragment
from adit.web.live.pushing import Paces, live_address
from adit.web.mass.found import found_by


@require_safe
@never_cache
@login_required
def task(request: HttpRequest, pk: int) -> HttpResponse:
    """One task. Who may join old and new identity sees both, and that is recorded."""
    user = visitor(request)
    found = task_of(user, pk)
    context = task_context(request, found)
    linked = {"linked": True} if context["links"] else {}
    record(
        "task.viewed",
        by=user,
        patient_id=found.patient_id,
        study_uid=found.study_uid,
        nodes=(found.job.source_name, found.job.destination_name),
        job=found.job_id,
        address=address_of(request),
        details={"task": found.pk, **linked},
    )
    return render(request, "jobs/task.html", context)


def task_live(request: HttpRequest, _: Paces, *, pk: int, task: int) -> Mapping[str, str]:
    """What moves on the page of a task of job *pk*."""
    found = task_of(visitor(request), task)
    if found.job_id != pk:
        raise Http404
    context = task_context(request, found)
    parts = ("head", "actions", "ledger", "facts")
    return {f"task-{part}": fragment(request, f"jobs/task.html#{part}", context) for part in parts}


def task_of(user: User, pk: int) -> Task:
    """The task, if *user* may know of it.

    Raises:
        Http404: There is none, or it is somebody else's.
    """
    known = Task.objects.visible_to(user).select_related("job__owner", "job__project", "source", "destination")
    return get_object_or_404(known, pk=pk)


def task_context(request: HttpRequest, found: Task) -> dict[str, Any]:
    user, now, job = visitor(request), timezone.now(), found.job
    pseudonymised = Options.of(job).treating is not None
    links = pseudonymised and (shows_pseudonyms(job, user) or bool(may_link_job(job, user)))
    return {
        "task": found,
        "job": job,
        "title": title_of(job),
        "seals": found.work == SealArchive.work,
        "sends": job.kind not in SENDS_NOTHING,
        "lines": lines_of(found),
        "name": name_of(found),
        "found": found_by(found, request.GET, user=user, now=now),
        "ended": found.status in TASK_ENDED,
        "sentence": sentence_of(found, why_waiting(found, now=now), now),
        "entries": entries_of([found])[found.pk],
        "sums": totals(task=found.pk),
        "pseudonymised": pseudonymised,
        "links": links,
        "pseudonym": found.item.get("pseudonym", "") if links else "",
        "buttons": _buttons(found, user),
        "address": live_address(request, f"{reverse('jobs-one', args=[job.pk])}tasks/{found.pk}/"),
    }


def _buttons(found: Task, user: User) -> list[Button]:
    questions = {
        TaskAction.DELETE: _("Delete this task?"),
        TaskAction.RESET: _("Run this task from scratch? Everything of it is sent again."),
        TaskAction.KILL: _("Stop this task? What is stored stays at the destination."),
    }
    return [
        button(action, task_verdict(action, found, user), confirm=questions.get(action, "")) for action in TaskAction
    ]


@require_POST
@login_required
def act(request: HttpRequest, pk: int) -> HttpResponse:
    """Do what a button says."""
    user = visitor(request)
    found = task_of(user, pk)
    return act_on(
        request,
        TaskAction,
        found.job,
        lambda action, reason: perform_on_task(action, found, by=user, reason=reason),
        event="task",
        done=lambda action: (
            redirect("jobs-one", found.job_id) if action is TaskAction.DELETE else redirect("jobs-task", pk)
        ),
        refused=lambda status: render(
            request, "jobs/task.html", task_context(request, task_of(user, pk)), status=status
        ),
    )
