"""Number formats of Excel (ECMA-376 18.8.31): whether a number is meant as one, or as a date, and how it is shown."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache


class Meaning(Enum):
    """What a number format makes of a number."""

    GENERAL = auto()
    DIGITS = auto()
    SCIENTIFIC = auto()
    DATE = auto()
    PARTIAL_DATE = auto()
    TIME = auto()
    OTHER = auto()


@dataclass(frozen=True, slots=True)
class NumberFormat:
    """A format, understood.

    Attributes:
        whole: DIGITS: least digits before the point.
        decimals: DIGITS: least and most digits after the point.
        short_year: DATE: years are shown with two digits.
        clock: DATE: shows a time as well.
    """

    meaning: Meaning
    whole: int = 1
    decimals: tuple[int, int] = (0, 0)
    short_year: bool = False
    clock: bool = False


GENERAL = NumberFormat(Meaning.GENERAL)
_OTHER = NumberFormat(Meaning.OTHER)

# fmt: off
_BUILT_IN = {
    **dict.fromkeys((0, 49), "General"),
    1: "0", 2: "0.00", 3: "#,##0", 4: "#,##0.00", 9: "0%", 10: "0.00%", 11: "0.00E+00", 12: "# ?/?", 13: "# ??/??",
    # Shown as the machine's short date, with four digits of the year where the machine says so.
    **dict.fromkeys((14, 27, 30, 31, 36, 50, 52, 53, 54, 57, 58), "yyyy-mm-dd"),
    15: "d-mmm-yy", 16: "d-mmm", 17: "mmm-yy", 18: "h:mm AM/PM", 19: "h:mm:ss AM/PM", 20: "h:mm", 21: "h:mm:ss",
    22: "yyyy-mm-dd h:mm", 37: "#,##0", 38: "#,##0", 39: "#,##0.00", 40: "#,##0.00",
    45: "mm:ss", 46: "[h]:mm:ss", 47: "mmss.0", 48: "##0.0E+0",
    **dict.fromkeys((28, 29, 51, 55, 56), "m/d"),
    **dict.fromkeys((32, 33, 34, 35), "h:mm"),
}
# fmt: on
"""ECMA-376 18.8.30. 27 to 36 and 50 to 58 are those of East Asia."""

_NO_PLACE = re.compile(
    r'"[^"]*"|\\.|_.|\*.|\[(?:black|blue|cyan|green|magenta|red|white|yellow|color ?\d+|\$-[^\]]*)\]', re.I
)
"""What fills or colours, but holds neither digits nor parts of a date."""

_NO_DATE = re.compile(r"am/pm|a/p|general|\[\$[^\]]*\]")
"""What has letters of a date, but is none."""

_LITERAL = re.compile(r'"[^"]+"|\\[^ ]')

_DIGITS = re.compile(r"(?:[#0]+(?:,[#0]{3})*)(?:\.([#0]+))?")


@lru_cache(maxsize=1024)
def built_in(number: int) -> NumberFormat:
    """The format that has *number* in every workbook; one that is not understood where it has none."""
    return understood(_BUILT_IN[number]) if number in _BUILT_IN else _OTHER


@lru_cache(maxsize=1024)
def understood(code: str) -> NumberFormat:
    """What *code* makes of positive numbers; the sections for others are not looked at."""
    section = _first_section(code)
    bare = _NO_PLACE.sub("", section).strip().casefold()
    if bare in {"general", "@", ""}:
        return GENERAL if not _LITERAL.search(section) else _OTHER
    if re.search(r"[ymdhs]", letters := _NO_DATE.sub("", bare)):
        return _of_date(letters)
    if re.fullmatch(r"[#0?.,]+e[+-][0#?]+", bare):
        return NumberFormat(Meaning.SCIENTIFIC)
    found = _DIGITS.fullmatch(bare)
    if found is None or _LITERAL.search(section):
        return _OTHER
    decimals = found[1] or ""
    whole = bare.partition(".")[0].count("0")
    return NumberFormat(Meaning.DIGITS, whole, (decimals.count("0"), len(decimals)))


def _of_date(letters: str) -> NumberFormat:
    day, year, clock = "d" in letters, "y" in letters, bool(re.search("[hs]", letters))
    if not day and not year:
        # An m beside hours or seconds is for minutes, ECMA-376 18.8.31.
        return NumberFormat(Meaning.TIME if clock else Meaning.PARTIAL_DATE)
    if not (day and year and "m" in letters):
        return NumberFormat(Meaning.PARTIAL_DATE)
    return NumberFormat(Meaning.DATE, short_year="yyy" not in letters, clock=clock)


def _first_section(code: str) -> str:
    """What stands before the first semicolon that is no text."""
    quoted = False
    for at, sign in enumerate(code):
        if sign == '"' and code[at - 1 : at] != "\\":
            quoted = not quoted
        elif sign == ";" and not quoted and code[at - 1 : at] != "\\":
            return code[:at]
    return code
