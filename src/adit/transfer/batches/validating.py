"""Batch files held against all rules: every error of the whole file at once (`faults.py` says how they are told)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from enum import StrEnum
from functools import partial
from typing import TypeVar

from adit.transfer.batches.columns import QUERY, TRANSFER
from adit.transfer.batches.contradictions import Entry, contradictions, ids_alike, nameless_beside_named
from adit.transfer.batches.faults import (
    Checked,
    Fault,
    enumerated,
    errors_of,
    faults_json,
    grouped,
    of_lines,
    shortened,
)
from adit.transfer.batches.headings import Headings, of_header, place_of, read_headings
from adit.transfer.batches.readcells import (
    BadCell,
    read_birth_date,
    read_day,
    read_description,
    read_id,
    read_known_name,
    read_modalities,
    read_name,
    read_pseudonym,
    read_series_numbers,
    read_uid,
    read_uids,
)
from adit.transfer.batches.rows import QueryRow, TransferRow
from adit.transfer.sheets.values import Row, Sheet

__all__ = [
    "Checked", "Fault", "Pseudonyms", "check_queries", "check_transfers", "errors_of", "faults_json", "grouped",
]  # fmt: skip

_LONGEST_VALUE = 200
"""Characters of a cell that a fault keeps."""

_MISNAMED = {
    "MRI": "MR",
    "MRT": "MR",
    "PET": "PT",
    "XRAY": "CR or DX",
    "CTA": "CT",
    "MRA": "MR",
    "SONO": "US",
    "USG": "US",
}
"""What people call modalities, and their codes (PS3.3 C.7.3.1.1.1)."""

_IDENTIFYING = (("PatientID",), ("PatientName", "PatientBirthDate"), ("AccessionNumber",))
"""Each is enough to say which patient."""

_NOBODY = "Nothing says which patient: PatientID, or PatientName and PatientBirthDate, or AccessionNumber are needed."

_PARTED_NAME = frozenset("^=*?")
"""Signs by which a name is more than a family name."""

NO_STUDY = frozenset(("pending", "not found", "ambiguous", "not permitted", "failed"))
"""Statuses in the export of a batch query of lines that may have no study."""

_UNDECIDED = "ambiguous"

_WHO_IS_MEANT = (
    "The batch query could not tell which patient is meant: remove the lines of the others, and what this cell holds "
    "in the lines that are right."
)

T = TypeVar("T")
R = TypeVar("R", QueryRow, TransferRow)


class Pseudonyms(StrEnum):
    """Whether every line of a batch transfer has to have a pseudonym.

    Optional: the project makes those that are missing, or who sends may send without.
    """

    REQUIRED = "required"
    OPTIONAL = "optional"


def check_queries(sheet: Sheet, *, today: date | None = None) -> Checked[QueryRow]:
    """Hold *sheet* against the rules of a batch query.

    Args:
        today: After it nobody is born; None for what the clock says.
    """
    file = _File(sheet, read_headings(sheet.columns, QUERY, required=()))
    if not any(all(keyword in file.headings.at for keyword in way) for way in _IDENTIFYING):
        file.fault((sheet.header,), "PatientID", "", _NOBODY)
    born = partial(read_birth_date, today=today or datetime.now(UTC).date())
    rows = [row for line in sheet.rows if (row := _query(file, line, born)) is not None]
    return file.checked(rows, all_or_none=False)


def check_transfers(sheet: Sheet, *, pseudonyms: Pseudonyms) -> Checked[TransferRow]:
    """Hold *sheet* against the rules of a batch transfer.

    The export of a batch query is one as it is: its lines that have no study, but a status that says why, are left
    out, and those of which it could not tell who is meant have to be decided. Names and birth dates may be what a PACS
    has: they are not looked for.
    """
    required = ("PatientID", "StudyInstanceUID", *(("Pseudonym",) if pseudonyms is Pseudonyms.REQUIRED else ()))
    file = _File(sheet, read_headings(sheet.columns, TRANSFER, required=required))
    column = place_of(sheet.columns, "Status")
    rows, without = [], {}
    for line in sheet.rows:
        cells, status = file.cells(line), "" if column is None else line.cells[column].lower()
        if status in NO_STUDY and not cells.given("StudyInstanceUID"):
            without[line.line] = status
            continue
        if status == _UNDECIDED:
            cells.wrong("Status", _WHO_IS_MEANT, status)
        if (row := _transfer(file, cells, required)) is not None:
            rows.append(row)
    if without:
        file.notices.append(f"Left out, because a batch query could name no study for them: {of_lines(list(without))}.")
    return replace(file.checked(rows, all_or_none=True), without=without)


class _File:
    """What is found out about a file, line by line."""

    def __init__(self, sheet: Sheet, headings: Headings) -> None:
        self.headings = headings
        self.notices: list[str] = []
        self.entries: list[Entry] = []
        self.misnamed: defaultdict[str, list[int]] = defaultdict(list)
        self.one_word: list[int] = []
        self._sheet = sheet
        self._faults = of_header(headings, sheet.header)
        if not sheet.rows:
            self.fault((sheet.header,), "", "", "There is no line below the header.")

    def fault(self, lines: tuple[int, ...], keyword: str, value: str, reason: str) -> None:
        """Note what is wrong."""
        self._faults.append(Fault(lines, self.headings.name(keyword), value, reason))

    def cells(self, row: Row) -> _Cells:
        """A line to be read."""
        return _Cells(row, self)

    def checked(self, rows: Sequence[R], *, all_or_none: bool) -> Checked[R]:
        """All that was found out, together with what lines contradict each other in."""
        self._faults += contradictions(self.entries, self.headings.name, all_or_none=all_or_none)
        self._faults.sort(key=lambda fault: min(fault.lines))
        merged, notice = _merged(rows)
        notices = [*self._sheet.notices, *self.headings.notices, *self.notices, notice, ids_alike(self.entries)]
        if all_or_none:
            notices.append(nameless_beside_named(self.entries))
        if self.one_word:
            notices.append(f"Names without a comma are taken for family names alone: {of_lines(self.one_word)}.")
        for code, lines in self.misnamed.items():
            notices.append(f"{code} is no modality of DICOM ({of_lines(lines)}); did you mean {_MISNAMED[code]}?")
        return Checked(
            rows=merged,
            faults=tuple(self._faults),
            notices=tuple(filter(None, notices)),
            merged=len(rows) - len(merged),
            columns=self.headings.taken,
            lines=tuple(row.line for row in self._sheet.rows),
            header=self._sheet.header,
        )


class _Cells:
    """The cells of one line, by keyword; what is wrong with them goes to the file's faults."""

    __slots__ = ("_at", "_file", "_row", "bad")

    def __init__(self, row: Row, file: _File) -> None:
        self._row = row
        self._file = file
        self._at = file.headings.at
        self.bad: set[str] = set()
        """Keywords of cells that have a fault."""

    @property
    def line(self) -> int:
        return self._row.line

    def given(self, keyword: str) -> str:
        """The text of a cell; empty where there is none."""
        index = self._at.get(keyword)
        return "" if index is None else self._row.cells[index]

    def read(self, keyword: str, understand: Callable[[str], T]) -> T | None:
        """A cell, understood; None where there is nothing, or nothing that can be understood."""
        index = self._at.get(keyword)
        if index is None:
            return None
        if index in self._row.doubts:
            self.wrong(keyword, f"{self._row.doubts[index].rstrip('.')}.")
            return None
        if not (text := self._row.cells[index]):
            return None
        try:
            return understand(text)
        except BadCell as error:
            self.wrong(keyword, str(error))
            return None

    def wrong(self, keyword: str, reason: str, value: str = "") -> None:
        """Note a fault of a cell; *value* is its text, where it is of no column of this kind."""
        self.bad.add(keyword)
        value = shortened(value or self.given(keyword), most=_LONGEST_VALUE)
        self._file.fault((self.line,), keyword, value, reason)


