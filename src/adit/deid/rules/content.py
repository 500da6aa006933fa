"""Content items of structured reports, by PS3.15 Table E.3.4-1."""

from __future__ import annotations

from adit.deid.profile import CLEAN_DESCRIPTORS, Dates, Profile
from adit.deid.rules.actions import Action
from adit.deid.rules.tables import content_items
from adit.dicom.refs import UID

CONTENT_SEQUENCES = frozenset(
    (
        0x0040A730,  # ContentSequence
        0x00400440,  # ProtocolContextSequence
        0x00400441,  # ContentItemModifierSequence
        0x00400555,  # AcquisitionContextSequence
        0x00400612,  # SpecimenPreparationStepContentItemSequence
    )
)
"""Sequences whose items are content items (PS3.3 C.17.3.2 and 10.2)."""

VALUES = {
    "TEXT": 0x0040A160,
    "PNAME": 0x0040A123,
    "DATE": 0x0040A121,
    "TIME": 0x0040A122,
    "DATETIME": 0x0040A120,
    "UIDREF": 0x0040A124,
}
"""The attribute that holds the value, by value type; the other types hold sequences or numbers."""

# Short texts that name a thing, as descriptors do. The other texts are prose, which goes whole.
_NAMES = frozenset(
    (
        ("DCM", "109056"),  # Stress Protocol
        ("DCM", "112050"),  # Anatomic Identifier
        ("DCM", "113012"),  # Key Object Description
        ("DCM", "113720"),  # Calibration Protocol
        ("DCM", "113815"),  # Patient Model
        ("DCM", "122083"),  # Drug administered
        ("DCM", "125203"),  # Acquisition Protocol
        ("DCM", "126070"),  # Subject Time Point Identifier
        ("DCM", "126071"),  # Protocol Time Point Identifier
        ("DCM", "128230"),  # Pulse Sequence Name
        ("DCM", "128403"),  # Radiation Dose Estimate Name
        ("DCM", "131563"),  # Series Description
        ("NCIt", "C67447"),  # Activity Session
        ("SCT", "363698007"),  # Finding Site
        ("SCT", "440252007"),  # Administration of radiopharmaceutical
        ("UMLS", "C2348792"),  # Time Point
    )
)

# An age as a measurement knows no upper bound and may be in days; PatientAge says it as the profile does.
_SUBJECT_AGE = ("DCM", "121033")

# Of devices: see OTHER_DATES.
_CALIBRATION = ("DCM", "113723")


def is_structured_report(sop_class: UID) -> bool:
    """Whether objects of *sop_class* are trees of content items: structured reports, key object selections."""
    return sop_class.startswith("1.2.840.10008.5.1.4.1.1.88.")


def action_for_item(profile: Profile, value_type: str, code: str, scheme: str) -> Action:
    """What becomes of the value of one content item of a profile that cleans structured content.

    Args:
        code: And *scheme*, of the concept name; empty where the item has none.

    Returns:
        REMOVE: the item is left out, with all that it contains. SEQUENCE: it stays, with what it contains
        treated. Else the action for its value, VALUES[value_type].
    """
    if not value_type:
        # It refers to another item by position (PS3.3 C.17.3.2.5), which changes when items before it go.
        return Action.REMOVE
    concept = (scheme, code)
    row = content_items().get((*concept, value_type))
    if row is None:
        return _unlisted(profile, value_type)
    if concept == _SUBJECT_AGE:
        return Action.REMOVE
    allowed = {row.options[option] for option in profile.options if option in row.options}
    if "K" in allowed:
        return Action.KEEP if value_type in VALUES else Action.SEQUENCE
    if "C" in allowed and concept != _CALIBRATION:
        if value_type in ("DATE", "DATETIME"):
            return Action.DATE
        if value_type == "TIME":
            return Action.KEEP
        if concept in _NAMES and CLEAN_DESCRIPTORS in profile.options:
            return Action.CLEAN_OR_DUMMY
    return Action.REMOVE if row.basic == "X" else _dummy(value_type)


def _unlisted(profile: Profile, value_type: str) -> Action:
    if value_type in ("TEXT", "PNAME"):
        return Action.REMOVE
    if value_type in ("DATE", "DATETIME", "TIME"):
        if profile.dates is Dates.REMOVE:
            return Action.REMOVE
        return Action.DATE if profile.dates is Dates.SHIFT and value_type != "TIME" else Action.KEEP
    return Action.UID if value_type == "UIDREF" else Action.SEQUENCE


def _dummy(value_type: str) -> Action:
    """The form that may stand in a template's required place."""
    if value_type == "PNAME":
        return Action.ENGINE
    if value_type == "UIDREF":
        return Action.UID
    # References to objects get new UIDs and so stay whole.
    return Action.DUMMY if value_type in VALUES else Action.SEQUENCE
