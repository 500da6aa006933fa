"""Ages by the day: how old somebody was at a study, and whether that lies in a range.

A year and a month count as people count them: one turns eighteen on the birthday, and who is born on 29 February
does so on 1 March of other years.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from adit.dicom.values import first, read_date

_AGE = re.compile(r"(\d{1,6})\s*([dwmy])", re.IGNORECASE | re.ASCII)

_MOST_YEARS = 200
"""Who is older has a wrong birth date, such as 0001-01-01."""

_SHORTEST = {"D": 1, "W": 7, "M": 28, "Y": 365}
_LONGEST = {"D": 1, "W": 7, "M": 31, "Y": 366}
"""Days that one of a unit has."""

_MONTHS = {"M": 1, "Y": 12}


@dataclass(frozen=True, slots=True)
class Age:
    """A number of completed days, weeks, months or years: the unit is D, W, M or Y, as in the VR AS."""

    number: int
    unit: str


@dataclass(frozen=True, slots=True)
class AgeRange:
    """From an age to another, both included, each None when open: the end `18Y` is all until the 19th birthday."""

    lowest: Age | None
    highest: Age | None


def read_age_range(written: str) -> AgeRange | None:
    """`18Y-65Y`, `18Y-`, `-30D`, or one age. None where it is none, or ends before it starts."""
    start, dash, end = (part.strip() for part in written.strip().partition("-"))
    end = end if dash else start
    lowest, highest = _read(start), _read(end)
    if not (lowest or highest) or (start and not lowest) or (end and not highest):
        return None
    if lowest and highest and _reaches(lowest, _next(highest)):
        return None
    return AgeRange(lowest, highest)


def _read(written: str) -> Age | None:
    found = _AGE.fullmatch(written)
    return Age(int(found[1]), found[2].upper()) if found else None


def age_fits(wanted: AgeRange, *, birth: str, study: str, said: str) -> bool | None:
    """Whether somebody's age at a study lies in *wanted*; None where that cannot be told.

    Args:
        birth: The birth date (DA) as the source has it.
        study: The date of the study (DA).
        said: PatientAge (AS), which counts only where the dates tell nothing. `018Y` is anything from the 18th
            birthday to the 19th; whether it lies in a range that begins or ends in between cannot be told.
    """
    born, day = read_date(birth), read_date(study)
    if born is not None and day is not None and born <= day and day.year - born.year <= _MOST_YEARS:
        old_enough = wanted.lowest is None or _completed(born, day, wanted.lowest.unit) >= wanted.lowest.number
        young_enough = wanted.highest is None or _completed(born, day, wanted.highest.unit) <= wanted.highest.number
        return old_enough and young_enough
    age = _read(first(said))
    if age is None:
        return None
    answers = (_at_least(age, wanted.lowest), _at_most(age, wanted.highest))
    return False if False in answers else None if None in answers else True


def _completed(born: date, day: date, unit: str) -> int:
    """How many whole days, weeks, months or years lie between."""
    if unit in "DW":
        return (day - born).days // (7 if unit == "W" else 1)
    months = (day.year - born.year) * 12 + day.month - born.month - (day.day < born.day)
    return months // 12 if unit == "Y" else months


def _at_least(age: Age, limit: Age | None) -> bool | None:
    return True if limit is None else _reaches(age, limit)


def _at_most(age: Age, limit: Age | None) -> bool | None:
    if limit is None:
        return True
    beyond = _reaches(age, _next(limit))
    return None if beyond is None else not beyond


def _next(age: Age) -> Age:
    return Age(age.number + 1, age.unit)


def _reaches(age: Age, limit: Age) -> bool | None:
    """Whether who is said to have *age* is as old as *limit*; None where some are and others are not."""
    if _shortest(age, limit) >= _longest(limit, age):
        return True
    return False if _longest(_next(age), limit) <= _shortest(limit, age) else None


def _shortest(age: Age, other: Age) -> int:
    return _measured(age, other, _SHORTEST)


def _longest(age: Age, other: Age) -> int:
    return _measured(age, other, _LONGEST)


def _measured(age: Age, other: Age, days: dict[str, int]) -> int:
    """In months when both are in months or years, else in days: months and days do not compare exactly."""
    if {age.unit, other.unit} <= _MONTHS.keys():
        return age.number * _MONTHS[age.unit]
    return age.number * days[age.unit]
