"""One answer of a source to a query, whatever the source left out or got wrong."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, time

from pydicom import Dataset
from pydicom.tag import Tag

from adit.dicom.refs import UID, BadUID, Level, Ref, uid
from adit.dicom.values import person_name, read_date, read_time, read_whole, text

_UIDS = {"StudyInstanceUID": Tag(0x0020000D), "SeriesInstanceUID": Tag(0x0020000E), "SOPInstanceUID": Tag(0x00080018)}


@dataclass(frozen=True, slots=True)
class Match:
    """One match. Attributes that the source did not send are empty or None, never an error."""

    level: Level
    dataset: Dataset

    def text(self, keyword: str) -> str:
        """The attribute as text: several values joined by backslash, empty when missing or broken."""
        if keyword in _UIDS and (written := self.dataset.get_item(_UIDS[keyword])) is not None:
            # Answers to lean queries hold nothing else, and thousands of them come.
            return text(written.value)
        try:
            return text(self.dataset.get(keyword))
        except Exception:  # noqa: BLE001  a broken element in an answer must not break the list
            return self._as_written(keyword)

    def _as_written(self, keyword: str) -> str:
        # A number that is none, say: pydicom refuses it, people can still read it.
        try:
            element = self.dataset.get_item(keyword)
        except Exception:  # noqa: BLE001  see above
            return ""
        return text(element.value) if element is not None and isinstance(element.value, bytes) else ""

    def number(self, keyword: str) -> int | None:
        """The attribute as a whole number, None when missing or no number."""
        return read_whole(self.text(keyword))

    def uid(self, keyword: str) -> UID | None:
        """The attribute as a UID, None when missing or no UID."""
        try:
            return uid(self.text(keyword))
        except BadUID:
            return None

    @property
    def patient_id(self) -> str:
        """PatientID (0010,0020), empty when missing."""
        return self.text("PatientID")

    @property
    def ref(self) -> Ref | None:
        """What was found, or None where the answer names it incompletely."""
        study, series = self.uid("StudyInstanceUID"), self.uid("SeriesInstanceUID")
        instance = self.uid("SOPInstanceUID")
        if study is None or self.level is Level.PATIENT:
            return None
        if self.level is Level.STUDY:
            return Ref(study)
        if series is None or (self.level is Level.INSTANCE and instance is None):
            return None
        return Ref(study, series, instance if self.level is Level.INSTANCE else None)

    @property
    def instances(self) -> int | None:
        """How many instances the source counts in it (PS3.4 C.3.4)."""
        if self.level is Level.INSTANCE:
            return 1
        return self._count("Instances")

    @property
    def series_count(self) -> int | None:
        """How many series the source counts in a patient or study."""
        return self._count("Series") if self.level in (Level.PATIENT, Level.STUDY) else None

    def _count(self, of: str) -> int | None:
        counted = self.number(f"NumberOf{self.level.value.capitalize()}Related{of}")
        return counted if counted is not None and counted >= 0 else None

    @property
    def patient_name(self) -> str:
        """As people read it: `Doe, John`."""
        return person_name(self.text("PatientName"))

    @property
    def birth_date(self) -> date | None:
        return read_date(self.text("PatientBirthDate"))

    @property
    def study_date(self) -> date | None:
        return read_date(self.text("StudyDate"))

    @property
    def study_time(self) -> time | None:
        return read_time(self.text("StudyTime"))

    @property
    def modalities(self) -> tuple[str, ...]:
        """Those of the study, or that of the series; each once, sorted."""
        said = self.text("ModalitiesInStudy" if self.level is Level.STUDY else "Modality")
        return tuple(sorted({one.strip("\0 ").upper() for one in said.split("\\")} - {""}))

    @property
    def description(self) -> str:
        """SeriesDescription from series level down, else StudyDescription."""
        below = self.level in (Level.SERIES, Level.INSTANCE)
        return self.text("SeriesDescription" if below else "StudyDescription")

    @property
    def accession_number(self) -> str:
        return self.text("AccessionNumber")

    @property
    def series_number(self) -> int | None:
        return self.number("SeriesNumber")
