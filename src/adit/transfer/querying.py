"""What a row of a batch query asks a source.

Only keys that every server knows (PS3.4 C.6.2.1) are asked for, and in no lists: the patient, the accession number,
the date. Modalities and descriptions are looked for in the answers. So several modalities cost one query wherever it
goes, case and accents do not matter, and rows of one patient share their queries.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from adit.dicom.query import Query, date_range
from adit.dicom.refs import UID, Level
from adit.transfer.batches.rows import QueryRow

WANTED = ("IssuerOfPatientID",)
"""Asked for beyond what every answer carries: an id may be given out by several (PS3.3 C.7.1.1)."""

Keys = tuple[tuple[str, str], ...]


class Nobody(ValueError):
    """The row does not say which patient or examination: it would find the whole archive."""


def by_name(row: QueryRow) -> bool:
    """Whether the patient is known by name and birth date alone."""
    return not row.patient_id and bool(row.patient_name) and row.birth_date is not None


def first_queries(row: QueryRow) -> Iterator[Query]:
    """What to ask first, and what next as long as nothing fits: names are spelled in many ways.

    Whoever is known by name is looked for in all studies, whatever else the row wants: only so it is seen that
    several have this name.

    Raises:
        Nobody: It says nothing that can be asked for.
    """
    if not by_name(row):
        keys = _with_values((("PatientID", row.patient_id), ("AccessionNumber", row.accession_number)))
        if not keys:
            raise Nobody(f"line {row.lines[0]} does not say which patient")
        yield _studies((*keys, *_days(row)))
        return
    yield _studies(_name(row))
    # Some compare the whole name, with all its components, in the case and spelling in which they hold it, or do not
    # take a ^ (QIDO-RS of Orthanc): the answers tell whether they fit.
    family = _family(row.patient_name)
    spelled = re.sub("[aou]e", "*", family, flags=re.IGNORECASE)
    forms = [form for one in (family, spelled) for form in (one, one.capitalize(), one.upper())]
    for pattern in dict.fromkeys(forms):
        if pattern.strip("*?"):
            yield _studies(_name(row, pattern=pattern))


def narrower_queries(row: QueryRow, *, described: bool = False) -> tuple[Query, ...]:
    """What to ask where a server has more answers than it gives: all that the row wants, one query for each modality.

    Args:
        described: Also the study description, although some servers compare its case.
    """
    description = row.study_description if described else ""
    keys = (
        *identity(row).keys,
        ("AccessionNumber", row.accession_number),
        *_days(row),
        ("StudyDescription", description),
    )
    return tuple(_studies((*keys, ("ModalitiesInStudy", modality))) for modality in row.modalities or ("",))


def series_query(study: UID) -> Query:
    """All series of a study."""
    return Query(Level.SERIES, (("StudyInstanceUID", study),), unchecked=True)


def identity(row: QueryRow) -> Query:
    """What says of a study whether it may be of the patient; name and birth date only where nothing else does."""
    keys = _name(row) if by_name(row) else (("PatientID", row.patient_id), ("AccessionNumber", row.accession_number))
    return Query(Level.STUDY, _with_values(keys))


def identified_by(row: QueryRow) -> str:
    """The keyword of what says which patient or examination is meant."""
    if row.patient_id:
        return "PatientID"
    return "PatientName" if by_name(row) else "AccessionNumber"


def criteria(row: QueryRow) -> Query:
    """What the studies of *row* have to fit, but for their modalities."""
    keys = (("AccessionNumber", row.accession_number), *_days(row), ("StudyDescription", row.study_description))
    return Query(Level.STUDY, (*identity(row).keys, *_with_values(keys)))


def series_criteria(row: QueryRow) -> Query:
    """What the series of *row* have to fit."""
    keys = (
        ("Modality", "\\".join(row.modalities)),
        ("SeriesDescription", row.series_description),
        ("SeriesNumber", "\\".join(row.series_numbers)),
    )
    return Query(Level.SERIES, _with_values(keys))


def _studies(keys: Keys) -> Query:
    # Unchecked: how many answers came tells whether the server cut them off.
    return Query(Level.STUDY, _with_values(keys), wanted=WANTED, unchecked=True)


def _name(row: QueryRow, *, pattern: str = "") -> Keys:
    return ("PatientName", pattern or row.patient_name), (
        "PatientBirthDate",
        date_range(row.birth_date, row.birth_date),
    )


def _days(row: QueryRow) -> Keys:
    return (("StudyDate", date_range(row.first, row.last)),) if row.first or row.last else ()


def _with_values(keys: Keys) -> Keys:
    return tuple({keyword: value for keyword, value in keys if value}.items())


def _family(name: str) -> str:
    """A pattern for the family name, with `*` for every letter beyond ASCII."""
    written = name.partition("=")[0].partition("^")[0].rstrip("*")
    return re.sub(r"[^\x00-\x7f]+", "*", written) + "*"
