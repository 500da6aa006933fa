"""What was typed into a cell of Excel, from what Excel has made of it; and what can no longer be told."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

from adit.transfer.sheets.number_formats import Meaning, NumberFormat

_AGAIN = "format the cell as text and type it again"

LOST_DIGITS = f"Excel keeps 15 digits of a number, so the last ones may be wrong: {_AGAIN}"
DECIMALS = f"Excel has made a number of it and drops zeros at its end, as in 1.10: {_AGAIN}"
ROUNDED = f"it is a number with more digits than the cell shows: {_AGAIN}"
SCIENTIFIC = f"Excel has made a number of it, as of 1E5 or of a number that is too long: {_AGAIN}"
SHOWN_OTHERWISE = f"it is a number that the cell shows in another way: {_AGAIN}"
PARTIAL_DATE = f"Excel has made a date of it, but the cell does not show a whole one: {_AGAIN}"
CLOCK = f"Excel holds a time of day here: {_AGAIN}"
NO_DATE = f"Excel shows no date here, because there is none for this number: {_AGAIN}"
TRUTH = f"Excel has made a truth value of it: {_AGAIN}"
ERROR = "it is an error of Excel, not a value: mend its formula, or type the value"
NOT_COMPUTED = "it is a formula whose value was not saved: open the file in Excel and save it"
UNREADABLE = f"what the file holds here cannot be read: {_AGAIN}"
HASHES = "it is what Excel shows where a column is too narrow, not the value: type the value"
LOST_LETTERS = "letters were lost when the file was saved in another encoding: save it again from the original"
TWICE_ENCODED = "its letters look like UTF-8 that was opened as Windows-1252: save it again from the original, in UTF-8"

_WHOLE = Decimal(10**15)
"""From here on Excel no longer keeps every digit."""

_EXACT = Decimal(2**53)
"""Up to here a floating-point number is every whole number."""

_LAST_DAY = 2_958_465
"""9999-12-31, the last day of Excel's calendar."""

_LONGEST_NUMBER = 400
"""Digits, signs and exponents of a number in a file."""


class Reading(NamedTuple):
    """What a cell holds.

    Attributes:
        doubt: Why the text may not be what was typed; empty for no doubt.
        number: It is a number without a format, of which leading zeros would be gone.
        short_year: It is a date that the cell shows with two digits of the year.
    """

    text: str
    doubt: str = ""
    number: bool = False
    short_year: bool = False


def of_number(stored: str, form: NumberFormat, *, from_1904: bool) -> Reading:
    """What a number stands for.

    Args:
        stored: As in the file, e.g. 1.1000000000000001 or 2.4E+19.
        from_1904: Days of the workbook count from 1904-01-01 (ECMA-376 18.17.4.1).
    """
    try:
        exact = Decimal(stored.strip()) if len(stored) < _LONGEST_NUMBER else Decimal("NaN")
        value = Decimal(f"{float(exact):.15g}")
    except (InvalidOperation, OverflowError, ValueError):
        return Reading(stored, UNREADABLE)
    if not exact.is_finite() or not value.is_finite():
        return Reading(stored, UNREADABLE)
    match form.meaning:
        case Meaning.GENERAL:
            return _general(exact, value)
        case Meaning.DIGITS:
            return _digits(exact, value, form)
        case Meaning.SCIENTIFIC:
            return Reading(_plain(value), SCIENTIFIC)
        case Meaning.OTHER:
            return Reading(_plain(value), SHOWN_OTHERWISE)
        case Meaning.DATE | Meaning.PARTIAL_DATE | Meaning.TIME:
            return _date(float(exact), form, from_1904=from_1904)


def of_text(text: str) -> Reading:
    """What a text stands for: itself, but some texts are what is left of something else."""
    return Reading(text, _doubt_of(text) if _SUSPICIOUS.search(text) else "")


