"""A source that matches as PS3.4 C.2.2.2 has it, over texts, as a database does: nothing empty matches anything.

What differs between servers is scripted: how many answers they give, which keys they ignore, refuse or have no
wildcards for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

from pydicom import Dataset

from adit.dicom.errors import Refused
from adit.dicom.match import Match
from adit.dicom.protocols import Capabilities
from adit.dicom.query import Query
from adit.dicom.refs import UID, Level, Ref

CANNOT_PROCESS = 0xC000


@dataclass(frozen=True, slots=True)
class Study:
    """One study, as texts. Several values are joined by backslash."""

    uid: UID
    date: str = "20200106"
    time: str = "101500"
    modalities: str = "CT"
    patient_id: str = "P1"
    others: tuple[tuple[str, str], ...] = ()
    series: tuple[tuple[tuple[str, str], ...], ...] = ()

    @property
    def attributes(self) -> dict[str, str]:
        return {
            "StudyInstanceUID": self.uid,
            "StudyDate": self.date,
            "StudyTime": self.time,
            "ModalitiesInStudy": self.modalities,
            "PatientID": self.patient_id,
            **dict(self.others),
        }


@dataclass(slots=True)
class Strict:
    """Attributes:
    most: Answers that it gives to a query; then it stops without a word.
    says_so: It ends such a query with the status of matching that was ended early.
    ignores: Keys that it answers as if they were empty.
    refuses: Keys that it answers with a failure when they hold a wildcard.
    literal: Keys in which a wildcard is a character like any other.
    sql: `_` and `%` in a pattern are wildcards too.
    hides: Attributes that its answers do not carry.
    asked: The queries at study level, in order.
    """

    studies: Iterable[Study]
    most: int | None = None
    says_so: bool = False
    ignores: frozenset[str] = frozenset()
    refuses: frozenset[str] = frozenset()
    literal: frozenset[str] = frozenset()
    hides: frozenset[str] = frozenset()
    sql: bool = False
    asked: list[Query] = field(default_factory=list)
    capabilities: Capabilities = field(default_factory=Capabilities)

    def find(self, query: Query) -> Iterator[Match]:
        if query.level is Level.SERIES:
            yield from self._series(query)
            return
        self.asked.append(query)
        for keyword, value in query.keys:
            if keyword in self.refuses and "*" in value:
                raise Refused("it does not understand the query", status=CANNOT_PROCESS)
        given = 0
        for study in self.studies:
            if not all(self._fits(keyword, value, study.attributes.get(keyword, "")) for keyword, value in query.keys):
                continue
            if given == self.most:
                if self.says_so:
                    raise Refused("there are more", status=0xFE00)
                return
            given += 1
            yield Match(Level.STUDY, _dataset(study.attributes, self.hides))

    def retrieve(self, refs: Sequence[Ref]) -> NoReturn:
        raise AssertionError(refs)

    def _series(self, query: Query) -> Iterator[Match]:
        for study in self.studies:
            if study.uid == query.value("StudyInstanceUID"):
                for series in study.series:
                    attributes = {"StudyInstanceUID": study.uid, **dict(series)}
                    yield Match(Level.SERIES, _dataset(attributes, self.hides))

    def _fits(self, keyword: str, wanted: str, found: str) -> bool:
        if keyword in self.ignores:
            return True
        values = [value for value in found.split("\\") if value]
        if keyword in ("StudyDate", "StudyTime"):
            first, dash, last = wanted.partition("-")
            low, high = first, last if dash else first
            return any(low <= value and (not high or value <= high) for value in values)
        if keyword in self.literal:
            return wanted in values
        pattern = re.escape(wanted).replace(r"\*", ".*").replace(r"\?", ".")
        if self.sql:
            pattern = pattern.replace("_", ".").replace("%", ".*")
        return any(re.fullmatch(pattern, value) for value in values)


def _dataset(attributes: dict[str, str], hidden: frozenset[str]) -> Dataset:
    dataset = Dataset()
    for keyword, value in attributes.items():
        if keyword not in hidden and value:
            setattr(dataset, keyword, value.split("\\") if "\\" in value else value)
    return dataset
