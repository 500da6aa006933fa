"""Runs one claimed task: opens its nodes, moves what it holds, writes the ledger, settles.

No database connection is used while an endpoint is being waited for, and every write says
"where the claim is mine".
"""

from __future__ import annotations

import logging
import random
import re
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, ExitStack, closing
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Protocol, cast

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from adit.dicom.errors import Canceled, DicomError, Full, NeedsReceiver, NotFound, TimedOut, Unreachable
from adit.dicom.protocols import Cancellation, Sink, Source
from adit.dicom.refs import UID
from adit.endpoints.archive import Archive, unstage
from adit.jobs.blame import Blame
from adit.jobs.claim import Claimed
from adit.jobs.keys import treats_of
from adit.jobs.leases import Heartbeat, Running
from adit.jobs.lively import LeaseOnly, Lively
from adit.jobs.models import Entry, Job, Task
from adit.jobs.moved import record_moved
from adit.jobs.movement import HeardSource
from adit.jobs.options import Options
from adit.jobs.outcomes import Decision, Ended, Misplaced, NoRoom, Stop, Stopped, decide
from adit.jobs.patience import patiently
from adit.jobs.refusals import refusal_of
from adit.jobs.rows import Lost, Rows, states_of
from adit.jobs.sealing import archive_key, archive_of, job_manifest, needs_no_staging, password_of, staged_by
from adit.jobs.settling import settle_job
from adit.jobs.states import TASK_ENDED, TaskStatus
from adit.nodes import slots
from adit.nodes.contact import note_answered, note_silent
from adit.nodes.models import Node
from adit.nodes.opening import Form
from adit.transfer.events import Committed, Event, Failed
from adit.transfer.ledger import Ledger, Status, Verdict
from adit.transfer.plan import BadItem, Layout, SealArchive, TransferStudy
from adit.transfer.runners import transfer
from adit.transfer.treating import Treats

logger = logging.getLogger(__name__)


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
class _Stopwatch:
    """Seconds from its start until it is read, without the time in which the destination is asked."""

    clock: Callable[[], float] = time.monotonic
    _began: float = field(init=False)
    _asked_since: float | None = None
    _asking: float = 0

    def __post_init__(self) -> None:
        self._began = self.clock()

    def note(self, event: Event) -> None:
        if isinstance(event, Committed):
            self._asked_since = self.clock()

    def asked(self) -> None:
        """The destination has answered."""
        if self._asked_since is not None:
            self._asking += self.clock() - self._asked_since
            self._asked_since = None

    def read(self) -> float:
        return self.clock() - self._began - self._asking


def perform(claimed: Claimed, *, heartbeat: Heartbeat, conditions: Conditions) -> None:
    """Run the task that was just claimed to its end, and settle it.

    Raises nothing that concerns the task: whatever happens to it ends in its row, or, when the lease
    is lost, in that of whoever has it now.
    """
    running = heartbeat.watch(claimed)
    try:
        _Attempt(claimed, running, conditions).run()
    except (Lost, Canceled):
        logger.warning("Task %s, attempt %s: the lease was lost, somebody else goes on", claimed.task, claimed.attempt)
    finally:
        heartbeat.forget(running)


