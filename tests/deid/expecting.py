"""What Table E.1-1 and the options of a profile ask for, read from the table once more and by other code."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import adit.deid

DATA = Path(adit.deid.__file__).parent / "data"

ATTRIBUTES = json.loads((DATA / "attributes.json").read_text())["attributes"]

CHARACTERISTICS = {"113104", "113105", "113108", "113111"}

OPTIONS = {
    "basic": set(),
    "research": CHARACTERISTICS | {"113106"},
    "longitudinal": CHARACTERISTICS | {"113107"},
    "trial": CHARACTERISTICS | {"113106"},
}
"""As behaviour.md describes the profiles."""

GONE = {"remove", "empty", "dummy", "engine"}
"""Nothing of the value is left."""

MAPPED = {"uid", "token", "number", "pseudonym", "age"}
"""The value is another one that cannot be computed back."""

CLEANED = {"clean", "clean or dummy"}

NOT_THE_PATIENTS = {
    "00080106", "00080107", "00120086", "00120087", "0014407C", "0014407E", "00181200", "00181201", "00181202",
    "00181203", "00181204", "00181205", "0018700C", "0018700E", "0040DB06", "0040DB07", "0044000B", "00686226",
    "00686270", "0072000A", "300A022C", "300A022E",
}  # fmt: skip
"""Dates of devices, codes and committees, which would give a shift away."""

REMOVED_BY_RESEARCH = {"00102110", "00102160", "00102161", "00102162", "00380500"}
"""Allergies, ethnic group, patient state."""


@dataclass(frozen=True)
class Row:
    """One row of the table."""

    tag: str
    keyword: str
    vr: str
    basic: str
    options: dict[str, str]

    @property
    def number(self) -> int:
        return int(self.tag.replace("x", "0"), 16)


ROWS = [Row(tag, keyword, vr, basic, options) for tag, (_, keyword, vr, basic, options) in ATTRIBUTES.items()]


def expected(row: Row, profile: str) -> set[str]:
    """The actions that *profile* may have for *row*: several where the type of the attribute decides."""
    researching = profile != "basic"
    if row.tag in ("00100010", "00100020"):
        return {"pseudonym"}
    if researching and row.tag in ("00080050", "00200010"):
        return {"number"}
    if researching and row.tag in REMOVED_BY_RESEARCH:
        return {"remove"}
    if researching and "113109" in row.options and row.vr in ("AE", "LO", "SH", "UC", "UT"):
        return {"token"}
    asked = {row.options[code] for code in OPTIONS[profile] & set(row.options)}
    if "K" in asked:
        return {"age"} if row.tag == "00101010" else {"sequence"} if row.vr == "SQ" else {"keep"}
    if "C" in asked and (cleaned := _cleaned(row, profile)):
        return cleaned
    return _basic(row)


def _cleaned(row: Row, profile: str) -> set[str]:
    if profile == "longitudinal" and "113107" in row.options:
        if row.tag in NOT_THE_PATIENTS or row.vr == "OB":
            return set()
        return {"date"} if row.vr in ("DA", "DT") else {"keep"}
    if row.vr == "SQ":
        return {"sequence"}
    # Free text goes whole, and bytes cannot be cleaned.
    return CLEANED if row.vr in ("LO", "SH", "UC") else set()


def _basic(row: Row) -> set[str]:
    if row.tag in ("00700001", "0040A730"):
        return {"remove"}
    if row.basic.startswith("X/Z/U"):
        return {"sequence"}
    if row.basic == "U" or (row.vr == "UI" and row.basic == "D"):
        return {"uid"}
    dummies = {"engine"} if row.vr == "PN" or row.tag == "00080080" else {"dummy"}
    if row.vr == "SQ":
        # Its items are treated, or it is a code that says nothing.
        dummies = {"dummy", "sequence"}
    forms = {"X": {"remove"}, "Z": {"empty"}, "D": dummies}
    allowed = set().union(*(forms[code] for code in row.basic.split("/")))
    # An object needs what is Type 1 or 2 in it, whatever a simple code says.
    return allowed | ({"empty"} if row.basic == "X" else set()) | (dummies if row.basic in ("X", "Z") else set())
