"""Where a study lies below a folder node (behaviour section 4, destinations)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from adit.dicom.match import Match
from adit.endpoints.names import safe_name
from adit.transfer.items import Layout


def job_folder(kind: str, job: int, created: date, owner: str) -> str:
    """The first part of the path: one folder for each job."""
    return safe_name(f"adit_{kind}_{job}_{created:%Y%m%d}_{owner}")


def layout_of(study: Match, series: Iterable[Match], job_folder: str) -> Layout:
    """Where *study* goes, by what the source says of it. What the source leaves out, the path leaves out.

    Args:
        series: Of the study; they know the modalities where the study does not say.
    """
    modalities = {modality for match in (study, *series) for modality in match.modalities}
    day = f"{study.study_date:%Y%m%d}" if study.study_date else ""
    time = f"{study.study_time:%H%M%S}" if study.study_time else ""
    parts = (day, time, "+".join(sorted(modalities)))
    return Layout(
        job_folder,
        safe_name(study.text("PatientID"), instead="no-patient-id"),
        safe_name("-".join(filter(None, parts)), instead=str(study.uid("StudyInstanceUID"))),
    )
