"""One run of one claimed task, whatever it holds: how it ends, and how that is written down.

No database connection is used while an endpoint is being waited for, and every write says
"where the claim is mine".
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Protocol

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from adit.dicom.errors import Canceled, DicomError, Full, NeedsReceiver, NotFound, TimedOut, Unreachable
from adit.dicom.protocols import Cancellation, Sink, Source
from adit.endpoints.archive import Archive
from adit.endpoints.ways import REMEMBERED
from adit.jobs.blame import Blame
from adit.jobs.claim import Claimed
from adit.jobs.leases import Running
from adit.jobs.lines import give_up
from adit.jobs.lively import LeaseOnly
from adit.jobs.models import Entry, Job, Task
from adit.jobs.moved import record_moved
from adit.jobs.outcomes import Decision, Ended, Misplaced, NoRoom, Stop, Stopped, decide
from adit.jobs.patience import patiently
from adit.jobs.rows import Lost
from adit.jobs.settling import settle_job
from adit.jobs.states import TASK_ENDED, TaskStatus
from adit.jobs.unsent import note_unsent
from adit.nodes import slots
from adit.nodes.contact import note_answered, note_silent
from adit.nodes.models import Node
from adit.nodes.moving import note_needs_receiver
from adit.nodes.opening import Form
from adit.transfer.items import Layout
from adit.transfer.ledger import Verdict

logger = logging.getLogger(__name__)

End = Ended | NoRoom | Misplaced | Stopped
"""How an attempt ended."""


class Opens(Protocol):
    """Turns nodes into endpoints, as `adit.nodes.opening.Opening` does."""

    def source(self, node: Node, *, cancel: Cancellation, associations: int) -> AbstractContextManager[Source]:
        """Open *node* to find and retrieve; leaving the block closes it."""

    def sink(
        self,
        node: Node,
        *,
        cancel: Cancellation,
        associations: int,
        layout: Layout | None,
        form: Form | None = None,
    ) -> AbstractContextManager[Sink]:
        """Open *node* to store in; leaving the block lets go of it, the sink's own block commits."""

    def seal(
        self,
        node: Node,
        archive: Archive,
        *,
        password: str,
        manifest: dict[str, Any],
        least: int,
        cancel: Cancellation,
    ) -> int:
        """Seal *archive* in *node*. Returns the number of instances."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a worker process needs to know beyond its tasks.

    Attributes:
        opening: Turns nodes into endpoints.
        waits: Seconds before the second, third ... attempt of a task.
        wake: Lets idle workers know that something may have become claimable; called in the
            transaction that settles a task.
    """

    opening: Opens
    waits: Sequence[float]
    wake: Callable[[], object]


@dataclass(slots=True)
class Stopwatch:
    """Seconds from its start until it is read, without the time in which the destination is asked."""

    clock: Callable[[], float] = time.monotonic
    _began: float = field(init=False)
    _asked_since: float | None = None
    _asking: float = 0

    def __post_init__(self) -> None:
        self._began = self.clock()

    def asking(self) -> None:
        """The destination is being asked."""
        self._asked_since = self.clock()

    def asked(self) -> None:
        """The destination has answered."""
        if self._asked_since is not None:
            self._asking += self.clock() - self._asked_since
            self._asked_since = None

    def read(self) -> float:
        return self.clock() - self._began - self._asking


