"""The panel of the demo: break something, and watch ADIT heal. It exists in a demo only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from adit.accounts.models import User
from adit.accounts.verdict import Denied, Verdict
from adit.audit.models import Outcome
from adit.audit.record import record
from adit.jobs.models import Task, Worker
from adit.jobs.submit import BadPlan, submit
from adit.jobs.waiting import reasons
from adit.transfer.plan import Plan
from adit.web.doors.visits import address_of, visitor
from adit.web.live.fragments import fragment

_SHOWN = 8
"""Tasks that are watched."""


class Breakable(Protocol):
    """The running demo, as far as it can be broken; what a part looks like is up to whoever shows it."""

    def parts(self) -> Sequence[Any]: ...

    def break_or_mend(self, key: str) -> Verdict: ...

    def something_to_send(self) -> Plan: ...


@require_safe
@never_cache
@login_required
def panel(request: HttpRequest) -> HttpResponse:
    """The panel, or only what moves on it."""
    context = {"parts": _demo().parts(), **_going_on(visitor(request))}
    if request.headers.get("HX-Request"):
        return HttpResponse(fragment(request, "demo/panel.html#moving", context))
    return render(request, "demo/panel.html", context)


@require_POST
@login_required
def break_or_mend(request: HttpRequest, key: str) -> HttpResponse:
    try:
        done = _demo().break_or_mend(key)
    except KeyError:
        raise Http404 from None
    outcome = Outcome.DONE if done else Outcome.FAILED
    record("demo.broken", by=visitor(request), outcome=outcome, address=address_of(request), details={"part": key})
    if not done:
        messages.warning(request, done.reason)
    return redirect("demo-panel")


@require_POST
@login_required
def send_something(request: HttpRequest) -> HttpResponse:
    """A transfer that takes long enough to be disturbed."""
    user = visitor(request)
    try:
        job = submit(_demo().something_to_send(), by=user)
    except (Denied, BadPlan, LookupError) as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, _("Job %s goes on its way.") % job.pk)
    return redirect("demo-panel")


def _demo() -> Breakable:
    demo: Breakable | None = settings.ADIT_DEMO_BREAKING
    if demo is None:
        raise Http404
    return demo


def _going_on(user: User) -> dict[str, Any]:
    tasks = list(Task.objects.visible_to(user).select_related("job").order_by("-pk")[:_SHOWN])
    why = reasons(tasks, now=timezone.now())
    return {
        "workers": Worker.objects.alive().count(),
        "tasks": [(task, why.get(task.pk) or task.message) for task in tasks],
    }
