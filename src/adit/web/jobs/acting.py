"""Buttons that do something to a job or a task, and what is said when it cannot be done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from adit.accounts.verdict import Denied, Verdict
from adit.audit.models import Outcome
from adit.audit.record import record
from adit.jobs.accepting import MOST, NeedsReason
from adit.jobs.actions import WrongState
from adit.jobs.models import Job
from adit.jobs.releasing import CannotRelease
from adit.jobs.states import JOB_ACTIONS, TASK_ACTIONS, Action, TaskAction
from adit.web.doors.visits import address_of, visitor

A = TypeVar("A", Action, TaskAction)

_DRAWINGS = {
    "verify": "rubber-stamp",
    "delete": "trash",
    "cancel": "player-stop",
    "resume": "player-play",
    "retry": "refresh",
    "restart": "history",
    "make urgent": "bolt",
    "make normal": "clock",
    "accept as complete": "checks",
    "reset": "history",
    "kill": "skull",
}


_LABELS = {
    "verify": _("Verify"),
    "delete": _("Delete"),
    "cancel": _("Cancel"),
    "resume": _("Resume"),
    "retry": _("Retry"),
    "restart": _("Restart"),
    "make urgent": _("Make urgent"),
    "make normal": _("Make normal"),
    "accept as complete": _("Accept as complete"),
    "reset": _("Reset"),
    "kill": _("Kill"),
}

_DONE = {
    "verify": _("Verified: its tasks start as soon as there is room."),
    "delete": _("Deleted."),
    "cancel": _("Canceled: what runs stops within seconds."),
    "resume": _("Resumed: what is stored is not sent again."),
    "retry": _("Tried again: only what is missing is sent."),
    "restart": _("Started from scratch."),
    "make urgent": _("Urgent: it goes before others."),
    "make normal": _("It has its usual place in the queue again."),
    "accept as complete": _("Accepted as complete; the reason is kept."),
    "reset": _("Started from scratch."),
    "kill": _("Told to stop; that takes some seconds."),
}

_STATUS_OF = {Denied: 403, NeedsReason: 422, CannotRelease: 422}
"""Status of HTTP for what may be raised when somebody acts; 409 for everything else."""


@dataclass(frozen=True, slots=True)
class Button:
    """One action as a page shows it.

    Attributes:
        effect: What it does, for a tooltip.
        verdict: Whether it can be done now, and why not.
        confirm: What is asked before; empty for nothing.
        longest: Characters of the reason that it needs; 0 where it needs none.
    """

    action: str
    label: str
    effect: str
    drawing: str
    verdict: Verdict
    confirm: str
    longest: int


def button(action: Action | TaskAction, verdict: Verdict, *, confirm: str = "") -> Button:
    """*action* as a button."""
    rule = JOB_ACTIONS[action] if isinstance(action, Action) else TASK_ACTIONS[action]
    longest = MOST if action in (Action.ACCEPT, TaskAction.ACCEPT) else 0
    return Button(action.value, str(_LABELS[action]), rule.effect, _DRAWINGS[action], verdict, confirm, longest)


def act_on(
    request: HttpRequest,
    actions: type[A],
    job: Job,
    perform: Callable[[A, str], object],
    *,
    event: str,
    done: Callable[[A], HttpResponse],
    refused: Callable[[int], HttpResponse],
) -> HttpResponse:
    """Do what a button says, and say that it was done, or why not.

    Args:
        actions: What the buttons of the page can say.
        job: What is acted on, or what it belongs to.
        perform: Does an action, for a reason.
        event: First word of what is recorded where it was refused.
        done: Where to go on afterwards.
        refused: Shows the page again, with this status of HTTP.

    Raises:
        Http404: No button says so.
    """
    try:
        action = actions(request.POST.get("action", ""))
    except ValueError as unknown:
        raise Http404 from unknown
    try:
        perform(action, request.POST.get("reason", ""))
    except (Denied, WrongState, NeedsReason) as error:
        return refused(refuse(request, error, f"{event}.{action}", job))
    messages.success(request, str(_DONE[action]))
    return done(action)


def refuse(request: HttpRequest, refused: Exception, event: str, job: Job) -> int:
    """Say why it was not done, and record it in a transaction of its own. Returns the status of HTTP."""
    messages.error(request, str(refused))
    record(
        event,
        by=visitor(request),
        outcome=Outcome.REFUSED,
        nodes=(job.source_name, job.destination_name),
        job=job.pk,
        address=address_of(request),
        details={"reason": str(refused)},
    )
    return _STATUS_OF.get(type(refused), 409)
