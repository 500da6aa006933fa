"""Rows of batch files, checked: what one line, or several identical ones, ask for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Self

from adit.dicom.refs import UID, uid


class BadRow(ValueError):
    """A stored row cannot be read by this release."""


@dataclass(frozen=True, slots=True)
class QueryRow:
    """What a line of a batch query looks for. Empty texts, tuples and None are not asked for.

    Attributes:
        lines: Numbers of its lines as a person sees them; the first is its own, the others are identical.
        patient_name: `Doe^John`; may hold wildcards.
        first: Earliest study date.
        last: Latest study date; it and the first are both included.
        modalities: Codes; any of them is wanted.
        study_description: May hold wildcards.
        series_description: May hold wildcards; it and the numbers make it a query for series.
        series_numbers: Any of them is wanted.
        pseudonym: Handed through to the result.
    """

    lines: tuple[int, ...]
    patient_id: str = ""
    patient_name: str = ""
    birth_date: date | None = None
    accession_number: str = ""
    first: date | None = None
    last: date | None = None
    modalities: tuple[str, ...] = ()
    study_description: str = ""
    series_description: str = ""
    series_numbers: tuple[str, ...] = ()
    pseudonym: str = ""

    @property
    def of_series(self) -> bool:
        """Whether it looks for series, not for studies."""
        return bool(self.series_description or self.series_numbers)

    def to_json(self) -> dict[str, Any]:
        """The row as JSON, readable by `from_json` of this and later releases."""
        return {
            "lines": list(self.lines),
            "patient_id": self.patient_id,
            "patient_name": self.patient_name,
            "birth_date": _written(self.birth_date),
            "accession_number": self.accession_number,
            "first": _written(self.first),
            "last": _written(self.last),
            "modalities": list(self.modalities),
            "study_description": self.study_description,
            "series_description": self.series_description,
            "series_numbers": list(self.series_numbers),
            "pseudonym": self.pseudonym,
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote.

        Raises:
            BadRow: It is damaged.
        """
        try:
            return cls(
                lines=_lines(stored),
                patient_id=str(stored["patient_id"]),
                patient_name=str(stored["patient_name"]),
                birth_date=_read(stored["birth_date"]),
                accession_number=str(stored["accession_number"]),
                first=_read(stored["first"]),
                last=_read(stored["last"]),
                modalities=_texts(stored["modalities"]),
                study_description=str(stored["study_description"]),
                series_description=str(stored["series_description"]),
                series_numbers=_texts(stored["series_numbers"]),
                pseudonym=str(stored["pseudonym"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise BadRow(f"the row is damaged: {error}") from error


@dataclass(frozen=True, slots=True)
class TransferRow:
    """What a line of a batch transfer wants to have moved.

    Attributes:
        lines: Numbers of its lines as a person sees them; the first is its own, the others are identical.
        series: None for all that the study has.
        pseudonym: Empty where the project makes one, or the study goes as it is.
        patient_name: `Doe^John`, where the file holds one.
        birth_date: Where the file holds one.
    """

    lines: tuple[int, ...]
    patient_id: str
    study: UID
    series: tuple[UID, ...] = ()
    pseudonym: str = ""
    patient_name: str = ""
    birth_date: date | None = None

    def to_json(self) -> dict[str, Any]:
        """The row as JSON, readable by `from_json` of this and later releases."""
        return {
            "lines": list(self.lines),
            "patient_id": self.patient_id,
            "study": self.study,
            "series": list(self.series),
            "pseudonym": self.pseudonym,
            "patient_name": self.patient_name,
            "birth_date": _written(self.birth_date),
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote.

        Raises:
            BadRow: It is damaged.
        """
        try:
            return cls(
                lines=_lines(stored),
                patient_id=str(stored["patient_id"]),
                study=uid(stored["study"]),
                series=tuple(uid(series) for series in _texts(stored["series"])),
                pseudonym=str(stored["pseudonym"]),
                patient_name=str(stored["patient_name"]),
                birth_date=_read(stored["birth_date"]),
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise BadRow(f"the row is damaged: {error}") from error


def _lines(stored: Mapping[str, Any]) -> tuple[int, ...]:
    lines = tuple(int(line) for line in stored["lines"])
    if not lines:
        raise ValueError("it has no line")
    return lines


def _texts(stored: Any) -> tuple[str, ...]:
    if not isinstance(stored, list | tuple):
        raise TypeError(f"{stored!r} is no list")
    return tuple(str(text) for text in stored)


def _written(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _read(stored: str | None) -> date | None:
    return date.fromisoformat(stored) if stored else None
