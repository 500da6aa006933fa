"""Whether a study is that of the person whom a line of a file names, when their PatientIDs differ."""

from __future__ import annotations

from adit.deid.folding import LETTERS, fold
from adit.dicom.match import Match


def same_person(name: str, birth_date: str, study: Match) -> bool:
    """Whether *study* is of somebody of this name who was born on this day; False where one of them is not known.

    Family and given name have to agree, whatever their spelling; more than that a source may have of its own.

    Args:
        name: As PatientName: `Doe^John`.
        birth_date: YYYYMMDD.
    """
    born = study.birth_date
    if not birth_date or born is None or f"{born:%Y%m%d}" != birth_date:
        return False
    return not _names(name).isdisjoint(_names(study.text("PatientName")))


def _names(written: str) -> set[tuple[str, str]]:
    """Family and given name of each group of components that has both (PS3.5 6.2.1)."""
    found = set()
    for group in written.split("="):
        family, given, *_ = (*(" ".join(LETTERS.findall(fold(part))) for part in group.split("^")), "", "")
        if family and given and not {"*", "?"}.intersection(group):
            found.add((family, given))
    return found