class Attempt:
    """One run of one task. For one thread.

    Attributes:
        running: Tells what stops it.
        conditions: Of the process that it runs in.
        stopwatch: Started when the task was claimed.
        blame: Knows on which node an error happened.
        committed: The destination holds durably what was stored; set by the work.
    """

    def __init__(self, claimed: Claimed, running: Running, conditions: Conditions) -> None:
        self.claimed = claimed
        self.running = running
        self.conditions = conditions
        self.stopwatch = Stopwatch()
        self.blame = Blame()
        self.committed = False
        self._silent: tuple[str, str] | None = None
        self._answered = False
        self._misplaced = False

    def load(self) -> Task:
        """The task with its job and nodes.

        Raises:
            Lost: The claim does not hold any more.
        """
        claimed = self.claimed
        mine = Task.objects.mine(claimed.worker, claimed.task, claimed.claim)
        task = mine.select_related("job__owner", "job__group", "job__project", "source", "destination").first()
        if task is None:
            raise Lost
        return task

    def end_of(self, task: Task, work: Callable[[], None]) -> End:
        """Do *work*, and tell how it ended.

        Raises:
            Lost: Somebody else has the task.
        """
        try:
            work()
        except Canceled:
            why = self.running.why or Stop.SHUTDOWN
            nodes = f"between {task.source} and {task.destination}" if task.destination else f"at {task.source}"
            where = f"{nodes}, {self.running.idle:.1f} s"
            return Stopped(why, f"{why} ({where}; can be mended by the administrators of the two)")
        except Full as full:
            return NoRoom(self.blame.sentence(full))
        except NeedsReceiver as needs:
            self._misplaced = True
            return Misplaced(self.blame.sentence(needs))
        except DicomError as error:
            if isinstance(error, NotFound):
                # Raised by the runner itself, from what the source did not answer.
                self.blame.blame(error, task.job.source_name)
            if isinstance(error, Unreachable | TimedOut):
                self._silent = self.blame.culprit(error), self.blame.sentence(error)
            return Ended(self.blame.sentence(error), transient=error.transient, committed=self.committed)
        except Lost:
            raise
        except Exception as error:
            logger.exception("Task %s, attempt %s broke off", self.claimed.task, self.claimed.attempt)
            what = f"ADIT stumbled over an error of its own ({type(error).__name__}); its log says more"
            return Ended(f"{what} (can be mended by the administrator of ADIT)", committed=self.committed)
        self._answered = True
        return Ended(committed=self.committed)

    def decide(self, end: End, verdict: Verdict, *, failures: int) -> Decision:
        """What becomes of the task.

        Raises:
            Lost: Somebody else has it.
        """
        if self.running.why is Stop.LOST:
            raise Lost
        return decide(end, verdict, failures=failures, waits=self.conditions.waits, chance=random.random())

    def settle(self, decision: Decision, *, along: Callable[[Job], object] = lambda _: None) -> None:
        """Write *decision* down, however long the database is away.

        Args:
            along: Writes what belongs to it, in the same transaction and behind the same fence; gets the job, locked.

        Raises:
            Lost: Somebody else has the task.
        """
        patiently(lambda: self._settle(decision, along), cancel=LeaseOnly(self.running))
        logger.info(
            "Task %s, attempt %s: %s in %.2f s",
            self.claimed.task,
            self.claimed.attempt,
            decision.status,
            self.stopwatch.read(),
        )

    @transaction.atomic
    def _settle(self, decision: Decision, along: Callable[[Job], object]) -> None:
        job = Job.objects.select_for_update().filter(pk=self.claimed.job).first()
        if job is None:
            raise Lost
        along(job)
        settle_task(self.claimed, job, decision, seconds=self.stopwatch.read())
        self._note_contact()
        self.conditions.wake()

    def _note_contact(self) -> None:
        nodes = (self.claimed.source, self.claimed.destination)
        if self._misplaced:
            note_needs_receiver(self.claimed.source, lasting=REMEMBERED)
        if self._answered:
            note_answered(nodes)
        elif self._silent is not None:
            name, sentence = self._silent
            for node in Node.objects.filter(pk__in=nodes, name=name):
                note_silent(node.pk, sentence)


def settle_task(claimed: Claimed, job: Job, decision: Decision, *, seconds: float) -> None:
    """Write *decision* into the claimed task, free its slots and settle its job, whose row is locked.

    Raises:
        Lost: The claim does not hold any more; nothing was written.
    """
    if decision.status is TaskStatus.PENDING and job.cancel_requested_at is not None:
        decision = Decision(TaskStatus.CANCELED, "canceled")
    ended = decision.status in TASK_ENDED
    settled = Task.objects.mine(claimed.worker, claimed.task, claimed.claim).update(
        status=decision.status,
        message=decision.message,
        waits_because=decision.because,
        not_before=Now() + timedelta(seconds=decision.wait) if decision.wait and not ended else None,
        failures=F("failures") + int(decision.counts),
        worker="",
        lease_until=None,
        stop_requested_at=None,
        ended_at=Now() if ended else None,
        seconds=seconds,
    )
    if not settled:
        raise Lost
    if decision.status is TaskStatus.CANCELED:
        note_unsent(job.pk)
    if decision.status is TaskStatus.SUCCESS:
        Entry.objects.filter(task=claimed.task).update(stored_instances=None, excluded_instances=None)
    if ended:
        record_moved(claimed.task)
        if decision.status is not TaskStatus.CANCELED:
            give_up(claimed.task, decision.message)
    slots.free_all(holder=claimed.worker, task=claimed.key)
    settle_job(job)
