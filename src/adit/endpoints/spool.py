"""Bodies that can be read while they arrive: in memory while small, in a spool file when large."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

from adit.dicom.errors import DicomError, Full
from adit.dicom.protocols import Cancellation
from adit.endpoints.budget import Budget, Share
from adit.endpoints.spoolfile import SpoolFile, sweep

__all__ = ["Budget", "GrowingBody", "Share", "Spool", "sweep"]

LARGEST_IN_MEMORY = 8 << 20
"""Bytes of one body that are kept in memory. Not more than a share of the budget guarantees."""

_SMALL = 4 << 10
"""Bytes up to which small pieces are joined."""

_SNAPSHOT = 64
"""Pieces that a reader holds on to at a time."""


class Spool:
    """Makes the bodies of one transfer.

    Args:
        folder: Where large bodies lie, in a subfolder of this process that exists only as long.
        share: What is kept in memory counts there, and waits there for room.
        cancel: Wakes writers that wait for room, and readers that wait for bytes.
        in_memory: Bytes of one body from which on it moves to a file.
    """

    def __init__(self, folder: Path, share: Share, cancel: Cancellation, *, in_memory: int = LARGEST_IN_MEMORY) -> None:
        self._folder = folder
        self._share = share
        self._cancel = cancel
        self._in_memory = in_memory

    def body(self, cancel: Cancellation | None = None) -> GrowingBody:
        """A body that is empty and grows; under *cancel*, where one retrieval has a token of its own."""
        return GrowingBody(self._folder, self._share, cancel or self._cancel, self._in_memory)

    def body_in_file(self) -> GrowingBody:
        """A body that lies in a file however small: for who holds instances already, and must not wait for room."""
        return GrowingBody(self._folder, self._share, self._cancel, 0)


class GrowingBody:
    """A body (`adit.dicom.instance.Body`) with one writer, who calls `finish` or `fail` in the end.

    Closed before its end, it swallows what is still written.
    """

    def __init__(self, folder: Path, share: Share, cancel: Cancellation, in_memory: int) -> None:
        self._folder = folder
        self._share = share
        self._cancel = cancel
        self._in_memory = in_memory
        self._changed = threading.Condition(threading.Lock())
        self._pieces: list[bytes] = []
        self._file: SpoolFile | None = None
        self._arrived = 0
        self._finished = False
        self._error: DicomError | None = None
        self._closed = False

    @property
    def size(self) -> int | None:
        return self._arrived if self._finished else None

    @property
    def arrived(self) -> int:
        """Bytes that can be read without waiting."""
        return self._arrived

    def write(self, data: memoryview | bytes) -> None:
        """Append *data*, which may be reused afterwards. Waits while the budget is used up.

        Raises:
            Canceled: While waiting for room.
            Full: There is no room on the disk. Readers get it too.
        """
        if self._file is None and self._arrived + len(data) > self._in_memory:
            try:
                self._move_to_file()
            except Full as full:
                self.fail(full)
                raise
        if self._file is not None:
            self._write_to_file(self._file, data)
        elif data:
            self._write_to_memory(bytes(data))

    def finish(self) -> None:
        """All of it has arrived."""
        with self._changed:
            self._finished = True
            self._changed.notify_all()

    def fail(self, error: DicomError) -> None:
        """The rest will not come: readers get what has arrived, then *error*."""
        with self._changed:
            self._error = error
            self._changed.notify_all()

    def chunks(self, start: int = 0) -> Iterator[memoryview]:
        """See `Body.chunks`.

        Raises:
            ValueError: The body is closed, or was meanwhile.
        """
        at = start
        index, into = 0, start
        while self._wait_beyond(at):
            with self._changed:
                file, arrived = self._file, self._arrived
                pieces = self._pieces[index : index + _SNAPSHOT]
            if file is not None:
                for chunk in file.chunks(at, arrived):
                    at += len(chunk)
                    yield chunk
                continue
            for piece in pieces:
                if into < len(piece):
                    at += len(piece) - into
                    yield memoryview(piece)[into:]
                    into = 0
                else:
                    into -= len(piece)
                index += 1
            # The last piece may still grow: it stays the current one.
            if pieces:
                index, into = index - 1, into + len(pieces[-1])

    def close(self) -> None:
        with self._changed:
            if self._closed:
                return
            self._closed = True
            self._pieces = []
            held = 0 if self._file is not None else self._arrived
            file = self._file
            self._changed.notify_all()
        if held:
            self._share.give(held)
        if file is not None:
            file.close()

    def _write_to_memory(self, data: bytes) -> None:
        size = len(data)
        self._share.take(size, self._cancel)
        with self._changed:
            if not self._closed:
                self._arrived += size
                if self._pieces and len(self._pieces[-1]) + size <= _SMALL:
                    # A peer may send a byte at a time, and each piece costs fifty.
                    self._pieces[-1] += data
                else:
                    self._pieces.append(data)
                self._changed.notify_all()
                return
        self._share.give(size)

    def _write_to_file(self, file: SpoolFile, data: memoryview | bytes) -> None:
        try:
            file.append(data)
        except Full as full:
            self.fail(full)
            raise
        with self._changed:
            self._arrived += len(data)
            self._changed.notify_all()

    def _move_to_file(self) -> None:
        """Only the writer comes here, so nothing is appended meanwhile."""
        with self._changed:
            pieces = self._pieces
        file = SpoolFile(self._folder)
        try:
            for piece in pieces:
                file.append(piece)
        except BaseException:
            file.close()
            raise
        with self._changed:
            self._file = file
            self._pieces = []
            closed = self._closed
            held = 0 if closed else self._arrived
        if held:
            self._share.give(held)
        if closed:
            file.close()

    def _wait_beyond(self, at: int) -> bool:
        """Wait until there is something to read from *at* on. False at the end.

        Raises:
            DicomError: What broke the arrival off.
            Canceled: The token was set while waiting.
        """
        if not self._settled(at):
            with self._cancel.closing(self._wake), self._changed:
                while not self._settled(at) and not self._cancel.canceled:
                    self._changed.wait()
        if self._closed:
            raise ValueError("the body of the instance is closed")
        if at < self._arrived:
            return True
        if self._error is not None:
            raise self._error
        if not self._finished:
            self._cancel.check()
        return False

    def _settled(self, at: int) -> bool:
        return at < self._arrived or self._finished or self._error is not None or self._closed

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()
