"""Presentation contexts: what an association is asked to carry (PS3.8 7.1.1.13, PS3.4 B.5, C.5.3)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product

import pydicom.uid

from adit.dicom.refs import UID

IMPLICIT = UID("1.2.840.10008.1.2")
EXPLICIT = UID("1.2.840.10008.1.2.1")
EXPLICIT_BIG_ENDIAN = UID("1.2.840.10008.1.2.2")
DEFLATED = UID("1.2.840.10008.1.2.1.99")

VERIFICATION = UID("1.2.840.10008.1.1")
STORAGE_COMMITMENT = UID("1.2.840.10008.1.20.1")
PATIENT_ROOT_FIND = UID("1.2.840.10008.5.1.4.1.2.1.1")
PATIENT_ROOT_MOVE = UID("1.2.840.10008.5.1.4.1.2.1.2")
PATIENT_ROOT_GET = UID("1.2.840.10008.5.1.4.1.2.1.3")
STUDY_ROOT_FIND = UID("1.2.840.10008.5.1.4.1.2.2.1")
STUDY_ROOT_MOVE = UID("1.2.840.10008.5.1.4.1.2.2.2")
STUDY_ROOT_GET = UID("1.2.840.10008.5.1.4.1.2.2.3")

MOST = 128
"""Contexts in one association: the odd numbers from 1 to 255 (PS3.8 9.3.2.2)."""

_JPEG = "1.2.840.10008.1.2.4."
SYNTAXES: tuple[UID, ...] = (
    EXPLICIT,
    IMPLICIT,
    # PACS compress what they archive with these three.
    UID(_JPEG + "70"),  # JPEG Lossless, SV1
    UID(_JPEG + "90"),  # JPEG 2000, lossless only
    UID(_JPEG + "80"),  # JPEG-LS lossless
    # Modalities make these themselves.
    UID(_JPEG + "50"),  # JPEG Baseline
    UID(_JPEG + "91"),  # JPEG 2000
    UID("1.2.840.10008.1.2.5"),  # RLE Lossless
    UID(_JPEG + "57"),  # JPEG Lossless, any selection value
    UID(_JPEG + "51"),  # JPEG Extended
    UID(_JPEG + "81"),  # JPEG-LS near-lossless
    UID(_JPEG + "201"),  # HTJ2K, lossless only
    UID(_JPEG + "202"),  # HTJ2K, lossless only, RPCL
    UID(_JPEG + "203"),  # HTJ2K
    DEFLATED,
    EXPLICIT_BIG_ENDIAN,
    UID(_JPEG + "102"),  # MPEG-4 AVC High Profile 4.1
    UID(_JPEG + "103"),  # MPEG-4 AVC BD-compatible
    UID(_JPEG + "100"),  # MPEG2 Main Level
    UID(_JPEG + "101"),  # MPEG2 High Level
    UID(_JPEG + "104"),  # MPEG-4 AVC 4.2, 2D
    UID(_JPEG + "105"),  # MPEG-4 AVC 4.2, 3D
    UID(_JPEG + "106"),  # MPEG-4 AVC 4.2, stereo
    UID(_JPEG + "107"),  # HEVC Main
    UID(_JPEG + "108"),  # HEVC Main 10
    UID(_JPEG + "110"),  # JPEG XL, lossless only
    UID(_JPEG + "111"),  # JPEG XL, of what was JPEG
    UID(_JPEG + "112"),  # JPEG XL
    UID("1.2.840.10008.1.2.8.1"),  # Deflated Image Frame
)
"""Transfer syntaxes that instances are stored in, the likely ones first."""

_NEWER = {
    UID(_JPEG + "110"): "JPEG XL Lossless",
    UID(_JPEG + "111"): "JPEG XL JPEG Recompression",
    UID(_JPEG + "112"): "JPEG XL",
    UID("1.2.840.10008.1.2.8.1"): "Deflated Image Frame Compression",
}
"""What pydicom's dictionary does not know yet."""


def name_of(uid: UID) -> str:
    """The name of a SOP class or transfer syntax (PS3.6 A); the UID itself where it has none."""
    return _NEWER.get(uid) or pydicom.uid.UID(uid).name


@dataclass(frozen=True, slots=True)
class PresentationContext:
    """A proposal: data sets of one SOP class in one of some transfer syntaxes.

    Attributes:
        id: Odd, 1 to 255, unique within its association.
        abstract_syntax: SOP class, or service class such as Verification.
        transfer_syntaxes: In our order of preference. The peer accepts one of them or none.
        scu_role: The requestor of the association will ask.
        scp_role: The requestor will serve: what C-GET needs for the instances it brings.
    """

    id: int
    abstract_syntax: UID
    transfer_syntaxes: tuple[UID, ...]
    scu_role: bool = True
    scp_role: bool = False

    def __post_init__(self) -> None:
        if not (1 <= self.id <= 255 and self.id % 2):
            raise ValueError(f"{self.id} is no presentation context ID: odd numbers from 1 to 255 are (PS3.8 9.3.2.2)")
        if not self.transfer_syntaxes:
            raise ValueError("a presentation context proposes at least one transfer syntax (PS3.8 9.3.2.2)")


