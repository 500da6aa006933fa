"""An encoded data set in two parts: what stands before its pixel data, and from there on."""

from __future__ import annotations

from dataclasses import dataclass

from adit.dicom.errors import BadData
from adit.dicom.instance import Instance
from adit.dicom.scan import PIXEL_DATA, Element, NeedMore, elements

_PREFIX = 1 << 20
"""Bytes that are looked at first."""

_MOST_HEAD = 1 << 29
"""Bytes that are looked at last."""


@dataclass(frozen=True, slots=True)
class Parted:
    """The beginning of a data set in Explicit VR Little Endian.

    Attributes:
        start: Its bytes, at least up to the pixel data.
        elements: Those of the outermost level, in their order, without the pixel data.
        pixels: The pixel data; None where there are none, and *start* is the whole data set.
    """

    start: bytes
    elements: tuple[Element, ...]
    pixels: Element | None

    @property
    def head(self) -> bytes:
        """What stands before the pixel data."""
        return self.start if self.pixels is None else self.start[: self.pixels.start]


def parted(instance: Instance) -> Parted:
    """Part *instance*, whose transfer syntax is Explicit VR Little Endian or one with encapsulated pixel data.

    Raises:
        BadData: It is no such data set, or broken off.
        DicomError: What broke the arrival of the instance off.
    """
    most = _PREFIX
    while True:
        start = instance.prefix(most)
        whole = len(start) < most
        try:
            *before, last = elements(start)
        except NeedMore:
            if whole:
                raise
        except ValueError:
            raise BadData("the data set is empty") from None
        else:
            if last.tag == PIXEL_DATA:
                return Parted(start, tuple(before), last)
            if whole:
                return Parted(start, (*before, last), None)
        if most >= _MOST_HEAD:
            raise BadData("the data set has no pixel data within reason")
        most *= 8
