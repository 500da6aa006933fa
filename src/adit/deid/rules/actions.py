"""What can be done to one attribute, and the values that say nothing (PS3.15 E.1.1, PS3.5 6.2)."""

from __future__ import annotations

import re
from enum import StrEnum

TEXT = frozenset(("SH", "LO", "UC"))
"""VRs of short text: cleaned by word."""

LONG_TEXT = frozenset(("ST", "LT", "UT"))
"""VRs of free text: never cleaned, only removed whole."""

DATES = frozenset(("DA", "DT", "TM"))


class Action(StrEnum):
    """What the treatment does to an attribute.

    An attribute without a value stays as it is under every action but REMOVE, so that nothing is made up
    where nothing was.
    """

    KEEP = "keep"
    """Leave the bytes as they are."""

    SEQUENCE = "sequence"
    """Keep the sequence and treat what its items hold, each attribute by its own rule."""

    REMOVE = "remove"
    """Leave the attribute out."""

    EMPTY = "empty"
    """Keep the attribute, with a value of no length (Type 2)."""

    DUMMY = "dummy"
    """Put `dummy(vr)` in its place (Type 1). A sequence of codes gets one item, DUMMY_CODE."""

    ENGINE = "engine"
    """Let dicognito make a replacement: names of persons and institutions."""

    CLEAN = "clean"
    """Keep the words that describe, cut the others. Nothing left: no value."""

    CLEAN_OR_DUMMY = "clean or dummy"
    """As CLEAN, but with a dummy when nothing is left: the attribute may not be empty (Type 1)."""

    CODED = "coded"
    """Part of a code: as `of_scheme` says for the coding scheme designator beside it."""

    UID = "uid"
    """Replace every value by the UID that the key gives for it; well-known UIDs stay."""

    DATE = "date"
    """Move the date by the patient's shift. What cannot be read is emptied, and noted."""

    AGE = "age"
    """PatientAge, computed from the original dates; emptied where that cannot be done."""

    TOKEN = "token"
    """Replace by a token that the key gives: equal devices stay equal, and nobody knows which they are."""

    NUMBER = "number"
    """Replace by a number that the key gives: AccessionNumber, StudyID."""

    PSEUDONYM = "pseudonym"
    """Replace by the pseudonym; without one emptied."""

    REPLACE = "replace"
    """Replace by the text that the site's rules name."""


_DUMMIES = {
    "AE": "REMOVED",
    "AS": "000Y",
    "AT": "00000000",
    "CS": "REMOVED",
    "DA": "19000101",
    "DS": "0",
    "DT": "19000101000000",
    "IS": "0",
    "LO": "REMOVED",
    "LT": "REMOVED",
    "PN": "REMOVED",
    "SH": "REMOVED",
    "ST": "REMOVED",
    "TM": "000000",
    "UC": "REMOVED",
    "UI": "2.25.0",
    "UR": "urn:oid:2.25.0",
    "UT": "REMOVED",
}

_NUMBERS = {"FD": 8, "FL": 4, "SL": 4, "SS": 2, "SV": 8, "UL": 4, "US": 2, "UV": 8}


DUMMY_CODE = ("REMOVED", "99ADIT", "Removed")
"""Code value, coding scheme designator and code meaning of a code that says nothing."""

_TIMEZONE = 0x00080201


def dummy(vr: str, tag: int = 0) -> str | bytes:
    """A legal value of *vr* that says nothing, also in the few attributes whose text has a form of its own.

    Returns:
        Text for the VRs of text; for the others encoded bytes, all zero, of one value's length (OB, OW and
        the like: eight bytes, a whole number of values of each of them).
    """
    if tag == _TIMEZONE:
        return "+0000"
    return _DUMMIES.get(vr) or bytes(_NUMBERS.get(vr, 8))


_STANDARD_SCHEMES = """
ACR ASTM-sigpurpose BARI BI C4 C5 CD2 CPM CTV3 DCM FMA HPC I10 I10P I9 I9C IBSI ICDO3 IEEE11073 ISO3166_1 ISO639_1
ISO639_2 ISO_OID ITIS_TSN LN MA MAYOASRG MDC MDNS MSH NCIt NCDR NDC NEU NICIP NYUMCCG PATHLEX PUBCHEM_CID POS
RADELEMENT RADLEX RFC3066 RFC5646 RXNORM SCPECG SCT SNM3 SRT UBERON UCUM UMLS UNS UPC 99SDM
"""
"""Coding schemes that PS3.16 chapter 8 names, but for those of single institutions."""

_PUBLISHED = frozenset(_STANDARD_SCHEMES.split())


def of_scheme(designator: str) -> Action:
    """What becomes of a CODED attribute whose coding scheme is *designator* (PS3.16 chapter 8).

    A code of a published scheme means the same everywhere; a local one may be anything.
    """
    name = re.sub(r"\s*\[.*\]$", "", designator.strip())
    return Action.KEEP if name in _PUBLISHED else Action.CLEAN_OR_DUMMY
