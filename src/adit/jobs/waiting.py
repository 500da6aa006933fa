"""Why a pending task waits, and until when: the conditions of a claim, read back as a sentence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby

from django.db.models import Q, Sum

from adit.jobs.claim import rooms_of
from adit.jobs.kind_settings import suspended_priorities
from adit.jobs.lanes import Lane, Obstacle, Reach, obstacle
from adit.jobs.models import Task, Worker
from adit.jobs.states import TaskStatus

_COUNTED = 10_000
"""Tasks that stand before one are counted up to here."""


def why_waiting(task: Task, *, now: datetime) -> str:
    """Why *task* waits; empty when it is not pending."""
    return reasons((task,), now=now).get(task.pk, "")


def reasons(tasks: Iterable[Task], *, now: datetime) -> dict[int, str]:
    """Task id → why it waits, for those of *tasks* that are pending."""
    pending = [task for task in tasks if task.status == TaskStatus.PENDING]
    if not pending:
        return {}
    said = {task.pk: sentence for task in pending if (sentence := _of_its_own(task, now))}
    said.update(_in_the_queue([task for task in pending if task.pk not in said], now))
    return said


def _of_its_own(task: Task, now: datetime) -> str:
    """What keeps the task out of the queue, whatever happens around it."""
    if task.held:
        return "waits until an administrator verifies the job"
    if task.not_before is not None and task.not_before > now:
        because = f"{task.waits_because}; " if task.waits_because else ""
        return f"{because}is tried again at {_clock(task.not_before, now)}"
    return ""


def _clock(when: datetime, now: datetime) -> str:
    when = when.astimezone(UTC)
    seconds = (when - now).total_seconds()
    shape = "%H:%M:%S UTC" if seconds < 120 else "%H:%M UTC" if when.date() == now.date() else "%d %b %H:%M UTC"
    return format(when, shape)


@dataclass(frozen=True, slots=True)
class _Crew:
    """The workers that could run a task.

    Attributes:
        which: In words.
        places, idle: Of all of them.
    """

    which: str
    places: int
    idle: int


def _crew(*, beside_receiver: bool) -> _Crew:
    workers, running = Worker.objects.alive(), Task.objects.in_progress()
    if beside_receiver:
        workers = workers.filter(receives=True)
        running = running.filter(worker__in=workers.values("name"))
    places = workers.aggregate(places=Sum("places"))["places"] or 0
    which = "the workers that have a receiver" if beside_receiver else "the workers"
    return _Crew(which, places, places - running.count())


def _in_the_queue(tasks: list[Task], now: datetime) -> Iterator[tuple[int, str]]:
    crews = {False: _crew(beside_receiver=False)}
    halts = suspended_priorities()
    rooms = rooms_of({node for task in tasks for node in (task.source_id, task.destination_id) if node})
    for lane, standing in groupby(sorted(tasks, key=_order), key=_lane):
        alike = list(standing)
        hindered = obstacle(lane, rooms, now, halts)
        beside_receiver = lane.reach(rooms) is Reach.BESIDE_RECEIVER
        if hindered and hindered.full is None:
            yield from ((task.pk, hindered.sentence) for task in alike)
        elif not crews[False].places:
            yield from ((task.pk, "no worker is running") for task in alike)
        else:
            if beside_receiver not in crews:
                crews[beside_receiver] = _crew(beside_receiver=beside_receiver)
            before = _before(alike[0], hindered)
            for place, task in enumerate(alike):
                yield task.pk, _queueing(hindered, before + place, crews[beside_receiver])


def _queueing(hindered: Obstacle | None, before: int, crew: _Crew) -> str:
    others = f", {before} before yours" if before else ""
    if hindered:
        return hindered.sentence + others
    if crew.idle <= 0:
        return f"all {crew.places} places of {crew.which} are taken{others}"
    return f"waits for a worker{others}" if before else "starts in a moment"


def _lane(task: Task) -> Lane:
    assert task.source_id is not None
    return Lane(task.priority, task.interactive, task.owner_id, task.source_id, task.destination_id or 0, 0, 0)


def _order(task: Task) -> tuple[int, bool, int, int, int, int]:
    return task.priority, task.interactive, task.owner_id, task.source_id or 0, task.destination_id or 0, task.pk


def _before(task: Task, hindered: Obstacle | None) -> int:
    """How many tasks go before, as far as one can say: among owners the queue is fair, which may change the order."""
    earlier = Task.objects.claimable().filter(Q(priority__gt=task.priority) | Q(priority=task.priority, pk__lt=task.pk))
    if hindered and hindered.full:
        earlier = earlier.filter(Q(source=hindered.full.node) | Q(destination=hindered.full.node))
    return earlier.order_by()[:_COUNTED].count()


def heard_of(job: int, *, now: datetime, lease: float, heartbeat: float) -> int:
    """How many running tasks *job* has of whose workers `why_silent` says nothing."""
    due = now + timedelta(seconds=lease - 2 * heartbeat)
    return Task.objects.in_progress().filter(job=job, lease_until__gt=due).count()


def why_silent(task: Task, *, now: datetime, lease: float, heartbeat: float) -> str:
    """That nobody has heard of the worker that runs *task*, when it should have given a sign of life; else empty.

    Args:
        lease, heartbeat: Seconds, as the workers have them.
    """
    if task.status != TaskStatus.IN_PROGRESS or task.lease_until is None:
        return ""
    silence = lease - (task.lease_until - now).total_seconds()
    if silence < 2 * heartbeat:
        return ""
    return (
        f"its worker has given no sign of life for {silence:.0f} s; "
        f"another goes on with it from {_clock(task.lease_until, now)} on"
    )
