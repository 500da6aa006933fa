"""Where elements stand, and what is done to an attribute there."""

from __future__ import annotations

import re
from typing import NamedTuple

from adit.deid.elements import Coding
from adit.deid.memory import Memory, Room
from adit.deid.replacing import FORMS
from adit.deid.rules.actions import Action
from adit.deid.rules.resolve import Rules
from adit.deid.tally import Note
from adit.dicom.instance import PIXELS

Path = tuple[int, ...]
"""The tags of the sequences that an attribute stands in, from the outside, and its own."""

_NUMBERS = frozenset(("AT", "FD", "FL", "SL", "SS", "SV", "UL", "US", "UV"))
"""VRs whose values say nothing in words."""

_WORDS = frozenset(("AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"))
"""VRs that are searched as words in any case."""

_LENGTH_TO_END = 0x00080001

_LOOKED_AT_AS_BYTES = "UN"


def path_of(path: Path) -> str:
    """As people read it, and as released attributes are named: `(0040,0275).(0040,0007)`."""
    return ".".join(f"({tag >> 16:04X},{tag & 0xFFFF:04X})" for tag in path)


class Treated(NamedTuple):
    """What became of an element.

    Attributes:
        encoded: Empty where it was removed.
    """

    encoded: bytes
    notes: tuple[Note, ...] = ()


class Way(NamedTuple):
    """What is done to an attribute wherever it stands alike.

    Attributes:
        vr: By which its value is read.
        verbatim: Its bytes stay, whatever they are.
        gone: It is removed, whatever it holds.
        form: Bytes of this form stay.
    """

    action: Action
    vr: str
    verbatim: bool
    gone: bool
    form: re.Pattern[bytes] | None


class Level:
    """Where data sets stand in which equal elements become equal ones.

    Attributes:
        path: The sequences around it.
        charset: Defined terms that count in it (PS3.5 7.5.3).
        rules: Of the object, or of one kind of content item.
    """

    __slots__ = ("_of_creators", "_room", "_ways", "below", "charset", "coding", "memory", "path", "rules")

    def __init__(self, path: Path, charset: tuple[str, ...], coding: Coding, rules: Rules, room: Room) -> None:
        self.path = path
        self.charset = charset
        self.coding = coding
        self.rules = rules
        self.memory: Memory[Treated] = Memory(room)
        self.below: dict[tuple[object, ...], Level] = {}
        self._room = room
        self._of_creators: dict[str | None, Memory[Treated]] = {}
        self._ways: dict[tuple[int, str, str | None], Way] = {}

    @property
    def inside(self) -> int | None:
        """The sequence around it; None at the top."""
        return self.path[-1] if self.path else None

    def memory_of(self, creator: str | None) -> Memory[Treated]:
        """Of the private elements of *creator*."""
        if creator not in self._of_creators:
            self._of_creators[creator] = Memory(self._room)
        return self._of_creators[creator]

    def way(self, tag: int, vr: str, creator: str | None = None) -> Way:
        """What is done to the attribute *tag*, written with *vr* (empty in Implicit VR)."""
        asked = (tag, vr, creator)
        found = self._ways.get(asked)
        if found is None:
            found = self._ways[asked] = self._resolve(*asked)
        return found

    def _resolve(self, tag: int, vr: str, creator: str | None) -> Way:
        read_as = self.rules.vr_of(tag, vr, creator=creator)
        action = self.rules.action(tag, vr, creator=creator, inside=self.inside)
        if _has_no_place(tag):
            action = Action.REMOVE
        keeps = action is Action.KEEP
        said = self.rules.vr_of(tag, "", creator=creator)
        if keeps and read_as not in _WORDS and (vr == "UN" or not _agree(read_as, said)):
            # Not what the dictionary says: whatever it is, it is looked at.
            read_as = _LOOKED_AT_AS_BYTES
        return Way(
            action,
            read_as,
            verbatim=keeps and read_as in _NUMBERS,
            gone=action is Action.REMOVE,
            form=FORMS.get(read_as) if keeps else None,
        )


def _agree(written: str, known: str) -> bool:
    # Which of two it is, is said by PixelRepresentation or by the transfer syntax for many attributes.
    return written == known or {written, known} in ({"US", "SS"}, {"OB", "OW"}, {"US", "OW"})


def _has_no_place(tag: int) -> bool:
    """Whether *tag* has nothing to do in a data set as it leaves, wherever it stands.

    Group lengths and the length to end, which would be wrong; commands and file meta information;
    stray delimiters; padding and signatures, which no longer fit; pixel data within a sequence.
    """
    group = tag >> 16
    return tag & 0xFFFF == 0 or group < 8 or group >= 0xFFFA or tag == _LENGTH_TO_END or tag in PIXELS
