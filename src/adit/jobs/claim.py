"""Which task runs next. The task table is the queue; a claim takes one task out of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.postgres.aggregates import ArrayAgg
from django.db import connection, transaction
from django.db.models import Count, F, Q
from django.db.models.functions import Now

from adit.jobs import signals
from adit.jobs.kind_settings import halts_of
from adit.jobs.lanes import Lane, Reach, Room, in_order, spare, startable, within_reach
from adit.jobs.models import Job, Task, Worker
from adit.jobs.settling import settle_job
from adit.jobs.states import JobStatus, TaskStatus
from adit.nodes.models import Node
from adit.nodes.moving import NEEDS_RECEIVER
from adit.nodes.slots import ensure_slots

_ONE_AT_A_TIME = 0x41444954
"""Key of the advisory lock under which claims follow one another."""

_TRIES = 5
"""Claims may cross with a search or an action; then the situation is looked at anew."""

_DUE_AT_ONCE = 500
"""Delayed tasks that one claim lets in again at most, so that no claim takes long."""

# A loose index scan over `task_lane`: one probe per lane, however many tasks stand in it. Rows are
# compared, not columns, and sorted as the index is: the planner has no better idea then.
_LANES = """
WITH RECURSIVE lane AS (
  (SELECT priority, interactive, owner_id, source_id, coalesce(destination_id, 0) AS destination_id, id FROM jobs_task
   WHERE status = 'pending' AND NOT held AND not_before IS NULL
   ORDER BY priority, interactive, owner_id, source_id, coalesce(destination_id, 0), id LIMIT 1)
  UNION ALL
  SELECT following.* FROM lane CROSS JOIN LATERAL (
    SELECT t.priority, t.interactive, t.owner_id, t.source_id, coalesce(t.destination_id, 0), t.id FROM jobs_task t
    WHERE t.status = 'pending' AND NOT t.held AND t.not_before IS NULL
      AND (t.priority, t.interactive, t.owner_id, t.source_id, coalesce(t.destination_id, 0))
        > (lane.priority, lane.interactive, lane.owner_id, lane.source_id, lane.destination_id)
    ORDER BY t.priority, t.interactive, t.owner_id, t.source_id, coalesce(t.destination_id, 0), t.id
    LIMIT 1) following
)
SELECT lane.*, (
  SELECT count(*) FROM (
    SELECT t.id FROM jobs_task t
    WHERE t.status = 'pending' AND NOT t.held AND t.not_before IS NULL
      AND (t.priority, t.interactive, t.owner_id, t.source_id, coalesce(t.destination_id, 0), t.id)
        >= (lane.priority, lane.interactive, lane.owner_id, lane.source_id, lane.destination_id, lane.id)
      AND (t.priority, t.interactive, t.owner_id, t.source_id, coalesce(t.destination_id, 0))
        <= (lane.priority, lane.interactive, lane.owner_id, lane.source_id, lane.destination_id)
    ORDER BY t.priority, t.interactive, t.owner_id, t.source_id, coalesce(t.destination_id, 0), t.id
    LIMIT %s) standing)
FROM lane
"""


_SITUATION = """
SELECT
  coalesce((SELECT sum(places) FROM jobs_worker WHERE alive_until > now()), 0)::int,
  ARRAY(SELECT owner_id FROM jobs_task WHERE status = 'in progress'),
  EXISTS (SELECT 1 FROM jobs_task WHERE status = 'pending' AND not_before <= now()),
  ARRAY(SELECT kind || ' ' || suspended_reason FROM jobs_kindsetting WHERE suspended_reason <> '')
"""

_TAKE_TASK = f"""
UPDATE jobs_task SET
  status = 'in progress', worker = %s, claim = claim + 1, attempts = attempts + 1,
  lease_until = statement_timestamp() + make_interval(secs => %s), started_at = statement_timestamp(),
  seconds = NULL, message = ''
