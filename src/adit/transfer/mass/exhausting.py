"""All studies of some days, from a source that gives only so many answers to a query.

A query that may have been cut off is asked again in parts: by days, then by the time of day. A study without a time
belongs to no range of times (PS3.4 C.2.2.2.5), so times alone never prove that nothing is missing: that takes a key
that every study has. A part is believed only when it gives all that is known to belong to it and nothing else, or
was not cut off. Where no key can prove it, the reason is said; it is never taken as complete.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from dataclasses import dataclass
from enum import Enum

from adit.dicom.errors import DicomError
from adit.dicom.match import Match
from adit.dicom.protocols import Source
from adit.dicom.refs import UID
from adit.transfer.mass.spans import KEYS, Key, Seen, Span

MOST_QUERIES = 3000
"""In one exhaustion; a server that needs more is better told to raise its limit."""

MOST_REFUSALS = 8
"""Queries in a row for which a server says that its resources do not suffice: after that it is busy, or broken."""

_MOST_DAYS = 31
"""That one sentence names."""

_LEAST_ROUND = 50
"""Its multiples, and powers of two beyond, are numbers at which answers are cut off."""

_TOO_LARGE = frozenset((0xFE00, 413))
"""Matching ended early (PS3.4 C.4.1.1.4), and its like in HTTP: how some say that there are more."""


class Cut(Enum):
    """Whether an answer was cut off."""

    NO = "no"
    MAYBE = "maybe"
    """It has a round number of matches, as answers have that were cut off without a word."""
    YES = "yes"


@dataclass(frozen=True, slots=True)
class _Answer:
    studies: frozenset[UID]
    count: int
    cut: Cut
    stray: bool
    """It holds what does not belong there: the source ignored a key."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Why something may be missing.

    Attributes:
        reasons: Pairs of a reason, with `WHERE` in the place of the days that it is about, and such days.
        slight: Everything that has a PatientID was found, only what has none could be missing; or nothing but a round
            number of answers speaks for more.
        smallest: It is about single modalities: no filter makes a question that is cut off less.
    """

    reasons: tuple[tuple[str, str], ...]
    slight: bool = False
    smallest: bool = False

    @property
    def sentence(self) -> str:
        """All of it for a person; the node is not named."""
        where: dict[str, dict[str, None]] = {}
        for reason, days in self.reasons:
            where.setdefault(reason, {})[days] = None
        return "; ".join(reason.replace(WHERE, _enumerated(list(days))) for reason, days in where.items())


WHERE = "{where}"


def together(gaps: Iterable[Gap]) -> Gap | None:
    """All of *gaps* as one; None where there is none."""
    every = list(gaps)
    if not every:
        return None
    return Gap(
        tuple(pair for gap in every for pair in gap.reasons),
        slight=all(gap.slight for gap in every),
        smallest=all(gap.smallest for gap in every),
    )


def _enumerated(days: list[str]) -> str:
    shown, more = days[:_MOST_DAYS], len(days) - _MOST_DAYS
    if more > 0:
        return f"{', '.join(shown)} and {more} more days"
    return " and ".join(filter(None, (", ".join(shown[:-1]), shown[-1])))


class _TooMany(Exception):
    """Queries."""


class Exhausting:
    """One search for all studies of some days. For one thread.

    Attributes:
        queries: How many were asked.
        most: Most answers that the source gives, as it was told or as it turned out; None while unknown.
    """

    def __init__(self, source: Source, *, most: int | None, most_queries: int = MOST_QUERIES) -> None:
        self._source = source
        self._most_queries = most_queries
        self.most = most
        self.queries = 0
        self._known: dict[UID, Seen] = {}
        self._useless: set[str] = set()
        self._refusals = 0
        self._largest = 0

    def run(self, span: Span) -> Generator[Match, None, Gap | None]:
        """Yield every study that the source gives for *span*, each once; it may not belong there.

        Returns:
            Why some may be missing; None when none is.

        Raises:
            DicomError: The source does not answer.
        """
        try:
            answer = yield from self._ask(span)
            return (yield from self._complete(span, answer))
        except _TooMany:
            return _gap(f"{self._most_queries} queries were not enough to get all studies of {WHERE} out of it", span)

    def _ask(self, span: Span) -> Generator[Match, None, _Answer]:
        if self.queries >= self._most_queries:
            raise _TooMany
        self.queries += 1
        found: dict[UID, Match] = {}
        count, refused = 0, False
        try:
            for match in self._source.find(span.query()):
                count += 1
                if study := match.uid("StudyInstanceUID"):
                    found.setdefault(study, match)
        except DicomError as error:
            if not _too_large(error):
                raise
            self._refusals += error.transient
            if self._refusals > MOST_REFUSALS:
                raise
            refused = True
        else:
            self._refusals = 0
        seen = {study: Seen.of(study, match) for study, match in found.items()}
        new = [match for study, match in found.items() if study not in self._known]
        self._known.update(seen)
        # A query ends before anything else is asked: its association is free again.
        yield from new
        stray = any(span.holds(one) is False for one in seen.values())
        return _Answer(frozenset(found), count, Cut.YES if refused else self._cut(count), stray)

    def _cut(self, count: int) -> Cut:
        if self.most is not None and count >= self.most:
            return Cut.YES
        # A source that has given more before does not stop here.
        largest, self._largest = self._largest, max(self._largest, count)
        round_number = count >= _LEAST_ROUND and (count % _LEAST_ROUND == 0 or count & (count - 1) == 0)
        return Cut.MAYBE if round_number and count >= largest else Cut.NO

    def _complete(self, span: Span, answer: _Answer) -> Generator[Match, None, Gap | None]:
        """Make *answer* complete. Returns why it is not; None when it is."""
        if answer.cut is Cut.NO or (span.one_study and answer.studies):
            return None
        if answer.stray:
            return _gap(
                f"{self._says(answer)}, and does not look at the dates and other keys that it is asked for: "
                f"it may have more of {WHERE}",
                span,
            )
        if span.days > 1:
            return (yield from self._by_days(span, answer))
        before = len(self._known)
        timed = False
        if span.whole:
            timed = yield from self._by_times(span)
        if answer.cut is Cut.MAYBE and len(self._known) > before:
            self.most = min(answer.count, self.most or answer.count)
            answer = _Answer(answer.studies, answer.count, Cut.YES, stray=False)
        missing, slight = "those without a time of day" if timed else "some", False
        cut_off: Gap | None = None
        for key in KEYS:
            usable = key.name not in self._useless and next(key.parts(span), None) is not None
            left = (yield from self._by_key(span, key)) if usable else None
            if left and key.name == "ModalitiesInStudy":
                cut_off = together(left)
            if left == []:
                if key.reaches_all:
                    return None
                missing = (
                    "those that have neither a time of day nor a PatientID of plain letters"
                    if timed
                    else "those without a PatientID of plain letters"
                )
                slight = True
        if answer.cut is Cut.MAYBE and len(self._known) == before:
            # A round number alone is no evidence, when parts were asked for and brought nothing beyond it.
            return None if slight else _gap(_suspicious(answer), span, slight=True)
        reason = f"{self._says(answer)}, and may have more of {WHERE}: {missing} cannot be asked for in smaller parts"
        if cut_off is not None:
            return Gap(tuple((reason, where) for _, where in cut_off.reasons), slight, cut_off.smallest)
        return _gap(reason, span, slight=slight)

    def _by_days(self, span: Span, answer: _Answer) -> Generator[Match, None, Gap | None]:
        gaps: list[Gap] = []
        reached: set[UID] = set()
        for half in span.halves():
            part = yield from self._ask(half)
            if gap := (yield from self._complete(half, part)):
                gaps.append(gap)
            reached |= part.studies if part.cut is Cut.NO else self._held_by(half)
        if gaps:
            return together(gaps)
        if lost := answer.studies - reached:
            return _gap(f"it gives {len(lost)} studies for {WHERE} that it gives for no day of it", span)
        return None

    def _held_by(self, span: Span) -> set[UID]:
        return {study for study, seen in self._known.items() if span.holds(seen)}

    def _by_times(self, span: Span) -> Generator[Match, None, bool]:
        """Find what has a time. Returns whether all of that was found."""
        todo = [span]
        found_all = True
        while todo:
            whole = todo.pop()
            halves = whole.half_times()
            answers = []
            for half in halves:
                answer = yield from self._ask(half)
                answers.append(answer)
                if answer.cut is not Cut.NO:
                    todo.append(half)
            same = len({answer.studies for answer in answers}) == 1 and answers[0].cut is Cut.YES
            if same or any(answer.stray for answer in answers):
                return False
            found_all &= bool(halves)
        return found_all

    def _by_key(self, span: Span, key: Key) -> Generator[Match, None, list[Gap] | None]:
        """Find everything by parts that *key* makes.

        Returns:
            Why parts of it are not complete: none where everything is, as far as the key reaches. None where the key
            proves nothing.
        """
        before = self._held_by(span)
        reached: set[UID] = set()
        gaps: list[Gap] = []
        cut_off: set[frozenset[UID]] = set()
        for part in key.parts(span):
            try:
                answer = yield from self._ask(part)
            except DicomError as error:
                if error.transient:
                    # Some break the association when they do not like a query: are they still there?
                    yield from self._ask(span)
                self._useless.add(key.name)
                return None
            expected = {study for study in before if part.holds(self._known[study])}
            if part.doubtful and not expected and (answer.stray or answer.cut is not Cut.NO):
                # Codes and ids like that are not seen, and cannot be asked for there.
                continue
            # The same again is how a key looks that is ignored, where answers do not carry it.
            same = answer.cut is Cut.YES and answer.studies in cut_off
            if answer.stray or same or (answer.cut is Cut.NO and expected - answer.studies):
                self._useless.add(key.name)
                return None
            if answer.cut is not Cut.NO:
                cut_off.add(answer.studies)
            if gap := (yield from self._complete(part, answer)):
                gaps.append(gap)
            if key.name in self._useless:
                return None
            reached |= answer.studies | expected
        if key.reaches_all and before - reached:
            self._useless.add(key.name)
            return None
        return gaps

    def _says(self, answer: _Answer) -> str:
        return f"it gives at most {self.most or answer.count} answers to a query"


def _too_large(error: DicomError) -> bool:
    """Whether the peer says that there are more matches than it gives, or than it has resources for (A7xx)."""
    status = getattr(error, "status", 0)
    return status in _TOO_LARGE or status >> 8 == 0xA7


def _gap(reason: str, span: Span, *, slight: bool = False) -> Gap:
    return Gap(((reason, _said(span)),), slight, smallest=bool(span.modality))


def _suspicious(answer: _Answer) -> str:
    return (
        f"it gave exactly {answer.count} studies of {WHERE}, as servers do that cut their answers off, "
        "and cannot be asked for them in parts"
    )


def _said(span: Span) -> str:
    days = f"{span.first}" if span.days == 1 else f"{span.first} to {span.last}"
    return f"{days} ({span.modality.removesuffix('*')})" if span.modality else days
