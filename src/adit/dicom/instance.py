"""One SOP instance on its way: its references and its encoded bytes, parsed only when asked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

from pydicom import Dataset
from pydicom.tag import BaseTag

from adit.dicom.errors import BadData
from adit.dicom.reading import read
from adit.dicom.refs import UID, Ref
from adit.dicom.scan import DEFLATED_SYNTAXES, inflate

PIXELS = frozenset((0x7FE00008, 0x7FE00009, 0x7FE00010))
"""Float Pixel Data, Double Float Pixel Data, Pixel Data (PS3.6)."""

_PREFIX = 1 << 20
"""Bytes of a large instance that are looked at first for its head."""

_MOST_HEAD = 1 << 29
"""Bytes that are looked at last."""

_MOST_INFLATED = 1 << 28
"""Bytes of a deflated data set that are inflated: a bound against bombs."""


class Body(Protocol):
    """The encoded data set of one instance, without preamble and file meta information.

    Possibly still arriving. Thread-safe for one writer and any number of readers.
    """

    @property
    def size(self) -> int | None:
        """Bytes in all, or None while the end has not arrived."""

    def chunks(self, start: int = 0) -> Iterator[memoryview]:
        """Yield the bytes from *start* on in order, waiting for what has not arrived yet.

        May be called again. A chunk is valid until the next is asked for.

        Raises:
            DicomError: What broke the arrival off.
        """

    def close(self) -> None:
        """Give memory or file back. Safe to call twice."""


@dataclass(frozen=True, slots=True)
class WholeFile:
    """A complete file of an instance on this machine, with the preamble and file meta information that we write.

    Attributes:
        descriptor: Open for reading until the instance is closed.
        digest: xxHash (XXH3, 128 bits) of its bytes, as they were received.
    """

    path: Path
    descriptor: int
    digest: bytes


class InMemory:
    """A body that is complete and held in memory."""

    def __init__(self, encoded: bytes | bytearray | memoryview) -> None:
        self._view = memoryview(encoded)

    @property
    def size(self) -> int:
        return len(self._view)

    def chunks(self, start: int = 0) -> Iterator[memoryview]:
        if start < len(self._view):
            yield self._view[start:]

    def close(self) -> None:
        self._view = memoryview(b"")


class Instance:
    """One SOP instance. Whoever holds it owns it, and closes it (a context manager).

    Attributes:
        ref: Study, series and SOP Instance UID, all three.
        sop_class: SOP Class UID.
        transfer_syntax: Of the encoded bytes in *body*.
        file: Whoever holds the instance may take it away, and writes none then; *body* remains
            readable. None where there is none.
    """

    __slots__ = ("_head", "body", "file", "ref", "sop_class", "transfer_syntax")

    def __init__(
        self,
        ref: Ref,
        sop_class: UID,
        transfer_syntax: UID,
        body: Body,
        *,
        file: WholeFile | None = None,
        head: Dataset | None = None,
    ) -> None:
        """
        Args:
            head: What `head` shall give; None to parse it when it is asked for.
        """
        if ref.instance is None:
            raise ValueError("an instance's reference names study, series and instance")
        self.ref = ref
        self.sop_class = sop_class
        self.transfer_syntax = transfer_syntax
        self.body = body
        self.file = file
        self._head = head

    @property
    def uid(self) -> UID:
        """SOP Instance UID (0008,0018)."""
        assert self.ref.instance is not None
        return self.ref.instance

    def head(self) -> Dataset:
        """The data set up to, not including, the pixel data. Parsed once, then remembered.

        Raises:
            BadData: It cannot be parsed.
        """
        if self._head is None:
            self._head = self._parse_head()
        return self._head

    def _parse_head(self) -> Dataset:
        most = _PREFIX
        while True:
            prefix = self.prefix(most)
            whole = len(prefix) < most
            try:
                head, reached = parse_head(prefix, self.transfer_syntax)
            except BadData:
                # It may only be cut off in the middle of a sequence.
                if whole or most >= _MOST_HEAD:
                    raise
            else:
                if reached or whole:
                    return head
                if most >= _MOST_HEAD:
                    raise BadData("the data set has no pixel data within reason")
            most *= 8

    def prefix(self, most: int) -> bytes:
        """The first *most* bytes of the data set, or all of it where it is shorter."""
        parts: list[bytes] = []
        missing = most
        for chunk in self.body.chunks():
            parts.append(bytes(chunk[:missing]))
            missing -= len(parts[-1])
            if not missing:
                break
        return b"".join(parts)

    def close(self) -> None:
        self.body.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def parse_head(encoded: bytes, transfer_syntax: UID) -> tuple[Dataset, bool]:
    """Parse *encoded*, which may be cut off anywhere, up to the pixel data.

    Returns:
        The data set, and whether the pixel data were reached: False means that the head
        may go on behind the end of *encoded*, and that its last element may be cut off.

    Raises:
        BadData: There is nothing, or pydicom cannot make sense of it; also when it was cut off
            in the middle of a sequence.
    """
    reached = False

    def at_pixels(tag: BaseTag, _vr: str | None, _length: int) -> bool:
        nonlocal reached
        reached = tag in PIXELS
        return reached

    if not encoded:
        raise BadData("the data set is empty")
    if transfer_syntax in DEFLATED_SYNTAXES:
        encoded = inflate(encoded, most=_MOST_INFLATED)
    head = read(encoded, transfer_syntax, at_pixels)
    if not reached and len(encoded) == _MOST_INFLATED and transfer_syntax in DEFLATED_SYNTAXES:
        raise BadData("the data set is deflated beyond reason")
    return head, reached