WHERE id = %s AND status = 'pending' AND NOT held AND not_before IS NULL
RETURNING claim, attempts, CASE WHEN %s::boolean THEN {signals.STATEMENT}::text END
"""

# As `nodes.slots.take` does it, in one round trip: free ones, the kept one last. A slot that a search
# is about to take is waited for, and then left to it.
_TAKE_SLOTS = """
UPDATE nodes_slot SET holder = %s, task = %s, lease_until = statement_timestamp() + make_interval(secs => %s)
WHERE id IN (
  SELECT s.id FROM nodes_slot s JOIN nodes_node n ON n.id = s.node_id
  WHERE s.node_id = %s AND s.number <= n.max_associations
    AND (%s OR s.number > 1 OR n.max_associations = 1)
    AND (s.lease_until IS NULL OR s.lease_until < statement_timestamp())
  ORDER BY s.number DESC LIMIT %s)
AND (lease_until IS NULL OR lease_until < statement_timestamp())
"""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A task that is ours for as long as its lease is renewed.

    Attributes:
        task, job: Ids.
        claim: Together with *worker* the fence of every write.
        attempt: Counted from 1 since the task was submitted or restarted.
        source, destination: Ids of nodes; destination 0 for a task that sends nothing.
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


def claim(worker: str, *, lease: float, now: datetime, receives: bool = False) -> Claimed | None:
    """Take the next task that can start here, with a slot at each server it needs: all of it, or nothing.

    Args:
        worker: Name of the process, as in `Worker.name`.
        lease: Seconds that the task and its slots stay ours without a sign of life.
        now: For the nodes' windows.
        receives: A receiver runs on this machine; without one, what needs it is left to others.

    Returns:
        The claim, or None when no task can start here.
    """
    for _ in range(_TRIES):
        try:
            return _claim(worker, lease, now, receives)
        except _TakenMeanwhile:
            continue
    return None


@transaction.atomic
def _claim(worker: str, lease: float, now: datetime, receives: bool) -> Claimed | None:
    _one_at_a_time()
    places, running, due, halts = _situation()
    if due:
        _let_in()
    idle = _idle(places, running)
    lanes = open_lanes(most=idle + 1)
    rooms = rooms_of({node for lane in lanes for node in lane.needs})
    can_start = list(startable(lanes, rooms, now, halts))
    for lane in in_order(within_reach(can_start, rooms, receives=receives), running):
        wanted = lane.needs + Counter(node for node in lane.needs if spare(node, lane, can_start, rooms, idle))
        servers = {node: count for node, count in wanted.items() if rooms[node].most is not None}
        if wanted != lane.needs and _idle(*_situation()[:2]) > idle:
            # A task ended while we looked: its association seems to be spare only because its place was not idle yet.
            raise _TakenMeanwhile
        return _take(lane, servers, worker, lease)
    return None


def _idle(places: int, running: Counter[int]) -> int:
    """Places that are free once one more task has started."""
    return max(0, places - running.total() - 1)


def _one_at_a_time() -> None:
    """Wait until no other claim is being made, until the end of the transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_ONE_AT_A_TIME])


def _situation() -> tuple[int, Counter[int], bool, dict[int, str]]:
    """Places of all workers, owner → tasks in progress, whether delayed tasks are due, and which priorities wait."""
    with connection.cursor() as cursor:
        cursor.execute(_SITUATION)
        places, owners, due, suspended = cursor.fetchone()
    return places, Counter(owners), due, halts_of(each.split(" ", 1) for each in suspended)


def _let_in() -> None:
    """Let delayed tasks whose time has come stand in their lanes."""
    due = Task.objects.pending().filter(not_before__lte=Now()).order_by("not_before").values("pk")[:_DUE_AT_ONCE]
    Task.objects.filter(pk__in=due, status=TaskStatus.PENDING).update(not_before=None, waits_because="")