class _Attempt:
    """One run of one task. For one thread."""

    def __init__(self, claimed: Claimed, running: Running, conditions: Conditions) -> None:
        self._claimed = claimed
        self._running = running
        self._conditions = conditions
        self._stopwatch = _Stopwatch()
        self._blame = Blame()
        self._committed = False
        self._refused_for_good: set[str] = set()
        self._ledger = Ledger()
        self._silent: tuple[str, str] | None = None
        self._answered = False

    def run(self) -> None:
        cancel = self._running.cancel
        task = patiently(self._load, cancel=cancel)
        refusal = patiently(lambda: refusal_of(task), cancel=cancel)
        if refusal is not None:
            patiently(lambda: self._settle(refusal), cancel=LeaseOnly(self._running))
            return
        if task.work == SealArchive.work:
            self._run_sealing(task)
            return
        self._ledger = Ledger(patiently(lambda: states_of(task.pk), cancel=cancel))
        already = len(self._ledger.kept_instances)
        try:
            item = TransferStudy.from_json(task.item)
            treats = treats_of(task.job, item)
        except (BadItem, DicomError) as bad:
            told = self._blame.sentence(bad) if isinstance(bad, DicomError) else str(bad)
            patiently(lambda: self._settle(Decision(TaskStatus.FAILURE, told)), cancel=LeaseOnly(self._running))
            return
        rows = Rows(self._claimed, item, self._ledger, cancel=cancel, new_uid=treats.new_uid)
        end = self._end_of(task, lambda: self._transfer(task, item, rows, treats))
        if self._running.why is Stop.LOST:
            raise Lost
        self._stopwatch.asked()
        if isinstance(end, Ended):
            end = self._with_hope(end, helped=len(self._ledger.kept_instances) > already)
        decision = decide(
            end,
            self._ledger.verdict(),
            failures=task.failures,
            waits=self._conditions.waits,
            chance=random.random(),
        )
        while_leased = LeaseOnly(self._running)
        patiently(lambda: rows.write(final=decision.status in TASK_ENDED), cancel=while_leased)
        patiently(lambda: self._settle(decision), cancel=while_leased)
        logger.info(
            "Task %s, attempt %s: %s in %.2f s",
            self._claimed.task,
            self._claimed.attempt,
            decision.status,
            self._stopwatch.read(),
        )

    def _run_sealing(self, task: Task) -> None:
        assert task.destination is not None
        destination, job = task.destination, task.job
        verdict = Verdict(Status.FAILURE, "the archive was not sealed")
        archive: Archive | None = None

        def sealing() -> None:
            nonlocal verdict, archive
            archive = archive_of(job, destination, job_folder(job))
            manifest, least = patiently(lambda: (job_manifest(job), staged_by(job)), cancel=self._running.cancel)
            with self._blame.on(destination.name):
                count = self._conditions.opening.seal(
                    destination,
                    archive,
                    password=password_of(job),
                    manifest=manifest,
                    least=least,
                    cancel=Lively(self._running),
                )
            self._committed = True
            verdict = Verdict(Status.SUCCESS, f"{count} instances sealed in {archive.path.name}")

        end = self._end_of(task, sealing)
        if self._running.why is Stop.LOST:
            raise Lost
        chance = random.random()
        decision = decide(end, verdict, failures=task.failures, waits=self._conditions.waits, chance=chance)
        while_leased = LeaseOnly(self._running)
        patiently(lambda: self._settle(decision), cancel=while_leased)
        if archive is not None and patiently(lambda: needs_no_staging(job), cancel=while_leased):
            unstage(archive)

    def _load(self) -> Task:
        claimed = self._claimed
        mine = Task.objects.mine(claimed.worker, claimed.task, claimed.claim)
        task = mine.select_related("job__owner", "job__group", "job__project", "source", "destination").first()
        if task is None:
            raise Lost
        return task

    def _end_of(self, task: Task, work: Callable[[], None]) -> Ended | NoRoom | Misplaced | Stopped:
        try:
            work()
        except Canceled:
            why = self._running.why or Stop.SHUTDOWN
            where = f"between {task.source} and {task.destination}, {self._running.idle:.1f} s"
            return Stopped(why, f"{why} ({where}; can be mended by the administrators of the two)")
        except Full as full:
            return NoRoom(self._blame.sentence(full))
        except NeedsReceiver as needs:
            return Misplaced(self._blame.sentence(needs))
        except DicomError as error:
            if isinstance(error, NotFound):
                # Raised by the runner itself, from what the source did not answer.
                self._blame.blame(error, task.job.source_name)
            if isinstance(error, Unreachable | TimedOut):
                self._silent = self._blame.culprit(error), self._blame.sentence(error)
            return Ended(self._blame.sentence(error), transient=error.transient, committed=self._committed)
        except Lost:
            raise
        except Exception as error:
            logger.exception("Task %s, attempt %s broke off", self._claimed.task, self._claimed.attempt)
            what = f"ADIT stumbled over an error of its own ({type(error).__name__}); its log says more"
            return Ended(f"{what} (can be mended by the administrator of ADIT)", committed=self._committed)
        self._answered = True
        return Ended(committed=self._committed)

    def _transfer(self, task: Task, item: TransferStudy, rows: Rows, treats: Treats) -> None:
        assert task.source is not None
        assert task.destination is not None
        source, destination, claimed = task.source, task.destination, self._claimed
        cancel, opening = self._running.cancel, self._conditions.opening
        with ExitStack() as stack:
            with self._blame.on(source.name):
                opened = stack.enter_context(
                    opening.source(source, cancel=cancel, associations=claimed.source_associations)
                )

            def open_sink(layout: Layout | None) -> Sink:
                with self._blame.on(destination.name):
                    form = self._form(task.job, treats)
                    sink = opening.sink(
                        destination,
                        cancel=Lively(self._running) if form else cancel,
                        associations=claimed.destination_associations,
                        layout=layout,
                        form=form,
                    )
                    return self._blame.sink(stack.enter_context(sink), destination.name)

            events = transfer(
                item,
                source=self._blame.source(HeardSource(opened, self._running.moved), source.name),
                open_sink=open_sink,
                ledger=self._ledger,
                cancel=cancel,
                job_folder=job_folder(task.job),
                again=claimed.attempt > 1,
                treats=treats,
            )
            with closing(cast("Generator[Event]", events)):
                for event in events:
                    self._ledger.apply(event)
                    self._note(event)
                    rows.note(event)

    def _form(self, job: Job, treats: Treats) -> Form | None:
        """In what form the destination gets the study, where not as plain DICOM files."""

        def expects(series: UID) -> int | None:
            for tally in self._ledger.series.values():
                if treats.new_uid(tally.series) == series and tally.expected is not None:
                    return tally.expected - tally.excluded_count
            return None

        key, nifti = archive_key(job), Options.of(job).nifti
        return Form(key, expects if nifti else None) if key or nifti else None

    def _note(self, event: Event) -> None:
        self._running.moved()
        self._stopwatch.note(event)
        match event:
            case Committed():
                self._committed = True
            case Failed(ref, _, transient) if ref.instance:
                if transient:
                    self._refused_for_good.discard(ref.instance)
                else:
                    self._refused_for_good.add(ref.instance)

    def _with_hope(self, end: Ended, *, helped: bool) -> Ended:
        """Whether another attempt may bring what this one, which ended without an error, did not."""
        missing = sum(tally.failed for tally in self._ledger.series.values())
        refused = set().union(*(tally.refused for tally in self._ledger.series.values()))
        hopeless = refused & self._refused_for_good
        first = self._claimed.attempt == 1
        return Ended(end.error, end.transient, end.committed, hopeful=missing > len(hopeless) and (first or helped))

    @transaction.atomic
    def _settle(self, decision: Decision) -> None:
        job = Job.objects.select_for_update().filter(pk=self._claimed.job).first()
        if job is None:
            raise Lost
        settle_task(self._claimed, job, decision, seconds=self._stopwatch.read())
        self._note_contact()
        self._conditions.wake()

    def _note_contact(self) -> None:
        nodes = (self._claimed.source, self._claimed.destination)
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
    if decision.status is TaskStatus.SUCCESS:
        Entry.objects.filter(task=claimed.task).update(stored_instances=None, excluded_instances=None)
    if ended:
        record_moved(claimed.task)
    slots.free_all(holder=claimed.worker, task=claimed.key)
    settle_job(job)


def job_folder(job: Job) -> str:
    """The first part of the path below a folder node: `adit_<kind>_<job>_<date>_<owner>`."""
    owner = re.sub(r"[^A-Za-z0-9.-]+", "-", job.owner.get_username())
    return f"adit_{job.kind}_{job.pk}_{job.created_at:%Y%m%d}_{owner}"
