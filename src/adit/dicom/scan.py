"""Which study, series and instance an encoded data set is, read from its first bytes without a parser.

For whoever handles thousands of instances and wants four UIDs of each: elements are stepped over
by their length (PS3.5 7.1, 7.5), nothing is decoded but the UIDs.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from adit.dicom.errors import BadData
from adit.dicom.refs import UID, BadUID, uid

_IMPLICIT_LITTLE = "1.2.840.10008.1.2"
_EXPLICIT_BIG = "1.2.840.10008.1.2.2"
DEFLATED_SYNTAXES = frozenset(("1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.4.95", "1.2.840.10008.1.2.4.205"))
"""Transfer syntaxes in which the whole data set is deflated (PS3.5 A.5, A.7)."""

LONG_VRS = frozenset((b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"))
"""VRs with a length of 32 bits after two reserved bytes (PS3.5 table 7.1-1)."""

VRS = LONG_VRS.union(
    (b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FD", b"FL", b"IS", b"LO"),
    (b"LT", b"PN", b"SH", b"SL", b"SS", b"ST", b"TM", b"UI", b"UL", b"US"),
)

PIXEL_DATA = 0x7FE00010

_SOP_CLASS, _INSTANCE, _STUDY, _SERIES = 0x00080016, 0x00080018, 0x0020000D, 0x0020000E
_WANTED = frozenset((_SOP_CLASS, _INSTANCE, _STUDY, _SERIES))

_ITEM = 0xFFFEE000
_DELIMITERS = frozenset((0xFFFEE00D, 0xFFFEE0DD))

UNDEFINED = 0xFFFFFFFF
"""Length of an element that ends with a delimiter (PS3.5 7.1.1)."""

DELIMITING = 0xFFFE
"""The group of items and delimiters (PS3.5 7.5)."""

_DEEPEST = 1000
"""Levels of nesting that are followed. Real data sets have ten at most."""

_MOST_INFLATED = 1 << 26
"""Bytes of a deflated data set that are inflated in search of four UIDs: a bound against bombs."""


class NeedMore(BadData):
    """The bytes end before the UIDs that were looked for.

    Where they are all there is, the data set is broken off: hence a kind of BadData.
    """


@dataclass(frozen=True, slots=True)
class Identity:
    """The UIDs of an encoded data set. None where it has none, or an empty one."""

    sop_class: UID | None
    study: UID | None
    series: UID | None
    instance: UID | None


def identify(encoded: memoryview | bytes, transfer_syntax: UID, *, complete: bool = False) -> Identity:
    """The UIDs of the data set that *encoded* is, or begins.

    Attributes must come in ascending order (PS3.5 7.1): what stands behind group 0020 is not seen.

    Args:
        complete: *encoded* is the whole data set, so that its end may be met.

    Raises:
        NeedMore: *encoded* ends too early.
        BadData: It is no data set in *transfer_syntax*, or one of the UIDs is none.
    """
    if transfer_syntax in DEFLATED_SYNTAXES:
        return _identify_deflated(encoded, complete=complete)
    return _identify(
        encoded,
        implicit=transfer_syntax == _IMPLICIT_LITTLE,
        order=">" if transfer_syntax == _EXPLICIT_BIG else "<",
        complete=complete,
    )


def _identify_deflated(encoded: memoryview | bytes, *, complete: bool) -> Identity:
    most = 1 << 16
    while True:
        inflated = inflate(encoded, most=most)
        all_of_it = len(inflated) < most
        try:
            return _identify(inflated, implicit=False, order="<", complete=complete and all_of_it)
        except NeedMore:
            if all_of_it:
                raise
        if most >= _MOST_INFLATED:
            raise BadData("the data set is deflated beyond reason")
        most *= 16


def inflate(encoded: memoryview | bytes, *, most: int) -> bytes:
    """The first *most* bytes of a deflated data set (PS3.5 A.5), or fewer where *encoded* is cut off or ends.

    Raises:
        BadData: It is not deflated, or broken.
    """
    # Without zlib's header; some writers put one.
    for window in (-zlib.MAX_WBITS, zlib.MAX_WBITS):
        try:
            return zlib.decompressobj(window).decompress(encoded, most)
        except zlib.error:
            continue
    raise BadData("the data set cannot be inflated")


def _identify(encoded: memoryview | bytes, *, implicit: bool, order: str, complete: bool) -> Identity:
    implicit = _really_implicit(encoded, implicit=implicit)
    try:
        found = _walk(encoded, implicit, order, complete=complete)
    except struct.error:
        raise NeedMore from None
    return Identity(found.get(_SOP_CLASS), found.get(_STUDY), found.get(_SERIES), found.get(_INSTANCE))


def _really_implicit(encoded: memoryview | bytes, *, implicit: bool) -> bool:
    # Some senders write Implicit VR whatever was negotiated, and some the other way round; the
    # first element tells, because the upper half of an implicit length is never two capitals.
    vr = bytes(encoded[4:6])
    return implicit if len(vr) < 2 else vr not in VRS


def _walk(encoded: memoryview | bytes, implicit: bool, order: str, *, complete: bool) -> dict[int, UID | None]:
    """The wanted UIDs by tag. Raises struct.error where the bytes end."""
    unpack = struct.Struct(order + ("HHL" if implicit else "HH2sH")).unpack_from
    unpack_length = struct.Struct(order + "L").unpack_from
    found: dict[int, UID | None] = {}
    size = len(encoded)
    at = 0
    vr = b""
    while at != size or not complete:
        # What a `reader` does, written out: calling them would take half of the time.
        if implicit:
            group, element, length = unpack(encoded, at)
            start = at + 8
        else:
            group, element, vr, length = unpack(encoded, at)
            start = at + 8
            if vr in LONG_VRS:
                (length,) = unpack_length(encoded, start)
                start += 4
        if group >= 0x20 or (group == 8 and element <= 0x18):
            tag = group << 16 | element
            if tag in _WANTED:
                found[tag] = _uid(encoded, start, length)
            if tag >= _SERIES:
                if group != DELIMITING:
                    break
                # A delimiter that ends nothing: known dirt between elements, of no meaning.
                start, length = at + 8, 0
        at = (
            start + length
            if length != UNDEFINED
            else _behind_items(encoded, start, vr, reader(implicit=implicit, order=order))
        )
    return found


Reader = Callable[[memoryview | bytes, int], tuple[int, bytes, int, int]]
"""From where an element starts to its tag, VR (empty where none is written), length, and where its value starts."""


@cache
def reader(*, implicit: bool, order: str) -> Reader:
    """What reads elements in the byte *order* of struct. Raises struct.error where the bytes end."""
    unpack_implicit = struct.Struct(order + "HHL").unpack_from
    unpack_explicit = struct.Struct(order + "HH2sH").unpack_from
    unpack_length = struct.Struct(order + "L").unpack_from

    def read_implicit(encoded: memoryview | bytes, at: int) -> tuple[int, bytes, int, int]:
        group, element, length = unpack_implicit(encoded, at)
        return group << 16 | element, b"", length, at + 8

    def read_explicit(encoded: memoryview | bytes, at: int) -> tuple[int, bytes, int, int]:
        group, element, vr, length = unpack_explicit(encoded, at)
        if vr in LONG_VRS:
            return group << 16 | element, vr, unpack_length(encoded, at + 8)[0], at + 12
        if group == DELIMITING:
            # Items and delimiters have no VR in any transfer syntax (PS3.5 7.5).
            return group << 16 | element, b"", unpack_length(encoded, at + 4)[0], at + 8
        return group << 16 | element, vr, length, at + 8

    return read_implicit if implicit else read_explicit


class Element(NamedTuple):
    """Where an element of an encoded data set stands: it begins at *start*, its value at *value*.

    *length* is that of the value; 0xFFFFFFFF where the element has none.
    """

    tag: int
    vr: bytes
    length: int
    start: int
    value: int


def elements(encoded: memoryview | bytes) -> Iterator[Element]:
    """The elements of a data set in Explicit VR Little Endian, its outermost level only; the pixel data are the last.

    The value of the last may end behind *encoded*.

    Raises:
        NeedMore: *encoded* ends within an element.
        BadData: It is no data set.
    """
    read = reader(implicit=False, order="<")
    at = 0
    try:
        while at < len(encoded):
            tag, vr, length, value = read(encoded, at)
            yield Element(tag, vr, length, at, value)
            if tag == PIXEL_DATA:
                return
            if tag >> 16 == DELIMITING:
                length = 0
            at = value + length if length != UNDEFINED else _behind_items(encoded, value, vr, read)
    except struct.error:
        raise NeedMore("the data set is broken off") from None
    if at > len(encoded):
        raise NeedMore("the data set is broken off")


def _behind_items(encoded: memoryview | bytes, at: int, vr: bytes, read: Reader) -> int:
    """Where the element of undefined length with *vr* ends whose first item begins at *at*.

    Raises:
        struct.error: *encoded* ends before.
        BadData: Nested deeper than anything real, or by no rule.
    """
    outer: list[Reader] = []
    while True:
        if vr == b"UN":
            # PS3.5 6.2.2: what is UN and of undefined length holds Implicit VR Little Endian.
            read = reader(implicit=True, order="<")
        tag, vr, length, start = read(encoded, at)
        if tag in _DELIMITERS:
            if not outer:
                return start
            read = outer.pop()
            at = start
        elif length != UNDEFINED:
            if not outer and tag != _ITEM:
                raise BadData("a sequence holds something else than items")
            at = start + length
            vr = b""
        elif len(outer) == _DEEPEST:
            raise BadData("the data set is nested beyond reason")
        else:
            outer.append(read)
            at = start


def _uid(encoded: memoryview | bytes, start: int, length: int) -> UID | None:
    if length == UNDEFINED:
        raise BadData("a UID of the data set has no length")
    value = bytes(encoded[start : start + length])
    if len(value) < length:
        raise NeedMore
    text = value.decode("ascii", "replace").strip("\0 ")
    if not text:
        return None
    try:
        return uid(text)
    except BadUID as error:
        raise BadData(str(error)) from error
