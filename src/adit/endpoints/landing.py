"""One instance that a server sends, written into the spool: `.part`, then renamed, then answered."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import xxhash

from adit.dicom.errors import BadData, DicomError, Refused
from adit.dicom.part10 import preamble_and_meta
from adit.dicom.protocols import Cancellation
from adit.dicom.refs import UID
from adit.dicom.scan import NeedMore, identify
from adit.dicom.status import NOT_UNDERSTOOD, OUT_OF_RESOURCES, PROCESSING_FAILURE, SUCCESS
from adit.dimse.receiving import StoreRequest
from adit.endpoints.spoolfile import NO_ROOM
from adit.endpoints.syncing import sync_folder

PART, COMPLETE = ".part", ".dcm"
"""Endings: `<order>_<series>_<instance>.part` while it is written, then `<order>_<series>_<instance>_<digest>.dcm`."""

FULL = "full"
"""What lies in the folder of an expectation for which there was no room on the disk."""

READ_ONLY = 0o400
"""Mode of a file to which nothing is added any more, whatever its name is."""

NOT_AUTHORIZED = 0x0124

_MOST_HEAD = 8 << 20
"""Bytes in which study and series must be named."""

_LOOK = 0.02
"""Seconds between two looks for room."""

_BETWEEN_LOOKS = 32 << 20
"""Bytes that are written between two looks at the disk."""

_numbers = count()


class DiskFull(Refused):
    """The disk that holds the spool has no room."""


@dataclass(frozen=True, slots=True)
class Room:
    """How much may lie in the spool.

    Attributes:
        waiting: Bytes that are complete and not consumed, for each expectation.
        reserve: Bytes of the disk that stay free.
        patience: Seconds that an answer is held back in the hope for room.
    """

    waiting: int
    reserve: int
    patience: float

    def wait(self, folder: Path, cancel: Cancellation) -> None:
        """Wait until there is room for one more in *folder*.

        Raises:
            Refused: There is none in time (A700).
            Canceled: *cancel* was set.
        """
        deadline = time.monotonic() + self.patience
        while (full := not self.on_disk(folder)) or _waiting(folder) >= self.waiting:
            self.hope(deadline, cancel, disk=full)

    def on_disk(self, folder: Path) -> bool:
        disk = os.statvfs(folder)
        return disk.f_bavail * disk.f_frsize > self.reserve

    def hope(self, deadline: float, cancel: Cancellation, *, disk: bool = True) -> None:
        """Wait a moment for somebody to consume something.

        Args:
            disk: It is the disk that has no room.
        """
        if time.monotonic() > deadline:
            raise (DiskFull if disk else Refused)("the spool is full", status=OUT_OF_RESOURCES)
        cancel.wait(_LOOK)


def _waiting(folder: Path) -> int:
    size = 0
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith(COMPLETE):
                try:
                    size += entry.stat().st_size
                except FileNotFoundError:
                    continue
    return size


@dataclass(frozen=True, slots=True)
class Target:
    """Where an instance goes.

    Attributes:
        kept: It stays there, so it is durable before it is answered.
    """

    folder: Path
    kept: bool


class Landing:
    """One instance on its way in (`adit.dimse.receiving.Receiver`).

    Args:
        target_for: Says where an instance of a study and series goes, or raises Refused with the
            status to answer.
        cancel: Wakes it where it waits for room.
    """

    def __init__(
        self, sent: StoreRequest, target_for: Callable[[UID, UID], Target], room: Room, cancel: Cancellation
    ) -> None:
        self._sent = sent
        self._target_for = target_for
        self._room = room
        self._cancel = cancel
        self._head = b""
        self._target: Target | None = None
        self._file: _PartFile | None = None
        self._status: int | None = None

    def write(self, data: memoryview) -> None:
        if self._status is not None:
            # Read on for the answer only.
            return
        if self._file is None:
            # Mostly the first piece names study and series: it need not be copied.
            head = self._head + data if self._head else data
            self._try(lambda: self._begin(head, complete=False))
        else:
            file = self._file
            self._try(lambda: file.append(data))

    def finish(self) -> int:
        if self._status is None and self._file is None:
            self._try(lambda: self._begin(self._head, complete=True))
        if self._status is None and self._file is not None:
            self._try(self._file.finish)
        self._give_up()
        return SUCCESS if self._status is None else self._status

    def abort(self, _: DicomError) -> None:
        self._give_up()

    def _try(self, action: Callable[[], None]) -> None:
        try:
            action()
        except Refused as refused:
            self._status = refused.status
            if isinstance(refused, DiskFull):
                self._mark_full()
            self._give_up()
        except FileNotFoundError:
            # Whoever expected it has gone meanwhile.
            self._status = NOT_AUTHORIZED
            self._give_up()

    def _mark_full(self) -> None:
        """Let whoever expects it know why it does not come."""
        if self._target is not None and not self._target.kept:
            with suppress(OSError):
                (self._target.folder / FULL).touch()

    def _give_up(self) -> None:
        if self._file is not None:
            self._file.close()

    def _begin(self, head: memoryview | bytes, *, complete: bool) -> None:
        sent = self._sent
        try:
            found = identify(head, sent.transfer_syntax, complete=complete)
        except NeedMore:
            self._head = bytes(head)
            if complete or len(head) > _MOST_HEAD:
                self._status = NOT_UNDERSTOOD
            return
        except BadData:
            self._status = NOT_UNDERSTOOD
            return
        if found.study is None or found.series is None:
            self._status = NOT_UNDERSTOOD
            return
        target = self._target = self._target_for(found.study, found.series)
        self._room.wait(target.folder, self._cancel)
        self._file = _PartFile(target, found.series, sent.sop_instance, self._room, self._cancel)
        self._file.append(preamble_and_meta(sent.sop_class, sent.sop_instance, sent.transfer_syntax))
        self._file.append(head)
        self._head = b""


class _PartFile:
    """A file that others may read while it grows. Held (flock) until it is complete or given up."""

    def __init__(self, target: Target, series: UID, instance: UID, room: Room, cancel: Cancellation) -> None:
        self._target = target
        self._room = room
        self._cancel = cancel
        self._since_look = 0
        # Sorted by name they are in the order in which they came.
        name = f"{time.time_ns():020d}-{next(_numbers):08d}_{series}_{instance}{PART}"
        self._path = os.path.join(target.folder, name)
        self._descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self._open = True
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        self._digest = xxhash.xxh3_128()

    def append(self, data: memoryview | bytes) -> None:
        """Write *data* at the end; wait for room on the disk.

        Raises:
            Refused: There is none in time (A700).
        """
        rest = memoryview(data)
        self._digest.update(rest)
        deadline = time.monotonic() + self._room.patience
        self._since_look += len(rest)
        if self._since_look > _BETWEEN_LOOKS:
            self._since_look = 0
            while not self._room.on_disk(self._target.folder):
                self._room.hope(deadline, self._cancel)
        while rest:
            try:
                rest = rest[os.write(self._descriptor, rest) :]
            except OSError as error:
                if error.errno not in NO_ROOM:
                    raise
                self._room.hope(deadline, self._cancel)

    def finish(self) -> None:
        """Everything is written: give it its final name.

        Raises:
            FileNotFoundError: Its folder is gone.
            Refused: The disk cannot keep it.
        """
        try:
            if self._target.kept:
                os.fsync(self._descriptor)
            os.fchmod(self._descriptor, READ_ONLY)
            os.rename(self._path, f"{self._path[: -len(PART)]}_{self._digest.hexdigest()}{COMPLETE}")
            if self._target.kept:
                sync_folder(self._target.folder)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise Refused("it cannot be kept", status=PROCESSING_FAILURE) from error
        os.close(self._descriptor)
        self._open = False

    def close(self) -> None:
        """Remove it unless it is complete."""
        if self._open:
            self._open = False
            with suppress(FileNotFoundError):
                os.unlink(self._path)
            os.close(self._descriptor)
