"""What a source answered, as a row of what was found for a line."""

from __future__ import annotations

from collections.abc import Iterable

from adit.dicom.match import Match
from adit.jobs.batchmodels import Found
from adit.jobs.storable import storable


def found_of(
    study: Match,
    series: Match | None = None,
    *,
    modalities: Iterable[str],
    series_count: int | None,
    instances: int | None,
) -> Found:
    """A row, not saved, without line and position.

    Args:
        series: Where a series was looked for.
        modalities, series_count, instances: Of what was looked for; None where the source does not tell.
    """
    time_of_day = study.study_time
    return Found(
        study_uid=study.text("StudyInstanceUID"),
        series_uid=series.text("SeriesInstanceUID") if series else "",
        patient_id=storable(study.patient_id),
        issuer=storable(study.text("IssuerOfPatientID")),
        patient_name=storable(study.text("PatientName")),
        birth_date=study.birth_date,
        study_date=study.study_date,
        study_time=time_of_day.strftime("%H%M%S") if time_of_day else "",
        modalities=[storable(code) for code in modalities],
        accession_number=storable(study.accession_number),
        study_description=storable(study.description),
        series_description=storable(series.description) if series else "",
        series_number=storable(series.text("SeriesNumber")) if series else "",
        series_count=_counted(series_count),
        instances=_counted(instances),
    )


def _counted(number: int | None) -> int | None:
    """*number*, unless nobody has so many."""
    return number if number is not None and number < 2**31 else None
