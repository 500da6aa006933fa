"""Matching as PS3.4 C.2.2.2 has it, done again here: many peers ignore keys without a word.

An attribute that an answer does not carry, or carries empty or broken, is *not comparable*: it
does not exclude the answer. Optional keys that a peer does not support are absent from its
answers (C.2.2.1.3), and an empty value says that it is unknown; filtering on either would hide
studies that the peer did match. What is unknown may be shown once too often, never lost.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache

from pydicom import Dataset
from pydicom.datadict import dictionary_VR

from adit.dicom.match import Match
from adit.dicom.query import WILDCARDS, Query
from adit.dicom.values import read_date, read_date_range, read_number, read_time, read_time_range

_CASE_COUNTS = frozenset(("PatientID", "OtherPatientIDs", "IssuerOfPatientID", "AccessionNumber", "StudyID"))
"""Identifiers: `a1` and `A1` may be two patients."""


def matches(answer: Match | Dataset, query: Query) -> bool:
    """Whether *answer* fits all keys of *query* that can be compared.

    Names and descriptions are compared without regard to case and accents; numbers as numbers;
    dates and times as such; several values in a key mean any of them.
    """
    match = answer if isinstance(answer, Match) else Match(query.level, answer)
    return all(fits(keyword, wanted, match.text(keyword)) for keyword, wanted in query.keys)


def fits(keyword: str, wanted: str, found: str) -> bool:
    """Whether the value *found* of an attribute fits the matching key *wanted*, both as text.

    True where there is nothing to compare: see above.
    """
    if wanted == found:
        return True
    keys, values = _values(wanted), _values(found)
    if not keys or not values or any(not set(key) - {"*"} for key in keys):
        return True
    try:
        compare = _COMPARISONS.get(dictionary_VR(keyword), _text_fits)
    except (KeyError, ValueError):
        return True
    if keyword in _CASE_COUNTS:
        compare = _identifier_fits
    return any(compare(key, value) for key in keys for value in values)


def _values(written: str) -> list[str]:
    """Those that are not empty."""
    return [value for one in written.split("\\") if (value := one.strip("\0 "))]


def _identifier_fits(wanted: str, found: str) -> bool:
    return _glob(wanted).fullmatch(found) is not None


def _text_fits(wanted: str, found: str) -> bool:
    return any(
        _glob(pattern).fullmatch(value) is not None for pattern in _spellings(wanted) for value in _spellings(found)
    )


def _uid_fits(wanted: str, found: str) -> bool:
    # No wildcards: PS3.4 C.2.2.2.4 does not have them for UIDs.
    return wanted == found


def _name_fits(wanted: str, found: str) -> bool:
    """Component groups (PS3.5 6.2.1) are alternatives, unless *wanted* has several itself."""
    groups = [_tidy(group) for group in found.split("=")]
    # `^^^^` is how some write an empty name.
    if not any(groups) or not _tidy(wanted):
        return True
    if "=" not in wanted:
        return any(_group_fits(_tidy(wanted), group) for group in groups if group)
    compared = [
        _group_fits(pattern, group)
        for pattern, group in zip(map(_tidy, wanted.split("=")), groups, strict=False)
        if pattern and group
    ]
    return all(compared)


def _group_fits(wanted: str, found: str) -> bool:
    # `Doe` is `Doe^`: delimiters at the end may be left out (PS3.5 6.2.1.2).
    if _text_fits(wanted, found) or _text_fits(wanted, found + "^" * (wanted.count("^") - found.count("^"))):
        return True
    # Peers differ on whether components that the key leaves out are open; so they are open here.
    if _text_fits(f"{wanted}^*", found):
        return True
    # Whole names are found in the family name, as "Doe, John" or "Doe John".
    return "^" not in found and _text_fits(" ".join(wanted.split("^")), " ".join(found.replace(",", " ").split()))


def _tidy(group: str) -> str:
    """Without padding inside of components and without empty components at the end."""
    return "^".join(" ".join(part.split()) for part in group.split("^")).rstrip("^")


def _date_fits(wanted: str, found: str) -> bool:
    day, wanted_days = read_date(found), read_date_range(wanted)
    if wanted_days is None:
        return not WILDCARDS & set(wanted) or _text_fits(wanted, found)
    first, last = wanted_days
    return day is None or ((first is None or first <= day) and (last is None or day <= last))


def _time_fits(wanted: str, found: str) -> bool:
    moment, wanted_times = read_time(found), read_time_range(wanted)
    if wanted_times is None:
        return not WILDCARDS & set(wanted) or _text_fits(wanted, found)
    first, last = wanted_times
    if first is not None and last is not None and last < first:
        # Over midnight.
        return moment is None or moment >= first or moment <= last
    return moment is None or ((first is None or first <= moment) and (last is None or moment <= last))


def _number_fits(wanted: str, found: str) -> bool:
    wanted_number, number = read_number(wanted), read_number(found)
    if wanted_number is None:
        return _text_fits(wanted, found)
    return number is None or number == wanted_number


_NUMERIC = ("IS", "DS", "US", "SS", "UL", "SL", "FL", "FD", "SV", "UV")
_COMPARISONS: dict[str, Callable[[str, str], bool]] = {
    **dict.fromkeys(_NUMERIC, _number_fits),
    "UI": _uid_fits,
    "PN": _name_fits,
    "DA": _date_fits,
    "DT": _date_fits,
    "TM": _time_fits,
}


@lru_cache(maxsize=4096)
def _spellings(written: str) -> frozenset[str]:
    """*written* without case and accents: `Müller` is `muller` and `mueller`."""
    return frozenset((_folded(written), _folded(written.translate(_GERMAN))))


_GERMAN = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "ae", "Ö": "oe", "Ü": "ue"})


def _folded(written: str) -> str:
    decomposed = unicodedata.normalize("NFKD", written)
    return "".join(c for c in decomposed if not unicodedata.combining(c)).casefold()


@lru_cache(maxsize=4096)
def _glob(pattern: str) -> re.Pattern[str]:
    """PS3.4 C.2.2.2.4: `*` for any characters, `?` for one."""
    start, *parts = (re.escape(part).replace(r"\?", ".") for part in pattern.split("*"))
    if not parts:
        return re.compile(start, re.DOTALL)
    # Atomic: the first place where a part fits is as good as any, and going back would take for ever.
    middle = "".join(f"(?>.*?{part})" for part in parts[:-1] if part)
    return re.compile(f"{start}{middle}.*{parts[-1]}", re.DOTALL)
