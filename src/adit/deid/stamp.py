"""The truth about what was done, written into the object (PS3.15 E.1.1, PS3.3 C.7.1.1, C.12.1.1)."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version

from adit import __version__
from adit.deid.elements import Coding, element, items, sequence, split
from adit.deid.profile import OPTIONS, Dates, Profile
from adit.deid.rules.tables import EDITION
from adit.deid.walking import Piece
from adit.dicom.refs import Ref
from adit.dicom.values import decode_text

_PATIENT_NAME, _PATIENT_ID = 0x00100010, 0x00100020
_AGE, _COMMENTS = 0x00101010, 0x00104000
_UIDS = (0x0020000D, 0x0020000E, 0x00080018)
"""Study, Series and SOP Instance UID."""

_SPONSOR, _PROTOCOL_ID, _PROTOCOL_NAME, _SITE_ID, _SITE_NAME, _SUBJECT = (
    0x00120010, 0x00120020, 0x00120021, 0x00120030, 0x00120031, 0x00120040,
)  # fmt: skip
_REMOVED, _METHOD, _METHOD_CODES = 0x00120062, 0x00120063, 0x00120064
_TEMPORAL = 0x00280303
_STUDY_DATE, _STUDY_TIME = 0x00080020, 0x00080030
_CODE, _SCHEME, _MEANING = 0x00080100, 0x00080102, 0x00080104

_LONGEST = 64
"""Characters of a value of LO (PS3.5 6.2)."""

_NOT_SAID = "NOT GIVEN"

_ENGINE_VERSION = version("dicognito")


@dataclass(frozen=True, slots=True)
class Stamp:
    """What an object says of its treatment.

    Attributes:
        pseudonym: Patient's name and id; empty where there is none.
    """

    profile: Profile
    pseudonym: str
    trial_protocol_id: str
    trial_protocol_name: str

    def on(self, pieces: list[Piece], coding: Coding, *, ref: Ref, pixels_checked: bool, age: str = "") -> list[Piece]:
        """*pieces*, the elements of a treated data set at its top, with the stamp, in ascending order.

        Whatever the rules made of its own UIDs, they are those of *ref*. PatientAge is *age*, where that can be told,
        also in an object that had none: without the birth date it could not be computed any more.

        PatientIdentityRemoved is YES only where the pixel data were checked too: it speaks of "the
        Attributes and the Pixel Data" (PS3.3 C.7.1.1). What was done to the attributes is said in either case.
        """
        found = dict(pieces)
        texts = {
            _REMOVED: ("CS", "YES" if pixels_checked else "NO"),
            _TEMPORAL: ("CS", _TEMPORAL_WORDS[self.profile.dates]),
            **self._names(),
            **self._trial(found, coding),
            **({_AGE: ("AS", age)} if age else {}),
        }
        texts |= {
            tag: ("UI", uid) for tag, uid in zip(_UIDS, (ref.study, ref.series, ref.instance), strict=True) if uid
        }
        for tag, (vr, text) in texts.items():
            found[tag] = _written(tag, vr, text.encode("ascii"), coding)
        found[_METHOD] = _written(_METHOD, "LO", _method(self.profile, found.get(_METHOD), coding), coding)
        found[_METHOD_CODES] = _method_codes(self.profile, found.get(_METHOD_CODES), coding)
        return sorted(found.items())

    def _names(self) -> dict[int, tuple[str, str]]:
        if not self.pseudonym:
            return {}
        return {_PATIENT_NAME: ("PN", self.pseudonym), _PATIENT_ID: ("LO", self.pseudonym)}

    def _trial(self, found: dict[int, bytes], coding: Coding) -> dict[int, tuple[str, str]]:
        """The Clinical Trial Subject Module (PS3.3 C.7.1.3), and for XNAT the comment by which it sorts."""
        if not (self.trial_protocol_id or self.trial_protocol_name):
            return {}
        texts = {
            _PROTOCOL_ID: ("LO", self.trial_protocol_id or _NOT_SAID),
            _PROTOCOL_NAME: ("LO", self.trial_protocol_name),
            _SUBJECT: ("LO", self.pseudonym or _NOT_SAID),
        }
        # The module's other attributes of Type 1 and 2.
        for tag, text in ((_SPONSOR, _NOT_SAID), (_SITE_ID, ""), (_SITE_NAME, "")):
            if not _text_in(found.get(tag), coding):
                texts[tag] = ("LO", text)
        if self.trial_protocol_id and self.pseudonym:
            moment = f"{_text_in(found.get(_STUDY_DATE), coding)}-{_text_in(found.get(_STUDY_TIME), coding)}"
            session = f"{self.pseudonym}_{moment}"
            comment = f"Project:{self.trial_protocol_id} Subject:{self.pseudonym} Session:{session}"
            texts[_COMMENTS] = ("LT", comment)
        return texts


_TEMPORAL_WORDS = {Dates.KEEP: "UNMODIFIED", Dates.SHIFT: "MODIFIED", Dates.REMOVE: "REMOVED"}


def methods(profile: Profile) -> tuple[str, ...]:
    """The values of DeidentificationMethod that *profile* writes, of 64 characters at most."""
    return (
        f"DICOM PS3.15 {EDITION} Annex E",
        f"ADIT {__version__} profile {profile.name} {profile.version}"[:_LONGEST].rstrip(),
        f"dicognito {_ENGINE_VERSION}"[:_LONGEST],
    )


def _method(profile: Profile, before: bytes | None, coding: Coding) -> bytes:
    """What was said of earlier treatments stays in front."""
    earlier = [] if before is None else [each.strip(b"\0 ") for each in _value_of(before, coding).split(b"\\")]
    ours = [each.encode("ascii") for each in methods(profile)]
    return b"\\".join([*(each for each in earlier if each and each not in ours), *ours])


def _method_codes(profile: Profile, before: bytes | None, coding: Coding) -> bytes:
    data_sets: list[bytes] = []
    said: set[tuple[str, str]] = set()
    vr = "" if coding.implicit else "SQ"
    if before is not None:
        (part,) = split(before, coding)
        if part.vr in ("", "SQ"):
            for item in items(before, part, coding):
                parts = {each.tag: each for each in split(before, coding, item.start, item.end)}
                code, scheme = (
                    decode_text(before[parts[tag].value : parts[tag].behind]).strip("\0 ") if tag in parts else ""
                    for tag in (_CODE, _SCHEME)
                )
                data_sets.append(before[item.start : item.end])
                said.add((code, scheme))
    data_sets += [_code(code, coding) for code in profile.codes if (code, "DCM") not in said]
    return sequence(_METHOD_CODES, vr, data_sets, coding)


def _code(code: str, coding: Coding) -> bytes:
    return b"".join(
        (
            _written(_CODE, "SH", code.encode("ascii"), coding),
            _written(_SCHEME, "SH", b"DCM", coding),
            _written(_MEANING, "LO", OPTIONS[code].encode("ascii"), coding),
        )
    )


def _written(tag: int, vr: str, value: bytes, coding: Coding) -> bytes:
    return element(tag, "" if coding.implicit else vr, value, coding, padded_as=vr)


def _value_of(encoded: bytes, coding: Coding) -> bytes:
    (part,) = split(encoded, coding)
    return encoded[part.value : part.behind]


def _text_in(encoded: bytes | None, coding: Coding) -> str:
    return "" if encoded is None else decode_text(_value_of(encoded, coding)).strip("\0 ")
