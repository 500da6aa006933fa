"""References: which study, series or instance is meant (PS3.3 A.1.2, UIDs as in PS3.5 chapter 9)."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import NewType

UID = NewType("UID", str)

# Looser than PS3.5 9.1, which forbids leading zeros: real archives hold such UIDs, and they must
# be found and moved under the UID they have. What matters is that no wildcard gets through.
_UID = re.compile(r"[0-9.]{1,64}")


class BadUID(ValueError):
    """The text is no UID: 1 to 64 digits and dots are wanted."""


def uid(text: str) -> UID:
    """Check *text* and return it as a UID, without the padding of PS3.5 6.2 (NUL, space).

    Raises:
        BadUID: It is empty, longer than 64 characters, or holds anything but digits and dots.
    """
    stripped = text.strip("\0 ")
    if not _UID.fullmatch(stripped):
        raise BadUID(f"'{text[:80]}' is no UID: a UID is 1 to 64 digits and dots")
    return UID(stripped)


class Level(StrEnum):
    """Query/Retrieve Level (0008,0052), PS3.4 C.3.1 and C.3.2."""

    PATIENT = "PATIENT"
    STUDY = "STUDY"
    SERIES = "SERIES"
    INSTANCE = "IMAGE"


@dataclass(frozen=True, slots=True, order=True)
class Ref:
    """A study, one series of it, or one instance of that series."""

    study: UID
    series: UID | None = None
    instance: UID | None = None

    def __post_init__(self) -> None:
        if self.instance is not None and self.series is None:
            raise ValueError("a reference to an instance names its series too")

    @property
    def level(self) -> Level:
        if self.instance is not None:
            return Level.INSTANCE
        return Level.STUDY if self.series is None else Level.SERIES

    def __contains__(self, other: object) -> bool:
        """Whether *other* is this or lies under it."""
        if not isinstance(other, Ref) or other.study != self.study:
            return False
        if self.series is not None and other.series != self.series:
            return False
        return self.instance is None or other.instance == self.instance
