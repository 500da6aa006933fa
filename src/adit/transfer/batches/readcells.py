"""Cells of batch files, understood: what people write, as the values that DICOM wants."""

from __future__ import annotations

import re
from datetime import date, timedelta
from functools import lru_cache

from adit.dicom.query import WILDCARDS, person_name_pattern
from adit.dicom.refs import UID, BadUID, uid
from adit.transfer.pseudonyms import UnfitPseudonym, checked

EARLIEST_BIRTH = date(1850, 1, 1)

_LONGEST = 64
"""Characters of an id, a description, and of one group of a name (PS3.5 6.2, VR LO and PN)."""

_DAY = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[ T]00:00(?::00(?:\.0+)?)?)?|(\d{4})(\d{2})(\d{2})", re.ASCII)
_GERMAN_DAY = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})(?: 00:00(?::00)?)?", re.ASCII)
_SLASHED_DAY = re.compile(r"\d{1,4}/\d{1,2}/\d{1,4}", re.ASCII)
_SHORT_YEAR = re.compile(r"\d{1,2}[.-]\d{1,2}[.-]\d{2}", re.ASCII)
_SERIAL = re.compile(r"\d{5}(\.\d+)?", re.ASCII)

_CODE = re.compile(r"[A-Z][A-Z0-9_]{1,15}")
_NUMBER = re.compile(r"[+-]?\d{1,12}", re.ASCII)
_POWER = re.compile(r"[+-]?\d([.,]\d+)?[eE][+-]\d+", re.ASCII)

_PARTED = re.compile(r"[,;/\\]")
_UIDS_PARTED = re.compile(r"[,;\\\s]+")

_FORMULA_ERRORS = frozenset(
    ("#N/A", "#NV", "#REF!", "#BEZUG!", "#VALUE!", "#WERT!", "#NAME?", "#DIV/0!", "#NUM!", "#ZAHL!", "#NULL!")
)  # fmt: skip


class BadCell(ValueError):
    """The cell cannot be what its column wants; the text says why in a sentence, without the cell's value."""


def sound(text: str) -> str:
    """*text*, which a query and a data set can hold.

    Raises:
        BadCell: It is an error of a formula, or holds a backslash or control characters.
    """
    if text.startswith("#") and text.upper() in _FORMULA_ERRORS:
        raise BadCell("This is an error that a formula of the spreadsheet gave.")
    if not text.isprintable() and any(character < " " or character == "\x7f" for character in text):
        raise BadCell("It holds a line break or another control character.")
    if "\\" in text:
        raise BadCell("It holds a backslash, which parts values in DICOM.")
    return text


def read_id(text: str) -> str:
    """A PatientID or an AccessionNumber, which is looked for exactly.

    Raises:
        BadCell: It cannot be one.
    """
    if not WILDCARDS.isdisjoint(sound(text)):
        raise BadCell("The signs * and ? are not allowed here: it is looked for exactly.")
    if len(text) > _LONGEST:
        raise BadCell(f"It is longer than {_LONGEST} characters.")
    if _POWER.fullmatch(text):
        raise BadCell("A spreadsheet made a number of it and lost digits: format the column as text and enter it anew.")
    return text


def read_name(text: str) -> str:
    """A PatientName as DICOM has it: `Doe, John` is `Doe^John` (PS3.5 6.2.1). It may hold wildcards.

    Raises:
        BadCell: It cannot be one, or fits everybody.
    """
    if not any(character.isalnum() for character in sound(text)):
        raise BadCell("This is no name: it has no letters.")
    name = person_name_pattern(text)
    if any(len(group) > _LONGEST for group in name.split("=")):
        raise BadCell(f"It is longer than {_LONGEST} characters.")
    return name


def read_known_name(text: str) -> str:
    """A PatientName that nothing is looked for by: whatever a PACS may hold.

    Raises:
        BadCell: It holds a line break or another control character.
    """
    return person_name_pattern(sound(text.replace("\\", " ")))


