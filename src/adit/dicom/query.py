"""What is asked of a source (PS3.4 C.2.2, C.4.1)."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, replace
from datetime import date

from pydicom.datadict import dictionary_VR, keyword_dict, keyword_for_tag

from adit.dicom.refs import BadUID, Level, uid
from adit.dicom.values import read_date_range, read_number, read_time_range

WILDCARDS = frozenset("*?")

TEXT_VRS = frozenset(("AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"))
"""VRs in which `*` and `?` are wildcards (PS3.4 C.2.2.2.4)."""


class BadQuery(ValueError):
    """The query cannot be asked as it stands; the message says which key is wrong."""


@dataclass(frozen=True, slots=True)
class Query:
    """A query at one level.

    Attributes:
        keys: Matching keys as (keyword, value), values in the text form of PS3.4 C.2.2.2:
            `*` and `?` as wildcards, ranges as `20200101-20201231`, lists joined by backslash.
            A query below study level names StudyInstanceUID, one at instance level also
            SeriesInstanceUID.
        wanted: Keywords of attributes to return beyond those that every answer carries.
        limit: Stop after so many matches; None for all.
        lean: Only the unique keys are of interest, which costs some servers a third of the time.
        unchecked: Give every answer of the peer, also what does not fit: how many there are tells whether it cut
            them off.
    """

    level: Level
    keys: tuple[tuple[str, str], ...] = ()
    wanted: tuple[str, ...] = ()
    limit: int | None = None
    lean: bool = False
    unchecked: bool = False

    @classmethod
    def of(cls, level: Level, *, limit: int | None = None, lean: bool = False, **keys: str) -> Query:
        """Build a query from keyword arguments; empty values are left out."""
        return cls(level, tuple((k, v) for k, v in keys.items() if v), limit=limit, lean=lean)

    def value(self, keyword: str) -> str:
        """The value of a matching key, or an empty text."""
        return dict(self.keys).get(keyword, "")


def parse_key(keyword_or_tag: str, value: str) -> tuple[str, str]:
    """A matching key as a person or a URL gives it, checked and in the form that `Query.keys` has.

    Args:
        keyword_or_tag: `PatientID`, `00100020`, `0010,0020` or `(0010,0020)`.
        value: Lists joined by backslash; names also as `Doe, John`; dates also as `2020-01-31`.

    Raises:
        BadQuery: There is no such attribute, it cannot be matched on, or the value does not fit it.
    """
    keyword = parse_keyword(keyword_or_tag)
    vr = dictionary_VR(keyword)
    value = value.strip()
    if any(character < " " for character in value):
        raise BadQuery(f"{keyword}: the value holds control characters")
    if not value:
        return keyword, ""
    return keyword, _checked(keyword, vr, value)


def narrows(keyword: str, value: str) -> bool:
    """Whether looking for *value* leaves anything out: wildcards alone fit everybody, as do names without letters.

    Args:
        value: As `parse_key` returns it.
    """
    said = value.strip("*?\\ ")
    return any(map(str.isalnum, said)) if dictionary_VR(keyword) == "PN" else bool(said)


def parse_keyword(keyword_or_tag: str) -> str:
    """The keyword of an attribute that is given by keyword or tag.

    Raises:
        BadQuery: PS3.6 knows no such attribute.
    """
    asked = keyword_or_tag.strip()
    # The dictionary knows nameless attributes too.
    if asked and asked in keyword_dict:
        return asked
    if tag := re.fullmatch(r"\(?([0-9A-Fa-f]{4}),?([0-9A-Fa-f]{4})\)?", asked):
        if keyword := keyword_for_tag(int(tag[1] + tag[2], 16)):
            return keyword
        raise BadQuery(f"({tag[1]},{tag[2]}) is no attribute that can be asked for")
    lower = {keyword.lower(): keyword for keyword in keyword_dict}
    near = difflib.get_close_matches(asked.lower(), lower, n=1)
    hint = f", did you mean {lower[near[0]]}?" if near else ""
    raise BadQuery(f"'{asked[:64]}' is no DICOM attribute{hint}")


def _checked(keyword: str, vr: str, value: str) -> str:
    if vr == "UI":
        try:
            return "\\".join(uid(one) for one in value.split("\\"))
        except BadUID as error:
            raise BadQuery(f"{keyword}: {error}") from error
    if vr == "PN":
        return person_name_pattern(value)
    if vr == "DA":
        found = read_date_range(value)
        if found is None:
            raise BadQuery(f"{keyword}: '{value[:64]}' is no date, a date is YYYYMMDD or YYYYMMDD-YYYYMMDD")
        return date_range(*found)
    if vr == "TM":
        if read_time_range(value) is None:
            raise BadQuery(f"{keyword}: '{value[:64]}' is no time, a time is HHMM or HHMM-HHMM")
        return re.sub(r"[:\s]", "", value)
    if vr == "CS":
        # There are no small letters in codes (PS3.5 6.2), and peers compare them as they stand.
        return value.upper()
    if vr in ("IS", "DS") and any(read_number(one) is None for one in value.split("\\")):
        raise BadQuery(f"{keyword}: '{value[:64]}' is no number")
    if vr not in TEXT_VRS | {"IS", "DS", "DT", "AS", "US", "UL"}:
        raise BadQuery(f"{keyword} cannot be searched for")
    return value


def person_name_pattern(written: str) -> str:
    """A name as people write it in the order of PS3.5 6.2.1: `Doe, John` asks for `Doe^John`.

    What holds a `^` or no comma is left as it is.
    """
    if "^" in written or "," not in written:
        return written.strip()
    family, given = written.split(",", 1)
    return f"{family.strip()}^{'^'.join(part.strip() for part in given.split(','))}".rstrip("^")


def date_range(start: date | None, end: date | None) -> str:
    """A range of days, both included, as a matching key; None is open (PS3.4 C.2.2.2.5.1).

    Raises:
        BadQuery: It ends before it starts.
    """
    if start and end and start > end:
        raise BadQuery(f"the range of dates ends on {end:%Y-%m-%d}, before it starts on {start:%Y-%m-%d}")
    # strftime does not pad years below 1000 everywhere.
    first, last = (day.isoformat().replace("-", "") if day else "" for day in (start, end))
    return first if first == last else f"{first}-{last}"


_ACCENTED = re.compile(r"[^\x00-\x7f]+")


def without_accents(query: Query) -> Query | None:
    """The same query with `*` for every letter beyond ASCII, for peers that spell or encode it otherwise.

    See `with_wildcards`.
    """
    return with_wildcards(query, _ACCENTED)


def with_wildcards(query: Query, unsure: re.Pattern[str]) -> Query | None:
    """The same query with `*` in its texts for whatever *unsure* matches.

    It finds more than was asked for: match the answers again (`matching.matches`).

    Returns:
        None when there is nothing of that in *query*, or little else.
    """
    keys = []
    for keyword, value in query.keys:
        known = unsure.sub("*", value) if dictionary_VR(keyword) in TEXT_VRS else value
        if value.strip("*") and not known.strip("*^"):
            return None
        keys.append((keyword, known))
    return None if tuple(keys) == query.keys else replace(query, keys=tuple(keys))
