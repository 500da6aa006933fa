"""Whether what was found is of one patient, and of the one that a row means."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from adit.dicom.match import Match
from adit.dicom.matching import fits
from adit.dicom.values import person_name
from adit.transfer.batches.rows import QueryRow
from adit.transfer.querying import by_name

_NAMED = 5
"""Patients that a sentence names."""


@dataclass(frozen=True, slots=True)
class Whose:
    """What is known of the patient.

    Attributes:
        studies: Those of the patient that is meant; all, where nobody can tell which those are.
        ambiguous: Why nobody can tell; empty when it is clear.
        noted: What a person should know although it is clear.
    """

    studies: tuple[Match, ...]
    ambiguous: str = ""
    noted: tuple[str, ...] = ()


def whose(row: QueryRow, studies: Sequence[Match], *, namesakes: Iterable[Match] = ()) -> Whose:
    """Judge what was found for *row*.

    Args:
        studies: Those that fit what the row wants.
        namesakes: All studies of that name and birth date, for a row that knows nothing else of the patient.
    """
    if by_name(row):
        return _of_that_name(row, tuple(studies), tuple(namesakes))
    kept, noted = list(studies), list[str]()
    if row.birth_date is not None:
        born = _born(kept)
        kept = [study for study in kept if study.birth_date in (None, row.birth_date)]
        if not kept:
            said = f"The server says that this patient was born on {_days(born)}, not on {row.birth_date}."
            return Whose(tuple(studies), said)
        if left_out := len(studies) - len(kept):
            others = _days(born - {row.birth_date})
            noted.append(f"Left out: {_counted(left_out)} of somebody who was born on {others}.")
    if row.patient_name:
        others = _other_names(row, kept)
        proven = any(study.birth_date == row.birth_date for study in kept) if row.birth_date else False
        if others and not proven and all(_is_named_otherwise(row, study) for study in kept):
            return Whose(
                tuple(studies), f"The server names this patient {others}, not {person_name(row.patient_name)}."
            )
        if others:
            noted.append(f"The server names this patient {others}.")
    return Whose(tuple(kept), _several(row, kept), tuple(noted))


def _of_that_name(row: QueryRow, studies: tuple[Match, ...], namesakes: tuple[Match, ...]) -> Whose:
    ids = _ids((*studies, *namesakes))
    if len(ids) > 1:
        return Whose(studies, f"{len(ids)} patients have this name and birth date: {_enumerated(ids)}.")
    if several := _several(row, studies):
        return Whose(studies, several)
    if any(study.birth_date for study in studies):
        return Whose(studies)
    return Whose(studies, noted=("The server does not say when the patient was born.",))


def _several(row: QueryRow, studies: Sequence[Match]) -> str:
    """Why *studies*, which an id or accession number found, may be of several patients; empty when they are not."""
    what = "PatientID" if row.patient_id else "accession number"
    ids = _ids(studies)
    if len(ids) > 1:
        return f"This {what} belongs to {len(ids)} patients: {_enumerated(ids)}."
    if len(issuers := _issuers(studies)) > 1:
        return f"This PatientID was given out by {len(issuers)}: {_enumerated(issuers)}."
    if len(born := _born(studies)) > 1:
        return f"This {what} belongs to patients of several birth dates: {_days(born)}."
    return ""


def _ids(studies: Iterable[Match]) -> list[str]:
    return sorted({study.patient_id for study in studies} - {""})


def _issuers(studies: Iterable[Match]) -> list[str]:
    return sorted({study.text("IssuerOfPatientID") for study in studies} - {""})


def _born(studies: Iterable[Match]) -> set[date]:
    return {study.birth_date for study in studies if study.birth_date is not None}


def _other_names(row: QueryRow, studies: Iterable[Match]) -> str:
    return _enumerated(sorted({study.patient_name for study in studies if _is_named_otherwise(row, study)}))


def _is_named_otherwise(row: QueryRow, study: Match) -> bool:
    return not fits("PatientName", row.patient_name, study.text("PatientName"))


def _days(days: Iterable[date]) -> str:
    return _enumerated([day.isoformat() for day in sorted(days)])


def _enumerated(texts: Sequence[str]) -> str:
    shown = ", ".join(texts[:_NAMED])
    return f"{shown} and {len(texts) - _NAMED} more" if len(texts) > _NAMED else shown


def _counted(studies: int) -> str:
    return f"{studies} {'study' if studies == 1 else 'studies'}"
