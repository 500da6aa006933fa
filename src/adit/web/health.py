"""`/health/`: whether ADIT can work now, for monitoring and for its own supervisor."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import DatabaseError
from django.db.models import Count, Q
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from adit.endpoints.receiver import listening
from adit.jobs.models import Task, Worker
from adit.jobs.states import TaskStatus


@require_safe
@never_cache
def health(_: HttpRequest) -> JsonResponse:
    """200 when database and workers are there, else 503; the same facts either way, none of them about patients."""
    told = facts()
    return JsonResponse(told, status=200 if told["ok"] else 503)


def facts() -> dict[str, Any]:
    """`ok`, `database`, `queue`, `workers` and `receiver`, as the doctor and the health page tell them.

    Only a receiver of this machine is seen; ADIT works without one, so it decides nothing.
    """
    receiver = {"running": listening(settings.ADIT_SPOOL) is not None}
    try:
        workers = Worker.objects.alive().count()
        queue = Task.objects.aggregate(
            pending=Count("pk", filter=Q(status=TaskStatus.PENDING)),
            running=Count("pk", filter=Q(status=TaskStatus.IN_PROGRESS)),
        )
    except DatabaseError:
        return {
            "ok": False,
            "database": {"ok": False},
            "queue": {"ok": False, "pending": None, "running": None},
            "workers": {"ok": False, "running": 0},
            "receiver": receiver,
        }
    return {
        "ok": workers > 0,
        "database": {"ok": True},
        "queue": {"ok": True, **queue},
        "workers": {"ok": workers > 0, "running": workers},
        "receiver": receiver,
    }
