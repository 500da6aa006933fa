"""Explicit VR Little Endian as Implicit VR, for peers that take only what every peer must take (PS3.5 10.1)."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from adit.dicom.contexts import EXPLICIT
from adit.dicom.errors import BadData
from adit.dicom.explicit import encoded, passing_pixels
from adit.dicom.instance import Instance
from adit.dicom.parting import parted
from adit.dicom.reading import read
from adit.dicom.scan import UNDEFINED


def implicit(instance: Instance) -> Iterator[bytes | memoryview]:
    """The data set of *instance*, which is in Explicit VR Little Endian, in Implicit VR Little Endian.

    Values stay as they are; pixel data pass through.

    Raises:
        BadData: It cannot be parsed.
        DicomError: What broke the arrival of the instance off.
    """
    parts = parted(instance)
    if parts.pixels is None:
        yield encoded(read(parts.start, EXPLICIT), implicit=True)
        return
    size = parts.pixels.length
    if size == UNDEFINED:
        raise BadData("its pixel data are encapsulated, though its transfer syntax says otherwise")
    header = struct.pack("<HHL", 0x7FE0, 0x0010, size)
    yield from passing_pixels(instance, header, parts.pixels.value, size, implicit=True)
