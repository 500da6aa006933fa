"""Searches one partition of a mass transfer; what it finds becomes tasks of the same job."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from typing import cast

from adit.accounts.verdict import Verdict as Answer
from adit.jobs.attempt import Attempt
from adit.jobs.discovering import Named, add_found, named
from adit.jobs.models import Job, Task
from adit.jobs.movement import HeardSource
from adit.jobs.options import Options
from adit.jobs.outcomes import Decision, Ended
from adit.jobs.patience import patiently
from adit.jobs.permissions import may_send
from adit.jobs.rows import Lost
from adit.jobs.states import TaskStatus
from adit.nodes.models import Node
from adit.nodes.permissions import may_use
from adit.transfer.events import Event, Planned, Swept
from adit.transfer.items import BadItem, SweepWindow, TransferStudy
from adit.transfer.ledger import Status, Verdict
from adit.transfer.mass.sweeping import sweep


def run(attempt: Attempt, task: Task) -> None:
    """Run the task, and settle it."""
    try:
        item = SweepWindow.from_json(task.item)
    except BadItem as bad:
        attempt.settle(Decision(TaskStatus.FAILURE, str(bad)))
        return
    destination = patiently(lambda: _destination(task.job), cancel=attempt.running.cancel)
    if isinstance(destination, str):
        attempt.settle(Decision(TaskStatus.FAILURE, destination))
        return
    _Sweeping(attempt, task, item, destination).run()


def _destination(job: Job) -> Node | str:
    """Where *job* sends what is found; or why it may not, asked as when it was submitted."""
    destination = Node.objects.filter(name=job.destination_name).first()
    if destination is None:
        return f"the destination {job.destination_name} does not exist any more"
    answers: list[Answer] = [
        may_use(destination, user=job.owner, group=job.group, as_destination=True),
        may_send(
            Options.of(job).treating, user=job.owner, group=job.group, project=job.project, destination=destination
        ),
    ]
    return next((f"access withdrawn: {answer.reason}" for answer in answers if not answer), destination)


class _Sweeping:
    """One attempt to search one partition. For one thread."""

    def __init__(self, attempt: Attempt, task: Task, item: SweepWindow, destination: Node) -> None:
        self._attempt = attempt
        self._task = task
        self._item = item
        self._destination = destination
        self._found: list[TransferStudy] = []
        self._named = Named((), {})
        self._swept: Swept | None = None

    def run(self) -> None:
        attempt, task = self._attempt, self._task
        end = attempt.end_of(task, self._sweep)
        if isinstance(end, Ended):
            # Another attempt asks the same: only an error that may pass gives hope.
            end = Ended(end.error, end.transient, end.committed, hopeful=False)
        decision = attempt.decide(end, self._verdict(), failures=task.failures)
        attempt.settle(decision, along=self._write)

    def _sweep(self) -> None:
        attempt, source = self._attempt, self._task.source
        assert source is not None
        moved = attempt.running.moved
        with attempt.blame.on(source.name):
            opening = attempt.conditions.opening.source(
                source, cancel=attempt.running.cancel, associations=attempt.claimed.source_associations
            )
            with opening as opened:
                heard = attempt.blame.source(HeardSource(opened, moved), source.name)
                events = sweep(self._item, source=heard, most=source.result_limit)
                with closing(cast("Generator[Event]", events)):
                    for event in events:
                        match event:
                            case Planned(item):
                                self._found.append(item)
                            case Swept():
                                swept = event
        # Behind the source: pseudonyms take their time, and it is not needed any more.
        cancel = attempt.running.cancel
        self._named = patiently(lambda: named(self._task.job, self._found, moved=self._go_on), cancel=cancel)
        self._swept = swept
        attempt.committed = True

    def _go_on(self) -> None:
        self._attempt.running.cancel.check()
        self._attempt.running.moved()

    def _verdict(self) -> Verdict:
        swept = self._swept
        if swept is None:
            return Verdict(Status.FAILURE, "the partition was not searched to its end")
        going = len(self._named.items)
        sentence = f"{going} of {swept.found} {'study' if swept.found == 1 else 'studies'} to be moved"
        without = [f"{count} with {reason}" for reason, count in self._named.without.items()]
        if swept.missing:
            source = self._task.job.source_name
            mend = f"(can be mended by {_who_and_how(swept, source)})"
            status = Status.WARNING if swept.slight and not without else Status.FAILURE
            return Verdict(status, "; ".join([f"{source}: {swept.missing} {mend}", sentence, *without]))
        if without:
            return Verdict(Status.WARNING if going else Status.FAILURE, "; ".join([sentence, *without]))
        if swept.untold:
            untold = f"{self._task.job.source_name} tells of no study: {', '.join(swept.untold).lower()}"
            return Verdict(Status.WARNING, f"{sentence}; {untold}")
        return Verdict(Status.SUCCESS, sentence)

    def _write(self, job: Job) -> None:
        """What was found, with the task's own row: all of it or nothing."""
        if self._swept is None:
            return
        claimed = self._attempt.claimed
        new = add_found(job, self._task, self._named.items, self._destination)
        notes = [f"{count} left out: {reason}" for reason, count in self._swept.left_out]
        if known := len(self._named.items) - new:
            notes.append(f"{known} found before")
        notes.append(f"{self._swept.queries} {'query' if self._swept.queries == 1 else 'queries'}")
        mine = Task.objects.mine(claimed.worker, claimed.task, claimed.claim)
        if not mine.update(notes=notes):
            raise Lost


def _who_and_how(swept: Swept, source: str) -> str:
    """Who can get the rest out of *source*, and by what: a question about less is cut off less."""
    raised = f"the administrators of {source}: a higher limit of answers, then retry the job"
    if swept.smallest:
        return (
            f"{raised}; no filter asks for less than a modality of a day, but a batch query finds the rest by patient"
        )
    return f"whoever asked for it: order these days again, with a filter on one modality at a time; or by {raised}"
