"""What the receiver puts into the folder of an expectation, as instances."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from adit.dicom.errors import Canceled, Full
from adit.dicom.instance import Instance, WholeFile
from adit.dicom.part10 import read_part10
from adit.dicom.protocols import Cancellation
from adit.dicom.refs import UID, Ref
from adit.dimse.errors import ConnectionBroken
from adit.endpoints.landing import COMPLETE, FULL, PART
from adit.endpoints.locks import is_free
from adit.endpoints.spool import LARGEST_IN_MEMORY

_CHUNK = 256 << 10
"""Bytes that are read at a time."""

TAKEN = ".taken"

_LOOK = 0.005
"""Seconds between two looks at a file that grows."""


class Arrivals:
    """The instances of one expectation, each once for each time that it came.

    A small one is there when it is complete, a large one while it still arrives. What was
    taken does not count as waiting any more, and its file goes with its instance.

    Attributes:
        uids: SOP Instance UIDs of what was taken.
    """

    def __init__(self, folder: Path, study: UID, cancel: Cancellation) -> None:
        self._folder = folder
        self._study = study
        self._cancel = cancel
        self._followed: set[str] = set()
        self._growing = 0
        self._moved = False
        self.uids: set[UID] = set()

    def take(self) -> Iterator[Instance]:
        """Yield what is there now. Whoever takes an instance closes it."""
        growing = 0
        with os.scandir(self._folder) as entries:
            names = sorted(entry.name for entry in entries if entry.name.endswith((COMPLETE, PART)))
        for name in names:
            path = os.path.join(self._folder, name)
            if name.endswith(PART):
                size = _size_of(path)
                growing += size
                if size > LARGEST_IN_MEMORY and name.removesuffix(PART) not in self._followed:
                    yield from self._following(path)
            elif (followed := name.rpartition("_")[0]) in self._followed:
                self._followed.discard(followed)
                os.unlink(path)
            else:
                yield self._instance(path)
        self._moved = growing != self._growing
        self._growing = growing

    def require_room(self) -> None:
        """
        Raises:
            Full: Something could not come because the disk was full.
        """
        if (self._folder / FULL).exists():
            raise Full("there is no room left on the disk that holds the spool")

    @property
    def moves(self) -> bool:
        """Whether the last `take` found that something had grown since the one before."""
        return self._moved

    def _following(self, path: str) -> Iterator[Instance]:
        """The instance of a file that grows, unless that is complete or given up by now."""
        try:
            instance = self._opened(path, complete=False)
        except FileNotFoundError:
            return
        self._followed.add(os.path.basename(path).removesuffix(PART))
        yield instance

    def _instance(self, path: str) -> Instance:
        taken = path.removesuffix(COMPLETE) + TAKEN
        os.rename(path, taken)
        return self._opened(taken, complete=True)

    def _opened(self, path: str, *, complete: bool) -> Instance:
        name, _ = os.path.splitext(os.path.basename(path))
        _, series, instance, *digest = name.split("_")
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            with open(descriptor, "rb", buffering=0, closefd=False) as file:
                found = read_part10(file)
        except BaseException:
            os.close(descriptor)
            raise
        whole = WholeFile(Path(path), descriptor, bytes.fromhex(digest[0])) if complete else None
        body = ArrivedBody(descriptor, found.offset, self._cancel, path if complete else None, self.require_room)
        self.uids.add(UID(instance))
        ref = Ref(self._study, UID(series), UID(instance))
        return Instance(ref, found.sop_class, found.transfer_syntax, body, file=whole)


def _size_of(path: str) -> int:
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return 0


class ArrivedBody:
    """The data set of a file that may still grow (`adit.dicom.instance.Body`).

    A file that is complete is read-only; one that is not, and that nobody holds, was given up.
    """

    def __init__(
        self,
        descriptor: int,
        offset: int,
        cancel: Cancellation,
        file: str | None,
        blame: Callable[[], None] = lambda: None,
    ) -> None:
        """
        Args:
            descriptor: Open for reading; taken over.
            file: Of the one that is complete; it goes when the body is closed. None while it grows.
            blame: Called when the rest will not come: raises why, if that is known.
        """
        self._descriptor = descriptor
        self._file = file
        self._blame = blame
        self._offset = offset
        self._cancel = cancel
        self._lock = threading.Lock()
        self._closed = False

    @property
    def size(self) -> int | None:
        with self._lock:
            if self._closed:
                return None
            found = os.fstat(self._descriptor)
        return found.st_size - self._offset if self._is_complete(found) else None

    def chunks(self, start: int = 0) -> Iterator[memoryview]:
        """See `Body.chunks`.

        Raises:
            ConnectionBroken, Full: The rest will not come.
            Canceled: The token was set while waiting.
            ValueError: The body is closed.
        """
        with self._lock:
            if self._closed:
                raise ValueError("the body of the instance is closed")
            # One of our own, so that closing the body does not pull it away.
            descriptor = os.dup(self._descriptor)
        try:
            buffer = memoryview(bytearray(_CHUNK))
            at = self._offset + start
            complete = False
            while True:
                if read := os.preadv(descriptor, [buffer], at):
                    at += read
                    yield buffer[:read]
                elif complete:
                    return
                else:
                    complete = self._wait(descriptor)
        finally:
            os.close(descriptor)

    def _wait(self, descriptor: int) -> bool:
        """Wait a moment for more. True when there is nothing more to wait for."""
        if self._is_complete(os.fstat(descriptor)):
            return True
        # Only who writes it holds it. That it was finished in between must not look like a loss.
        if is_free(descriptor) and not self._is_complete(os.fstat(descriptor)):
            self._blame()
            raise ConnectionBroken("an instance broke off while it was received")
        try:
            self._cancel.wait(_LOOK)
        except Canceled:
            # The retrieval itself ends, and sets the token, when all has come: perhaps just now.
            if not self._is_complete(os.fstat(descriptor)):
                raise
        return False

    def close(self) -> None:
        with self._lock:
            if not self._closed:
                self._closed = True
                os.close(self._descriptor)
                if self._file is not None:
                    with suppress(FileNotFoundError):
                        os.unlink(self._file)

    def _is_complete(self, found: os.stat_result) -> bool:
        # Whoever takes a complete file over makes it writable again.
        return self._file is not None or not found.st_mode & stat.S_IWUSR
