"""A source that is a list of series, each as a dictionary of what is said of it: for tests of queries."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from pydicom import Dataset

from adit.dicom.instance import Instance
from adit.dicom.match import Match
from adit.dicom.matching import matches
from adit.dicom.protocols import Cancellation, Capabilities
from adit.dicom.query import Query
from adit.dicom.refs import Level, Ref
from adit.endpoints.cancel import NEVER

_OF_STUDIES = (
    "StudyInstanceUID", "PatientID", "PatientName", "PatientBirthDate", "IssuerOfPatientID", "StudyDate", "StudyTime",
    "AccessionNumber", "StudyDescription",
)  # fmt: skip


def series(
    uid: str,
    patient_id: str = "P1",
    name: str = "Doe^John",
    born: str = "19600102",
    *,
    date: str = "20260110",
    modality: str = "CT",
    number: str = "1",
    **values: str,
) -> dict[str, str]:
    """One series of the study *uid*, whose own UID says its number too."""
    return {
        "StudyInstanceUID": uid,
        "SeriesInstanceUID": f"{uid}.{number}",
        "PatientID": patient_id,
        "PatientName": name,
        "PatientBirthDate": born,
        "StudyDate": date,
        "StudyTime": "101500",
        "StudyDescription": "Thorax nativ",
        "Modality": modality,
        "SeriesNumber": number,
        "SeriesDescription": f"Series {number}",
        **values,
    }


@dataclass
class Register:
    """A source of *held*, and how it is worse than others.

    Attributes:
        most: Answers that it gives to a query, without a word when there are more.
        ignores: Keywords of keys that it does not look at.
        leaves_out: Keywords that its answers do not have.
        literal: Compares texts as they stand, in their case and with all components.
        before: Called before each query, with the cancel token; may raise.
        asked: All queries, in order.
    """

    held: Sequence[dict[str, str]]
    most: int | None = None
    ignores: frozenset[str] = frozenset()
    leaves_out: frozenset[str] = frozenset()
    literal: bool = False
    before: Callable[[Query, Cancellation], object] = lambda query, cancel: None
    cancel: Cancellation = NEVER
    asked: list[Query] = field(default_factory=list)
    capabilities = Capabilities()

    def find(self, query: Query) -> Iterator[Match]:
        self.asked.append(query)
        self.before(query, self.cancel)
        for number, match in enumerate(self._fitting(query)):
            self.cancel.check()
            if number == self.most:
                return
            for keyword in self.leaves_out & set(match.dataset.dir()):
                delattr(match.dataset, keyword)
            yield match

    def _fitting(self, query: Query) -> Iterator[Match]:
        keys = tuple((keyword, value) for keyword, value in query.keys if keyword not in self.ignores)
        fits = self._literally if self.literal else matches
        for match in self._all(query.level):
            if fits(match, Query(query.level, keys)):
                yield match

    def _literally(self, match: Match, query: Query) -> bool:
        return all(
            value.split("-")[0] <= match.text(keyword) <= (value.split("-") * 2)[1]
            if keyword == "StudyDate"
            else any(fnmatchcase(one, value) for one in match.text(keyword).split("\\"))
            for keyword, value in query.keys
        )

    def _all(self, level: Level) -> Iterator[Match]:
        if level is Level.SERIES:
            yield from (Match(level, _dataset(each)) for each in self.held)
            return
        studies: dict[str, list[dict[str, str]]] = {}
        for each in self.held:
            studies.setdefault(each["StudyInstanceUID"], []).append(each)
        for parts in studies.values():
            values: dict[str, Any] = {keyword: parts[0].get(keyword, "") for keyword in _OF_STUDIES}
            answer = _dataset(values)
            answer.ModalitiesInStudy = sorted({part["Modality"] for part in parts})
            answer.NumberOfStudyRelatedSeries = len(parts)
            yield Match(level, answer)

    def retrieve(self, refs: Sequence[Ref]) -> Iterator[Instance]:
        raise AssertionError(f"{refs} were asked for, not only found")


def _dataset(values: dict[str, Any]) -> Dataset:
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset
