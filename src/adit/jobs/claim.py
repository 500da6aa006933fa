"""Which task runs next. The task table is the queue; a claim takes one task out of it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Container, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import BooleanField, ExpressionWrapper, Q, Sum
from django.db.models.expressions import Combinable
from django.db.models.functions import Now

from adit.jobs.lanes import Lane, Room, in_order, spare, startable
from adit.jobs.models import Job, Task, Worker
from adit.jobs.settling import settle_job
from adit.jobs.states import JobStatus, TaskStatus
from adit.nodes import slots
from adit.nodes.models import Node, Slot

_ONE_AT_A_TIME = 0x41444954
"""Key of the advisory lock under which claims follow one another."""

_DUE_AT_ONCE = 500
"""Delayed tasks that one claim lets in again at most, so that no claim takes long."""

# A loose index scan over `task_lane`: one probe per lane, however many tasks stand in it.
_LANES = """
WITH RECURSIVE lane AS (
  (SELECT priority, interactive, owner_id, source_id, destination_id FROM jobs_task
   WHERE status = 'pending' AND NOT held AND not_before IS NULL
   ORDER BY priority, interactive, owner_id, source_id, destination_id LIMIT 1)
  UNION ALL
  SELECT following.* FROM lane CROSS JOIN LATERAL (
    SELECT t.priority, t.interactive, t.owner_id, t.source_id, t.destination_id FROM jobs_task t
    WHERE t.status = 'pending' AND NOT t.held AND t.not_before IS NULL
      AND (t.priority, t.interactive, t.owner_id, t.source_id, t.destination_id)
        > (lane.priority, lane.interactive, lane.owner_id, lane.source_id, lane.destination_id)
    ORDER BY t.priority, t.interactive, t.owner_id, t.source_id, t.destination_id LIMIT 1) following
)
SELECT lane.*, first.id, (
  SELECT count(*) FROM (
    SELECT 1 FROM jobs_task t
    WHERE t.status = 'pending' AND NOT t.held AND t.not_before IS NULL
      AND t.priority = lane.priority AND t.interactive = lane.interactive AND t.owner_id = lane.owner_id
      AND t.source_id = lane.source_id AND t.destination_id = lane.destination_id
    LIMIT %s) counted)
FROM lane CROSS JOIN LATERAL (
  SELECT t.id FROM jobs_task t
  WHERE t.status = 'pending' AND NOT t.held AND t.not_before IS NULL
    AND t.priority = lane.priority AND t.interactive = lane.interactive AND t.owner_id = lane.owner_id
    AND t.source_id = lane.source_id AND t.destination_id = lane.destination_id
  ORDER BY t.id LIMIT 1) first
"""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A task that is ours for as long as its lease is renewed.

    Attributes:
        task, job: Ids.
        claim: Together with *worker* the fence of every write.
        attempt: Counted from 1 since the task was submitted or restarted.
        source, destination: Ids of nodes.
        source_associations, destination_associations: How many there may be at the same time;
            0 for a folder.
    """

    task: int
    job: int
    worker: str
    claim: int
    attempt: int
    source: int
    destination: int
    source_associations: int
    destination_associations: int

    @property
    def key(self) -> str:
        """Names this claim in `nodes.Slot.task`."""
        return f"{self.task}.{self.claim}"


class _TakenMeanwhile(Exception):
    """A search took the slot, or an action the task."""


@transaction.atomic
def claim(worker: str, *, lease: float, now: datetime) -> Claimed | None:
    """Take the next task that can start, with a slot at each server it needs: all of it, or nothing.

    Args:
        worker: Name of the process, as in `Worker.name`.
        lease: Seconds that the task and its slots stay ours without a sign of life.
        now: For the nodes' windows.

    Returns:
        The claim, or None when no task can start.
    """
    one_at_a_time()
    let_in()
    places = Worker.objects.alive().aggregate(places=Sum("places"))["places"] or 0
    running = running_by_owner()
    idle = max(0, places - running.total() - 1)
    lanes = open_lanes(most=idle + 1)
    nodes = Node.objects.in_bulk({node for lane in lanes for node in lane.needs})
    rooms = rooms_of(nodes.values())
    can_start = list(startable(lanes, rooms, now))
    for lane in in_order(can_start, running):
        more = {node for node in lane.needs if spare(node, lane, can_start, rooms, idle)}
        try:
            with transaction.atomic():
                return _take(lane, [nodes[node] for node in sorted(lane.needs)], more, worker, lease)
        except _TakenMeanwhile:
            continue
    return None


