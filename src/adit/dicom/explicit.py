"""Implicit VR and Big Endian as Explicit VR Little Endian, for where the standard forbids them (PS3.18 8.7.3)."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np
from pydicom import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset

from adit.dicom.contexts import EXPLICIT_BIG_ENDIAN, IMPLICIT
from adit.dicom.errors import BadData
from adit.dicom.instance import Instance
from adit.dicom.reading import read

FORBIDDEN = frozenset((IMPLICIT, EXPLICIT_BIG_ENDIAN))
"""Transfer syntaxes that DICOMweb does not carry."""

_PIXELS = struct.pack("<HH", 0x7FE0, 0x0010)
_UNDEFINED = 0xFFFFFFFF
_MOST_HEAD = 1 << 26

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
    return iter((_encoded(_swapped(read(_whole(instance), EXPLICIT_BIG_ENDIAN))),))


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
        yield _encoded(read(_whole(instance), IMPLICIT))
        return
    start, size = found
    # Said at once where it is known already: later, half of it may have been sent.
    if instance.body.size is not None and instance.body.size < start + size:
        raise BadData("the pixel data are broken off")
    yield _encoded(instance.head())
    # PS3.5 A.2: without encapsulation, and OW is what Implicit VR says it is (A.1).
    yield _PIXELS + struct.pack("<2sHL", b"OW", 0, size)
    behind = bytearray()
    for chunk in instance.body.chunks(start):
        if size:
            yield chunk[:size]
        behind += chunk[size:]
        size -= min(size, len(chunk))
    if size:
        raise BadData("the pixel data are broken off")
    if behind:
        yield _encoded(read(bytes(behind), IMPLICIT))


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


def _encoded(dataset: Dataset) -> bytes:
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, False
    try:
        write_dataset(buffer, dataset)
    except Exception as error:  # pydicom raises whatever its writers stumble on
        raise BadData(f"the data set cannot be written as Explicit VR: {type(error).__name__}") from error
    return buffer.getvalue()


def _whole(instance: Instance) -> bytes:
    return b"".join(bytes(chunk) for chunk in instance.body.chunks())
