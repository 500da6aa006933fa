"""What a batch query found: rows of a table, and a file with a line for every line of the one that asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from django.db import transaction

from adit.accounts.models import User
from adit.audit.record import record
from adit.jobs.batchmodels import Line, Outcome
from adit.jobs.files import read_file
from adit.jobs.models import Job, Task
from adit.jobs.outcome_sheets import Given
from adit.transfer.batches.faults import errors_of
from adit.transfer.batches.rows import QueryRow
from adit.transfer.batches.validating import check_queries
from adit.transfer.items import BadItem, FindStudies
from adit.transfer.sheets.reading import BadSheet
from adit.transfer.sheets.returning import new_table

COLUMNS = (
    "Line", "Status", "Reason", "PatientID", "PatientName", "PatientBirthDate", "StudyInstanceUID",
    "SeriesInstanceUID", "Pseudonym", "StudyDate", "StudyTime", "Modality", "AccessionNumber", "StudyDescription",
    "SeriesDescription", "SeriesNumber", "Series", "Instances", "IssuerOfPatientID",
)  # fmt: skip
"""Of the file. As it is, a batch transfer reads it."""

FOUND = (
    "position", "study_uid", "series_uid", "patient_id", "issuer", "patient_name", "birth_date", "study_date",
    "study_time", "modalities", "accession_number", "study_description", "series_description", "series_number",
    "series_count", "instances",
)  # fmt: skip
"""What a match has for a row of the table."""


@dataclass(frozen=True, slots=True)
class Result:
    """One row of the table: one match of a line, or a line without any. What is not known is empty or None.

    Attributes:
        lines: Numbers in the file; the first is its own, the others say the same.
        position: Of this match among those of the line, counted from 1; None where there is none.
        asked: What the line looks for.
    """

    lines: tuple[int, ...]
    position: int | None
    outcome: Outcome
    reason: str
    asked: QueryRow | None
    study_uid: str
    series_uid: str
    patient_id: str
    issuer: str
    patient_name: str
    birth_date: date | None
    study_date: date | None
    study_time: str
    modalities: tuple[str, ...]
    accession_number: str
    study_description: str
    series_description: str
    series_number: str
    series_count: int | None
    instances: int | None

    @property
    def pseudonym(self) -> str:
        """As the line has it."""
        return self.asked.pseudonym if self.asked else ""


@transaction.atomic
def export(job: Job, *, by: User, form: Literal["csv", "xlsx"]) -> Given:
    """All that the batch query *job*, which *by* may see, has found by now. That it was given is audited.

    Of an ambiguous line there is what may be meant, without the UIDs by which it could be sent.
    """
    rows = [*_results(job), *_never_asked(job)]
    table = sorted(((number, result) for result in rows for number in result.lines), key=lambda numbered: numbered[0])
    record(
        "job.results_given",
        by=by,
        group=job.group.name if job.group else "",
        nodes=[job.source_name],
        job=job.pk,
        details={"lines": len({number for number, _ in table}), "rows": len(table)},
    )
    content = new_table(COLUMNS, (_cells(number, result) for number, result in table), form=form, title="Results")
    return Given(f"batch-query-{job.pk}.{form}", content)


def _results(job: Job) -> Iterator[Result]:
    """All there is, line by line."""
    lines = Line.objects.filter(job=job).order_by("number", "found__position")
    values: list[dict[str, Any]] = list(
        lines.values("task", "number", "also", "outcome", "reason", *(f"found__{name}" for name in FOUND))
    )
    asked = _asked({value["task"] for value in values})
    for value in values:
        found = {name: value[f"found__{name}"] for name in FOUND}
        yield result_of(value, found, asked.get(value["number"]))


def result_of(line: Mapping[str, Any], found: Mapping[str, Any], asked: QueryRow | None) -> Result:
    """A row of the table, with empty texts for what was not found.

    Args:
        line: Its `number`, `also`, `outcome` and `reason`.
        found: What `FOUND` names, of a match; what is missing there or null was not found.
    """
    numbers = ("position", "birth_date", "study_date", "series_count", "instances")
    values: dict[str, Any] = {name: found.get(name) if name in numbers else found.get(name) or "" for name in FOUND}
    values["modalities"] = tuple(values["modalities"])
    # No match stands at no position.
    values["position"] = values["position"] or None
    lines, outcome = (line["number"], *line["also"]), Outcome(line["outcome"])
    return Result(lines, outcome=outcome, reason=line["reason"], asked=asked, **values)


def _asked(tasks: Iterable[int]) -> dict[int, QueryRow]:
    """Line → what it looks for."""
    rows: dict[int, QueryRow] = {}
    for stored in Task.objects.filter(pk__in=list(tasks), work=FindStudies.work).values_list("item", flat=True):
        try:
            rows |= {row.lines[0]: row for row in FindStudies.from_json(stored).rows}
        except BadItem:
            continue
    return rows


def _never_asked(job: Job) -> list[Result]:
    """Lines of the file that have a fault, and so are no part of the job."""
    if job.file is None:
        return []
    try:
        checked = check_queries(read_file(job.file))
    except BadSheet:
        return []
    known = {number for line in Line.objects.filter(job=job) for number in (line.number, *line.also)}
    errors = errors_of(checked)
    missed = [line for line in checked.lines if line not in known]
    return [result_of(_unasked(line, errors.get(line, ())), {}, None) for line in missed]


def _unasked(line: int, errors: Iterable[str]) -> dict[str, Any]:
    return {"number": line, "also": (), "outcome": Outcome.FAILED, "reason": f"not asked: {'; '.join(errors)}"}


def _cells(number: int, result: Result) -> tuple[str, ...]:
    asked, sure = result.asked, result.outcome is not Outcome.AMBIGUOUS
    nothing = not result.study_uid
    patient_id, name, born = result.patient_id, result.patient_name, result.birth_date
    accession = result.accession_number
    if asked is not None:
        patient_id = patient_id or asked.patient_id
        if nothing:
            name, born, accession = asked.patient_name, asked.birth_date, asked.accession_number
    return (
        str(number),
        result.outcome,
        result.reason,
        patient_id,
        name,
        born.isoformat() if born else "",
        result.study_uid if sure else "",
        result.series_uid if sure else "",
        result.pseudonym,
        result.study_date.isoformat() if result.study_date else "",
        result.study_time,
        ", ".join(result.modalities),
        accession,
        result.study_description,
        result.series_description,
        result.series_number,
        _counted(result.series_count),
        _counted(result.instances),
        result.issuer,
    )


def _counted(number: int | None) -> str:
    return "" if number is None else str(number)
