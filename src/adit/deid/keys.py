"""What is derived from a project's key: UIDs, tokens, pseudonyms, the shift of dates.

All of it is HMAC-SHA-256 under the key, each purpose in a domain of its own: without the key nothing can be
computed back or found by trying, and nothing made for one purpose equals what is made for another. The same key
and the same original give the same value for ever; `tests/deid/vectors.json` holds that.
"""

from __future__ import annotations

import hmac
import re
from base64 import b32encode
from dataclasses import dataclass
from functools import lru_cache
from typing import Self

from adit.dicom.refs import UID

KEY_BYTES = 32
"""Length of a key."""

_DOMAIN = b"adit/1/"

_PURPOSE = re.compile(r"[a-z][a-z0-9-]*")

# Registered UIDs (PS3.6 Annex A) have short components. What hangs a time stamp or a number under the
# root of the standard is an instance of somebody who had no root of his own.
_WELL_KNOWN = re.compile(r"1\.2\.840\.10008(\.\d{1,4})+")

_LEAST_SHIFT, _SHIFTS = 62, 668
"""Days: a shift is -62 to -729."""

_REMEMBERED = 1 << 16
"""UIDs that are remembered: an instance names its study, its series and its neighbours again and again."""


@dataclass(frozen=True, slots=True)
class Patient:
    """Whoever is meant by a PatientID.

    Attributes:
        id: PatientID (0010,0020); padding does not count. Never empty.
        issuer: IssuerOfPatientID (0010,0021), empty where the object has none.
        domain: The id domain of the node the object came from, empty where one domain serves all.
    """

    id: str
    issuer: str = ""
    domain: str = ""

    def __post_init__(self) -> None:
        for name in ("id", "issuer", "domain"):
            object.__setattr__(self, name, getattr(self, name).strip("\0 "))
        if not self.id:
            # All who have no id would be one patient: one pseudonym, one shift.
            raise ValueError("a patient without an id is nobody")

    @classmethod
    def of_study(cls, study: UID, domain: str = "") -> Self:
        """The unknown patient of one study, for objects without PatientID."""
        # No issuer has a NUL in its name: this is never an id that somebody gave.
        return cls(study, "without\0PatientID", domain)


def is_well_known(uid: str) -> bool:
    """Whether *uid*, without padding, is one of the standard's own (PS3.6 Annex A): it names nobody's object."""
    return _WELL_KNOWN.fullmatch(uid) is not None


class Key:
    """A project's secret. Safe to share between threads; shows nothing of itself."""

    __slots__ = ("__weakref__", "_secret", "uid")

    def __init__(self, secret: bytes) -> None:
        if len(secret) != KEY_BYTES:
            raise ValueError(f"a key has {KEY_BYTES} bytes, not {len(secret)}")
        self._secret = bytes(secret)
        self.uid = lru_cache(maxsize=_REMEMBERED)(self._uid)
        """The UID that replaces an original: `2.25.` and 128 bits (PS3.5 B.2); see `_uid`."""

    def __repr__(self) -> str:
        return "Key(…)"

    def derive(self, purpose: str, *parts: str) -> bytes:
        """32 bytes that depend on the key, *purpose* and *parts*, and on where one part ends and the next begins.

        Args:
            purpose: Lower case letters, digits and dashes.
        """
        if not _PURPOSE.fullmatch(purpose):
            raise ValueError(f"'{purpose}' is no purpose")
        message = bytearray(_DOMAIN + purpose.encode())
        for part in parts:
            encoded = part.encode("utf-8", "surrogatepass")
            message += len(encoded).to_bytes(4, "big") + encoded
        return hmac.digest(self._secret, message, "sha256")

    def _uid(self, original: str) -> UID:
        """The UID that replaces one value of *original*, padded or not.

        UIDs of the standard itself (PS3.6 Annex A) stay. What is no UID is replaced by one too; an empty text,
        which refers to nothing, stays empty.
        """
        stripped = original.strip("\0 ")
        if not stripped or is_well_known(stripped):
            return UID(stripped)
        return UID(f"2.25.{int.from_bytes(self.derive('uid', stripped)[:16], 'big')}")

    def token(self, purpose: str, original: str, *, length: int = 12) -> str:
        """*length* letters and digits (2 to 7) in place of *original*, 1 to 48, a letter first.

        An empty original stays empty: a value made for it would join all objects that have none.
        """
        if not 1 <= length <= 48:
            raise ValueError("a token has 1 to 48 characters")
        stripped = original.strip("\0 ")
        return _spelt(self.derive(f"token-{purpose}", stripped), length) if stripped else ""

    def pseudonym_of(self, patient: Patient) -> str:
        """Twelve letters and digits in place of *patient*: 59 bits, so that two in ten thousand never share one."""
        return _spelt(self._of(patient, "pseudonym"), 12)

    def shift_of(self, patient: Patient) -> int:
        """Whole days that *patient*'s dates are shifted by: -62 to -729."""
        drawn = int.from_bytes(self._of(patient, "date-shift")[:8], "big")
        return -(_LEAST_SHIFT + drawn % _SHIFTS)

    def patient_digest(self, patient: Patient) -> bytes:
        """32 bytes to find *patient* again by, without writing down who it is."""
        return self._of(patient, "patient")

    @property
    def engine_seed(self) -> str:
        """The seed of dicognito, which derives from it by MD5 what the rules leave to it."""
        return self.derive("engine").hex()

    def _of(self, patient: Patient, purpose: str) -> bytes:
        return self.derive(purpose, patient.id, patient.issuer, patient.domain)


def _spelt(digest: bytes, length: int) -> str:
    # Never digits alone: that could be somebody's id.
    return chr(ord("A") + digest[-1] % 26) + b32encode(digest[:-1]).decode()[: length - 1]
