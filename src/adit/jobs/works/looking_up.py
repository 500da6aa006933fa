"""Asks what would become of some studies of a file, and writes it down for each of their lines. Nothing is moved."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace

from django.db import transaction
from django.utils import timezone

from adit.audit import models as audit
from adit.audit.record import event, record_all
from adit.deid.keys import Key
from adit.deid.profile import Profile
from adit.dicom.errors import Canceled, DicomError
from adit.dicom.refs import UID
from adit.jobs.attempt import Attempt
from adit.jobs.batchmodels import Found, Outcome
from adit.jobs.experience import experience_between
from adit.jobs.founds import found_of
from adit.jobs.keys import key_of_job, treats_of
from adit.jobs.lines import Told, open_lines, write_lines
from adit.jobs.lively import LeaseOnly
from adit.jobs.models import Task
from adit.jobs.options import Options
from adit.jobs.outcomes import Decision, Ended
from adit.jobs.patience import patiently
from adit.jobs.permissions import may_send
from adit.jobs.states import TASK_ENDED, TaskStatus
from adit.jobs.storable import storable
from adit.jobs.treating import patient_of
from adit.nodes.models import Node
from adit.nodes.permissions import answers_now, can_search, may_use
from adit.nodes.places import place
from adit.nodes.windows import open_at
from adit.transfer.items import BadItem, LookUpStudies, TransferStudy
from adit.transfer.ledger import Status, Verdict
from adit.transfer.looking_up import Seen, held_there, instances_of, look_up_all
from adit.transfer.treating import Treats
from adit.transfer.weights import Experience

PORTION = 5
"""Studies after which what was found is written down, so that the page moves."""

PATIENCE = 2.0
"""Seconds that a place at the destination is waited for."""


def run(attempt: Attempt, task: Task) -> None:
    """Run the task, and settle it."""
    try:
        item = LookUpStudies.from_json(task.item)
    except BadItem as bad:
        attempt.settle(Decision(TaskStatus.FAILURE, str(bad)))
        return
    _LookingUp(attempt, task, item).run()


class _LookingUp:
    """One attempt to look some studies up. For one thread."""

    def __init__(self, attempt: Attempt, task: Task, item: LookUpStudies) -> None:
        self._attempt = attempt
        self._task = task
        self._all = item.studies
        cancel = attempt.running.cancel
        numbers = patiently(lambda: open_lines(task.pk), cancel=cancel)
        self._open = {study.lines[0]: study for study in item.studies if study.lines[0] in numbers}
        self._options = Options.of(task.job)
        self._destination = patiently(
            lambda: Node.objects.filter(name=task.job.destination_name).first(), cancel=cancel
        )
        self._treats: dict[UID, Treats] = {}
        self._refused = ""

    def run(self) -> None:
        attempt = self._attempt
        self._refused = patiently(self._refusal, cancel=attempt.running.cancel)
        if self._refused:
            self._tell([Told(study.lines, Outcome.NOT_PERMITTED, self._refused) for study in self._open.values()])
        end = attempt.end_of(self._task, self._look_up)
        if isinstance(end, Ended):
            # What failed for good fails again.
            end = replace(end, hopeful=False)
        decision = attempt.decide(end, self._verdict(), failures=self._task.failures)
        if self._open and decision.status in TASK_ENDED and decision.status is not TaskStatus.CANCELED:
            error = getattr(end, "error", "")
            self._tell([Told(study.lines, Outcome.FAILED, error) for study in self._open.values()])
        attempt.settle(decision)

    def _refusal(self) -> str:
        """Why the job may not be sent any more; empty when it may."""
        job, destination = self._task.job, self._destination
        if destination is None:
            return f"{job.destination_name} does not exist any more"
        verdict = may_use(destination, user=job.owner, group=job.group, as_destination=True) and may_send(
            self._options.treating, user=job.owner, group=job.group, project=job.project, destination=destination
        )
        return verdict.reason

    def _look_up(self) -> None:
        attempt, source = self._attempt, self._task.source
        assert source is not None
        cancel = attempt.running.cancel
        if not self._open:
            attempt.committed = True
            return
        experience = patiently(lambda: experience_between(source, self._destination), cancel=cancel)
        with ExitStack() as stack:
            with attempt.blame.on(source.name):
                opened = attempt.conditions.opening.source(source, cancel=cancel, associations=1)
                watched = attempt.blame.source(stack.enter_context(opened), source.name)
            portion: list[Seen] = []
            for seen in look_up_all(list(self._open.values()), watched, treats_of=self._treats_of):
                cancel.check()
                attempt.running.moved()
                portion.append(seen)
                if len(portion) == PORTION:
                    self._tell_seen(portion, experience)
                    portion = []
            self._tell_seen(portion, experience)
        attempt.committed = True

    def _tell_seen(self, seen: Sequence[Seen], experience: Experience) -> None:
        held, why_not = self._held(seen)
        self._tell([_told(each, held.get(each.item.study, 0), why_not, experience) for each in seen])

    def _held(self, seen: Sequence[Seen]) -> tuple[dict[UID, int], str]:
        """How much of *seen* the destination has already; and why it was not asked."""
        node, cancel = self._destination, self._attempt.running.cancel
        if node is None or node.is_folder or not any(each.going for each in seen):
            # A folder gets a place of its own from every job.
            return {}, ""
        if not can_search(node):
            return {}, "the destination cannot be asked what it has"
        if not answers_now(node) or not open_at(node.weekly_windows, timezone.now()):
            return {}, "the destination was not asked what it has: it takes no work now"
        try:
            with (
                place(node, cancel=cancel, patience=PATIENCE, interactive=False),
                self._attempt.conditions.opening.source(node, cancel=cancel, associations=1) as destination,
            ):
                return held_there(seen, destination, new_uid=lambda item, uid: self._treats_of(item).new_uid(uid)), ""
        except Canceled:
            raise
        except DicomError as error:
            return {}, f"the destination was not asked what it has: {error}"

    def _treats_of(self, item: TransferStudy) -> Treats:
        if item.study not in self._treats:
            job, treating = self._task.job, self._options.treating
            if treating is not None:
                profile = Profile.from_json(treating.profile)
                # One that is made later tells nothing of the patient: it is not held against the name.
                made = Key(key_of_job(job)).pseudonym_of(patient_of(item, treating.domain, profile))
                item = replace(item, pseudonym=item.pseudonym or made)
            treated = bool(treating or self._options.trial)
            self._treats[item.study] = treats_of(job, replace(item, treated=treated))
        return self._treats[item.study]

    def _verdict(self) -> Verdict:
        missing = len(self._open)
        status = Status.SUCCESS if not missing else Status.WARNING if missing < len(self._all) else Status.FAILURE
        return Verdict(status, f"{len(self._all) - missing} of {len(self._all)} studies looked up")

    def _tell(self, told: Sequence[Told]) -> None:
        """Write down what became of lines, with who looked for whom.

        Raises:
            Lost: Another claim holds.
        """
        if not told:
            return
        patiently(lambda: self._write(told), cancel=LeaseOnly(self._attempt.running))
        for each in told:
            self._open.pop(each.lines[0], None)

    @transaction.atomic
    def _write(self, told: Sequence[Told]) -> None:
        write_lines(self._attempt.claimed, told)
        if not self._refused:
            record_all(self._event(each) for each in told if each.lines[0] in self._open)

    def _event(self, told: Told) -> audit.Event:
        job, study = self._task.job, self._open[told.lines[0]]
        return event(
            "search",
            by=job.owner,
            group=job.group.name if job.group else "",
            outcome=audit.Outcome.FAILED if told.outcome is Outcome.FAILED else audit.Outcome.DONE,
            patient_id=study.patient_id,
            study_uid=study.study,
            nodes=[job.source_name],
            job=job.pk,
            details={"line": told.lines[0], "result": told.outcome, "found": len(told.found)},
        )


def _told(seen: Seen, held: int, why_not: str, experience: Experience) -> Told:
    if seen.study is None:
        return Told(seen.item.lines, Outcome(seen.outcome), storable(seen.reason))
    weight, instances = experience.weight(seen.going), seen.instances
    details = {
        "issuer": storable(seen.study.text("IssuerOfPatientID")),
        "series": seen.series_count,
        "instances": instances,
        "bytes": weight,
        "seconds": experience.seconds(weight),
        "behind": dict(seen.behind),
        "risks": dict(seen.risks),
        "unchecked": {
            "series": len(seen.unchecked),
            "instances": instances_of(seen.unchecked),
            "bytes": experience.weight(seen.unchecked),
        },
        "held": held,
    }
    outcome, reasons = Outcome(seen.outcome), [storable(seen.reason)]
    if seen.going and instances and held >= instances:
        outcome = Outcome.ALREADY_THERE
    elif held:
        reasons.append(f"{held} of {instances} instances are at the destination already")
    if seen.going and why_not:
        reasons.append(why_not)
    return Told(seen.item.lines, outcome, "; ".join(filter(None, reasons)), details=details, found=[_found(seen)])


def _found(seen: Seen) -> Found:
    study = seen.study
    assert study is not None
    return found_of(
        study,
        modalities=study.modalities or sorted({one for match in seen.going for one in match.modalities}),
        series_count=seen.series_count or study.series_count,
        instances=seen.instances,
    )
