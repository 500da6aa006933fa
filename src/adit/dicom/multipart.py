"""The multipart/related bodies of DICOMweb (RFC 2046 5.1, RFC 2387, PS3.18 8.6.1.2), without I/O and binary safe."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from adit.dicom.errors import BadData

LARGEST_HEADERS = 16 << 10
"""Bytes of the headers of one part."""

LARGEST_PREAMBLE = 64 << 10
"""Bytes before the first part."""

_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,\-./:=? ]{0,199}[0-9A-Za-z'()+_,\-./:=?]")
"""RFC 2046 5.1.1, but some writers take more than 70 characters."""

_CRLF = b"\r\n"
_MOST_PADDING = 256


@dataclass(frozen=True, slots=True)
class PartBegins:
    """A part begins.

    Attributes:
        headers: By their names in small letters.
    """

    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class PartEnds:
    """The part is complete."""


Event = PartBegins | PartEnds | memoryview
"""What a reader tells; bytes of a part are valid until the next event is asked for."""


_Step = tuple[PartBegins | PartEnds | slice | None, int]
"""What one step tells, bytes of a part as where they stand; and where the next one begins."""


class MultipartReader:
    """Reads a body piece by piece, as it arrives.

    Keeps at most the headers of a part and the length of a boundary in memory.
    """

    def __init__(self, boundary: str) -> None:
        """
        Raises:
            BadData: *boundary* is none.
        """
        if not _BOUNDARY.fullmatch(boundary):
            raise BadData("the boundary of the multipart answer is missing or none")
        self._delimiter = b"\r\n--" + boundary.encode("ascii")
        # So that a delimiter at the very beginning has the CRLF that belongs to it.
        self._rest = _CRLF
        self._passed = 0
        self._state: Callable[[bytes, int], _Step] = self._in_preamble

    @property
    def began(self) -> bool:
        """The boundary was met at least once."""
        return self._state != self._in_preamble

    @property
    def ended(self) -> bool:
        """The last boundary was met: nothing is missing."""
        return self._state == self._in_epilogue

    def feed(self, data: bytes) -> Iterator[Event]:
        """Yield what *data* brings. Read it to its end before the next call.

        Raises:
            BadData: It is no multipart body with this boundary.
        """
        self._rest = self._rest + data if self._rest else data
        state = None
        at = 0
        view = memoryview(self._rest)
        while state != self._state or at < len(view):
            state, before = self._state, at
            event, at = state(self._rest, at)
            if event is not None:
                yield event if not isinstance(event, slice) else view[event]
            elif state == self._state and at == before:
                break
        self._rest = self._rest[at:]

    def _in_preamble(self, data: bytes, at: int) -> _Step:
        found, end, last = self._next_delimiter(data, at)
        if end is None:
            self._passed += found - at
            if self._passed > LARGEST_PREAMBLE:
                raise BadData("the multipart answer does not hold its boundary")
            return None, found
        self._state = self._in_epilogue if last else self._in_headers
        return None, end

    def _in_headers(self, data: bytes, at: int) -> _Step:
        if data.startswith(_CRLF, at):
            end = at
        else:
            end = data.find(b"\r\n\r\n", at, at + LARGEST_HEADERS)
            if end < 0:
                if len(data) - at >= LARGEST_HEADERS:
                    raise BadData("the headers of a part have no end")
                return None, at
            end += 2
        self._state = self._in_part
        return PartBegins(_headers(data[at:end])), end + 2

    def _in_part(self, data: bytes, at: int) -> _Step:
        found, end, last = self._next_delimiter(data, at)
        if found > at:
            return slice(at, found), found
        if end is None:
            return None, at
        self._state = self._in_epilogue if last else self._in_headers
        return PartEnds(), end

    def _in_epilogue(self, data: bytes, _: int) -> _Step:
        return None, len(data)

    def _next_delimiter(self, data: bytes, at: int) -> tuple[int, int | None, bool]:
        """Where the next delimiter begins and ends, and whether it is the last one.

        Without an end, it is where a delimiter begins that may be cut off; what stands before is no part of one.
        """
        found = at
        while True:
            found = data.find(self._delimiter, found)
            if found < 0:
                return self._possible(data, at), None, False
            behind = found + len(self._delimiter)
            if data.startswith(b"--", behind):
                return found, behind + 2, True
            # Spaces may be padded (RFC 2046 5.1.1); anything else is data that looks like a boundary.
            end = behind
            while end - behind < _MOST_PADDING and data[end : end + 1] in (b" ", b"\t"):
                end += 1
            if data.startswith(_CRLF, end):
                return found, end + 2, False
            if data[end : end + 2] in (b"", b"\r") or (end == behind and data[end:] == b"-"):
                return found, None, False
            found = behind

    def _possible(self, data: bytes, at: int) -> int:
        """Where a delimiter may begin that is cut off at the end of *data*."""
        start = max(at, len(data) - len(self._delimiter) + 1)
        while (start := data.find(b"\r", start)) >= 0:
            if self._delimiter.startswith(data[start:]):
                return start
            start += 1
        return len(data)


def _headers(block: bytes) -> dict[str, str]:
    # A line that begins with a space goes on with the one before (RFC 5322 2.2.3).
    unfolded = re.sub(rb"\r\n[ \t]+", b" ", block)
    headers = {}
    for line in unfolded.split(_CRLF):
        name, colon, value = line.decode("utf-8", "replace").partition(":")
        if colon:
            headers[name.strip().lower()] = value.strip()
    return headers


class MultipartWriter:
    """Writes a body: `begin` before the bytes of each part, `end` after the last.

    Attributes:
        boundary: Random: nothing that is sent holds it.
    """

    def __init__(self) -> None:
        self.boundary = f"adit-{secrets.token_hex(16)}"
        self._first = True

    def restart(self) -> None:
        """Write another body, with the same boundary."""
        self._first = True

    def begin(self, headers: Mapping[str, str]) -> bytes:
        """What stands before the bytes of a part."""
        start = "" if self._first else "\r\n"
        self._first = False
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"{start}--{self.boundary}\r\n{lines}\r\n".encode()

    def end(self) -> bytes:
        """What stands behind the last part."""
        return f"\r\n--{self.boundary}--\r\n".encode()