def one_at_a_time() -> None:
    """Wait until no other claim is being made, until the end of the transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_ONE_AT_A_TIME])


def let_in() -> None:
    """Let delayed tasks whose time has come stand in their lanes."""
    due = Task.objects.pending().filter(not_before__lte=Now()).order_by("not_before").values("pk")[:_DUE_AT_ONCE]
    Task.objects.filter(pk__in=due, status=TaskStatus.PENDING).update(not_before=None, waits_because="")


def running_by_owner() -> Counter[int]:
    """Owner → number of tasks in progress."""
    return Counter(Task.objects.in_progress().order_by().values_list("owner", flat=True))


def open_lanes(*, most: int) -> list[Lane]:
    """All lanes in which tasks stand that wait for nothing but room.

    Args:
        most: Count the tasks of a lane up to this only.
    """
    with connection.cursor() as cursor:
        cursor.execute(_LANES, [most])
        return [Lane(*row) for row in cursor.fetchall()]


def rooms_of(nodes: Iterable[Node]) -> dict[int, Room]:
    """What *nodes* have to offer now, by id."""
    by_id = {node.pk: node for node in nodes}
    is_free = ExpressionWrapper(Q(lease_until=None) | Q(lease_until__lt=Now()), output_field=BooleanField())
    given: defaultdict[int, list[tuple[int, bool]]] = defaultdict(list)
    for node, number, free in (
        Slot.objects.filter(node__in=by_id)
        .order_by()
        .annotate(is_free=is_free)
        .values_list("node", "number", "is_free")
    ):
        given[node].append((number, free))
    return {key: _room(node, given[key]) for key, node in by_id.items()}


def _room(node: Node, given: Iterable[tuple[int, bool]]) -> Room:
    free = {number for number, is_free in given if is_free and number <= node.max_associations}
    # Held above a maximum that was lowered: they count against what there is to give.
    surplus = sum(1 for number, is_free in given if not is_free and number > node.max_associations)
    kept = {1} if node.max_associations > 1 else set()
    return Room(
        name=node.name,
        enabled=node.enabled,
        suspended=node.suspended_reason if node.suspended_at else "",
        windows=node.weekly_windows,
        hold_all=node.windows_hold_all,
        most=node.max_associations if node.is_server else None,
        free=max(0, len(free) - surplus),
        free_for_batch=max(0, len(free - kept) - surplus),
    )


def _take(lane: Lane, nodes: Iterable[Node], more: Container[int], worker: str, lease: float) -> Claimed:
    until = Now() + timedelta(seconds=lease)
    # The job first, then the task: the order in which actions and settling lock them.
    job = Job.objects.select_for_update().filter(tasks=lane.oldest).first()
    task = Task.objects.claimable().select_for_update().filter(pk=lane.oldest).first()
    if job is None or task is None:
        raise _TakenMeanwhile
    claim, attempt = task.claim + 1, task.attempts + 1
    taken = {
        node.pk: _slots(node, lane, node.pk in more, holder=worker, task=f"{task.pk}.{claim}", until=until)
        for node in nodes
    }
    Task.objects.filter(pk=task.pk).update(
        status=TaskStatus.IN_PROGRESS,
        worker=worker,
        claim=claim,
        attempts=attempt,
        lease_until=until,
        started_at=Now(),
        seconds=None,
        message="",
    )
    if job.status != JobStatus.IN_PROGRESS:
        settle_job(job)
    to_itself = lane.source == lane.destination and taken[lane.source] > 0
    return Claimed(
        task=task.pk,
        job=job.pk,
        worker=worker,
        claim=claim,
        attempt=attempt,
        source=lane.source,
        destination=lane.destination,
        source_associations=taken[lane.source] - to_itself,
        destination_associations=1 if to_itself else taken[lane.destination],
    )


def _slots(node: Node, lane: Lane, more: bool, *, holder: str, task: str, until: Combinable) -> int:
    """Take what *lane* needs of *node*, one more if possible where *more* says so. Returns how many."""
    if node.is_folder:
        return 0
    needed = lane.needs[node.pk]
    for count in (needed + 1, needed) if more else (needed,):
        if slots.take(node, count, holder=holder, task=task, until=until, interactive=lane.interactive):
            return count
    raise _TakenMeanwhile
