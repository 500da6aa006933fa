"""The dashboard: what is going on."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.cache import cache
from django.db import connection
from django.db.models import Sum
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from adit.jobs.claim import open_lanes
from adit.jobs.models import Job, Task, Worker
from adit.jobs.progress import counts
from adit.nodes.overview import overview, visible_to
from adit.web.doors.visits import visitor
from adit.web.jobs.going import going, standing
from adit.web.jobs.pages import title_of
from adit.web.jobs.queue import COUNTED, priority_name
from adit.web.live.fragments import fragment
from adit.web.live.pushing import Paces, live_address
from adit.web.search.sources import may_search

JOBS_SHOWN = 8
NODES_SHOWN = 50

_BUCKET = 600
"""Seconds that one point of the plot stands for."""

_CACHED = 60
"""Seconds for which the plot is good enough."""

_THROUGHPUT = """
SELECT (extract(epoch FROM t.ended_at)::bigint / %s) * %s AS moment, sum(e.size)::bigint, sum(e.stored)::bigint
FROM jobs_task t JOIN jobs_entry e ON e.task_id = t.id
WHERE t.ended_at >= %s
GROUP BY moment
"""


@require_safe
@never_cache
@login_required
def home(request: HttpRequest) -> HttpResponse:
    """What is going on, for whoever looks."""
    return render(request, "web/home.html", home_context(request, None))


def home_live(request: HttpRequest, paces: Paces) -> Mapping[str, str]:
    """What moves on it."""
    context = home_context(request, paces)
    return {f"home-{part}": fragment(request, f"web/home.html#{part}", context) for part in ("jobs", "queue", "places")}


def home_context(request: HttpRequest, paces: Paces | None) -> dict[str, Any]:
    user, now = visitor(request), timezone.now()
    group = user.active_group
    unfinished = Job.objects.visible_to(user).unfinished().select_related("owner").newest_first()
    jobs = list(unfinished[: JOBS_SHOWN + 1])
    recent = Job.objects.filter(owner=user).ended().select_related("owner").newest_first()[:5]
    known = counts([job.pk for job in jobs])
    workers = Worker.objects.alive().aggregate(places=Sum("places"))["places"] or 0
    return {
        "jobs": [
            {
                "job": job,
                "title": title_of(job),
                **standing(known[job.pk]),
                **going(job, known[job.pk], paces, now=now, at=time.monotonic()),
            }
            for job in jobs[:JOBS_SHOWN]
        ],
        "more": len(jobs) > JOBS_SHOWN,
        "recent": recent,
        "searches": may_search(user),
        "queue": _queue(),
        "running": Task.objects.in_progress().count(),
        "workers": workers,
        "nodes": overview(visible_to(user, group), user=user, group=group, now=now)[:NODES_SHOWN],
        "worker_list": Worker.objects.alive().order_by("host", "pid") if user.is_staff else (),
        "address": live_address(request, reverse("home")),
    }


def _queue() -> list[dict[str, Any]]:
    """Priorities, the highest first, with the number of tasks that wait for a place."""
    waiting: dict[int, int] = {}
    capped: set[int] = set()
    for lane in open_lanes(most=COUNTED):
        waiting[lane.priority] = waiting.get(lane.priority, 0) + lane.waiting
        if lane.waiting >= COUNTED:
            capped.add(lane.priority)
    return [
        {"name": priority_name(priority), "waiting": waiting[priority], "more": priority in capped}
        for priority in sorted(waiting, reverse=True)
    ]


@require_safe
@never_cache
@login_required
def throughput(_: HttpRequest) -> JsonResponse:
    """Bytes a second and instances over the last day, for the plot: of everybody's jobs together.

    `{"times": [seconds since 1970 ...], "speed": [bytes per second ...], "instances": [...]}`, a point every
    ten minutes. Counted at the end of each task, at most once a minute.
    """
    told = cache.get("throughput")
    if told is None:
        told = _last_day(timezone.now())
        cache.set("throughput", told, _CACHED)
    return JsonResponse(told)


def _last_day(now: datetime) -> dict[str, list[float]]:
    first = int((now - timedelta(days=1)).timestamp()) // _BUCKET * _BUCKET + _BUCKET
    with connection.cursor() as cursor:
        cursor.execute(_THROUGHPUT, [_BUCKET, _BUCKET, datetime.fromtimestamp(first, now.tzinfo)])
        found = {moment: (size, stored) for moment, size, stored in cursor.fetchall()}
    times = list(range(first, int(now.timestamp()) + 1, _BUCKET))
    return {
        "times": list(map(float, times)),
        "speed": [round(found.get(moment, (0, 0))[0] / _BUCKET, 1) for moment in times],
        "instances": [float(found.get(moment, (0, 0))[1]) for moment in times],
    }