def open_lanes(*, most: int) -> list[Lane]:
    """All lanes in which tasks stand that wait for nothing but room.

    Args:
        most: Count the tasks of a lane up to this only.
    """
    with connection.cursor() as cursor:
        cursor.execute(_LANES, [most])
        return [Lane(*row) for row in cursor.fetchall()]


def rooms_of(nodes: Collection[int]) -> dict[int, Room]:
    """What *nodes*, given by id, have to offer now."""
    free = Q(slots__lease_until=None) | Q(slots__lease_until__lt=Now())
    within = Q(slots__number__lte=F("max_associations"))
    known = Node.objects.filter(pk__in=nodes).order_by()
    known = known.annotate(
        sends=NEEDS_RECEIVER,
        slot_count=Count("slots", filter=within),
        free=ArrayAgg("slots__number", filter=free & within, default=[]),
        # Held above a maximum that was lowered: they count against what there is to give.
        surplus=Count("slots", filter=~free & ~within),
    )
    found: list[Any] = list(known)
    lacking = [node for node in found if node.is_server and node.slot_count < node.max_associations]
    if lacking:
        # Changed past its save(), by an update of many.
        for node in lacking:
            ensure_slots(node)
        return rooms_of(nodes)
    # Without any worker there is no use in looking for one with a receiver.
    received = not any(node.sends for node in found) or _somebody_receives() or not Worker.objects.alive().exists()
    return {node.pk: _room(node, frozenset(node.free), node.surplus, _reach(node.sends, received)) for node in found}


def _somebody_receives() -> bool:
    return Worker.objects.alive().filter(receives=True).exists()


def _reach(sends: bool | None, received: bool) -> Reach:
    if not sends:
        return Reach.ANY
    return Reach.BESIDE_RECEIVER if received else Reach.NONE


def _room(node: Node, free: frozenset[int], surplus: int, reach: Reach) -> Room:
    kept = {1} if node.max_associations > 1 else set()
    return Room(
        node=node.pk,
        name=node.name,
        enabled=node.enabled,
        suspended=node.suspended_reason if node.suspended_at else "",
        windows=node.weekly_windows,
        hold_all=node.windows_hold_all,
        most=node.max_associations if node.is_server else None,
        free=max(0, len(free) - surplus),
        free_for_batch=max(0, len(free - kept) - surplus),
        reach=reach,
    )


def _take(lane: Lane, servers: Mapping[int, int], worker: str, lease: float) -> Claimed:
    """Take the first task of *lane*, with as many slots of each server as *servers* says."""
    # The job first, then the task: the order in which actions and settling lock them.
    job = Job.objects.select_for_update(of=("self",)).filter(tasks=lane.oldest).first()
    if job is None:
        raise _TakenMeanwhile
    with connection.cursor() as cursor:
        due = signals.due(job.pk)
        cursor.execute(_TAKE_TASK, [worker, lease, lane.oldest, due, job.pk])
        taken = cursor.fetchone()
        if taken is None:
            raise _TakenMeanwhile
        claim, attempt, _ = taken
        for node in sorted(servers):
            values = (worker, f"{lane.oldest}.{claim}", lease, node, lane.interactive, servers[node])
            cursor.execute(_TAKE_SLOTS, values)
            if cursor.rowcount < servers[node]:
                raise _TakenMeanwhile
    if job.status != JobStatus.IN_PROGRESS:
        settle_job(job)
    elif due:
        transaction.on_commit(lambda: signals.told(job.pk))
    to_itself = lane.source == lane.destination and lane.source in servers
    return Claimed(
        task=lane.oldest,
        job=job.pk,
        worker=worker,
        claim=claim,
        attempt=attempt,
        source=lane.source,
        destination=lane.destination,
        source_associations=servers.get(lane.source, 0) - to_itself,
        destination_associations=1 if to_itself else servers.get(lane.destination, 0),
    )