def _query(file: _File, row: Row, read_born: Callable[[str], date]) -> QueryRow | None:
    cells = file.cells(row)
    patient_id = cells.read("PatientID", read_id) or ""
    name = cells.read("PatientName", read_name) or ""
    birth_date = cells.read("PatientBirthDate", read_born)
    accession_number = cells.read("AccessionNumber", read_id) or ""
    first = cells.read("From", read_day)
    last = cells.read("Until", read_day)
    modalities = cells.read("Modality", read_modalities) or ()
    study_description = cells.read("StudyDescription", read_description) or ""
    series_description = cells.read("SeriesDescription", read_description) or ""
    series_numbers = cells.read("SeriesNumber", read_series_numbers) or ()
    pseudonym = cells.read("Pseudonym", read_pseudonym) or ""
    if first and last and first > last:
        cells.wrong("Until", "The last day is before the first one.")
    _identified(file, cells)
    file.entries.append(Entry(row.line, patient_id, name, birth_date, pseudonym))
    for code in _MISNAMED.keys() & set(modalities):
        file.misnamed[code].append(row.line)
    if name and not _PARTED_NAME.intersection(name):
        file.one_word.append(row.line)
    if cells.bad:
        return None
    return QueryRow(
        (row.line,), patient_id, name, birth_date, accession_number, first, last, modalities, study_description,
        series_description, series_numbers, pseudonym,
    )  # fmt: skip


