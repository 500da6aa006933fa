"""One answer of a source to a query, whatever the source left out or got wrong."""

from __future__ import annotations

from dataclasses import dataclass

from pydicom import Dataset

from adit.dicom.refs import UID, BadUID, Level, Ref, uid


@dataclass(frozen=True, slots=True)
class Match:
    """One match. Attributes that the source did not send are empty or None, never an error."""

    level: Level
    dataset: Dataset

    def text(self, keyword: str) -> str:
        """The attribute as text: several values joined by backslash, empty when missing or broken."""
        try:
            value = self.dataset.get(keyword)
        except Exception:  # noqa: BLE001  a broken element in an answer must not break the list
            return ""
        if value is None:
            return ""
        if isinstance(value, str):
            return value.strip("\0 ")
        if hasattr(value, "__iter__") and not hasattr(value, "family_name"):
            return "\\".join(str(v).strip("\0 ") for v in value)
        return str(value).strip("\0 ")

    def number(self, keyword: str) -> int | None:
        """The attribute as a whole number, None when missing or no number."""
        try:
            return int(self.text(keyword))
        except ValueError:
            return None

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
        level = {Level.STUDY: "Study", Level.SERIES: "Series", Level.PATIENT: "Patient"}
        if self.level not in level:
            return 1
        return self.number(f"NumberOf{level[self.level]}RelatedInstances")
