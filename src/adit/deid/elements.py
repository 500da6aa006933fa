"""Encoded data sets as slices: where each element begins and ends, without a parser (PS3.5 chapter 7).

What is kept is copied byte for byte, so nothing here decodes a value. What cannot be stepped over
by the rules of the standard is refused: an element that is not understood is never passed on.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

from adit.dicom.contexts import EXPLICIT_BIG_ENDIAN, IMPLICIT
from adit.dicom.errors import BadData
from adit.dicom.instance import PIXELS
from adit.dicom.refs import UID
from adit.dicom.scan import LONG_VRS, VRS, NeedMore

UNDEFINED = 0xFFFFFFFF
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD

DEEPEST = 64
"""Levels of nesting that are followed. Real data sets have ten at most."""

MOST_ELEMENTS = 1 << 16
"""Elements of one data set beside each other. The dictionary has five thousand, real objects have hundreds."""

MOST_ITEMS = 1 << 20
"""Items of one sequence: an enhanced image has one for each frame."""


@dataclass(frozen=True, slots=True)
class Coding:
    """How elements are encoded."""

    implicit: bool
    big: bool

    @property
    def order(self) -> str:
        """Byte order, as `struct` wants it."""
        return ">" if self.big else "<"


IMPLICIT_LITTLE = Coding(implicit=True, big=False)
EXPLICIT_LITTLE = Coding(implicit=False, big=False)


class Part(NamedTuple):
    """One element in encoded bytes.

    Attributes:
        vr: As written; empty in Implicit VR.
        at: Where its tag begins.
        value: Where its value begins.
        behind: Where the next element begins. The delimiter of a sequence of undefined length is before it.
        undefined: Its length is written as undefined.
    """

    tag: int
    vr: str
    at: int
    value: int
    behind: int
    undefined: bool


class Pixels(NamedTuple):
    """Where the pixel data of a data set begin.

    Attributes:
        at: Of the element's tag.
        value: Of its value, or of the first item where they are encapsulated (PS3.5 A.4).
        length: Of its value in bytes; None where they are encapsulated.
    """

    at: int
    value: int
    length: int | None


def coding_of(encoded: bytes, transfer_syntax: UID) -> Coding:
    """How the data set that begins with *encoded* is written, whatever is said of it.

    Some senders write Implicit VR whatever was negotiated, and some the other way round; the
    first element tells, because the upper half of an implicit length is never two capitals.
    """
    said = Coding(transfer_syntax == IMPLICIT, transfer_syntax == EXPLICIT_BIG_ENDIAN)
    if len(encoded) < 6:
        return said
    return Coding(encoded[4:6] not in VRS, said.big)


def split_head(encoded: bytes, coding: Coding, *, complete: bool) -> tuple[list[Part], Pixels | None]:
    """The elements before the pixel data, and where those begin.

    Args:
        complete: *encoded* is the whole data set, so that its end may be met; without pixel data then.

    Raises:
        NeedMore: *encoded* ends before the pixel data; where it is complete, it is broken off.
        BadData: It is no data set in *coding*.
    """
    parts, stop = _split(encoded, 0, len(encoded), coding, until_pixels=True)
    if stop is not None:
        return parts, Pixels(stop.at, stop.value, None if stop.undefined else stop.behind - stop.value)
    if not complete:
        raise NeedMore
    return parts, None


def split(encoded: bytes, coding: Coding, start: int = 0, end: int | None = None) -> list[Part]:
    """The elements between *start* and *end*.

    Raises:
        NeedMore: The last of them is broken off.
        BadData: They are not written in *coding*.
    """
    return _split(encoded, start, len(encoded) if end is None else end, coding, until_pixels=False)[0]


def _split(encoded: bytes, at: int, end: int, coding: Coding, *, until_pixels: bool) -> tuple[list[Part], Part | None]:
    unpack, unpack_length = _unpackers(coding)
    implicit = coding.implicit
    parts: list[Part] = []
    add, make = parts.append, Part
    vr = ""
    try:
        while at < end:
            if implicit:
                group, element, length = unpack(encoded, at)
                value = at + 8
            else:
                group, element, written, length = unpack(encoded, at)
                value = at + 8
                if group == 0xFFFE:
                    # Delimiters have no VR (PS3.5 7.5). One that ends nothing is known dirt.
                    vr, (length,) = "", unpack_length(encoded, at + 4)
                else:
                    vr = _VR_NAMES.get(written, "")
                    if not vr:
                        raise BadData(f"({group:04X},{element:04X}) has no VR that is known")
                    if written in LONG_VRS:
                        (length,) = unpack_length(encoded, value)
                        value += 4
            tag = group << 16 | element
            undefined = length == UNDEFINED
            if until_pixels and tag in PIXELS:
                return parts, make(tag, vr, at, value, value + length, undefined)
            if undefined:
                behind = _behind_items(encoded, value, end, IMPLICIT_LITTLE if vr == "UN" else coding, DEEPEST)
            else:
                behind = value + length
            if behind > end:
                raise NeedMore("the data set is broken off")
            add(make(tag, vr, at, value, behind, undefined))
            at = behind
            if len(parts) > MOST_ELEMENTS:
                raise BadData("the data set has attributes beyond reason")
    except struct.error:
        raise NeedMore("the data set is broken off") from None
    return parts, None


class Item(NamedTuple):
    """One item of a sequence in encoded bytes.

    Attributes:
        start: Where its first element begins.
        end: Where its elements end, before a delimiter.
        undefined: Its length is written as undefined.
    """

    start: int
    end: int
    undefined: bool


def items(encoded: bytes, part: Part, coding: Coding) -> list[Item]:
    """The items of the sequence *part* of *encoded*, whose elements are in *coding*.

    Raises:
        NeedMore: It is broken off.
        BadData: It holds something else than items.
    """
    unpack = struct.Struct(coding.order + "HHL").unpack_from
    found: list[Item] = []
    at = part.value
    try:
        while at < part.behind:
            group, element, length = unpack(encoded, at)
            tag = group << 16 | element
            start = at + 8
            if tag == SEQUENCE_END:
                break
            if tag != ITEM:
                raise BadData(f"({part.tag >> 16:04X},{part.tag & 0xFFFF:04X}) holds something else than items")
            if length == UNDEFINED:
                end, at = _end_of_item(encoded, start, part.behind, coding, DEEPEST)
                found.append(Item(start, end, undefined=True))
            else:
                at = start + length
                if at > part.behind:
                    raise NeedMore("a sequence is broken off")
                found.append(Item(start, at, undefined=False))
            if len(found) > MOST_ITEMS:
                raise BadData("a sequence has items beyond reason")
    except struct.error:
        raise NeedMore("a sequence is broken off") from None
    return found


def _behind_items(encoded: bytes, at: int, end: int, coding: Coding, deep: int) -> int:
    """Where the element of undefined length ends whose first item begins at *at*."""
    if not deep:
        raise BadData("the data set is nested beyond reason")
    unpack = struct.Struct(coding.order + "HHL").unpack_from
    while True:
        group, element, length = unpack(encoded, at)
        tag = group << 16 | element
        at += 8
        if tag == SEQUENCE_END:
            return at
        if tag != ITEM:
            raise BadData("a sequence holds something else than items")
        if length == UNDEFINED:
            _, at = _end_of_item(encoded, at, end, coding, deep)
        else:
            at += length
        if at > end:
            raise NeedMore("a sequence is broken off")


def _end_of_item(encoded: bytes, at: int, end: int, coding: Coding, deep: int) -> tuple[int, int]:
    """Where the elements of an item of undefined length end, the first at *at*, and where its delimiter does."""
    unpack, unpack_length = _unpackers(coding)
    implicit = coding.implicit
    written = b""
    while True:
        if implicit:
            group, element, length = unpack(encoded, at)
            value = at + 8
        else:
            group, element, written, length = unpack(encoded, at)
            value = at + 8
            if group == 0xFFFE:
                (length,) = unpack_length(encoded, at + 4)
            elif written in LONG_VRS:
                (length,) = unpack_length(encoded, value)
                value += 4
        if group == 0xFFFE:
            if element == ITEM_END & 0xFFFF:
                return at, value
            raise BadData("an item holds a delimiter that is none of its own")
        if length == UNDEFINED:
            inner = IMPLICIT_LITTLE if written == b"UN" else coding
            at = _behind_items(encoded, value, end, inner, deep - 1)
        else:
            at = value + length
        if at > end:
            raise NeedMore("an item is broken off")


_VR_NAMES = {vr: vr.decode() for vr in VRS}


_Unpack = Callable[[bytes, int], tuple[Any, ...]]


@cache
def _unpackers(coding: Coding) -> tuple[_Unpack, _Unpack]:
    """Of the first eight bytes of an element, and of a length of 32 bits."""
    order = coding.order
    return (
        struct.Struct(order + ("HHL" if coding.implicit else "HH2sH")).unpack_from,
        struct.Struct(order + "L").unpack_from,
    )


def element(tag: int, vr: str, value: bytes, coding: Coding, *, padded_as: str = "") -> bytes:
    """Encode an element of defined length. *value* is padded to an even length (PS3.5 6.2).

    Args:
        vr: As it is written; empty in Implicit VR.
        padded_as: The VR that says how, where *vr* does not.

    Raises:
        BadData: The value is too long for its VR in Explicit VR.
    """
    if len(value) % 2:
        value += b"\0" if (padded_as or vr) in _PADDED_BY_NUL else b" "
    return header(tag, vr, len(value), coding) + value


_PADDED_BY_NUL = frozenset(("UI", "OB", "UN"))


def header(tag: int, vr: str, length: int, coding: Coding) -> bytes:
    """Tag, VR and length of an element.

    Raises:
        BadData: The length does not fit.
    """
    group, number = tag >> 16, tag & 0xFFFF
    if coding.implicit:
        return struct.pack(coding.order + "HHL", group, number, length)
    written = vr.encode()
    if written in LONG_VRS:
        return struct.pack(coding.order + "HH2sHL", group, number, written, 0, length)
    if length > 0xFFFF:
        raise BadData(f"the value of ({group:04X},{number:04X}) is too long for its VR")
    return struct.pack(coding.order + "HH2sH", group, number, written, length)


def sequence(tag: int, vr: str, data_sets: Iterable[bytes], coding: Coding) -> bytes:
    """Encode a sequence and its items, all of defined length.

    Args:
        vr: `SQ`; `UN` where the sequence was written so, its items in Implicit VR then (PS3.5 6.2.2).
    """
    order = "<" if vr == "UN" else coding.order
    value = b"".join(struct.pack(order + "HHL", 0xFFFE, 0xE000, len(each)) + each for each in data_sets)
    return header(tag, vr, len(value), coding) + value
