"""The queue, for administrators: what runs, what waits where, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.decorators import login_required
from django.db.models import Count, Min
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from adit.accounts.models import User
from adit.jobs.claim import open_lanes, rooms_of
from adit.jobs.kind_settings import suspended_priorities
from adit.jobs.kinds import KINDS
from adit.jobs.lanes import Lane, in_order, obstacle
from adit.jobs.models import Job, Task, Worker
from adit.jobs.states import JobStatus
from adit.nodes.models import Node
from adit.web.doors.visits import visitor
from adit.web.jobs.rows import sentence_of
from adit.web.live.fragments import fragment
from adit.web.live.pushing import Paces, live_address

COUNTED = 1000
"""Tasks of a lane are counted up to here."""

SHOWN = 100
"""Rows of one table of this page."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Tasks of one owner between two nodes that stand in the queue."""

    priority: str
    owner: str
    source: str
    destination: str
    waiting: int
    counted: bool
    job: int
    why: str


@require_safe
@never_cache
@login_required
def queue(request: HttpRequest) -> HttpResponse:
    """The whole queue."""
    return render(request, "queue/queue.html", queue_context(request))


def queue_live(request: HttpRequest, _: Paces) -> Mapping[str, str]:
    """What moves there."""
    return {"queue": fragment(request, "queue/queue.html#queue", queue_context(request))}


def queue_context(request: HttpRequest) -> dict[str, Any]:
    if not visitor(request).is_staff:
        raise Http404
    now = timezone.now()
    running = Task.objects.in_progress().select_related("job", "owner", "source", "destination").order_by("started_at")
    delayed = Task.objects.pending().filter(not_before__isnull=False, held=False).order_by()
    return {
        "address": live_address(request, reverse("jobs-queue")),
        "running": [(task, sentence_of(task, "", now)) for task in running[:SHOWN]],
        "lanes": standing_lanes()[:SHOWN],
        "delayed": delayed.values("waits_because").annotate(count=Count("pk"), first=Min("not_before"))[:SHOWN],
        "unverified": Job.objects.filter(status=JobStatus.UNVERIFIED).select_related("owner").newest_first()[:SHOWN],
        "workers": Worker.objects.alive().order_by("host", "pid"),
    }


def standing_lanes() -> list[Standing]:
    """What stands in the queue, in the order in which it is served."""
    now = timezone.now()
    lanes = open_lanes(most=COUNTED)
    rooms = rooms_of({node for lane in lanes for node in lane.needs})
    running = dict(Task.objects.in_progress().order_by().values_list("owner").annotate(Count("pk")))
    ordered = in_order(lanes, running)
    owners = dict(User.objects.filter(pk__in={lane.owner for lane in ordered}).values_list("pk", "username"))
    nodes = dict(Node.objects.values_list("pk", "name"))
    jobs = dict(Task.objects.filter(pk__in=[lane.oldest for lane in ordered]).values_list("pk", "job"))
    workers, halts = Worker.objects.alive().exists(), suspended_priorities()

    def why(lane: Lane) -> str:
        hindered = obstacle(lane, rooms, now, halts)
        return hindered.sentence if hindered else "waits for a worker" if workers else "no worker is running"

    return [
        Standing(
            priority=priority_name(lane.priority),
            owner=owners.get(lane.owner, ""),
            source=nodes.get(lane.source, ""),
            destination=nodes.get(lane.destination, ""),
            waiting=lane.waiting,
            counted=lane.waiting < COUNTED,
            job=jobs.get(lane.oldest, 0),
            why=why(lane),
        )
        for lane in ordered
    ]


def priority_name(priority: int) -> str:
    """A priority as the kind that has it."""
    for kind in KINDS.values():
        if priority == kind.priority.normal:
            return kind.title
        if priority == kind.priority.urgent:
            return f"{kind.title}, urgent"
    return str(priority)
