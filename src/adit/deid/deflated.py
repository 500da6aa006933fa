"""Deflated data sets, inflated and deflated again while they stream (PS3.5 A.5)."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from adit.dicom.errors import BadData
from adit.dicom.instance import Body

_PIECE = 256 << 10
"""Bytes that are inflated at a time: a bound against bombs."""

_ENOUGH = 64
"""Bytes from which it can be told whether there is a zlib header."""


class Inflated:
    """A deflated body as what it was before (`adit.dicom.instance.Body`). Owns *deflated*.

    Each call of `chunks` inflates from the beginning.
    """

    def __init__(self, deflated: Body) -> None:
        self._deflated = deflated
        self._size: int | None = None

    @property
    def size(self) -> int | None:
        if self._size is None and self._deflated.size is not None:
            self._size = sum(len(chunk) for chunk in self.chunks())
        return self._size

    def chunks(self, start: int = 0) -> Iterator[memoryview]:
        """See `Body.chunks`.

        Raises:
            BadData: It is not deflated, or broken off.
            DicomError: What broke the arrival off.
        """
        for piece in self._pieces():
            if start < len(piece):
                yield memoryview(piece)[start:]
            start = max(0, start - len(piece))

    def _pieces(self) -> Iterator[bytes]:
        inflator = None
        waiting = b""
        for chunk in self._deflated.chunks():
            waiting += chunk
            if inflator is None and len(waiting) < _ENOUGH:
                continue
            inflator = inflator or _inflator_for(waiting)
            yield from _inflated(inflator, waiting)
            if inflator.eof:
                return
            waiting = b""
        if inflator is None:
            inflator = _inflator_for(waiting)
            yield from _inflated(inflator, waiting)
        if not inflator.eof:
            raise BadData("the deflated data set is broken off")

    def close(self) -> None:
        self._deflated.close()


def _inflator_for(start: bytes) -> zlib._Decompress:
    # Without zlib's header; some writers put one.
    for window in (-zlib.MAX_WBITS, zlib.MAX_WBITS):
        try:
            zlib.decompressobj(window).decompress(start, 1 << 10)
        except zlib.error:
            continue
        return zlib.decompressobj(window)
    raise BadData("the data set cannot be inflated")


def _inflated(inflator: zlib._Decompress, waiting: bytes) -> Iterator[bytes]:
    try:
        while waiting and not inflator.eof:
            if piece := inflator.decompress(waiting, _PIECE):
                yield piece
            waiting = inflator.unconsumed_tail
    except zlib.error:
        raise BadData("the data set cannot be inflated") from None


class Deflated:
    """A body, deflated (`adit.dicom.instance.Body`). Owns *inflated*.

    The same bytes each time they are asked for; each call of `chunks` deflates from the beginning.
    """

    def __init__(self, inflated: Body) -> None:
        self._inflated = inflated
        self._size: int | None = None

    @property
    def size(self) -> int | None:
        if self._size is None and self._inflated.size is not None:
            self._size = sum(len(chunk) for chunk in self.chunks())
        return self._size

    def chunks(self, start: int = 0) -> Iterator[memoryview]:
        """See `Body.chunks`."""
        for piece in self._pieces():
            if start < len(piece):
                yield memoryview(piece)[start:]
            start = max(0, start - len(piece))

    def _pieces(self) -> Iterator[bytes]:
        deflator = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        size = 0
        for chunk in self._inflated.chunks():
            if piece := deflator.compress(chunk):
                size += len(piece)
                yield piece
        piece = deflator.flush()
        size += len(piece)
        # PS3.5 A.5: padded to an even length by one NUL.
        yield piece + bytes(size % 2)

    def close(self) -> None:
        self._inflated.close()
