"""The file of a batch transfer or of its check, given back with what became of each of its lines, at any moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from django.db import transaction

from adit.accounts.models import User
from adit.audit.record import record
from adit.jobs.batchmodels import Outcome
from adit.jobs.check_totals import series_going
from adit.jobs.files import read_file
from adit.jobs.kinds.batch import BATCH_TRANSFER
from adit.jobs.kinds.check import BATCH_CHECK
from adit.jobs.line_outcomes import PSEUDONYM, REASON, STATUS, outcomes_of_transfer, titles_of_transfer
from adit.jobs.linking import may_link_job
from adit.jobs.models import BatchFile, Job, Line
from adit.jobs.options import Options
from adit.jobs.reports import shows_pseudonyms
from adit.jobs.states import TaskStatus
from adit.transfer.batches.faults import Checked, errors_of
from adit.transfer.batches.rows import TransferRow
from adit.transfer.batches.validating import Pseudonyms, check_transfers
from adit.transfer.sheets.returning import with_columns

NOT_SENT = "not sent"
"""Status of lines that are no part of the job."""

FAILED = frozenset(
    (
        *(TaskStatus.FAILURE, TaskStatus.WARNING, TaskStatus.CANCELED),
        *(Outcome.NOT_FOUND, Outcome.AMBIGUOUS, Outcome.NOT_PERMITTED, Outcome.FAILED),
    )
)
"""Statuses of lines that somebody may want to mend and send again."""

_CHECK_TITLES = (STATUS, REASON, "Series", "Instances", "EstimatedMB", "StaysBehind", "MayShowNames")

Told = Mapping[str, str]
"""What is said of a line, by title."""


class NoFile(Exception):
    """The job has no file of a batch transfer."""


@dataclass(frozen=True, slots=True)
class Given:
    """A file for a person."""

    name: str
    content: bytes


@transaction.atomic
def outcome_sheet(job: Job, *, by: User, failed_only: bool = False) -> Given:
    """The file of *job*, which *by* may see, with what became of every line by now. That it was given is audited.

    Args:
        failed_only: Only the lines that did not succeed, to be sent again as they are.

    Raises:
        NoFile: There is none.
    """
    if job.file is None:
        raise NoFile(f"Job {job.pk} was not made from a file.")
    if job.kind not in (BATCH_TRANSFER.key, BATCH_CHECK.key):
        raise NoFile(f"Job {job.pk} is no batch transfer and no check of one; its results are given otherwise.")
    file, options = job.file, Options.of(job)
    sheet = read_file(file)
    brings_all = options.treating is not None and job.project is None and not options.generate
    checked = check_transfers(sheet, pseudonyms=Pseudonyms.REQUIRED if brings_all else Pseudonyms.OPTIONAL)
    links = may_see_both(job, by)
    if job.kind == BATCH_CHECK.key:
        titles, told = list(_CHECK_TITLES), _of_check(job)
    else:
        titles, told = titles_of_transfer(job, links=links), outcomes_of_transfer(job, checked.rows)
    told |= _absent(job, checked, told)
    written = _written_as(checked)
    hidden = [PSEUDONYM] if not links and PSEUDONYM in written and by != file.owner else []
    lines = [line for line in checked.lines if told[line][STATUS] in FAILED] if failed_only else None
    content = with_columns(
        bytes(file.content),
        file.name,
        sheet,
        # Whoever may not know who is behind a pseudonym does not learn it from what the owner wrote there.
        [written.get(title, title) for title in (*titles, *hidden)],
        {line: [*(said.get(title, "") for title in titles), *("" for _ in hidden)] for line, said in told.items()},
        lines=lines,
    )
    record(
        "job.results_given",
        by=by,
        group=job.group.name if job.group else "",
        nodes=(job.source_name, job.destination_name),
        job=job.pk,
        details={"lines": len(checked.lines if lines is None else lines), "linking": links},
    )
    return Given(named(file.name, f"{'failed' if failed_only else 'result'}-{job.pk}", content), content)


def faulty_lines(file: BatchFile, checked: Checked[Any]) -> Given:
    """The lines of *file* that have a fault, with their faults: given back when the good ones are sent."""
    errors = {line: ["; ".join(sentences)] for line, sentences in errors_of(checked).items()}
    lines = [line for line in checked.lines if line in checked.bad_lines]
    content = with_columns(bytes(file.content), file.name, read_file(file), ["Errors"], errors, lines=lines)
    return Given(named(file.name, "rest", content), content)


def may_see_both(job: Job, by: User) -> bool:
    """Whether *by* may see in *job* what patients and studies were and what they are called now, side by side."""
    return Options.of(job).treating is None or bool(may_link_job(job, by)) or shows_pseudonyms(job, by)


def named(name: str, suffix: str, content: bytes) -> str:
    """`list.xlsx` as `list-result-7.xlsx`; what is no workbook is a CSV, whatever it was called."""
    path = PurePath(name)
    workbook = content.startswith(b"PK")
    kept = path.suffix.lower() in ((".xlsx", ".xlsm") if workbook else (".csv", ".txt", ".tsv"))
    return f"{path.stem}-{suffix}{path.suffix if kept else '.xlsx' if workbook else '.csv'}"


def _written_as(checked: Checked[TransferRow]) -> dict[str, str]:
    """Keyword of a column of the file → how the file writes it."""
    return {taken.keyword: taken.written for taken in checked.columns if taken.keyword}


def _of_check(job: Job) -> dict[int, Told]:
    told: dict[int, Told] = {}
    for line in Line.objects.filter(job=job).iterator(chunk_size=1000):
        details = line.details
        size = details.get("bytes")
        values = (
            line.outcome,
            line.reason,
            _number(series_going(details)),
            _number(details.get("instances")),
            "" if size is None else f"{size / 1e6:.1f}",
            _counted(details.get("behind", {})),
            _counted(details.get("risks", {})),
        )
        said = dict(zip(_CHECK_TITLES, values, strict=True))
        told.update(dict.fromkeys((line.number, *line.also), said))
    return told


def _number(value: object) -> str:
    return "" if value is None else str(value)


def _counted(reasons: Mapping[str, int]) -> str:
    return "; ".join(f"{count} series: {reason}" for reason, count in reasons.items())


def _absent(job: Job, checked: Checked[TransferRow], told: Mapping[int, Told]) -> dict[int, Told]:
    """The lines of the file that are no part of *job*, each with the reason."""
    absent = [line for line in checked.lines if line not in told]
    if not absent:
        return {}
    errors = errors_of(checked)
    checks = Job.objects.filter(kind=BATCH_CHECK.key, file=job.file, pk__lt=job.pk).order_by("-pk")
    before = _of_check(checks[0]) if checks else {}
    return {
        line: {
            STATUS: NOT_SENT,
            REASON: _without_study(checked, line) or _why_absent(line, errors.get(line, ()), before),
        }
        for line in absent
    }


def _without_study(checked: Checked[TransferRow], line: int) -> str:
    """What the batch query that the file comes from said of a line that names no study."""
    said = checked.without.get(line, "")
    return "found nothing" if said == Outcome.NOT_FOUND else said and f"the batch query could name no study: {said}"


def _why_absent(line: int, errors: object, before: Mapping[int, Told]) -> str:
    if isinstance(errors, list) and errors:
        return "; ".join(errors)
    if line in before:
        return "; ".join(filter(None, (f"the check said: {before[line][STATUS]}", before[line][REASON])))
    return "left out when the job was made, or deleted from it since"
