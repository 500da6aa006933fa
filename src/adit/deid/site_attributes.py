"""Which attribute a line of the site's rules names, and what may be done to it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache

from pydicom.datadict import dictionary_VR, keyword_dict

from adit.deid.profile import Dates, Profile
from adit.deid.rules.actions import DATES, Action
from adit.deid.rules.tables import attributes

_TAG = re.compile(r"\(?([0-9A-Fa-f]{4}),?\s*([0-9A-Fa-f]{4})\)?")
_PRIVATE = re.compile(r"\(?([0-9A-Fa-f]{4}),?\s*[xX]{2}([0-9A-Fa-f]{2})\)?\s+(\S.*)")

_MOST = {
    "AE": 16,
    "CS": 16,
    "SH": 16,
    "DS": 16,
    "IS": 12,
    "LO": 64,
    "ST": 1024,
    "LT": 10240,
    "UC": 1 << 16,
    "UT": 1 << 16,
}
"""Characters of one value (PS3.5 6.2) of the VRs that may be replaced."""

_LEGAL = {
    "CS": re.compile(r"[A-Z0-9 _]*"),
    "DS": re.compile(r"[-+]?\d+(\.\d*)?([eE][-+]?\d+)?|[-+]?\.\d+([eE][-+]?\d+)?"),
    "IS": re.compile(r"[-+]?\d+"),
}

# Text that may hold lines; all else is one line.
_LINES = frozenset(("ST", "LT", "UT"))

_PSEUDONYM = frozenset((0x00100010, 0x00100020))
_BIRTH = frozenset((0x00100030, 0x00100032))
_STATED = frozenset((0x00120062, 0x00120063, 0x00120064, 0x00280303))
_IDENTITY = frozenset((0x00100021, 0x00101000, 0x00101002, 0x00101040, 0x00102154, 0x00102155, 0x00080050))
_NEEDED = frozenset((0x00080005, 0x00080008, 0x00080060))


@dataclass(frozen=True, slots=True)
class Named:
    """An attribute; private ones with their creator and zeros in place of the block."""

    tag: int
    vr: str
    creator: str = ""


def find_attribute(text: str) -> Named | str:
    """The attribute that *text* names, or the sentence that says why there is none."""
    text = text.strip()
    if private := _PRIVATE.fullmatch(text):
        group, element, creator = private.groups()
        if not int(group, 16) & 1 or int(group, 16) < 9:
            return f"'{text}': private attributes have odd groups from 0009 on"
        return Named(int(group, 16) << 16 | int(element, 16), "", creator)
    if numbers := _TAG.fullmatch(text):
        tag = int("".join(numbers.groups()), 16)
        if tag >> 16 & 1:
            return f"'{text}' is private: leave its block open and name its creator, as in (0019,xx0C) CREATOR"
        return Named(tag, _vr(tag))
    keyword = _keywords().get(text.lower())
    if keyword is None:
        near = get_close_matches(text.lower(), _keywords(), n=3)
        names = ", ".join(_keywords()[word] for word in near)
        return f"there is no attribute '{text}'" + (f"; there is {names}" if names else "")
    tag = keyword_dict[keyword]
    return Named(tag, _vr(tag))


def why_not(named: Named, action: Action, value: str, profile: Profile) -> str:
    """Why a site may not have *action* for the attribute; empty where it may."""
    tag, vr = named.tag, named.vr
    if tag in _PSEUDONYM:
        return "the pseudonym replaces it, always"
    if tag in _STATED:
        return "ADIT writes into it what was done"
    if tag >> 16 < 8 or (tag & 0xFFFF == 0 and not named.creator):
        return "it is no part of a data set"
    if vr == "UI":
        return "UIDs are always replaced, so that references stay whole"
    if tag >> 16 in (0x0028, 0x7FE0) or tag in _NEEDED:
        return "" if action is Action.KEEP else "the object could not be read without it"
    if action is Action.KEEP:
        return _why_not_kept(tag, vr, profile)
    return _why_not_replaced(named, value) if action is Action.REPLACE else ""


def _why_not_kept(tag: int, vr: str, profile: Profile) -> str:
    if tag in _BIRTH:
        return "the birth date never leaves; PatientAge says what is needed of it"
    if vr == "PN" or tag in _IDENTITY:
        return "it identifies a person, and cannot be kept"
    if vr in DATES and profile.dates is not Dates.KEEP:
        return f"dates are all treated alike, and profile {profile.name} does not keep them"
    return ""


def _why_not_replaced(named: Named, value: str) -> str:
    if named.creator:
        # Nothing says what VR it has.
        return "a private attribute can be kept, emptied or removed, not replaced"
    if named.vr not in _MOST:
        return f"only text can replace, and this is {named.vr}"
    if not value or len(value) > _MOST[named.vr]:
        return f"what replaces it has 1 to {_MOST[named.vr]} characters"
    line = value.replace("\n", "") if named.vr in _LINES else value
    if not value.isascii() or not line.isprintable() or "\\" in value:
        # Whatever character set the object has, it has these.
        return "what replaces it is plain ASCII, without backslash and control characters"
    legal = _LEGAL.get(named.vr)
    return f"'{value}' is no value of VR {named.vr}" if legal and not legal.fullmatch(value) else ""


@cache
def _keywords() -> dict[str, str]:
    """The keywords of PS3.6, by their form in lower case."""
    return {keyword.lower(): keyword for keyword in keyword_dict}


def _vr(tag: int) -> str:
    try:
        return dictionary_VR(tag)[:2]
    except KeyError:
        row = attributes().get(tag)
        return row.vr if row else "UN"
