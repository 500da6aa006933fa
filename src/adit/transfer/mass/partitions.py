"""What a mass transfer is asked for: a range of dates, cut into partitions, and what is wanted of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Any, Self

from adit.dicom.values import read_date
from adit.transfer.items import SweepWindow
from adit.transfer.mass.criteria import EVERYTHING, BadCriteria, Criteria

VERSION = 1
"""Of the JSON form."""

MOST_PARTITIONS = 10_000

EARLIEST, LATEST = date(1900, 1, 1), date(2999, 12, 31)


class BadRange(ValueError):
    """The range of dates cannot be used; the message says why."""


class Partition(StrEnum):
    """How long a piece is that is searched, and tried again, by itself."""

    DAILY = "daily"
    WEEKLY = "weekly"
    """Weeks begin on Monday; the first and the last are shorter where the range begins or ends in between."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """Everything of some days that meets criteria. The dates are study dates, both included.

    Raises:
        BadRange: It ends before it starts, or is longer than anybody can mean.
    """

    first: date
    last: date
    partition: Partition = Partition.WEEKLY
    criteria: Criteria = EVERYTHING

    def __post_init__(self) -> None:
        if self.first > self.last:
            raise BadRange(f"The range of dates ends on {self.last}, before it starts on {self.first}.")
        if self.first < EARLIEST:
            raise BadRange(f"The range of dates starts on {self.first}; there were no images before {EARLIEST}.")
        if self.last > LATEST:
            raise BadRange(f"The range of dates ends on {self.last}; {LATEST} is the latest that can be asked for.")
        if (number := len(self.spans())) > MOST_PARTITIONS:
            raise BadRange(f"The range of dates makes {number} partitions, {MOST_PARTITIONS} are the most.")

    def spans(self) -> tuple[tuple[date, date], ...]:
        """The first and last day of each partition, in order, without a gap."""
        spans: list[tuple[date, date]] = []
        start = self.first
        while start <= self.last:
            left = 6 - start.weekday() if self.partition is Partition.WEEKLY else 0
            end = min(start + timedelta(days=left), self.last)
            spans.append((start, end))
            start = end + timedelta(days=1)
        return tuple(spans)

    def windows(self) -> tuple[SweepWindow, ...]:
        """The partitions as items of a plan."""
        return tuple(window(first, last, self.criteria) for first, last in self.spans())

    def to_json(self) -> dict[str, Any]:
        """As JSON, for repetition: readable by `from_json` of this and later releases."""
        return {
            "version": VERSION,
            "first": self.first.isoformat(),
            "last": self.last.isoformat(),
            "partition": self.partition.value,
            "filters": self.criteria.to_json()["filters"],
        }

    @classmethod
    def from_json(cls, stored: object) -> Self:
        """Read what `to_json`, or a person, wrote.

        Raises:
            BadCriteria: With everything that is wrong.
            BadRange: The dates do not make a range.
        """
        if not isinstance(stored, Mapping):
            raise BadCriteria("it is no JSON object")
        rest = {key: value for key, value in stored.items() if key not in ("first", "last", "partition")}
        wrong: list[str] = []
        criteria = EVERYTHING
        try:
            criteria = Criteria.from_json(rest)
        except BadCriteria as error:
            wrong += error.reasons
        days = {name: read_date(stored.get(name)) for name in ("first", "last")}
        wrong += (f"'{name}' is no date such as 2020-01-31" for name, day in days.items() if day is None)
        by = stored.get("partition", Partition.WEEKLY.value)
        if by not in [each.value for each in Partition]:
            wrong.append("'partition' is neither daily nor weekly")
        first, last = days["first"], days["last"]
        if wrong or first is None or last is None:
            raise BadCriteria(*wrong)
        return cls(first, last, Partition(by), criteria)


def window(first: date, last: date, criteria: Criteria) -> SweepWindow:
    """Whole days, both included."""
    return SweepWindow(datetime.combine(first, time()), datetime.combine(last, time(23, 59, 59)), criteria)
