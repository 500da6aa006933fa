"""A data set in encoded bytes, with what it takes to read a value of it: character set and way of encoding."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from adit.deid.elements import IMPLICIT_LITTLE, Coding, Part, items, split
from adit.dicom.values import charset_terms, decode_text

CHARSET = 0x00080005


class DataSet(NamedTuple):
    """The elements *parts* of *encoded*, at its top or in an item.

    Attributes:
        start: Where the first of them begins in *encoded*.
        end: Where the last ends.
        charset: Defined terms that count in it: of its own, else those of the data set around it (PS3.5 7.5.3).
    """

    encoded: bytes
    start: int
    end: int
    parts: list[Part]
    charset: tuple[str, ...]
    coding: Coding

    def value(self, part: Part) -> bytes:
        """The value of one of its parts, encoded."""
        return self.encoded[part.value : part.behind]

    def text(self, part: Part) -> str:
        """The value of one of its parts, decoded and without padding."""
        return decode_text(self.value(part), self.charset).strip("\0 ")

    def find(self, tag: int) -> Part | None:
        """The first of its parts with *tag*."""
        for part in self.parts:
            if part.tag == tag:
                return part
        return None

    def text_of(self, tag: int) -> str:
        """The value of *tag*, decoded and without padding; empty where there is none."""
        part = self.find(tag)
        return "" if part is None else self.text(part)

    def items(self, part: Part) -> Iterator[DataSet]:
        """The data sets in the items of the sequence *part*.

        Raises:
            BadData: It holds something else than items, or they are broken off.
        """
        # PS3.5 6.2.2: what is UN holds Implicit VR Little Endian.
        coding = IMPLICIT_LITTLE if part.vr == "UN" else self.coding
        for item in items(self.encoded, part, coding):
            parts = split(self.encoded, coding, item.start, item.end)
            charset = own_charset(self.encoded, parts)
            yield DataSet(
                self.encoded, item.start, item.end, parts, self.charset if charset is None else charset, coding
            )


def own_charset(encoded: bytes, parts: list[Part]) -> tuple[str, ...] | None:
    """The character sets that a data set names; None where it names none."""
    for part in parts:
        if part.tag == CHARSET:
            return charset_terms(encoded[part.value : part.behind])
        if part.tag > CHARSET:
            break
    return None
