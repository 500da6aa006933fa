"""Asks a source what rows of a batch query find. No Django."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date, time
from enum import StrEnum

from adit.dicom.match import Match
from adit.dicom.matching import matches
from adit.dicom.protocols import Source
from adit.dicom.query import Query
from adit.dicom.refs import UID, Ref
from adit.transfer.batches.rows import QueryRow
from adit.transfer.querying import (
    by_name,
    criteria,
    first_queries,
    identified_by,
    identity,
    narrower_queries,
    series_criteria,
    series_query,
)
from adit.transfer.whose import whose

MOST_ANSWERS = 10_000
"""Answers to one query that are read: whoever gives more ignores what is asked for."""

MOST_HITS = 1_000
"""Studies, or series, of one row that are kept."""


class Finds(StrEnum):
    """How a row ended."""

    FOUND = "found"
    AMBIGUOUS = "ambiguous"
    NOT_FOUND = "not found"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Hit:
    """One study, or one series of it.

    Attributes:
        modalities: Of the study, or of the series; empty where the source does not say.
    """

    study: Match
    series: Match | None
    modalities: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What was found for one row.

    Attributes:
        reason: For a person; empty where the outcome says all.
        hits: The newest study first, series by their number. Of an ambiguous row: what may be meant.
    """

    outcome: Finds
    reason: str = ""
    hits: tuple[Hit, ...] = ()


@dataclass(frozen=True, slots=True)
class _Asked:
    """Answers that fit what was asked for.

    Attributes:
        cut: So many were given that there may be more: how many; 0 where all came.
        unproven: How many were left out, because they do not say whose they are.
    """

    matches: tuple[Match, ...]
    cut: int = 0
    unproven: int = 0


