"""`/health/`: whether ADIT can work now, for monitoring and for its own supervisor."""

from __future__ import annotations

from typing import Any

from django.db import DatabaseError, connection
from django.db.models import Count, Q
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from adit.jobs.models import Task
from adit.jobs.states import TaskStatus

_SILENT_AFTER = 30
"""Seconds without a heartbeat after which a worker counts as gone; it beats every 10."""


@require_safe
@never_cache
def health(_: HttpRequest) -> JsonResponse:
    """200 when database and workers are there, else 503; the same facts either way, none of them about patients."""
    told = facts()
    return JsonResponse(told, status=200 if told["ok"] else 503)


def facts() -> dict[str, Any]:
    """`ok`, `database`, `queue` and `workers`, as the doctor and the health page tell them."""
    try:
        workers = _workers()
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
        }
    return {
        "ok": workers > 0,
        "database": {"ok": True},
        "queue": {"ok": True, **queue},
        "workers": {"ok": workers > 0, "running": workers},
    }


def _workers() -> int:
    # Procrastinate's own table; its library has one door, and that is not here.
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM procrastinate_workers WHERE last_heartbeat > now() - make_interval(secs => %s)",
            [_SILENT_AFTER],
        )
        return int(cursor.fetchone()[0])
