"""Moves one study, and writes the ledger."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack, closing
from typing import cast

from adit.dicom.errors import DicomError
from adit.dicom.protocols import Sink
from adit.dicom.refs import UID
from adit.jobs.attempt import Attempt
from adit.jobs.cutwords import keep
from adit.jobs.keys import treats_of
from adit.jobs.lively import LeaseOnly, Lively
from adit.jobs.models import Job, Task
from adit.jobs.movement import HeardSource
from adit.jobs.naming import job_folder
from adit.jobs.options import Options
from adit.jobs.outcomes import Decision, Ended, Stop, Stopped
from adit.jobs.patience import patiently
from adit.jobs.rows import Rows, states_of
from adit.jobs.sealing import archive_key
from adit.jobs.sent_before import may_still_hold, sent_otherwise
from adit.jobs.states import TASK_ENDED, TaskStatus
from adit.nodes.opening import Form
from adit.transfer.events import Committed, Doubted, Event, Failed
from adit.transfer.items import BadItem, Layout, TransferStudy
from adit.transfer.ledger import Ledger
from adit.transfer.runners import transfer
from adit.transfer.treating import Treats


def run(attempt: Attempt, task: Task) -> None:
    """Run the task, and settle it."""
    try:
        item = TransferStudy.from_json(task.item)
        treats = treats_of(task.job, item)
    except (BadItem, DicomError) as bad:
        told = attempt.blame.sentence(bad) if isinstance(bad, DicomError) else str(bad)
        attempt.settle(Decision(TaskStatus.FAILURE, told))
        return
    _Transferring(attempt, task, item, treats).run()


class _Transferring:
    """One attempt to move one study. For one thread."""

    def __init__(self, attempt: Attempt, task: Task, item: TransferStudy, treats: Treats) -> None:
        self._attempt = attempt
        self._task = task
        self._item = item
        self._treats = treats
        cancel = attempt.running.cancel
        self._ledger = Ledger(patiently(lambda: states_of(task.pk), cancel=cancel))
        self._rows = Rows(attempt.claimed, item, self._ledger, cancel=cancel, new_uid=treats.new_uid)
        self._refused_for_good: set[str] = set()

    def run(self) -> None:
        attempt, task = self._attempt, self._task
        already = len(self._ledger.kept_instances)
        end = attempt.end_of(task, self._transfer)
        attempt.stopwatch.asked()
        if isinstance(end, Ended):
            end = self._with_hope(end, helped=len(self._ledger.kept_instances) > already)
        canceled = isinstance(end, Stopped) and end.why is Stop.USER
        decision = attempt.decide(end, self._ledger.verdict(canceled=canceled), failures=task.failures)
        final = decision.status in TASK_ENDED
        while_leased = LeaseOnly(attempt.running)
        patiently(lambda: self._rows.write(final=final, canceled=canceled), cancel=while_leased)
        attempt.settle(decision, along=lambda job: keep(job, self._treats.cut()))

    def _transfer(self) -> None:
        attempt, task, treats = self._attempt, self._task, self._treats
        assert task.source is not None
        assert task.destination is not None
        source, destination, claimed = task.source, task.destination, attempt.claimed
        cancel, opening = attempt.running.cancel, attempt.conditions.opening
        with ExitStack() as stack:
            with attempt.blame.on(source.name):
                opened = stack.enter_context(
                    opening.source(source, cancel=cancel, associations=claimed.source_associations)
                )

            def open_sink(layout: Layout | None) -> Sink:
                with attempt.blame.on(destination.name):
                    form = self._form(task.job)
                    sink = opening.sink(
                        destination,
                        cancel=Lively(attempt.running) if form else cancel,
                        associations=claimed.destination_associations,
                        layout=layout,
                        form=form,
                    )
                    opened = attempt.blame.sink(stack.enter_context(sink), destination.name)
                self._doubt(opened)
                return opened

            events = transfer(
                self._item,
                source=attempt.blame.source(HeardSource(opened, attempt.running.moved), source.name),
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
                    self._rows.note(event)

    def _doubt(self, sink: Sink) -> None:
        """Say so, before anything leaves, where the destination may keep what another job sent it of the study."""
        task, new_study = self._task, self._treats.new_uid(self._item.study)
        cancel = self._attempt.running.cancel
        before = patiently(lambda: sent_otherwise(task, new_study, self._item.series), cancel=cancel)
        if not before:
            return
        left_before = any(tally.stored for tally in self._ledger.series.values())
        # What it holds by now may be what an earlier attempt sent, which had looked.
        if (left_before and before not in task.notes) or not may_still_hold(sink, new_study):
            patiently(lambda: self._rows.take_back(before), cancel=cancel)
        else:
            self._ledger.apply(Doubted(before))

    def _form(self, job: Job) -> Form | None:
        """In what form the destination gets the study, where not as plain DICOM files."""

        def expects(series: UID) -> int | None:
            for tally in self._ledger.series.values():
                if self._treats.new_uid(tally.series) == series and tally.expected is not None:
                    return tally.expected - tally.excluded_count
            return None

        key, nifti = archive_key(job), Options.of(job).nifti
        return Form(key, expects if nifti else None) if key or nifti else None

    def _note(self, event: Event) -> None:
        self._attempt.running.moved()
        match event:
            case Committed():
                self._attempt.committed = True
                self._attempt.stopwatch.asking()
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
        first = self._attempt.claimed.attempt == 1
        return Ended(end.error, end.transient, end.committed, hopeful=missing > len(hopeless) and (first or helped))