def _identified(file: _File, cells: _Cells) -> None:
    """See that the line says which patient; what cannot be understood has its fault already."""
    name, birth_date = cells.given("PatientName"), cells.given("PatientBirthDate")
    if cells.given("PatientID") or cells.given("AccessionNumber") or (name and birth_date):
        return
    if cells.bad & {keyword for way in _IDENTIFYING for keyword in way}:
        return
    if name:
        cells.wrong("PatientBirthDate", "A name alone does not say which patient: the birth date is missing.")
    elif birth_date:
        cells.wrong("PatientName", "A birth date alone does not say which patient: the name is missing.")
    elif any(all(keyword in file.headings.at for keyword in way) for way in _IDENTIFYING):
        cells.wrong("PatientID", _NOBODY)


def _transfer(file: _File, cells: _Cells, required: Sequence[str]) -> TransferRow | None:
    patient_id = cells.read("PatientID", read_id) or ""
    study = cells.read("StudyInstanceUID", read_uid)
    series = cells.read("SeriesInstanceUID", read_uids) or ()
    pseudonym = cells.read("Pseudonym", read_pseudonym) or ""
    name = cells.read("PatientName", read_known_name) or ""
    birth_date = cells.read("PatientBirthDate", read_day)
    for keyword in required:
        if keyword in file.headings.at and keyword not in cells.bad and not cells.given(keyword):
            cells.wrong(keyword, "The cell is empty.")
    file.entries.append(Entry(cells.line, patient_id, name, birth_date, pseudonym, study or ""))
    if cells.bad or not patient_id or study is None:
        return None
    return TransferRow((cells.line,), patient_id, study, series, pseudonym, name, birth_date)


def _merged(rows: Sequence[R]) -> tuple[tuple[R, ...], str]:
    """*rows* with identical ones as one, and a notice about them."""
    same: dict[R, list[int]] = {}
    for row in rows:
        same.setdefault(replace(row, lines=()), []).extend(row.lines)
    merged = tuple(replace(row, lines=tuple(lines)) for row, lines in same.items())
    again = [f"{line} (as {lines[0]})" for lines in same.values() for line in lines[1:]]
    if not again:
        return merged, ""
    return merged, f"Identical lines count once: {enumerated(again)}."
