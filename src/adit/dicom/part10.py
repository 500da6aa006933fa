"""DICOM files: preamble and file meta information around an encoded data set (PS3.10 chapter 7)."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO, NamedTuple

from adit.dicom.contexts import EXPLICIT, EXPLICIT_BIG_ENDIAN, IMPLICIT
from adit.dicom.errors import BadData
from adit.dicom.implementation import CLASS_UID, VERSION_NAME
from adit.dicom.instance import Instance
from adit.dicom.refs import UID, BadUID, uid
from adit.dicom.scan import LONG_VRS, VRS, Identity, NeedMore, identify

_MARK = b"DICM"
_FIRST_READ = 1 << 16
_MOST_READ = 1 << 24
"""Bytes of a file that are read to find out what it is."""

_SOP_CLASS, _TRANSFER_SYNTAX = 0x00020002, 0x00020010


class Part10(NamedTuple):
    """What a DICOM file says of itself.

    Attributes:
        sop_class: SOP Class UID.
        transfer_syntax: What the data set is encoded in, which is not always what the file says.
        offset: Bytes before the data set.
    """

    sop_class: UID
    transfer_syntax: UID
    offset: int


def part10(instance: Instance) -> Iterator[bytes | memoryview]:
    """The bytes of *instance* as a DICOM file; those of its data set unchanged.

    A chunk is valid until the next is asked for.

    Raises:
        DicomError: What broke the arrival of the instance off.
    """
    yield preamble_and_meta(instance.sop_class, instance.uid, instance.transfer_syntax)
    yield from instance.body.chunks()


def preamble_and_meta(sop_class: UID, instance: UID, transfer_syntax: UID) -> bytes:
    """What stands before the data set in a file.

    The preamble is zero: whatever a sender hid in his is not carried on (CVE-2019-11687).
    """
    before, after = _around_instance(sop_class, transfer_syntax)
    meta = before + _short(0x0003, b"UI", instance) + after
    return bytes(128) + _MARK + struct.pack("<HH2sHL", 2, 0x0000, b"UL", 4, len(meta)) + meta


@lru_cache(maxsize=256)
def _around_instance(sop_class: UID, transfer_syntax: UID) -> tuple[bytes, bytes]:
    """The file meta information before and behind the SOP Instance UID."""
    version = struct.pack("<HH2sHLH", 2, 0x0001, b"OB", 0, 2, 0x0100)
    return version + _short(0x0002, b"UI", sop_class), b"".join(
        (
            _short(0x0010, b"UI", transfer_syntax),
            _short(0x0012, b"UI", CLASS_UID),
            _short(0x0013, b"SH", VERSION_NAME),
        )
    )


def _short(element: int, vr: bytes, text: str) -> bytes:
    value = text.encode("ascii")
    if len(value) % 2:
        value += b"\0" if vr == b"UI" else b" "
    return struct.pack("<HH2sH", 2, element, vr, len(value)) + value


def read_part10(file: str | os.PathLike[str] | BinaryIO) -> Part10:
    """Find out what *file* holds and where its data set begins.

    Files without preamble, without file meta information, or with one that leaves something out
    are understood when their data set names its SOP class and instance.

    Args:
        file: A path, or a file open for reading that can seek; it is left at its data set.

    Raises:
        BadData: It is no DICOM file.
        OSError: It cannot be read.
    """
    if isinstance(file, str | os.PathLike):
        with Path(file).open("rb") as opened:
            return _read(opened)
    return _read(file)


def begin_part10(start: bytes, *, complete: bool = False) -> Part10:
    """Find out what a file holds that begins with *start*; like `read_part10`, for what is still arriving.

    Args:
        complete: *start* is the whole file.

    Raises:
        NeedMore: *start* ends too early.
        BadData: It is no DICOM file.
    """
    try:
        return _understand(start, complete=complete)
    except struct.error as error:
        raise NeedMore("the file is broken off, or no DICOM file") from error


def _read(file: BinaryIO) -> Part10:
    size = _FIRST_READ
    while True:
        file.seek(0)
        start = file.read(size)
        complete = len(start) < size
        try:
            found = _understand(start, complete=complete)
        except (NeedMore, struct.error) as error:
            if complete or size >= _MOST_READ:
                raise BadData("the file is broken off, or no DICOM file") from error
            size *= 16
        else:
            file.seek(found.offset)
            return found


def _understand(start: bytes, *, complete: bool) -> Part10:
    """Raises struct.error or NeedMore when *start* is too short to tell."""
    if not start:
        raise BadData("the file is empty")
    begin = 132 if start[128:132] == _MARK else 4 if start.startswith(_MARK) else 0
    meta, offset = _meta(start, begin)
    encoded = memoryview(start)[offset:]
    transfer_syntax = _really(meta.get(_TRANSFER_SYNTAX), bytes(encoded[:6]))
    sop_class = meta.get(_SOP_CLASS)
    if sop_class is None or _TRANSFER_SYNTAX not in meta:
        found = _plausible(encoded, transfer_syntax, complete=complete)
        sop_class = sop_class or found.sop_class
    if sop_class is None:
        raise BadData("the file does not name its SOP class")
    return Part10(sop_class, transfer_syntax, offset)


def _meta(start: bytes, at: int) -> tuple[dict[int, UID], int]:
    """The UIDs of the file meta information that begins at *at*, and where the data set begins.

    Its elements tell where it ends: the group length is missing or wrong in too many files.
    """
    uids: dict[int, UID] = {}
    while start[at : at + 2] == b"\x02\x00":
        _, element, vr, length = struct.unpack_from("<HH2sH", start, at)
        at += 8
        if vr in LONG_VRS:
            (length,) = struct.unpack_from("<L", start, at)
            at += 4
        elif vr not in VRS:
            # Some writers use Implicit VR here too.
            (length,) = struct.unpack_from("<L", start, at - 4)
        value = start[at : at + length]
        if len(value) < length:
            raise NeedMore
        at += length
        tag = 2 << 16 | element
        if tag in (_SOP_CLASS, _TRANSFER_SYNTAX) and value.strip(b"\0 "):
            try:
                uids[tag] = uid(value.decode("ascii", "replace"))
            except BadUID as error:
                raise BadData(f"the file meta information is broken: {error}") from error
    return uids, at


def _really(said: UID | None, first: bytes) -> UID:
    """The transfer syntax of a data set that begins with *first* and of which *said* is said."""
    if said not in (None, IMPLICIT, EXPLICIT, EXPLICIT_BIG_ENDIAN) or len(first) < 6:
        return said or IMPLICIT
    if first[4:6] not in VRS:
        return IMPLICIT
    # The first group is 0008 or lower: which of its bytes is zero gives the order away.
    return EXPLICIT_BIG_ENDIAN if first[0] == 0 and first[1] else EXPLICIT


def _plausible(encoded: memoryview, transfer_syntax: UID, *, complete: bool) -> Identity:
    found = identify(encoded, transfer_syntax, complete=complete)
    if found.sop_class is None or found.instance is None:
        raise BadData("this is no DICOM file: it names no SOP class and instance")
    return found
