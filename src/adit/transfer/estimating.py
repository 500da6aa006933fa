"""How much a mass transfer would move: asked of some of its partitions, by queries only."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from adit.dicom.match import Match
from adit.dicom.protocols import Source
from adit.dicom.query import Query
from adit.transfer.events import Swept
from adit.transfer.items import SweepWindow
from adit.transfer.mass.criteria import Criteria
from adit.transfer.mass.partitions import Sweep
from adit.transfer.mass.sweeping import Candidate, find_candidates
from adit.transfer.weights import Experience

SAMPLE = 60
"""Partitions that are asked, spread over the range of dates; all where there are no more."""

_APART = (5**0.5 - 1) / 2
"""Steps of this part of a whole never come close to where they were before."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What may come, and how that is known.

    Attributes:
        studies, series, instances, size: Of all partitions; size in bytes. None where the source does not tell.
        found: Studies in the partitions that were asked; the sums are exact when all were, and whole.
        partitions: How many there are.
        asked: How many of them were asked to their end.
        days, days_asked: The same in days, by which the sums are scaled.
        seconds: How long asking took.
        missing: Why the source may have more than it gave; empty when nothing speaks for it.
        untold: What of the criteria the source says of no study.
        stopped: Why asking ended early; empty when it did not.
    """

    studies: int
    series: int | None
    instances: int | None
    size: int | None
    found: int
    partitions: int
    asked: int
    days: int
    days_asked: int
    seconds: float
    missing: str = ""
    untold: tuple[str, ...] = ()
    stopped: str = ""

    @property
    def exact(self) -> bool:
        """Every partition was asked, and nothing speaks for more."""
        return self.asked == self.partitions and not self.missing

    def __str__(self) -> str:
        """How it was made, for a person."""
        if not self.asked:
            return f"nothing is known: {self.stopped or 'no partition was asked to its end'}"
        of = "all" if self.asked == self.partitions else f"{self.asked} of"
        words = f"from {of} {self.partitions} partitions" if self.partitions > 1 else "from its one partition"
        words += f" ({self.days_asked} of {self.days} days), by queries only, in {self.seconds:.1f} s"
        if self.asked < self.partitions:
            words += ", scaled by days"
        words += "; bytes by what instances of each modality usually have"
        none = "" if self.found or self.exact else "there may be some in the partitions that were not asked"
        return "; ".join(part for part in (words, none, self.stopped, self.missing) if part)


@dataclass(slots=True)
class _Sum:
    """Of what was told: a mean times all stands for what was not."""

    told: int = 0
    total: float = 0

    def add(self, number: float | None) -> None:
        if number is not None:
            self.told += 1
            self.total += number

    def of(self, studies: int) -> int | None:
        return round(self.total / self.told * studies) if self.told else None


class _Told:
    """What the partitions that were asked to their end have told by now."""

    def __init__(self, criteria: Criteria, experience: Experience) -> None:
        self._criteria, self._experience = criteria, experience
        self._asked = self._days = self._studies = self._found = 0
        self._series, self._instances, self._size = _Sum(), _Sum(), _Sum()
        self._missing = ""
        self._untold: tuple[str, ...] = ()

    def add(self, window: SweepWindow, candidates: Sequence[Candidate], swept: Swept) -> None:
        """One more was asked to its end."""
        self._asked += 1
        self._days += (window.last.date() - window.first.date()).days + 1
        self._studies, self._found = self._studies + len(candidates), self._found + swept.found
        self._missing, self._untold = self._missing or swept.missing, self._untold or swept.untold
        for candidate in candidates:
            self._count(candidate)

    def _count(self, candidate: Candidate) -> None:
        self._series.add(len(candidate.series) or candidate.study.series_count)
        if self._criteria.of_series:
            self._instances.add(_all(match.instances for match in candidate.series))
            self._size.add(self._experience.weight(candidate.series))
        else:
            self._instances.add(candidate.study.instances)
            self._size.add(self._experience.of_study(candidate.study))

    def scaled(self, *, partitions: int, days: int, seconds: float, stopped: str) -> Estimate:
        """What may come of all *partitions*, in proportion to *days*."""
        studies = round(self._studies * days / self._days) if self._days else 0
        return Estimate(
            studies,
            self._series.of(studies),
            self._instances.of(studies),
            self._size.of(studies),
            self._found,
            partitions,
            self._asked,
            days,
            self._days,
            seconds,
            self._missing,
            self._untold,
            stopped,
        )


def estimate(
    sweep: Sweep,
    *,
    source: Source,
    most: int | None,
    experience: Experience,
    seconds: float,
    sample: int = SAMPLE,
    clock: Callable[[], float] = time.monotonic,
    asked: Callable[[int, int], None] = lambda *_: None,
) -> Estimate:
    """Ask some partitions of *sweep* for what they hold.

    Args:
        most: Most answers that the source gives to a query; None where nobody knows.
        experience: How much instances weigh.
        seconds: After this time no further query is begun; what was asked until then counts.
        sample: At most so many partitions are asked.
        asked: Told after each partition how many are done, and of how many.

    Raises:
        Canceled: The cancel token of the source was set.
        DicomError: The source does not answer.
    """
    began = clock()
    timely = _Timely(source, lambda: clock() - began < seconds)
    windows = sweep.windows()
    chosen = _spread(windows, sample)
    told = _Told(sweep.criteria, experience)
    stopped = ""
    for number, window in enumerate(chosen, start=1):
        try:
            told.add(window, *_search(window, timely, most))
        except _OutOfTime:
            stopped = f"asking was ended after {seconds:.0f} s"
            break
        asked(number, len(chosen))
    days = (sweep.last - sweep.first).days + 1
    return told.scaled(partitions=len(windows), days=days, seconds=clock() - began, stopped=stopped)


def _spread(windows: Sequence[SweepWindow], most: int) -> list[SweepWindow]:
    """At most so many of them, from the whole range; the first few of these are from the whole range too."""
    count = min(most, len(windows))
    spread = [windows[(2 * number + 1) * len(windows) // (2 * count)] for number in range(count)]
    order = sorted(range(count), key=lambda number: number * _APART % 1)
    return [spread[number] for number in order]


class _OutOfTime(Exception):
    """No further query is begun."""


class _Timely:
    """A source that is asked as long as there is time."""

    def __init__(self, source: Source, in_time: Callable[[], bool]) -> None:
        self._source = source
        self._in_time = in_time
        self.capabilities = source.capabilities
        self.retrieve = source.retrieve

    def find(self, query: Query) -> Iterator[Match]:
        if not self._in_time():
            raise _OutOfTime
        return self._source.find(query)


def _search(window: SweepWindow, source: Source, most: int | None) -> tuple[list[Candidate], Swept]:
    """The candidates of a window."""
    candidates: list[Candidate] = []
    search = find_candidates(window, source=source, most=most)
    while True:
        try:
            candidates.append(next(search))
        except StopIteration as end:
            return candidates, end.value


def _all(numbers: Iterable[float | None]) -> float | None:
    """Their sum; None where one is not known."""
    total = 0.0
    for number in numbers:
        if number is None:
            return None
        total += number
    return total
