"""What one query of a sweep is about: some days, and keys that cut them into smaller parts."""

from __future__ import annotations

import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, time, timedelta
from typing import NamedTuple, Self

from adit.dicom.match import Match
from adit.dicom.query import Query, date_range
from adit.dicom.refs import UID, Level
from adit.transfer.mass.criteria import LONGEST

WANTED = ("IssuerOfPatientID", "PatientAge", "InstitutionName", "SOPClassesInStudy")
"""Asked for beyond what every answer carries."""

_LAST_SECOND = 24 * 60 * 60


class Seen(NamedTuple):
    """What a source said of a study, as far as parts are told apart by it. Empty or None: it did not say."""

    study: UID
    day: date | None
    moment: time | None
    modalities: tuple[str, ...]
    patient_id: str

    @classmethod
    def of(cls, study: UID, match: Match) -> Self:
        return cls(study, match.study_date, match.study_time, match.modalities, match.patient_id)


@dataclass(frozen=True, slots=True)
class Span:
    """Some days, both included, or a part of them.

    Attributes:
        start, end: Times of day as seconds since midnight, both included; None is open, so that nothing falls out at
            midnight whatever a server makes of `235959`.
        modality: A code, or a prefix with `*`.
        study: A UID, or a suffix with `*`.
        patient: A PatientID, or a suffix with `*`.
    """

    first: date
    last: date
    start: int | None = None
    end: int | None = None
    modality: str = ""
    study: str = ""
    patient: str = ""

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    @property
    def whole(self) -> bool:
        """Whether nothing but the days and the time of day tells what belongs to it."""
        return not (self.study or self.patient or self.modality.endswith("*"))

    @property
    def doubtful(self) -> bool:
        """Whether a database behind the source may read a wildcard of its own in it: `_` and `%` of SQL."""
        return not {"_", "%"}.isdisjoint(self.modality + self.patient)

    @property
    def one_study(self) -> bool:
        """Whether at most one study belongs to it."""
        return bool(self.study) and not self.study.startswith("*")

    def query(self) -> Query:
        """Asks for its studies, and for every answer that there is."""
        keys = (
            ("StudyDate", date_range(self.first, self.last)),
            ("StudyTime", self._times()),
            ("ModalitiesInStudy", self.modality),
            ("StudyInstanceUID", self.study),
            ("PatientID", self.patient),
        )
        return Query(Level.STUDY, tuple(key for key in keys if key[1]), wanted=WANTED, unchecked=True)

    def _times(self) -> str:
        if self.start is None and self.end is None:
            return ""
        return f"{_written(self.start)}-{_written(self.end)}"

    def holds(self, seen: Seen) -> bool | None:
        """Whether a study belongs to it; None where the source did not say enough."""
        answers = (
            None if seen.day is None else self.first <= seen.day <= self.last,
            self._at_that_time(seen.moment),
            _any_fits(self.modality, seen.modalities),
            _any_fits(self.study, (seen.study,)),
            _any_fits(self.patient.casefold(), (seen.patient_id.casefold(),) if seen.patient_id else ()),
        )
        return False if False in answers else None if None in answers else True

    def _at_that_time(self, moment: time | None) -> bool | None:
        if self.start is None and self.end is None:
            return True
        if moment is None:
            return None
        second = moment.hour * 3600 + moment.minute * 60 + moment.second
        return (self.start is None or self.start <= second) and (self.end is None or second <= self.end)

    def halves(self) -> tuple[Span, Span]:
        """Its days in two parts."""
        middle = self.first + timedelta(days=self.days // 2 - 1)
        return replace(self, last=middle), replace(self, first=middle + timedelta(days=1))

    def half_times(self) -> tuple[Span, ...]:
        """Its time of day in two parts; none where it is too short.

        Both hold the second in the middle: what a server with fractions makes of it falls into one of them.
        """
        start, end = self.start or 0, _LAST_SECOND if self.end is None else self.end
        if end - start < 2:
            return ()
        middle = (start + end) // 2
        return replace(self, end=middle), replace(self, start=middle)


def _written(second: int | None) -> str:
    return "" if second is None else f"{second // 3600:02d}{second // 60 % 60:02d}{second % 60:02d}"


def _any_fits(pattern: str, values: tuple[str, ...]) -> bool | None:
    if not pattern:
        return True
    if not values:
        return None
    return any(_fits(pattern, value) for value in values)


def _fits(pattern: str, value: str) -> bool:
    if pattern.startswith("*"):
        return value.endswith(pattern[1:])
    return value.startswith(pattern[:-1]) if pattern.endswith("*") else value == pattern


@dataclass(frozen=True, slots=True)
class Key:
    """An attribute by which a span is cut into parts.

    Attributes:
        parts: The parts of a span; none where it cannot be cut further by it.
        reaches_all: Every study belongs to one of the parts.
    """

    name: str
    parts: Callable[[Span], Iterator[Span]]
    reaches_all: bool


_UID = string.digits + "."
_CODE = string.ascii_uppercase + string.digits + "_"
_TEXT = "".join(sorted({*string.printable} - {*string.whitespace, *"\\*?"}))


def _by_study(span: Span) -> Iterator[Span]:
    # The ends of UIDs are spread evenly, their beginnings are all the same.
    for pattern in _longer(span.study, _UID, most=LONGEST):
        yield replace(span, study=pattern)


def _by_patient(span: Span) -> Iterator[Span]:
    for pattern in _longer(span.patient, _TEXT if not span.patient else _TEXT + " ", most=LONGEST):
        yield replace(span, patient=pattern)


def _by_modality(span: Span) -> Iterator[Span]:
    prefix = span.modality.removesuffix("*")
    if (prefix and not span.modality.endswith("*")) or len(prefix) == 2:
        return
    if prefix:
        yield replace(span, modality=prefix)
    for character in _CODE if not prefix else _CODE + " ":
        yield replace(span, modality=f"{prefix}{character}*")


def _longer(pattern: str, alphabet: str, *, most: int) -> Iterator[str]:
    suffix = pattern.removeprefix("*")
    if (suffix and not pattern.startswith("*")) or len(suffix) == most:
        return
    if suffix:
        yield suffix
    for character in alphabet:
        yield f"*{character}{suffix}"


# PS3.4 C.2.2.2.4 has no wildcards for UIDs, yet many servers take them, and nothing reaches as far: every study has
# one, of eleven characters. Every series has a modality (PS3.3 C.7.3.1, type 1). A PatientID may be missing.
KEYS = (
    Key("StudyInstanceUID", _by_study, reaches_all=True),
    Key("ModalitiesInStudy", _by_modality, reaches_all=True),
    Key("PatientID", _by_patient, reaches_all=False),
)
