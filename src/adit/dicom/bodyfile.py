"""A body as a file, for readers that want to seek."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import BinaryIO

from adit.dicom.instance import Body

_BUFFER = 64 << 10


def opened(body: Body, start: int = 0) -> BinaryIO:
    """*body* as a file that stands at *start*. Reading waits for what has not arrived yet.

    Reading raises what broke the arrival off (`Body.chunks`). Closing it leaves the body open.
    """
    file = io.BufferedReader(_BodyFile(body), _BUFFER)
    file.seek(start)
    return file


class _BodyFile(io.RawIOBase):
    """Reading on where the last read ended costs no new look at the body."""

    def __init__(self, body: Body) -> None:
        self._body = body
        self._at = 0
        self._chunks: Iterator[memoryview] | None = None
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence == io.SEEK_END:
            raise io.UnsupportedOperation("the end of a body may not have arrived")
        at = offset + (self._at if whence == io.SEEK_CUR else 0)
        if at != self._at:
            self._at = at
            self._chunks, self._rest = None, memoryview(b"")
        return at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if not self._rest:
            self._chunks = self._chunks or self._body.chunks(self._at)
            self._rest = next(self._chunks, memoryview(b""))
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        self._at += size
        return size
