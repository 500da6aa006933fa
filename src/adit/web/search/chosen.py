"""What was chosen of a search, as the server knows it: kept in the page, signed, so that nobody can change it there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any, Self

from django.conf import settings
from django.core import signing
from django.utils.crypto import salted_hmac
from pydicom import Dataset

from adit.accounts.models import User
from adit.deid.gate import Gate
from adit.dicom.match import Match
from adit.dicom.protocols import Source
from adit.dicom.refs import UID, Level
from adit.nodes.models import Node
from adit.transfer.items import TransferStudy
from adit.transfer.planners import resolve
from adit.transfer.runners import list_series
from adit.transfer.treating import stays_behind

MOST_FORESEEN = 10
"""Studies of one choice that are looked into beforehand."""

_SALT = "adit.search.chosen"
_LASTS = 12 * 60 * 60

_OF_STUDY = (
    *("PatientID", "IssuerOfPatientID", "PatientName", "PatientBirthDate", "StudyDate", "StudyTime"),
    *("StudyDescription", "ModalitiesInStudy", "SOPClassesInStudy", "StudyInstanceUID"),
)
_OF_SERIES = ("SeriesInstanceUID", "SeriesNumber", "SeriesDescription", "Modality", "SOPClassUID")


class Stale(ValueError):
    """What was chosen is too old, or was chosen by somebody else."""


class Unknown(LookupError):
    """The server does not have some of what was chosen.

    Attributes:
        studies: How many.
    """

    def __init__(self, studies: int) -> None:
        super().__init__(studies)
        self.studies = studies


@dataclass(frozen=True, slots=True)
class Study:
    """One study that was chosen.

    Attributes:
        said: What the server says of it, by keyword, as text.
        wanted: The series that were chosen; none means all.
        series: What the server says of each series that goes; None where it was not asked.
        instances: As the server counts them, of all that was chosen; None where it does not tell.
    """

    said: dict[str, str]
    wanted: tuple[str, ...]
    series: tuple[dict[str, str], ...] | None
    instances: int | None

    @property
    def match(self) -> Match:
        return Match(Level.STUDY, _dataset(self.said))

    @property
    def matches(self) -> list[Match]:
        return [Match(Level.SERIES, _dataset(each)) for each in self.series or ()]

    def item(self, pseudonym: str = "") -> TransferStudy:
        """As part of a plan."""
        return TransferStudy(
            UID(self.said["StudyInstanceUID"]),
            tuple(UID(each) for each in self.wanted),
            patient_id=self.said["PatientID"],
            issuer=self.said["IssuerOfPatientID"],
            pseudonym=pseudonym,
        )


@dataclass(frozen=True, slots=True)
class Person:
    """One patient of what was chosen.

    Attributes:
        key: Names the patient in a form without telling who it is.
    """

    key: str
    studies: tuple[Study, ...]

    @property
    def match(self) -> Match:
        return self.studies[0].match

    @property
    def series(self) -> int | None:
        """How many series go; None where the server was not asked."""
        counts = [None if study.series is None else len(study.series) for study in self.studies]
        return None if None in counts else sum(count or 0 for count in counts)

    @property
    def instances(self) -> int | None:
        counts = [study.instances for study in self.studies]
        return None if None in counts else sum(count or 0 for count in counts)


@dataclass(frozen=True, slots=True)
class Behind:
    """One series that stays behind."""

    study: Match
    series: Match
    reason: str


@dataclass(frozen=True, slots=True)
class Chosen:
    """Studies of one server.

    Attributes:
        source: Id of the node.
    """

    source: int
    studies: tuple[Study, ...]

    @property
    def people(self) -> list[Person]:
        """The patients, in the order chosen. Studies without PatientID have one each."""
        found: dict[str, list[Study]] = {}
        for study in self.studies:
            said = study.said
            patient_id = said["PatientID"].strip("\0 ")
            who = ("patient", patient_id, said["IssuerOfPatientID"].strip("\0 "))
            if not patient_id:
                who = ("study", said["StudyInstanceUID"], "")
            key = salted_hmac(_SALT, "\0".join(who), secret=settings.SECRET_KEY).hexdigest()[:16]
            found.setdefault(key, []).append(study)
        return [Person(key, tuple(studies)) for key, studies in found.items()]

    @property
    def foreseen(self) -> bool:
        """Whether the series were looked at."""
        return all(study.series is not None for study in self.studies)

    def behind(self, gate: Gate) -> list[Behind]:
        """What stays behind when it is pseudonymised, as far as can be told now."""
        return [
            Behind(study.match, series, reason)
            for study in self.studies
            for series in study.matches
            if (reason := stays_behind(gate, study.match, series))
        ]

    def to_token(self, user: User) -> str:
        """Signed for *user*."""
        value = {"user": user.pk, "source": self.source, "studies": [asdict(study) for study in self.studies]}
        return signing.dumps(value, salt=_SALT, compress=True)

    @classmethod
    def from_token(cls, token: str, user: User) -> Self:
        """Read what `to_token` made.

        Raises:
            Stale: It was not made for *user*, or too long ago.
        """
        try:
            value: dict[str, Any] = signing.loads(token, salt=_SALT, max_age=_LASTS)
        except signing.BadSignature:
            raise Stale from None
        if value["user"] != user.pk:
            raise Stale
        studies = tuple(
            Study(
                each["said"],
                tuple(each["wanted"]),
                None if each["series"] is None else tuple(each["series"]),
                each["instances"],
            )
            for each in value["studies"]
        )
        return cls(value["source"], studies)


def chosen_of(source: Source, node: Node, items: Sequence[TransferStudy]) -> Chosen:
    """Ask *source* about *items*; of a few also what their series are.

    Raises:
        Unknown: It does not have some of them.
        NotFound: It does not have some of the series.
        DicomError: It does not answer.
    """
    resolved = resolve(source, items)
    if resolved.unknown:
        raise Unknown(len(resolved.unknown))
    studies = []
    for item in items:
        known = resolved.known[item.study]
        series = None
        if len(items) <= MOST_FORESEEN:
            series = list_series(source, item)
        studies.append(
            Study(
                _said(known, _OF_STUDY) | {"StudyInstanceUID": item.study},
                item.series,
                None if series is None else tuple(_said(match, _OF_SERIES) for match in series),
                known.instances
                if series is None and not item.series
                else _sum(match.instances for match in series or ()),
            )
        )
    return Chosen(node.pk, tuple(studies))


def _sum(counts: Iterable[int | None]) -> int | None:
    known = list(counts)
    return None if not known or None in known else sum(count or 0 for count in known)


def _said(match: Match, keywords: Iterable[str]) -> dict[str, str]:
    return {keyword: match.text(keyword) for keyword in keywords}


def _dataset(said: dict[str, str]) -> Dataset:
    dataset = Dataset()
    for keyword, text in said.items():
        if text:
            # A number that is none, say, is not worth an error.
            with suppress(ValueError, TypeError):
                setattr(dataset, keyword, text)
    return dataset