def contexts_for(
    pairs: Iterable[tuple[UID, UID]], *, most: int = MOST, retrieving: bool = False
) -> list[list[PresentationContext]]:
    """Group (SOP class, transfer syntax) pairs into associations.

    One context per pair, so the peer cannot pick a syntax we would have to transcode
    (PS3.8 9.3.2.2: one accepted syntax per context). Pairs that come twice are proposed once;
    their order is kept, so what is likely should come first.

    Args:
        most: Contexts per association.
        retrieving: For C-GET. The requestor takes the SCP role (PS3.4 C.5.3), and one context per
            association, with ID 1, is left free for the retrieve model (see `model_context`).
    """
    if not 1 + retrieving <= most <= MOST:
        raise ValueError(f"an association holds at most {MOST} presentation contexts")
    unique = list(dict.fromkeys(pairs))
    first, room = (3, most - 1) if retrieving else (1, most)
    return [
        [
            PresentationContext(first + 2 * n, sop_class, (syntax,), scu_role=not retrieving, scp_role=retrieving)
            for n, (sop_class, syntax) in enumerate(unique[start : start + room])
        ]
        for start in range(0, len(unique), room)
    ]


def model_context(model: UID) -> PresentationContext:
    """Context 1 for a find, get or move model, or for another service, in either little endian syntax."""
    # Implicit is the one every peer must accept (PS3.5 10.1); explicit keeps VRs, so it comes first.
    return PresentationContext(1, model, (EXPLICIT, IMPLICIT))


_STORAGE = "1.2.840.10008.5.1.4.1.1."

SECONDARY_CAPTURE = UID(_STORAGE + "7")

# By Modality (0008,0060), PS3.3 C.7.3.1.1.1; the endings of Storage SOP Classes of PS3.4 B.5, the usual first.
_BY_MODALITY = {
    "CT": "2 2.1 2.2 66.4",
    "MR": "4 4.1 4.2 4.3 4.4",
    "PT": "128 130 128.1",
    "NM": "20",
    "CR": "1 1.1",
    "DX": "1.1 1 1.1.1",
    "DR": "1.1 1",
    "RG": "1 1.1",
    "IO": "1.3 1.1 1.3.1",
    "PX": "1.1 1.3 1",
    "MG": "1.2 13.1.3 1.2.1 13.1.4 1.1",
    "BMD": "1 1.1",
    "US": "6.1 3.1 6.2",
    "IVUS": "3.1 6.1",
    "XA": "12.1 12.1.1 13.1.1 12.2",
    "RF": "12.2 12.2.1 12.1 1.1",
    "OT": "7.4 7.2 7.3 7.1 104.1",
    "SC": "7.4 7.2 7.3 7.1",
    "ES": "77.1.1 77.1.1.1",
    "GM": "77.1.2 77.1.2.1",
    "SM": "77.1.6 77.1.3 77.1.2",
    "XC": "77.1.4 77.1.4.1",
    "DMS": "77.1.7 77.1.4",
    "OP": "77.1.5.1 77.1.5.2 77.1.5.5 77.1.5.6 77.1.5.3",
    "OPT": "77.1.5.4 77.1.5.7 77.1.5.8",
    "OPM": "79.1 82.1 81.1",
    "OPV": "80.1",
    "OAM": "78.7",
    "IVOCT": "14.1 14.2",
    "OCT": "14.1 14.2 77.1.5.4",
    "ECG": "9.1.1 9.1.2 9.1.3 9.1.4",
    "HD": "9.2.1",
    "EPS": "9.3.1",
    "EEG": "9.7.1 9.7.4",
    "EMG": "9.7.2",
    "EOG": "9.7.3",
    "RESP": "9.6.1 9.6.2",
    "AU": "9.4.1 9.4.2",
    "RTIMAGE": "481.1 481.23",
    "RTDOSE": "481.2",
    "RTSTRUCT": "481.3",
    "RTPLAN": "481.5 481.8",
    "RTRECORD": "481.4 481.6 481.7 481.9",
    "RTRAD": "481.12 481.13",
    "SEG": "66.4 66.5 66.7",
    "REG": "66.1 66.3",
    "FID": "66.2",
    "RWV": "67",
    "DOC": "104.1 104.2",
    "M3D": "104.3 104.4",
    "CTPROTOCOL": "200.2",
    "XAPROTOCOL": "200.8",
    "SR": "88.22 88.11 88.33 88.67 88.34 88.50 88.65 88.69 88.68 88.73 88.76 88.40 88.71 88.72 88.74 88.75",
    "KO": "88.59",
    "PR": "11.1 11.2 11.3 11.4 11.8 11.5",
    "PLAN": "481.5 481.8",
    "STAIN": "77.1.6",
    "ANN": "91.1",
}

# What lies beside the images of any study: secondary captures, key objects, presentation states,
# reports and dose sheets, and raw data.
_ALWAYS = "7 88.59 11.1 88.67 88.22 88.11 88.33 66"


def classes_for_modality(modality: str) -> tuple[UID, ...]:
    """Storage SOP classes that series of *modality* (0008,0060) are typically made of, the likely first.

    Secondary captures, key objects, presentation states and reports always follow. An unknown
    modality gets the classes of CT, MR, CR, DX, US and XA.
    """
    own = _BY_MODALITY.get(modality.strip().upper(), "2 4 1 1.1 6.1 3.1 12.1 7.4")
    return tuple(dict.fromkeys(UID(_STORAGE + ending) for ending in f"{own} {_ALWAYS}".split()))


def pairs_for(sop_classes: Iterable[UID], syntaxes: Iterable[UID] = SYNTAXES) -> list[tuple[UID, UID]]:
    """Every SOP class with every transfer syntax; the likely syntaxes of all classes come first."""
    return [(sop_class, syntax) for syntax, sop_class in product(tuple(syntaxes), tuple(sop_classes))]
