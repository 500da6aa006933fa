"""What a batch query found: as a table for a page, and as a file with a line for every line of the one that asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from django.db import transaction
from django.db.models import Count, F, Q, QuerySet
from django.db.models.functions import Coalesce

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

SORTS: dict[str, tuple[str, ...]] = {
    "line": (),
    "status": ("outcome",),
    "patient": ("found__patient_id",),
    "name": ("found__patient_name",),
    "born": ("found__birth_date",),
    "date": ("found__study_date", "found__study_time"),
    "modality": ("found__modalities",),
    "accession": ("found__accession_number",),
    "study": ("found__study_description",),
    "series": ("found__series_description",),
    "instances": ("found__instances",),
}
"""What the table can be sorted by."""

_FOUND = (
    "position", "study_uid", "series_uid", "patient_id", "issuer", "patient_name", "birth_date", "study_date",
    "study_time", "modalities", "accession_number", "study_description", "series_description", "series_number",
    "series_count", "instances",
)  # fmt: skip


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


@dataclass(frozen=True, slots=True)
class Choice:
    """Which rows of the table, in which order. Empty ones let everything through.

    Attributes:
        outcome: Of the lines.
        words: A line's number, or part of a PatientID, name, accession number, description or UID.
        sort: One of `SORTS`.
    """

    outcome: str = ""
    words: str = ""
    sort: str = "line"
    descending: bool = False


def counts_of(job: Job) -> dict[str, int]:
    """How many lines have which outcome."""
    counted = Line.objects.filter(job=job).order_by().values_list("outcome").annotate(Count("pk"))
    return dict(counted)


def results_count(job: Job, choice: Choice) -> int:
    """How many rows the table has."""
    # Lines without a match count, too.
    counted: int = _chosen(job, choice).order_by().aggregate(rows=Count(Coalesce("found__pk", 0)))["rows"]
    return counted


def results(job: Job, choice: Choice, *, start: int, size: int, after: tuple[int, int] | None = None) -> list[Result]:
    """Rows of the table of *job*, from number *start* on, counted from 0. Looks are for the caller to record.

    Args:
        after: Line and position of the row before *start*. Of a table that goes up by line it makes the last page as
            fast as the first; others do without.
    """
    behind = None
    if after is not None and choice.sort == "line" and not choice.descending:
        number, position = after
        behind = Q(number__gte=number) & (Q(number__gt=number) | Q(found__position__gt=position))
        start = 0
    chosen = _chosen(job, choice, behind)
    keys = SORTS.get(choice.sort, ())
    order = [F(key).desc(nulls_last=True) if choice.descending else F(key).asc(nulls_last=True) for key in keys]
    line = "-number" if choice.descending and not keys else "number"
    return list(_results(chosen.order_by(*order, line, "found__position")[start : start + size]))


@transaction.atomic
def export(job: Job, *, by: User, form: Literal["csv", "xlsx"]) -> Given:
    """All that the batch query *job*, which *by* may see, has found by now. That it was given is audited.

    Of an ambiguous line there is what may be meant, without the UIDs by which it could be sent.
    """
    rows = [*_results(_chosen(job, Choice())), *_never_asked(job)]
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


def _chosen(job: Job, choice: Choice, behind: Q | None = None) -> QuerySet[Line]:
    """The lines of the table, each once for every match.

    Args:
        behind: What else has to hold.
    """
    wanted = Q(job=job) & (behind or Q())
    if choice.outcome:
        wanted &= Q(outcome=choice.outcome)
    if words := choice.words.strip():
        wanted &= _about(words)
    # In one filter: every other one would join the matches anew, and ask for some match, not for this one.
    return Line.objects.filter(wanted).order_by("number", "found__position")


def _about(words: str) -> Q:
    texts = ("patient_id", "patient_name", "accession_number", "study_description", "series_description")
    wanted = Q(reason__icontains=words) | Q(found__study_uid=words) | Q(found__series_uid=words)
    for text in texts:
        wanted |= Q(**{f"found__{text}__icontains": words})
    if words.isascii() and words.isdigit() and len(words) < 10:
        wanted |= Q(number=int(words)) | Q(also__contains=[int(words)])
    return wanted


def _results(lines: QuerySet[Line]) -> Iterator[Result]:
    values: list[dict[str, Any]] = list(
        lines.values("task", "number", "also", "outcome", "reason", *(f"found__{name}" for name in _FOUND))
    )
    asked = _asked({value["task"] for value in values})
    for value in values:
        found = {name: value[f"found__{name}"] for name in _FOUND}
        yield _result((value["number"], *value["also"]), value["outcome"], value["reason"], asked, found)


def _result(
    lines: tuple[int, ...], outcome: str, reason: str, asked: dict[int, QueryRow], found: dict[str, Any]
) -> Result:
    """With empty texts for what was not found."""
    numbers = ("position", "birth_date", "study_date", "series_count", "instances")
    values: dict[str, Any] = {name: found.get(name) if name in numbers else found.get(name) or "" for name in _FOUND}
    values["modalities"] = tuple(values["modalities"])
    return Result(lines, outcome=Outcome(outcome), reason=reason, asked=asked.get(lines[0]), **values)


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
    return [
        _result((line,), Outcome.FAILED, f"not asked: {'; '.join(errors.get(line, ()))}", {}, {})
        for line in checked.lines
        if line not in known
    ]


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
