"""What the top of a data set says that decides over all of it: who, which object, when."""

from __future__ import annotations

from adit.deid.carried import Carried, kind_of
from adit.deid.dataset import DataSet
from adit.deid.dates import age_of, coarser_age
from adit.deid.elements import DEEPEST, Coding, Part
from adit.deid.memory import Memory, Room
from adit.deid.rules.resolve import Rules
from adit.dicom.errors import BadData

SOP_CLASS, SOP_INSTANCE, STUDY, SERIES = 0x00080016, 0x00080018, 0x0020000D, 0x0020000E
PATIENT_ID, ISSUER = 0x00100020, 0x00100021
_BIRTH_DATE, _AGE = 0x00100030, 0x00101010
_MOMENTS = (0x00080020, 0x00080021, 0x00080022, 0x00080023)
"""StudyDate, SeriesDate, AcquisitionDate, ContentDate."""

_OVERLAY_BITS = 0x0100
"""OverlayBitsAllocated (60xx,0100): 1 where the overlay has data of its own, else that of the pixel data."""


class Facts:
    """The elements at the top of a data set, found by their tags.

    Raises:
        BadData: An attribute comes twice: of two values readers believe one or the other.
    """

    def __init__(self, dataset: DataSet) -> None:
        self._dataset = dataset
        self._parts: dict[int, Part] = {part.tag: part for part in dataset.parts}
        if len(self._parts) != len(dataset.parts):
            _refuse_twins(dataset.parts)

    def text(self, tag: int) -> str:
        """A value, decoded and without padding; empty where there is none."""
        part = self._parts.get(tag)
        return "" if part is None else self._dataset.text(part)

    def has_overlay_in_pixels(self) -> bool:
        """Whether an overlay lies in bits of the pixel data (PS3.3 C.9.2, retired): it would stay when overlays go."""
        return any(
            tag >> 24 == 0x60
            and tag & 0xFFFF == _OVERLAY_BITS
            and int.from_bytes(self._dataset.value(part), "big" if self._dataset.coding.big else "little") > 1
            for tag, part in self._parts.items()
        )

    def age(self, *, days_too: bool) -> str:
        """PatientAge when the study was made, from the dates; else as it is written, in the same units."""
        at = next((found for tag in _MOMENTS if (found := self.text(tag))), "")
        computed = age_of(self.text(_BIRTH_DATE), at, days_too=days_too)
        return computed or coarser_age(self.text(_AGE), days_too=days_too)


def _refuse_twins(parts: list[Part]) -> None:
    seen: set[int] = set()
    for part in parts:
        # Stray delimiters go anyway.
        if part.tag in seen and part.tag >> 16 != 0xFFFE:
            raise BadData(f"({part.tag >> 16:04X},{part.tag & 0xFFFF:04X}) comes twice")
        seen.add(part.tag)


_Found = frozenset[Carried]


class Harvest:
    """Gathers what data sets say of who is meant; what sequences say is remembered."""

    def __init__(self, rules: Rules, room: Room | None) -> None:
        self._rules = rules
        self._room = room
        self._memories: dict[tuple[tuple[str, ...], Coding], Memory[_Found]] = {}
        self._ways: dict[tuple[int, str], str] = {}

    def of(self, dataset: DataSet) -> _Found:
        """Every value in *dataset*, at every depth, that says who is meant."""
        found: set[Carried] = set()
        self._gather(dataset, found, DEEPEST)
        return frozenset(found)

    def _gather(self, dataset: DataSet, found: set[Carried], deep: int) -> None:
        ways = self._ways
        for part in dataset.parts:
            asked = (part.tag, part.vr)
            vr = ways.get(asked)
            if vr is None:
                vr = ways[asked] = self._vr_that_counts(*asked)
            if vr == "SQ" or part.undefined:
                found |= self._in_sequence(dataset, part, deep)
            elif vr and (kind := kind_of(part.tag, vr)) and (value := dataset.text(part)):
                found.add((kind, value))

    def _vr_that_counts(self, tag: int, written: str) -> str:
        """The VR of *tag* where its value counts, else nothing."""
        vr = self._rules.vr_of(tag, written)
        return vr if vr == "SQ" or kind_of(tag, vr) else ""

    def _in_sequence(self, dataset: DataSet, part: Part, deep: int) -> _Found:
        if self._room is None:
            return self._in_items(dataset, part, deep)
        place = (dataset.charset, dataset.coding)
        memory = self._memories.get(place)
        if memory is None:
            memory = self._memories[place] = Memory(self._room)
        raw = dataset.encoded[part.at : part.behind]
        known = memory.get(raw)
        if known is None:
            known = self._in_items(dataset, part, deep)
            memory.put(raw, known)
        return known

    def _in_items(self, dataset: DataSet, part: Part, deep: int) -> _Found:
        if not deep:
            raise BadData("the data set is nested beyond reason")
        found: set[Carried] = set()
        try:
            for item in dataset.items(part):
                self._gather(item, found, deep - 1)
        except BadData:
            # What is called a sequence and is none goes later, or stops the instance.
            return frozenset(found)
        return frozenset(found)
