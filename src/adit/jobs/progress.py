"""How far jobs have come: counted from tasks and ledger, and how fast they go on."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Collection
from dataclasses import dataclass

from django.db.models import Count, F, Q, Sum
from django.db.models.functions import Coalesce

from adit.jobs.models import Entry, Task
from adit.jobs.states import TASK_ENDED, TaskStatus

SECONDS = 20.0
"""Over so long the pace is measured."""


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over ledgers. Numbers are of instances, *size* of bytes.

    Attributes:
        series: How many there are.
        uncounted: Series of which the source cannot say how many instances they have.
        unasked: Series that were stored where nobody can be asked for them.
    """

    series: int = 0
    uncounted: int = 0
    unasked: int = 0
    expected: int = 0
    received: int = 0
    stored: int = 0
    confirmed: int = 0
    excluded: int = 0
    failed: int = 0
    size: int = 0


def totals(**which: object) -> Totals:
    """The sums over the entries that match *which*, e.g. `task__job=1`."""
    sums = {
        name: Coalesce(Sum(name), 0)
        for name in ("expected", "received", "stored", "confirmed", "excluded", "failed", "size")
    }
    found = Entry.objects.filter(**which).aggregate(
        series=Count("pk"),
        uncounted=Count("pk", filter=Q(expected=None)),
        unasked=Count("pk", filter=Q(confirmed=None, stored__gt=0)),
        **sums,
    )
    return Totals(**found)


def counts(jobs: Collection[int]) -> dict[int, Counter[str]]:
    """Job → its tasks by status; every one of *jobs* is there."""
    found: dict[int, Counter[str]] = {job: Counter() for job in jobs}
    rows = Task.objects.filter(job__in=jobs).order_by().values_list("job", "status").annotate(count=Count("*"))
    for job, status, count in rows:
        found[job][status] = count
    return found


def ended(by_status: Counter[str]) -> int:
    """How many of the tasks have ended."""
    return sum(by_status[status] for status in TASK_ENDED)


def running_shares(jobs: Collection[int]) -> dict[int, float]:
    """Job → how much of its running tasks is done, in tasks: two that are half done make one."""
    shares: defaultdict[int, float] = defaultdict(float)
    rows = (
        Entry.objects.filter(task__job__in=jobs, task__status=TaskStatus.IN_PROGRESS)
        .order_by()
        .values_list("task__job", "task")
        .annotate(done=Sum(F("stored") + F("excluded")), whole=Sum("expected"))
    )
    for job, _, done, whole in rows:
        if whole:
            shares[job] += min(1.0, done / whole)
    return shares


class Pace:
    """How fast something goes on, from what was seen in the last seconds. For one thread at a time."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int, float]] = deque()

    def note(self, at: float, size: int, done: float) -> None:
        """Take down what is there at the time *at*.

        Args:
            size: Bytes stored so far.
            done: Share of all work that is done, from 0 to 1.
        """
        if self._seen and (size < self._seen[-1][1] or done < self._seen[-1][2]):
            # It was started anew.
            self._seen.clear()
        self._seen.append((at, size, done))
        while len(self._seen) > 2 and at - self._seen[1][0] >= SECONDS:
            self._seen.popleft()

    @property
    def bytes_per_second(self) -> float | None:
        """None before two looks."""
        (first, before, _), (last, now, _) = self._ends()
        return (now - before) / (last - first) if last > first else None

    @property
    def seconds_left(self) -> float | None:
        """Until all is done, if it goes on so; None while nothing moves."""
        (first, _, before), (last, _, now) = self._ends()
        if last <= first or now <= before:
            return None
        return (1 - now) * (last - first) / (now - before)

    def _ends(self) -> tuple[tuple[float, int, float], tuple[float, int, float]]:
        return (self._seen[0], self._seen[-1]) if self._seen else ((0.0, 0, 0.0), (0.0, 0, 0.0))
