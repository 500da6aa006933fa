"""Profiles: which options of PS3.15 Annex E are in effect, and what goes beyond its table.

A profile is a value. A job freezes it as JSON and keeps it for life; whatever changes its content changes its
version.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Self

from adit.deid.rules.actions import TEXT, Action
from adit.deid.rules.tables import EDITION, attributes

BASIC = "113100"
CLEAN_GRAPHICS = "113103"
CLEAN_STRUCTURED_CONTENT = "113104"
CLEAN_DESCRIPTORS = "113105"
FULL_DATES = "113106"
MODIFIED_DATES = "113107"
PATIENT_CHARACTERISTICS = "113108"
DEVICE_IDENTITY = "113109"
RETAIN_UIDS = "113110"
SAFE_PRIVATE = "113111"
INSTITUTION_IDENTITY = "113112"

OPTIONS: Mapping[str, str] = {
    BASIC: "Basic Application Confidentiality Profile",
    CLEAN_GRAPHICS: "Clean Graphics Option",
    CLEAN_STRUCTURED_CONTENT: "Clean Structured Content Option",
    CLEAN_DESCRIPTORS: "Clean Descriptors Option",
    FULL_DATES: "Retain Longitudinal Temporal Information Full Dates Option",
    MODIFIED_DATES: "Retain Longitudinal Temporal Information Modified Dates Option",
    PATIENT_CHARACTERISTICS: "Retain Patient Characteristics Option",
    DEVICE_IDENTITY: "Retain Device Identity Option",
    RETAIN_UIDS: "Retain UIDs Option",
    SAFE_PRIVATE: "Retain Safe Private Option",
    INSTITUTION_IDENTITY: "Retain Institution Identity Option",
}
"""Meaning of each code of CID 7050 that a profile may have (PS3.16), coding scheme DCM."""

_FORMAT = 1


class Dates(StrEnum):
    """What becomes of dates and times, of all of them: a mix would give the shift away."""

    KEEP = "keep"
    SHIFT = "shift"
    REMOVE = "remove"
    """Removed, emptied or replaced by a dummy, as Table E.1-1 says."""


class WithoutPatientID(StrEnum):
    """What becomes of an object without PatientID."""

    REFUSE = "refuse"
    BY_STUDY = "by study"
    """Its study stands for the patient."""


@dataclass(frozen=True, slots=True, order=True)
class Rule:
    """What a profile does to one attribute whatever the table says.

    Attributes:
        tag: Of a private attribute with zeros in place of its block: (0019,xx0C) is 0x0019000C.
        creator: Of a private attribute; empty for others.
        value: What replaces it (Action.REPLACE); else empty.
    """

    tag: int
    action: Action
    creator: str = ""
    value: str = ""


@dataclass(frozen=True, slots=True)
class Profile:
    """What is done to an instance so that it may leave under a pseudonym.

    Attributes:
        version: Changes whenever the content does.
        summary: What it is for, in one sentence.
        options: CID 7050 codes of the options in effect, without 113100, which always is.
        rules: Go before the table; of two for one attribute the later counts.
        approved: Words that the site knows to be harmless, beside the shipped vocabulary; lower case.
        newborns: PatientAge may be in days below two years of age.
        pseudonyms_from_list: Pseudonyms are brought by the user, never made.
    """

    name: str
    version: str
    summary: str
    options: frozenset[str]
    rules: tuple[Rule, ...] = ()
    approved: frozenset[str] = frozenset()
    without_patient_id: WithoutPatientID = WithoutPatientID.REFUSE
    newborns: bool = False
    pseudonyms_from_list: bool = False

    def __post_init__(self) -> None:
        if unknown := self.options - set(OPTIONS):
            raise ValueError(f"no option of CID 7050 that ADIT knows: {', '.join(sorted(unknown))}")
        if {FULL_DATES, MODIFIED_DATES} <= self.options:
            raise ValueError("dates are either kept or shifted, never both")

    @property
    def dates(self) -> Dates:
        if FULL_DATES in self.options:
            return Dates.KEEP
        return Dates.SHIFT if MODIFIED_DATES in self.options else Dates.REMOVE

    @property
    def codes(self) -> tuple[str, ...]:
        """The CID 7050 codes that an object treated by it carries, 113100 first."""
        return (BASIC, *sorted(self.options - {BASIC}))

    @property
    def digest(self) -> str:
        """SHA-256 of its content, in hex: equal for profiles that do the same under the same name."""
        content = {key: value for key, value in self.to_json().items() if key not in ("version", "summary")}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def to_json(self) -> dict[str, Any]:
        """As JSON that every later release reads."""
        return {
            "format": _FORMAT,
            "tables": EDITION,
            "name": self.name,
            "version": self.version,
            "summary": self.summary,
            "options": sorted(self.options),
            "rules": [[f"{rule.tag:08X}", rule.creator, rule.action.value, rule.value] for rule in self.rules],
            "approved": sorted(self.approved),
            "without_patient_id": self.without_patient_id.value,
            "newborns": self.newborns,
            "pseudonyms_from_list": self.pseudonyms_from_list,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """The profile that `to_json` wrote down.

        Raises:
            ValueError: It was written by a newer release, or for tables that this one does not have.
        """
        if value["format"] != _FORMAT or value["tables"] != EDITION:
            raise ValueError(
                f"profile {value['name']} {value['version']} needs tables of edition {value['tables']}; "
                f"this release of ADIT has {EDITION}"
            )
        return cls(
            name=value["name"],
            version=value["version"],
            summary=value["summary"],
            options=frozenset(value["options"]),
            rules=tuple(
                Rule(int(tag, 16), Action(action), creator, text) for tag, creator, action, text in value["rules"]
            ),
            approved=frozenset(value["approved"]),
            without_patient_id=WithoutPatientID(value["without_patient_id"]),
            newborns=value["newborns"],
            pseudonyms_from_list=value["pseudonyms_from_list"],
        )


def find_profile(name: str) -> Profile:
    """The shipped profile called *name*.

    Raises:
        ValueError: There is none; the message names those there are.
    """
    try:
        return PROFILES[name]
    except KeyError:
        raise ValueError(f"there is no profile '{name}'; there are {', '.join(PROFILES)}") from None


def _devices_as_tokens() -> tuple[Rule, ...]:
    """Equal devices stay equal: what names one by text becomes a token."""
    named = (row for row in attributes().values() if DEVICE_IDENTITY in row.options)
    return tuple(Rule(row.tag, Action.TOKEN) for row in named if row.vr in TEXT | {"AE", "UT"})


_RESEARCH = Profile(
    name="research",
    version="1",
    summary="For research in the house or under contract, not for publication: dates stay as they are.",
    options=frozenset((CLEAN_STRUCTURED_CONTENT, CLEAN_DESCRIPTORS, FULL_DATES, PATIENT_CHARACTERISTICS, SAFE_PRIVATE)),
    rules=(
        *_devices_as_tokens(),
        Rule(0x00080050, Action.NUMBER),  # AccessionNumber
        Rule(0x00200010, Action.NUMBER),  # StudyID
        Rule(0x00102110, Action.REMOVE),  # Allergies
        Rule(0x00102160, Action.REMOVE),  # EthnicGroup
        Rule(0x00102161, Action.REMOVE),  # EthnicGroupCodeSequence
        Rule(0x00102162, Action.REMOVE),  # EthnicGroups
        Rule(0x00380500, Action.REMOVE),  # PatientState
    ),
)

PROFILES: Mapping[str, Profile] = {
    profile.name: profile
    for profile in (
        Profile(
            name="basic",
            version="1",
            summary="The Basic Profile of PS3.15 and nothing kept that it does not keep: no dates, no descriptions.",
            options=frozenset(),
        ),
        _RESEARCH,
        replace(
            _RESEARCH,
            name="longitudinal",
            summary="As research, but with all dates of a patient moved by the same number of days.",
            options=_RESEARCH.options - {FULL_DATES} | {MODIFIED_DATES},
        ),
        replace(
            _RESEARCH,
            name="trial",
            summary="As research, for trials whose pseudonyms come from a list.",
            pseudonyms_from_list=True,
        ),
    )
}
"""The profiles that ADIT ships, by name."""

DEFAULT = "research"
