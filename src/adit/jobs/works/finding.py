"""Asks a source for what rows of a file describe, and writes down what it has for each."""

from __future__ import annotations

import logging
import time
from contextlib import ExitStack
from dataclasses import replace

from django.db import connection, transaction

from adit.audit import models as audit
from adit.audit.record import event, record_all
from adit.dicom.errors import Canceled, DicomError, Full, NeedsReceiver
from adit.dicom.query import BadQuery
from adit.jobs.attempt import Attempt
from adit.jobs.batchmodels import OPEN, Found, Line, Outcome
from adit.jobs.founds import found_of
from adit.jobs.lines import Told, write_lines
from adit.jobs.lively import LeaseOnly
from adit.jobs.models import Task
from adit.jobs.outcomes import Decision, Ended, Stop, Stopped
from adit.jobs.patience import AWAY, patiently
from adit.jobs.states import TASK_ENDED, TaskStatus
from adit.jobs.storable import storable
from adit.jobs.summing import verdict_on
from adit.transfer.batches.rows import QueryRow
from adit.transfer.finding import Answer, Finding, Hit
from adit.transfer.items import BadItem, FindStudies
from adit.transfer.querying import Nobody

logger = logging.getLogger(__name__)

SECONDS = 1.0
"""Time after which what was found is written down."""

ALIKE = 3
"""Rows that fail for the same reason before any other was answered: then the others would fail, too."""

BROKE_OFF = "broke_off"
"""In the details of a line: how many attempts ended while it was being asked for. It comes last then."""


def run(attempt: Attempt, task: Task) -> None:
    """Run the task, and settle it."""
    try:
        item = FindStudies.from_json(task.item)
    except BadItem as bad:
        attempt.settle(Decision(TaskStatus.FAILURE, str(bad)))
        return
    _Asking(attempt, task, item).run()


class _Asking:
    """One attempt to answer some rows. For one thread."""

    def __init__(self, attempt: Attempt, task: Task, item: FindStudies) -> None:
        self._attempt = attempt
        self._task = task
        lines = patiently(lambda: list(Line.objects.filter(task=task.pk)), cancel=attempt.running.cancel)
        self._outcomes = {line.number: Outcome(line.outcome) for line in lines}
        self._broke_off: dict[int, int] = {line.number: line.details.get(BROKE_OFF, 0) for line in lines}
        rows = [row for row in item.rows if self._outcomes.get(row.lines[0]) in OPEN]
        self._open = {row.lines[0]: row for row in sorted(rows, key=lambda row: self._broke_off[row.lines[0]])}
        self._asked: set[int] = set()
        self._unwritten: dict[int, tuple[QueryRow, Told]] = {}
        self._written_at = time.monotonic()
        self._alike, self._last_failure = 0, ""

    def run(self) -> None:
        attempt, task = self._attempt, self._task
        end = attempt.end_of(task, self._ask_all)
        if isinstance(end, Ended):
            # What failed for good fails again.
            end = replace(end, hopeful=False)
        over = not isinstance(end, Stopped) or end.why is Stop.NO_PROGRESS
        decision = attempt.decide(end, verdict_on(self._outcomes.values(), over=over), failures=task.failures)
        if decision.status in TASK_ENDED and decision.status is not TaskStatus.CANCELED:
            for row in list(self._open.values()):
                self._tell(row, Told(row.lines, Outcome.FAILED, getattr(end, "error", "")))
        patiently(self._write, cancel=LeaseOnly(attempt.running))
        attempt.settle(decision)

    def _ask_all(self) -> None:
        attempt, source = self._attempt, self._task.source
        assert source is not None
        with ExitStack() as stack:
            with attempt.blame.on(source.name):
                opened = stack.enter_context(
                    attempt.conditions.opening.source(source, cancel=attempt.running.cancel, associations=1)
                )
            watched = attempt.blame.source(opened, source.name)
            finding = Finding(watched, most=source.result_limit, heard=attempt.running.moved)
            for row in list(self._open.values()):
                attempt.running.cancel.check()
                self._tell(row, self._ask(finding, row))
                self._asked.add(row.lines[0])
                if time.monotonic() - self._written_at >= SECONDS:
                    self._try_to_write()
        attempt.committed = True

    def _ask(self, finding: Finding, row: QueryRow) -> Told:
        try:
            answer = finding.answer(row)
        except (BadQuery, Nobody) as bad:
            return Told(row.lines, Outcome.FAILED, str(bad))
        except DicomError as error:
            if error.transient or isinstance(error, Canceled | Full | NeedsReceiver):
                self._note_broken_off(row, error)
                raise
            sentence = self._attempt.blame.sentence(error)
            self._alike = self._alike + 1 if sentence == self._last_failure else 1
            self._last_failure = sentence
            if self._alike == ALIKE and all(outcome in OPEN for outcome in self._outcomes.values()):
                raise
            return Told(row.lines, Outcome.FAILED, sentence)
        self._attempt.running.moved()
        return _told(row, answer)

    def _note_broken_off(self, row: QueryRow, error: DicomError) -> None:
        """The others shall not wait for ever for a row that the source cannot bear: it comes last from now on."""
        if isinstance(error, Canceled) and self._attempt.running.why is not Stop.NO_PROGRESS:
            return
        self._broke_off[row.lines[0]] += 1
        details = {BROKE_OFF: self._broke_off[row.lines[0]]}
        self._unwritten[row.lines[0]] = row, Told(row.lines, Outcome.PENDING, details=details)

    def _tell(self, row: QueryRow, told: Told) -> None:
        number = row.lines[0]
        self._outcomes[number] = told.outcome
        self._unwritten[number] = row, told
        self._open.pop(number, None)

    def _try_to_write(self) -> None:
        """Write what is new; when the database is away, keep it for the next time."""
        try:
            self._write()
        except AWAY as error:
            connection.close()
            self._written_at = time.monotonic()
            logger.warning("The lines of task %s wait for the database: %s", self._task.pk, type(error).__name__)

    @transaction.atomic
    def _write(self) -> None:
        """Write what is new, with who asked for whom; done twice, it does no harm.

        Raises:
            Lost: Another claim holds.
        """
        if self._unwritten:
            write_lines(self._attempt.claimed, [told for _, told in self._unwritten.values()])
            asked = (each for each in self._unwritten.values() if each[0].lines[0] in self._asked)
            record_all(self._event(row, told) for row, told in asked)
            transaction.on_commit(self._unwritten.clear)
        self._written_at = time.monotonic()

    def _event(self, row: QueryRow, told: Told) -> audit.Event:
        job = self._task.job
        patients = {found.patient_id for found in told.found}
        return event(
            "search",
            by=job.owner,
            group=job.group.name if job.group else "",
            outcome=audit.Outcome.FAILED if told.outcome is Outcome.FAILED else audit.Outcome.DONE,
            # Whoever was looked for by name is known by now.
            patient_id=row.patient_id or (patients.pop() if len(patients) == 1 else ""),
            nodes=[job.source_name],
            job=job.pk,
            details={"line": row.lines[0], "result": told.outcome, "found": len(told.found)},
        )


def _told(row: QueryRow, answer: Answer) -> Told:
    hits = [_found(hit) for hit in answer.hits]
    return Told(row.lines, Outcome(answer.outcome), storable(answer.reason), found=hits)


def _found(hit: Hit) -> Found:
    counted = hit.series or hit.study
    return found_of(
        hit.study,
        hit.series,
        modalities=hit.modalities,
        series_count=hit.study.series_count,
        instances=counted.instances,
    )
