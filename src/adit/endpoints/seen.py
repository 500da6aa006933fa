"""What queries told about studies on their way: it decides what a retrieval proposes."""

from __future__ import annotations

from adit.dicom.contexts import classes_for_modality, pairs_for
from adit.dicom.match import Match
from adit.dicom.refs import UID, BadUID, Level, uid


class Seen:
    """SOP classes, modalities and patients by study."""

    def __init__(self) -> None:
        self._classes: dict[UID, dict[UID, None]] = {}
        self._modalities: dict[UID, dict[str, None]] = {}
        self._patients: dict[UID, str] = {}

    def note(self, match: Match) -> None:
        study = match.uid("StudyInstanceUID")
        if study is None:
            return
        keyword = "SOPClassUID" if match.level is Level.INSTANCE else "SOPClassesInStudy"
        for text in match.text(keyword).split("\\"):
            try:
                self._classes.setdefault(study, {})[uid(text)] = None
            except BadUID:
                continue
        keyword = "ModalitiesInStudy" if match.level is Level.STUDY else "Modality"
        for modality in filter(None, match.text(keyword).split("\\")):
            self._modalities.setdefault(study, {})[modality] = None
        if match.text("PatientID"):
            self._patients[study] = match.text("PatientID")

    def patient_of(self, study: UID) -> str:
        return self._patients.get(study, "")

    def pairs_of(self, study: UID) -> list[tuple[UID, UID]]:
        """What a retrieval of it proposes: SOP classes that the source named, then those that its modalities suggest.

        A class that is named comes in all transfer syntaxes before another is suggested: where a class is proposed
        without the syntax that an instance is stored in, Orthanc transcodes it to one that is.
        """
        suggested = dict.fromkeys(
            sop_class
            for modality in self._modalities.get(study, {"": None})
            for sop_class in classes_for_modality(modality)
        )
        return [*pairs_for(self._classes.get(study, ())), *pairs_for(suggested)]
