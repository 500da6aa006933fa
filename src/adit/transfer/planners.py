"""Plans made from what a user chose."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from adit.dicom.match import Match
from adit.dicom.protocols import Source
from adit.dicom.query import Query
from adit.dicom.refs import UID, BadUID, Level, uid
from adit.transfer.items import TransferStudy

STUDIES_PER_QUERY = 50
"""UIDs in one list; longer lists are cut off by some PACS."""


class BadList(ValueError):
    """A list of study UIDs holds something else."""


MOST_TOLD = 5
"""Lines of a list whose faults are told."""


def read_studies(lines: Iterable[str]) -> tuple[UID, ...]:
    """The study UIDs of a file with one a line; empty lines and repeated UIDs are left out.

    Raises:
        BadList: With the first lines that are no UID, by their numbers; or there is no UID at all.
    """
    studies: dict[UID, None] = {}
    wrong: list[str] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            studies[uid(line.strip().lstrip("\ufeff"))] = None
        except BadUID as error:
            wrong.append(f"line {number}: {error}")
    if wrong:
        more = len(wrong) - MOST_TOLD
        raise BadList("; ".join(wrong[:MOST_TOLD]) + (f"; and {more} more" if more > 0 else ""))
    if not studies:
        raise BadList("the file holds no study UID")
    return tuple(studies)


@dataclass(frozen=True, slots=True)
class Resolved:
    """What a source says of the studies that were asked for.

    Attributes:
        items: In the order asked; with the PatientID where the source knows the study.
        unknown: The studies that the source answered for, and does not have.
        known: What the source says of the others.
    """

    items: tuple[TransferStudy, ...]
    unknown: tuple[UID, ...]
    known: Mapping[UID, Match]


def resolve(source: Source, items: Sequence[TransferStudy]) -> Resolved:
    """Look *items* up, many in a query.

    Raises:
        DicomError: The source does not answer.
    """
    known: dict[UID, Match] = {}
    for group in _grouped([item.study for item in items]):
        known.update(_studies(source, group))
    # Some PACS do not take lists: what they left out is asked for by itself.
    for item in items:
        if item.study not in known and len(items) > 1:
            known.update(_studies(source, [item.study]))
    return Resolved(
        tuple(_with_patient(item, known.get(item.study)) for item in items),
        tuple(item.study for item in items if item.study not in known),
        known,
    )


def _with_patient(item: TransferStudy, match: Match | None) -> TransferStudy:
    if match is None or item.patient_id:
        return item
    return replace(item, patient_id=match.patient_id, issuer=match.text("IssuerOfPatientID"))


def _studies(source: Source, studies: Sequence[UID]) -> dict[UID, Match]:
    wanted = ("IssuerOfPatientID", "SOPClassesInStudy")
    query = Query(Level.STUDY, (("StudyInstanceUID", "\\".join(studies)),), wanted=wanted)
    return {study: match for match in source.find(query) if (study := match.uid("StudyInstanceUID"))}


def _grouped(studies: Iterable[UID]) -> Iterator[list[UID]]:
    rest = iter(studies)
    while group := list(islice(rest, STUDIES_PER_QUERY)):
        yield group
