"""Moving dates by whole days, and telling an age (PS3.5 6.2: DA, DT, AS).

What cannot be moved exactly is unreadable, and so is a day that stands for "unknown": moved by the shift it would
give the shift away, since everybody knows where it came from.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta

from adit.dicom.values import read_date

_Shift = Callable[[str, int], str | None]

_EARLIEST, _LATEST = date(1900, 1, 2), date(2199, 12, 31)

_STAND_INS = frozenset((date(1901, 1, 1), date(1904, 1, 1), date(1970, 1, 1), date(1980, 1, 1)))
"""Where clocks and counters begin that were never set."""

_DATE_TIME = re.compile(
    r"(?P<day>\d{8})"
    r"(?P<time>(?:(?:[01]\d|2[0-3])(?:[0-5]\d(?:(?:[0-5]\d|60)(?:\.\d{1,6})?)?)?)?"
    r"(?:[+-](?:0\d|1[0-4])[0-5]\d)?)",
    re.ASCII,
)

OLDEST = 90
"""Years of age over which all are the same."""

_MOST_YEARS = 130


def shift_date(text: str, days: int) -> str | None:
    """Move a DA by *days*: one date, a range, or several of them joined by backslash; `1954.03.12` is one too.

    Returns:
        The dates as `YYYYMMDD` without padding, an empty value as an empty one; None where any is unreadable.
    """
    return _each(text, days, _shift_day)


def shift_datetime(text: str, days: int) -> str | None:
    """Move a DT by *days*: time of day and offset from UTC stay as they are written. Ranges and values as above.

    Returns:
        None where any is unreadable. `2020` and `202003` are: a month moved by days is no month.
    """
    return _each(text, days, _shift_moment)


def _each(text: str, days: int, shift: _Shift) -> str | None:
    shifted = [_one_or_range(value.strip("\0 "), days, shift) for value in text.split("\\")]
    return None if None in shifted else "\\".join(value for value in shifted if value is not None)


def _one_or_range(value: str, days: int, shift: _Shift) -> str | None:
    if not value:
        return ""
    if (one := shift(value, days)) is not None:
        return one
    for dash in re.finditer("-", value):
        # Dashes may stand within a date or before an offset too: there must be one on each side, or nothing.
        ends = [value[: dash.start()].strip(), value[dash.end() :].strip()]
        shifted = [shift(end, days) if end else "" for end in ends]
        if any(ends) and None not in shifted:
            return f"{shifted[0]}-{shifted[1]}"
    return None


def _shift_day(value: str, days: int) -> str | None:
    return _moved(value, days) if value.isascii() and len(value) in (8, 10) else None


def _shift_moment(value: str, days: int) -> str | None:
    found = _DATE_TIME.fullmatch(value)
    day = _moved(found["day"], days) if found else None
    return None if found is None or day is None else day + found["time"]


def _moved(value: str, days: int) -> str | None:
    day = read_date(value)
    if day is None or not _EARLIEST <= day <= _LATEST or day in _STAND_INS:
        return None
    try:
        return f"{day + timedelta(days=days):%Y%m%d}"
    except OverflowError:
        return None


def age_of(birth: str, at: str, *, days_too: bool = False) -> str:
    """The age (AS) at the day *at* of one born on *birth*: whole years from two years on, else whole months.

    Args:
        days_too: Days below one month, for newborns.

    Returns:
        At most `090Y`; empty where it cannot be told.
    """
    born, day = read_date(birth), read_date(at)
    if born is None or day is None or day < born or day.year - born.year > _MOST_YEARS:
        return ""
    months = (day.year - born.year) * 12 + day.month - born.month - (day.day < born.day)
    return _age(months, (day - born).days if days_too else None)


def coarser_age(written: str, *, days_too: bool = False) -> str:
    """An age (AS) that somebody wrote, in the units of `age_of`; empty where it is none."""
    found = re.fullmatch(r"(\d{1,3})\s*([DWMYdwmy])", written.strip("\0 "), re.ASCII)
    if not found:
        return ""
    number, unit = int(found[1]), found[2].upper()
    if unit in "DW":
        in_days = number * (7 if unit == "W" else 1)
        return _age(int(in_days / 30.436875), in_days if days_too else None)
    return _age(number * (12 if unit == "Y" else 1), None)


def _age(months: int, days: int | None) -> str:
    if months >= 24:
        return f"{min(months // 12, OLDEST):03d}Y"
    if months < 1 and days is not None:
        return f"{days:03d}D"
    return f"{months:03d}M"
