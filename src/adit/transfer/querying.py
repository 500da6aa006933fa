"""What a row of a batch query asks a source.

Only keys that every server knows (PS3.4 C.6.2.1) are asked for, and in no lists: the patient, the accession number,
the date. Modalities and descriptions are looked for in the answers. So several modalities cost one query wherever it
goes, case and accents do not matter, and rows of one patient share their queries.
"""

from __future__ import annotations

from collections.abc import Iterator

from adit.dicom.query import Query, date_range, without_accents
from adit.dicom.refs import UID, Level
from adit.transfer.batchrows import QueryRow

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
    yield (asked := _studies(_name(row)))
    # Some compare the whole name, with all its components and in the case in which they hold it.
    open_ended = _studies(_name(row, end="" if row.patient_name.endswith("*") else "*"))
    variants = [without_accents(open_ended) or open_ended]
    variants.append(_upper(variants[0]))
    yield from (query for query in dict.fromkeys(variants) if query != asked)


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
    return Query(Level.STUDY, _with_values(_name(row) if by_name(row) else (("PatientID", row.patient_id),)))


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


def _name(row: QueryRow, *, end: str = "") -> Keys:
    return ("PatientName", row.patient_name + end), ("PatientBirthDate", date_range(row.birth_date, row.birth_date))


def _days(row: QueryRow) -> Keys:
    return (("StudyDate", date_range(row.first, row.last)),) if row.first or row.last else ()


def _with_values(keys: Keys) -> Keys:
    return tuple((keyword, value) for keyword, value in keys if value)


def _upper(query: Query) -> Query:
    return Query(
        query.level,
        tuple((keyword, value.upper()) for keyword, value in query.keys),
        wanted=query.wanted,
        unchecked=query.unchecked,
    )