@lru_cache(maxsize=1 << 14)
def read_day(text: str) -> date:
    """A day, as `2026-01-31`, `20260131` or `31.1.2026`.

    Raises:
        BadCell: It is none, or can be understood in two ways.
    """
    if found := _DAY.fullmatch(text):
        year, month, day = (part for part in found.groups() if part)
    elif found := _GERMAN_DAY.fullmatch(text):
        day, month, year = found.groups()
    else:
        raise BadCell(_why_no_day(text))
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        raise BadCell("There is no such day in the calendar.") from None


def read_birth_date(text: str, *, today: date) -> date:
    """A day on which somebody now can have been born.

    Raises:
        BadCell: It is none.
    """
    day = read_day(text)
    if day < EARLIEST_BIRTH:
        raise BadCell(f"Nobody who was born before {EARLIEST_BIRTH.year} has images.")
    # East of us the next day has begun.
    if day > today + timedelta(days=1):
        raise BadCell("This birth date lies in the future.")
    return day


def read_modalities(text: str) -> tuple[str, ...]:
    """Codes of modalities (CS, PS3.5 6.2), several parted by comma, semicolon or slash.

    Raises:
        BadCell: One is no code.
    """
    codes = _parts(text)
    if not all(map(_CODE.fullmatch, codes)) or not codes:
        raise BadCell("A modality is a code of 2 to 16 letters and digits, such as CT or MR; several by comma.")
    return codes


def read_series_numbers(text: str) -> tuple[str, ...]:
    """Whole numbers (IS, PS3.5 6.2) without leading zeros, several parted by comma, semicolon or slash.

    Raises:
        BadCell: One is no whole number.
    """
    numbers = _parts(text)
    if not all(map(_NUMBER.fullmatch, numbers)) or not numbers:
        raise BadCell("A series number is a whole number; several by comma.")
    return tuple(dict.fromkeys(str(int(number)) for number in numbers))


def read_description(text: str) -> str:
    """A description, in which `*` and `?` stand for what is not known.

    Raises:
        BadCell: It cannot be one.
    """
    if len(sound(text)) > _LONGEST:
        raise BadCell(f"It is longer than {_LONGEST} characters.")
    return text


def read_uid(text: str) -> UID:
    """One UID.

    Raises:
        BadCell: It is none.
    """
    uids = read_uids(text)
    if len(uids) > 1:
        raise BadCell("There are several UIDs; write one into each line.")
    return uids[0]


def read_uids(text: str) -> tuple[UID, ...]:
    """UIDs, several parted by comma, semicolon or blanks.

    Raises:
        BadCell: One is no UID.
    """
    if _POWER.fullmatch(text):
        raise BadCell("A spreadsheet made a number of this UID: format the column as text and enter it anew.")
    if text.startswith("#"):
        sound(text)
    parts = [part for part in _UIDS_PARTED.split(text) if part]
    try:
        uids = tuple(dict.fromkeys(uid(part) for part in parts))
    except BadUID:
        uids = ()
    if not uids:
        wild = "; the signs * and ? are not allowed" if not WILDCARDS.isdisjoint(text) else ""
        raise BadCell(f"This is no UID: a UID is 1 to 64 digits and dots{wild}.")
    if any("." not in one.strip(".") for one in uids):
        raise BadCell("This is no UID but a number: a UID has dots between its numbers.")
    return uids


def read_pseudonym(text: str) -> str:
    """A pseudonym.

    Raises:
        BadCell: It cannot stand in PatientID and PatientName.
    """
    sound(text.replace("\\", ""))
    try:
        return checked(text)
    except UnfitPseudonym as error:
        sentence = str(error).removeprefix(f"'{text}' ")
        raise BadCell(f"It {sentence}" if sentence.startswith("cannot") else sentence) from None


def _why_no_day(text: str) -> str:
    forms = "write it as 2026-01-31, 20260131 or 31.01.2026"
    if _SLASHED_DAY.fullmatch(text):
        return f"With slashes it is not clear what is the day and what the month: {forms}."
    if _SHORT_YEAR.fullmatch(text):
        return f"The year has two digits: {forms}."
    if _SERIAL.fullmatch(text):
        return f"This is the number by which a spreadsheet counts days: {forms}."
    return f"This is no date: {forms}."


def _parts(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part.strip().upper() for part in _PARTED.split(text) if part.strip()))
