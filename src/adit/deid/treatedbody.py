"""A treated head in front of the pixel data of the original, which stream through untouched (PS3.5 A.4)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from adit.deid.dataset import DataSet, own_charset
from adit.deid.elements import ITEM, SEQUENCE_END, UNDEFINED, Coding, Pixels, coding_of, split_head
from adit.dicom.errors import BadData
from adit.dicom.instance import Body
from adit.dicom.refs import UID
from adit.dicom.scan import NeedMore

_FIRST = 64 << 10
"""Bytes that are looked at first for the head: enough for nearly all images."""

MOST_HEAD = 1 << 28
"""Bytes of a head at most. Structure sets and enhanced images have tens of megabytes."""


class Head(NamedTuple):
    """What stands before the pixel data of a body.

    Attributes:
        pixels: Where those begin in the body; None where there are none.
    """

    dataset: DataSet
    pixels: Pixels | None


def head_of(body: Body, transfer_syntax: UID) -> Head:
    """The head of *body*, which is not deflated. Waits until it has arrived.

    Raises:
        BadData: It cannot be split into elements, or is larger than `MOST_HEAD`.
        DicomError: What broke the arrival off.
    """
    gathered = bytearray()
    wanted = _FIRST
    for chunk in body.chunks():
        taken = 0
        while taken < len(chunk):
            piece = chunk[taken : taken + wanted - len(gathered)]
            gathered += piece
            taken += len(piece)
            if len(gathered) < wanted:
                continue
            try:
                return _split(bytes(gathered), transfer_syntax, complete=False)
            except NeedMore:
                if wanted >= MOST_HEAD:
                    raise BadData("the data set has more than 256 MB before its pixel data") from None
                wanted *= 4
    if not gathered:
        raise BadData("the data set is empty")
    return _split(bytes(gathered), transfer_syntax, complete=True)


def _split(encoded: bytes, transfer_syntax: UID, *, complete: bool) -> Head:
    coding = coding_of(encoded, transfer_syntax)
    parts, pixels = split_head(encoded, coding, complete=complete)
    end = len(encoded) if pixels is None else pixels.at
    return Head(DataSet(encoded, 0, end, parts, own_charset(encoded, parts) or (), coding), pixels)


class TreatedBody:
    """*head*, then the pixel data of *original* from its tag to its end (`adit.dicom.instance.Body`).

    What stands behind the pixel data is dropped: padding and digital signatures. Owns *original*.
    """

    def __init__(self, head: bytes, original: Body, pixels: Pixels, coding: Coding) -> None:
        self._head = head
        self._original = original
        self._pixels = pixels
        self._coding = coding
        # Bytes of the pixel data with tag and length; of encapsulated ones not known before they were walked.
        self._rest = None if pixels.length is None else pixels.value - pixels.at + pixels.length
        self._size: int | None = None

    @property
    def size(self) -> int | None:
        if self._size is None:
            arrived = self._original.size
            if arrived is None:
                return None
            try:
                self.check()
            except BadData:
                # Whoever reads it is told.
                self._rest = arrived - self._pixels.at
            assert self._rest is not None
            self._size = len(self._head) + self._rest
        return self._size

    def check(self) -> None:
        """Look for the end of the pixel data, which have arrived.

        Raises:
            BadData: They are broken off, or not encapsulated by the rules.
        """
        if self._rest is None:
            for _ in self._encapsulated(1 << 62):
                pass
        elif self._pixels.at + self._rest > (self._original.size or 0):
            raise BadData("the pixel data are broken off")

    def chunks(self, start: int = 0) -> Iterator[memoryview]:
        """See `Body.chunks`.

        Raises:
            BadData: The pixel data are broken off, or not encapsulated by the rules.
            DicomError: What broke the arrival off.
        """
        if start < len(self._head):
            yield memoryview(self._head)[start:]
        start = max(0, start - len(self._head))
        if self._rest is None:
            yield from self._encapsulated(start)
        elif start < self._rest:
            yield from self._defined(start, self._rest - start)

    def _defined(self, start: int, missing: int) -> Iterator[memoryview]:
        for chunk in self._original.chunks(self._pixels.at + start):
            yield chunk[:missing]
            missing -= len(chunk)
            if missing <= 0:
                return
        raise BadData("the pixel data are broken off")

    def _encapsulated(self, start: int) -> Iterator[memoryview]:
        """The pixel data from *start* bytes behind their tag on, as far as their fragments go."""
        header = self._pixels.value - self._pixels.at
        fragments = Fragments(self._coding, skip=header)
        at = 0
        for chunk in self._original.chunks(self._pixels.at):
            taken = fragments.take(chunk)
            if at + taken > start:
                yield chunk[max(0, start - at) : taken]
            at += taken
            if fragments.ended:
                self._rest = at
                return
        raise BadData("the pixel data are broken off")

    def close(self) -> None:
        self._original.close()


class Fragments:
    """Steps over the items of encapsulated pixel data, whose bytes come in pieces that end anywhere (PS3.5 A.4).

    Attributes:
        ended: The delimiter of the sequence was seen.
    """

    def __init__(self, coding: Coding, *, skip: int = 0) -> None:
        """*skip* bytes stand before the first item."""
        self._unpack = struct.Struct(coding.order + "HHL").unpack
        self._skip = skip
        self._header = b""
        self.ended = False

    def take(self, chunk: memoryview) -> int:
        """How many bytes of *chunk* belong to the pixel data: all, until the end is in it.

        Raises:
            BadData: Something else than fragments comes.
        """
        at, size = 0, len(chunk)
        while at < size and not self.ended:
            if self._skip:
                step = min(self._skip, size - at)
                self._skip -= step
                at += step
                continue
            piece = bytes(chunk[at : at + 8 - len(self._header)])
            self._header += piece
            at += len(piece)
            if len(self._header) == 8:
                self._step()
        return at

    def _step(self) -> None:
        group, element, length = self._unpack(self._header)
        self._header = b""
        tag = group << 16 | element
        if tag == SEQUENCE_END:
            self.ended = True
        elif tag == ITEM and length != UNDEFINED:
            self._skip = length
        else:
            raise BadData("the pixel data are not encapsulated by the rules")
