"""Finds what a mass transfer is about: every study of a span of time that meets its criteria."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from datetime import date

from adit.dicom.match import Match
from adit.dicom.protocols import Source
from adit.dicom.query import Query
from adit.dicom.refs import UID, Level
from adit.transfer.events import Event, Planned, Swept
from adit.transfer.items import SweepWindow, TransferStudy
from adit.transfer.judging import first_unmet, modalities_asked, needs_series, tells
from adit.transfer.mass.criteria import Criteria, Filter
from adit.transfer.mass.exhausting import Exhausting, Gap, together
from adit.transfer.mass.spans import Span

WITHOUT_DATE = "the source does not tell: study date"
WITHOUT_SERIES = "the source does not tell: series"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A study that meets the criteria.

    Attributes:
        series: Those of them that go; empty while nobody asked for them, then all go.
    """

    item: TransferStudy
    study: Match
    series: tuple[Match, ...]


def sweep(item: SweepWindow, *, source: Source, most: int | None) -> Iterator[Event]:
    """Find every study of a window that meets its criteria: a `Planned` for each, once, then one `Swept`.

    Args:
        most: Most answers that the source gives to a query; None where nobody knows.

    Raises:
        Canceled: The cancel token of the source was set.
        DicomError: The source does not answer.
    """
    candidates = find_candidates(item, source=source, most=most)
    while True:
        try:
            yield Planned(next(candidates).item)
        except StopIteration as end:
            swept: Swept = end.value
            yield swept
            return


def find_candidates(item: SweepWindow, *, source: Source, most: int | None) -> Generator[Candidate, None, Swept]:
    """Every study that `sweep` would plan, with what the source said of it. Returns how the search went.

    Raises:
        As `sweep`.
    """
    search = _Search(source, item.criteria, first=item.first.date(), last=item.last.date())
    exhausting = Exhausting(source, most=most)
    gaps: list[Gap] = []
    for modality in modalities_asked(item.criteria) or ("",):
        studies = exhausting.run(Span(item.first.date(), item.last.date(), modality=modality))
        while True:
            try:
                match = next(studies)
            except StopIteration as end:
                gaps += [end.value] if end.value else []
                break
            if candidate := search.judge(match):
                yield candidate
    return search.swept(together(gaps), queries=exhausting.queries)


class _Search:
    """What becomes of each study that was found, and the sums of it."""

    def __init__(self, source: Source, criteria: Criteria, *, first: date, last: date) -> None:
        self._source = source
        self._criteria = criteria
        self._first, self._last = first, last
        self._found = self._planned = self._asked = 0
        self._left_out: Counter[str] = Counter()
        self._judged: Counter[Filter] = Counter()
        self._told: set[Filter] = set()

    def judge(self, study: Match) -> Candidate | None:
        """The candidate that *study* is, if it is one."""
        uid, day = study.uid("StudyInstanceUID"), study.study_date
        if uid is None or (day is not None and not self._first <= day <= self._last):
            return None
        self._found += 1
        if day is None:
            self._left_out[WITHOUT_DATE] += 1
            return None
        series: list[Match] = []
        unmet = first_unmet(self._criteria.of_study, study)
        if (unmet is None or not unmet[1]) and self._series_decide(study):
            series = self._series(uid)
            unmet = first_unmet(self._criteria.of_study, study, series=series)
        for criterion in self._criteria.of_study:
            self._note_told(criterion, tells(criterion, study, series=series))
        if unmet is not None:
            self._left_out[_reason(*unmet)] += 1
            return None
        return self._with_series(uid, study, series)

    def _series_decide(self, study: Match) -> bool:
        if self._criteria.of_series:
            return True
        return any(needs_series(criterion, study) for criterion in self._criteria.of_study)

    def _series(self, study: UID) -> list[Match]:
        self._asked += 1
        query = Query(Level.SERIES, (("StudyInstanceUID", study),), wanted=("InstitutionName",))
        return [match for match in self._source.find(query) if match.ref and match.ref.study == study]

    def _with_series(self, uid: UID, study: Match, series: list[Match]) -> Candidate | None:
        chosen: list[UID] = []
        going = series
        if self._criteria.of_series:
            going, reasons = [], Counter[str]()
            for match in series:
                for criterion in self._criteria.of_series:
                    self._note_told(criterion, tells(criterion, match))
                if (unmet := first_unmet(self._criteria.of_series, match, study=study)) is None:
                    going.append(match)
                else:
                    reasons[_reason(*unmet)] += 1
            if not going:
                self._left_out[reasons.most_common(1)[0][0] if reasons else WITHOUT_SERIES] += 1
                return None
            # Named one by one: what is added meanwhile was not looked at.
            chosen = [match.ref.series for match in going if match.ref and match.ref.series]
        self._planned += 1
        item = TransferStudy(uid, tuple(chosen), patient_id=study.patient_id, issuer=study.text("IssuerOfPatientID"))
        return Candidate(item, study, tuple(going))

    def _note_told(self, criterion: Filter, told: bool) -> None:
        self._judged[criterion] += 1
        if told:
            self._told.add(criterion)

    def swept(self, gap: Gap | None, *, queries: int) -> Swept:
        """The sums, now that nothing more comes."""
        untold = dict.fromkeys(criterion.field.title for criterion in self._judged if criterion not in self._told)
        return Swept(
            self._found,
            self._planned,
            tuple(self._left_out.most_common()),
            tuple(untold),
            gap.sentence if gap else "",
            gap is not None and gap.slight,
            queries + self._asked,
            gap is not None and gap.smallest,
        )


def _reason(criterion: Filter, sure: bool) -> str:
    """Why something is left out, for a person; it names nobody."""
    if not sure:
        return f"the source does not tell: {criterion.field.title.lower()}"
    return str(criterion)
