"""A birth date, found again in a text in whatever form people and machines write dates."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import date

# Day, month and year in any order, the year with two or four digits; not a part of a longer chain of numbers,
# which is a version or a UID. One may begin within another.
_PARTED = re.compile(r"(?=(?<!\d)(?<!\d\.)(\d{1,4})(\s?[./\-_ ]\s?)(\d{1,2})\2(\d{1,4})(?!\d|\.\d))")

_MONTHS = {
    name: month
    for month, names in enumerate(
        ("jan", "feb", "mar|mrz", "apr", "may|mai", "jun", "jul", "aug", "sep", "oct|okt", "nov", "dec|dez"), start=1
    )
    for name in names.split("|")
}

_MONTH = r"(jan|feb|mar|mrz|apr|may|mai|jun|jul|aug|sep|oct|okt|nov|dec|dez)[^\W\d_]*"
_DAY_FIRST = re.compile(rf"(?<!\d)(\d{{1,2}})(?:st|nd|rd|th)?[\s.,\-_/]*{_MONTH}[\s.,\-_/]*(\d{{4}}|\d{{2}})(?!\d)")
_MONTH_FIRST = re.compile(
    rf"(?<![^\W\d_]){_MONTH}[\s.,\-_/]*(\d{{1,2}})(?:st|nd|rd|th)?[\s.,\-_/]+(\d{{4}}|\d{{2}})(?!\d)"
)
_YEAR_FIRST = re.compile(rf"(?<!\d)(\d{{4}})[\s.,\-_/]*{_MONTH}[\s.,\-_/]*(\d{{1,2}})(?!\d)")


class Birthday:
    """One day, and the digits it is written with."""

    __slots__ = ("_day", "_long", "_short")

    def __init__(self, day: date) -> None:
        year, month, dom = f"{day.year:04d}", f"{day.month:02d}", f"{day.day:02d}"
        self._day = day
        self._long = frozenset((year + month + dom, dom + month + year, month + dom + year))
        self._short = frozenset((year[2:] + month + dom, dom + month + year[2:], month + dom + year[2:]))

    def among(self, runs: Collection[str], *, long_only: bool = False) -> bool:
        """Whether one of some whole runs of digits is this day, alone or before a time of day."""
        return any(
            run in self._long
            or (not long_only and run in self._short)
            or (len(run) in (12, 14) and run[:8] in self._long)
            for run in runs
        )

    def written_in(self, folded: str) -> bool:
        """Whether this day stands in *folded* (`folding.fold`) with separators or with the month's name."""
        return any(
            self._named(*found)
            for pattern in (_DAY_FIRST, _MONTH_FIRST, _YEAR_FIRST)
            for found in pattern.findall(folded)
        ) or any(self._in_some_order(one, two, three) for one, _, two, three in _PARTED.findall(folded))

    def _in_some_order(self, one: str, two: str, three: str) -> bool:
        return self._matches(one, two, three) or self._matches(three, two, one) or self._matches(three, one, two)

    def _named(self, *parts: str) -> bool:
        month = next(_MONTHS[part] for part in parts if part in _MONTHS)
        one, two = (part for part in parts if part not in _MONTHS)
        return self._matches(one, str(month), two) or self._matches(two, str(month), one)

    def _matches(self, year: str, month: str, day: str) -> bool:
        whole = len(year) == 4 and int(year) == self._day.year
        short = len(year) == 2 and int(year) == self._day.year % 100
        return (whole or short) and int(month) == self._day.month and int(day) == self._day.day
