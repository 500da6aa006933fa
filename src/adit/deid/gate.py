"""What stays behind before anything of it is changed: objects whose pixels or content may say who is meant.

Nobody looks into pixels here. What counts is what the object says of itself, and what its kind is known for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from adit.dicom.match import Match
from adit.dicom.refs import UID

_IMAGE_TYPE, _MODALITY, _DESCRIPTION = 0x00080008, 0x00080060, 0x0008103E
_BURNED_IN, _FEATURES = 0x00280301, 0x00280302

_ROOT = "1.2.840.10008.5.1.4.1.1."


def _under(*ends: str) -> frozenset[str]:
    return frozenset(_ROOT + end for end in ends)


def _numbered(stem: str, *numbers: int) -> tuple[str, ...]:
    return tuple(f"{stem}.{number}" for number in numbers)


SECONDARY_CAPTURE = _under("7", *_numbered("7", 1, 2, 3, 4))

ULTRASOUND = _under("3", "3.1", "6", "6.1", "6.2", "6.3")

_SHUT = {
    **dict.fromkeys(SECONDARY_CAPTURE, "a secondary capture may show names in its pixels"),
    **dict.fromkeys(_under(*_numbered("104", 1, 2, 3, 4, 5)), "a document in a capsule is not looked into"),
    **dict.fromkeys(
        _under("77.1.4", "77.1.5.1", "77.1.5.2", "77.1.5.5", "77.1.5.6", "77.1.7"), "a photograph may show who it is"
    ),
    **dict.fromkeys(_under("77.1.1.1", "77.1.2.1", "77.1.4.1"), "a video may show and say names"),
    **dict.fromkeys(_under("9.4.1", "9.4.2"), "a sound recording may say names"),
    **dict.fromkeys(_under("66"), "raw data are not looked into"),
}
"""SOP classes that never leave, with the reason."""

_UNCHECKED = frozenset(
    (
        *ULTRASOUND,
        *_under(
            *("1.2", "1.2.1"),
            *("12.1", "12.1.1", "12.2", "12.2.1", "12.3", *_numbered("13.1", 1, 2, 3, 4, 5)),
            *("14.1", "14.2", "77.1.1", "77.1.2", "77.1.3", "77.1.5.4", "77.1.5.7", "77.1.6", "77.1.8", "77.1.9"),
            *("79.1", "81.1", "82.1"),
        ),
    )
)
"""SOP classes in whose pixels names are met: they leave where the object says that there are none."""

_OPEN = _under(
    # CT, MR, PET and nuclear medicine: pixels out of a reconstruction.
    *("2", "2.1", "2.2", "4", "4.1", "4.2", "4.3", "4.4", "5", "20", "128", "128.1", "130"),
    # Plain radiographs: out of a detector. (Film that was digitised is a secondary capture.)
    *("1", "1.1", "1.1.1", "1.3", "1.3.1"),
    # Made of such, or without pixels: maps, segmentations, registrations, presentation states, waveforms.
    *("30", *_numbered("66", 1, 2, 3, 4, 5, 6), "67", "68.1", "68.2", "77.1.5.3", "77.1.5.8", "90.1", "91.1", "131"),
    *_numbered("11", *range(1, 13)),
    *(
        *_numbered("9.1", 1, 2, 3, 4),
        "9.2.1",
        "9.3.1",
        "9.5.1",
        "9.6.1",
        "9.6.2",
        *_numbered("9.7", 1, 2, 3, 4),
        "9.8.1",
    ),
    *(*_numbered("78", *range(1, 9)), "80.1"),
    # Structured reports: the profile decides by their content (PS3.15 Table E.3.4-1).
    *_numbered("88", 1, 2, 3, 4, 11, 22, 33, 34, 35, 40, 50, 59, 65, *range(67, 78)),
    *_numbered("200", 1, 2, 3, 7, 8),
    # Radiotherapy.
    *_numbered("481", *range(1, 26)),
)
"""SOP classes that leave although nothing is said of their pixels."""

_SCREENS = re.compile(
    r"screen[ _-]?(save|shot|cap)|dose[ _-]?(info|report|sheet|prot)|^(report|protocol)$|capture|snapshot",
    re.IGNORECASE,
)
"""Values of ImageType that tell of a copy of a screen."""

_SHEETS = re.compile(
    r"\b(dose|dosis)[ _-]*(report|record|info|sheet|summary|bericht|protokoll|page)|dosisbericht|dosisprotokoll"
    r"|\bpatient(en)?[ _-]*proto[ck]ol|\bexam[ _-]*(protocol|summary)|\bscreen[ _-]*(save|shot|capture|copy)",
    re.IGNORECASE,
)
"""Descriptions of series that are a table as a picture, whatever their SOP class."""

_LABELS = frozenset(("LABEL", "OVERVIEW"))
"""Images of a slide with its label (PS3.3 C.8.12.4.1.1)."""

_SHUT_MODALITIES = {
    "DOC": "a document in a capsule is not looked into",
    "XC": "a photograph may show who it is",
    "OP": "a photograph may show who it is",
    "DMS": "a photograph may show who it is",
    "AU": "a sound recording may say names",
}

_TABLE = "a dose sheet or a copy of a screen shows names"

_NOT_PICTURES = frozenset(("SR", "PR", "KO", "REG", "SEG", "RTSTRUCT", "RTPLAN", "RTDOSE", "RTRECORD", "PLAN"))


def suspicion(
    sop_class: str | None,
    modality: str = "",
    *,
    burned_in: str | None = None,
    features: str = "",
    image_type: Iterable[str] = (),
    description: str = "",
    unchecked_pixels: bool = False,
) -> str | None:
    """Why such an object stays behind, None where nothing speaks against it, as far as it is known.

    Args:
        sop_class: None where it is not known yet; then only what every object of *modality* meets counts.
        burned_in: BurnedInAnnotation (0028,0301), empty where the object has none; None where that is not known yet.
        features: RecognizableVisualFeatures (0028,0302).
        image_type: The values of ImageType (0008,0008).
        description: SeriesDescription (0008,103E).
        unchecked_pixels: Pixels may leave although names may be in them.
    """
    kinds = {one.strip().upper() for one in image_type}
    reason = _SHUT_MODALITIES.get(modality) if sop_class is None else _SHUT.get(sop_class)
    if reason:
        return reason
    if sop_class is not None and sop_class not in _OPEN | _UNCHECKED:
        return f"nothing is known of the content of SOP class '{sop_class}'"
    if (burned_in or "").upper() == "YES":
        return "it says that its pixels carry text about the patient"
    if modality not in _NOT_PICTURES and (any(map(_SCREENS.search, kinds)) or _SHEETS.search(description)):
        return _TABLE
    if kinds & _LABELS:
        return "a slide's label shows names"
    return None if unchecked_pixels else _doubt(sop_class, modality, burned_in, features)


def _doubt(sop_class: str | None, modality: str, burned_in: str | None, features: str) -> str | None:
    """What a person who may send unchecked pixels can overrule."""
    if features.upper() == "YES":
        return "it says that a face can be recognised"
    # Ultrasound machines write names into the picture, whatever they say of it.
    if sop_class in ULTRASOUND or modality in ("US", "IVUS"):
        return "ultrasound may show names in its pixels, which nobody checked"
    if sop_class in _UNCHECKED and burned_in is not None and burned_in.upper() != "NO":
        return "it does not say that its pixels carry no names, which nobody checked"
    return None


@dataclass(frozen=True, slots=True)
class Gate:
    """What of a job stays behind.

    Attributes:
        unchecked_pixels: The owner may send pixels that nobody checked, and wants to.
        excluded_modalities: As the settings say, upper case.
    """

    unchecked_pixels: bool = False
    excluded_modalities: frozenset[str] = frozenset()

    def foresee(self, study: Match, series: Match) -> str | None:
        """Why a whole series stays behind, None where only its instances can tell."""
        modality = series.text("Modality").upper() or (study.modalities[0] if len(study.modalities) == 1 else "")
        return self._excluded(modality) or suspicion(
            series.uid("SOPClassUID"),
            modality,
            description=series.description,
            unchecked_pixels=self.unchecked_pixels,
        )

    def on_arrival(self, sop_class: UID, said: Callable[[int], str]) -> str | None:
        """Why an instance stays behind, None where it may go on.

        Args:
            said: The text of an attribute at the top of the data set, by tag; empty where it has none.
        """
        modality = said(_MODALITY).upper()
        return self._excluded(modality) or suspicion(
            sop_class,
            modality,
            burned_in=said(_BURNED_IN),
            features=said(_FEATURES),
            image_type=said(_IMAGE_TYPE).split("\\"),
            description=said(_DESCRIPTION),
            unchecked_pixels=self.unchecked_pixels,
        )

    def _excluded(self, modality: str) -> str | None:
        return f"modality {modality} is excluded by the settings" if modality in self.excluded_modalities else None