class Finding:
    """Answers rows, one after the other; what was asked once is not asked again. For one thread.

    Args:
        source: Asked over as few associations as it needs: one.
        most: Most answers that it gives to a query; None where nobody knows.
        heard: Called with every answer that comes.
    """

    def __init__(self, source: Source, *, most: int | None, heard: Callable[[], object] = lambda: None) -> None:
        self._source = source
        self._most = most
        self._heard = heard
        self._known: dict[Query, _Asked] = {}
        self.queries = 0

    def answer(self, row: QueryRow) -> Answer:
        """What the source has for *row*.

        Raises:
            DicomError: The source does not answer.
            Nobody: The row asks for nothing.
        """
        asked = self._patient(row)
        fitting = self._fitting(row, asked.matches)
        if asked.cut:
            asked = self._narrower(row, asked)
            fitting = self._fitting(row, asked.matches)
        reasons = [_cut_off(asked.cut)] if asked.cut else []
        if not fitting:
            # What it did not give may be what was looked for.
            if reasons:
                return Answer(Finds.FAILED, " ".join(reasons))
            return Answer(Finds.NOT_FOUND, _unproven(row, asked.unproven) if asked.unproven else "")
        clear = whose(row, fitting, namesakes=asked.matches if by_name(row) else ())
        hits, more = self._hits(row, clear.studies)
        if not hits:
            which = "1 study fits, but none of its series." if len(fitting) == 1 else _no_series_of(len(fitting))
            return Answer(Finds.NOT_FOUND, " ".join([which, *reasons]))
        reasons += [*clear.noted, *more]
        if clear.ambiguous:
            return Answer(Finds.AMBIGUOUS, " ".join([clear.ambiguous, *reasons]), hits)
        return Answer(Finds.FOUND, " ".join(reasons), hits)

    def _patient(self, row: QueryRow) -> _Asked:
        """All studies that the first questions find; for a name, those of everybody who has it."""
        asked = _Asked(())
        for query in first_queries(row):
            asked = self._ask(query)
            asked = self._of_patient(row, asked)
            if asked.matches or asked.cut:
                break
        return asked

    def _of_patient(self, row: QueryRow, asked: _Asked) -> _Asked:
        """Those that are of the patient of *row*, or of the examination: unlike all else, that has to be said."""
        fitting = tuple(match for match in asked.matches if matches(match, identity(row)))
        proven = tuple(match for match in fitting if match.text(identified_by(row)).strip("^= "))
        return _Asked(proven, asked.cut, asked.unproven + len(fitting) - len(proven))

    def _narrower(self, row: QueryRow, before: _Asked) -> _Asked:
        """What came, and what comes when more is said: it may be all then."""
        parts = [self._ask(query) for query in narrower_queries(row)]
        cut = max(part.cut for part in parts)
        if cut and row.study_description:
            # Believed for what it brings, not for what it leaves out.
            parts += [self._ask(query) for query in narrower_queries(row, described=True)]
        found = {match.ref: match for part in (before, *parts) for match in part.matches}
        return self._of_patient(row, _Asked(tuple(found.values()), cut, before.unproven))

    def _fitting(self, row: QueryRow, studies: Sequence[Match]) -> tuple[Match, ...]:
        wanted = criteria(row)
        return tuple(match for match in studies if matches(match, wanted) and self._has_modality(row, match))

    def _has_modality(self, row: QueryRow, study: Match) -> bool:
        """Whether *study* has one of the modalities; true where nobody can tell."""
        if not row.modalities:
            return True
        has = set(self._modalities(study, ask=True))
        return not has or not has.isdisjoint(row.modalities)

    def _modalities(self, study: Match, *, ask: bool) -> tuple[str, ...]:
        if study.modalities or not ask:
            return study.modalities
        # Optional at study level, required at that of series (PS3.4 C.6.2.1).
        return tuple(sorted({code for series in self._series(study).matches for code in series.modalities}))

    def _series(self, study: Match) -> _Asked:
        return self._ask(series_query(_uid(study)))

    def _hits(self, row: QueryRow, studies: Sequence[Match]) -> tuple[tuple[Hit, ...], list[str]]:
        """What is to be shown of *studies*, and what is to be said about it."""
        hits: list[Hit] = []
        cut = 0
        wanted = series_criteria(row)
        for study in sorted(studies, key=_when, reverse=True):
            if not row.of_series:
                hits.append(Hit(study, None, self._modalities(study, ask=bool(row.modalities))))
                continue
            asked = self._series(study)
            cut = max(cut, asked.cut)
            fitting = [series for series in asked.matches if matches(series, wanted)]
            hits += (Hit(study, series, series.modalities) for series in sorted(fitting, key=_number))
        said = [_cut_off(cut)] if cut else []
        if len(hits) > MOST_HITS:
            said.append(f"Only {MOST_HITS} of {len(hits)} are kept: narrow the line.")
        return tuple(hits[:MOST_HITS]), said

    def _ask(self, query: Query) -> _Asked:
        if (known := self._known.get(query)) is not None:
            return known
        self.queries += 1
        found: dict[Ref, Match] = {}
        count = 0
        with closing(self._answers(query)) as answers:
            for match in answers:
                self._heard()
                count += 1
                if match.ref is not None and matches(match, query):
                    found.setdefault(match.ref, match)
                if count >= MOST_ANSWERS:
                    break
        cut = count if count >= min(self._most or MOST_ANSWERS, MOST_ANSWERS) else 0
        asked = self._known[query] = _Asked(tuple(found.values()), cut)
        return asked

    def _answers(self, query: Query) -> Generator[Match, None, None]:
        yield from self._source.find(query)


def _cut_off(count: int) -> str:
    return f"The server gave {count} answers to a query, and may have more than {count}: narrow the line."


def _unproven(row: QueryRow, studies: int) -> str:
    what = {"PatientID": "PatientID", "PatientName": "name"}.get(identified_by(row), "accession number")
    return f"The server gave {studies} {'study' if studies == 1 else 'studies'} without saying the {what}: left out."


def _no_series_of(studies: int) -> str:
    return f"{studies} studies fit, but none of their series."


def _uid(study: Match) -> UID:
    assert study.ref is not None
    return study.ref.study


def _when(study: Match) -> tuple[date, time]:
    return study.study_date or date.min, study.study_time or time.min


def _number(series: Match) -> tuple[int, str]:
    number = series.series_number
    return (2**31 if number is None else number), series.text("SeriesInstanceUID")
