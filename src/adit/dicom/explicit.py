"""Data sets in Explicit VR Little Endian that came in another transfer syntax without compressed pixel data."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from itertools import chain

import numpy as np
from pydicom import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset

from adit.dicom.contexts import EXPLICIT_BIG_ENDIAN, IMPLICIT
from adit.dicom.errors import BadData
from adit.dicom.instance import Instance
from adit.dicom.reading import read

FORBIDDEN = frozenset((IMPLICIT, EXPLICIT_BIG_ENDIAN))
"""Transfer syntaxes that DICOMweb does not carry (PS3.18 8.7.3)."""

_PIXELS = struct.pack("<HH", 0x7FE0, 0x0010)
_UNDEFINED = 0xFFFFFFFF
_MOST_HEAD = 1 << 26
_PIECE = 1 << 18
_MOST_INFLATED = 1 << 32

_WORDS = {"OW": 2, "OF": 4, "OL": 4, "OD": 8, "OV": 8}
"""VRs that are words in the byte order of the transfer syntax (PS3.5 6.2), with the bytes of one."""


def explicit(instance: Instance) -> Iterator[bytes | memoryview]:
    """The data set of *instance*, whose transfer syntax is one of `FORBIDDEN`, in Explicit VR Little Endian.

    Values stay as they are. Pixel data in Implicit VR pass through; those in Big Endian are held in memory.

    Raises:
        BadData: It cannot be parsed.
        DicomError: What broke the arrival of the instance off.
    """
    if instance.transfer_syntax == IMPLICIT:
        return _from_implicit(instance)
    return iter((encoded(_swapped(read(_whole(instance), EXPLICIT_BIG_ENDIAN))),))


def _swapped(dataset: Dataset) -> Dataset:
    """*dataset*, which was read as Big Endian, with its binary words turned: pydicom leaves them as they were."""
    for element in dataset.iterall():
        word = _WORDS.get(element.VR)
        if word and isinstance(element.value, bytes):
            words = np.frombuffer(element.value[: len(element.value) // word * word], f">u{word}")
            element.value = words.astype(f"<u{word}").tobytes()
    return dataset


def _from_implicit(instance: Instance) -> Iterator[bytes | memoryview]:
    found = _pixels(instance.prefix(_MOST_HEAD))
    if found is None:
        yield encoded(read(_whole(instance), IMPLICIT))
        return
    start, size = found
    # PS3.5 A.2: without encapsulation, and OW is what Implicit VR says it is (A.1).
    header = _PIXELS + struct.pack("<2sHL", b"OW", 0, size)
    yield from passing_pixels(instance, header, start, size)


def passing_pixels(
    instance: Instance, header: bytes, start: int, size: int, *, implicit: bool = False
) -> Iterator[bytes | memoryview]:
    """The data set of *instance* written anew around the *size* bytes of pixel data at *start*, which pass through.

    Args:
        header: Tag, VR and length of the pixel data as they are written.
        implicit: Write Implicit VR; otherwise Explicit VR.

    Raises:
        BadData: It cannot be parsed or written, or is broken off.
    """
    # Said at once where it is known already: later, half of it may have been sent.
    if instance.body.size is not None and instance.body.size < start + size:
        raise BadData("the pixel data are broken off")
    yield encoded(instance.head(), implicit=implicit)
    yield header
    behind = bytearray()
    for chunk in instance.body.chunks(start):
        if size:
            yield chunk[:size]
        behind += chunk[size:]
        size -= min(size, len(chunk))
    if size:
        raise BadData("the pixel data are broken off")
    if behind:
        yield encoded(read(bytes(behind), instance.transfer_syntax), implicit=implicit)


def _pixels(start: bytes) -> tuple[int, int] | None:
    """Where the value of the pixel data begins, and its length; None where none are seen that pass through."""
    at = 0
    while 0 <= at <= len(start) - 8:
        group, element, length = struct.unpack_from("<HHL", start, at)
        if (group, element) == (0x7FE0, 0x0010):
            return None if length == _UNDEFINED else (at + 8, length)
        at = _behind_items(start, at + 8) if length == _UNDEFINED else at + 8 + length
    return None


def _behind_items(start: bytes, at: int) -> int:
    """Behind the sequence of undefined length whose items begin at *at*; negative where that is not seen."""
    depth = 1
    while at + 8 <= len(start):
        group, element, length = struct.unpack_from("<HHL", start, at)
        at += 8
        if group == 0xFFFE:
            if element in (0xE00D, 0xE0DD):
                depth -= 1
                if not depth:
                    return at
            elif length == _UNDEFINED:
                depth += 1
            continue
        if length == _UNDEFINED:
            depth += 1
        else:
            at += length
    return -1


def encoded(dataset: Dataset, *, implicit: bool = False) -> bytes:
    """*dataset* in Explicit, or Implicit, VR Little Endian.

    Raises:
        BadData: One of its values cannot be written.
    """
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, implicit
    try:
        write_dataset(buffer, dataset)
    except Exception as error:  # pydicom raises whatever its writers stumble on
        raise BadData(f"the data set cannot be written in another transfer syntax: {type(error).__name__}") from error
    return buffer.getvalue()


def _whole(instance: Instance) -> bytes:
    return b"".join(bytes(chunk) for chunk in instance.body.chunks())


def inflated(instance: Instance) -> Iterator[bytes]:
    """The data set of *instance*, which is deflated, as it was before: in Explicit VR Little Endian (PS3.5 A.5).

    Raises:
        BadData: It is broken, or larger than any data set.
        DicomError: What broke the arrival of the instance off.
    """
    chunks = instance.body.chunks()
    first = bytes(next(chunks, b""))
    inflater = zlib.decompressobj(-zlib.MAX_WBITS if _is_raw(first) else zlib.MAX_WBITS)
    size = 0
    try:
        for chunk in chain((first,), chunks):
            rest = bytes(chunk)
            while rest:
                piece = inflater.decompress(rest, _PIECE)
                size += len(piece)
                if size > _MOST_INFLATED:
                    raise BadData("the data set is deflated beyond reason")
                yield piece
                rest = inflater.unconsumed_tail
        yield inflater.flush()
    except zlib.error as error:
        raise BadData("the data set cannot be inflated") from error
    if not inflater.eof:
        raise BadData("the data set is broken off")


def _is_raw(start: bytes) -> bool:
    """Whether a deflated data set begins without zlib's header, as it should."""
    try:
        zlib.decompressobj(-zlib.MAX_WBITS).decompress(start, 1)
    except zlib.error:
        return False
    return True