def of_iso(stored: str) -> Reading:
    """What a date or time in ISO 8601 stands for (cells of type "d", ECMA-376 18.18.11)."""
    day, _, clock = stored.strip().rstrip("Z").partition("T")
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", day):
        return Reading(stored, CLOCK)
    return Reading(day) if not clock.strip("0:.") else Reading(f"{day} {clock}", CLOCK)


def _general(exact: Decimal, value: Decimal) -> Reading:
    if value != value.to_integral_value():
        return Reading(_plain(value), DECIMALS)
    if abs(exact) < _WHOLE:
        return Reading(_plain(value), number=True)
    return Reading(_plain(exact), "" if _kept_whole(exact) else LOST_DIGITS)


def _digits(exact: Decimal, value: Decimal, form: NumberFormat) -> Reading:
    if abs(exact) >= _WHOLE:
        return Reading(_plain(exact), "" if _kept_whole(exact) else LOST_DIGITS)
    least, most = form.decimals
    shown = value.quantize(Decimal(1).scaleb(-most))
    if shown != value:
        return Reading(_plain(value), ROUNDED)
    whole, _, decimals = f"{abs(shown):f}".partition(".")
    decimals = decimals[:least] + decimals[least:].rstrip("0")
    text = whole.zfill(form.whole) + (f".{decimals}" if decimals else "")
    return Reading(f"-{text}" if value < 0 else text, number=form.whole <= 1 and not decimals)


def _kept_whole(exact: Decimal) -> bool:
    """Whether a number of 16 digits or more was written by a program that kept them: Excel would have zeros there."""
    return exact == exact.to_integral_value() and abs(exact) < _EXACT and exact % 10 != 0


def _date(days: float, form: NumberFormat, *, from_1904: bool) -> Reading:
    seconds = round(days * 86_400)
    whole, clock = divmod(seconds, 86_400)
    time = f"{clock // 3600:02}:{clock // 60 % 60:02}:{clock % 60:02}"
    if form.meaning is Meaning.TIME:
        return Reading(time if 0 <= days < 1 else f"{days:.15g}", CLOCK)
    # The calendar of 1900 has a 29th of February that never was, day 60.
    if not (0 if from_1904 else 1) <= whole <= _LAST_DAY - (1462 if from_1904 else 0) or (
        whole == 60 and not from_1904
    ):
        return Reading(f"{days:.15g}", NO_DATE)
    first = datetime(1904, 1, 1) if from_1904 else datetime(1899, 12, 31 if whole < 60 else 30)  # noqa: DTZ001
    day = f"{first + timedelta(days=whole):%Y-%m-%d}"
    if form.meaning is Meaning.PARTIAL_DATE:
        return Reading(day, PARTIAL_DATE)
    if form.clock and clock:
        return Reading(f"{day} {time}", CLOCK)
    return Reading(day, short_year=form.short_year)


def _plain(value: Decimal) -> str:
    """Without exponent, and without zeros at the end of decimals."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


_SUSPICIOUS = re.compile("#|[eE]\\+|\ufffd|Ã|â€")
_SHORTENED = re.compile(r"[+-]?\d(?:[.,]\d+)?E\+\d+", re.IGNORECASE)
_ERROR = re.compile(r"#(?:N/A|NAME\?|REF!|VALUE!|DIV/0!|NUM!|NULL!|SPILL!|CALC!|NV|BEZUG!|WERT!|ZAHL!)", re.IGNORECASE)
_TWICE_ENCODED = re.compile(r"Ã[\u0080-\u00bf\u0152-\u2122]|â€")


def _doubt_of(text: str) -> str:
    if _SHORTENED.fullmatch(text.strip()):
        return SCIENTIFIC
    if _ERROR.fullmatch(text.strip()):
        return ERROR
    if text.strip().strip("#") == "" and len(text.strip()) >= 3:
        return HASHES
    if "\ufffd" in text:
        return LOST_LETTERS
    return TWICE_ENCODED if _TWICE_ENCODED.search(text) else ""
