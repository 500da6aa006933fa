"""Files of large bodies, in a subfolder that belongs to this process as long as it lives."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import secrets
import shutil
import threading
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from adit.dicom.errors import Full

_LOCK = "lock"
_HOME = re.compile(r"\d+-[0-9a-f]{8}")
"""Names of the subfolders: process id and token."""
_READ = 256 << 10
"""Bytes that are read from a file at a time."""

NO_ROOM = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG))
"""What the operating system says when a disk or a quota is used up, or a file is too large for either."""


class SpoolFile:
    """A file that one thread appends to while others read. Gone from the disk when closed."""

    def __init__(self, folder: Path) -> None:
        try:
            self._home = _Home.enter(folder)
            self._path = self._home.new_path()
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise _told(error) from error
        self._lock = threading.Lock()
        self._closed = False

    def append(self, data: memoryview | bytes) -> None:
        """Write *data* at the end. Swallows it when the file is closed.

        Raises:
            Full: There is no room on the disk.
        """
        rest = memoryview(data)
        with self._lock:
            if self._closed:
                return
            try:
                while rest:
                    rest = rest[os.write(self._descriptor, rest) :]
            except OSError as error:
                raise _told(error) from error

    def chunks(self, start: int, end: int) -> Iterator[memoryview]:
        """Yield the bytes from *start* to *end*, which were all appended. A chunk is valid until the next.

        Raises:
            ValueError: The file is closed.
        """
        with self._lock:
            if self._closed:
                raise ValueError("the body of the instance is closed")
            # One of our own, so that closing the body does not pull it away, or put another in its place.
            descriptor = os.dup(self._descriptor)
        try:
            buffer = memoryview(bytearray(min(_READ, end - start)))
            while start < end:
                read = os.preadv(descriptor, [buffer[: end - start]], start)
                start += read
                yield buffer[:read]
        finally:
            os.close(descriptor)

    def close(self) -> None:
        with self._lock:
            if self._closed:
                return
            self._closed = True
            os.close(self._descriptor)
        self._path.unlink(missing_ok=True)
        self._home.leave()


def sweep(folder: Path) -> int:
    """Remove what processes that died left in the spool *folder*. Returns how many of them had."""
    swept = 0
    for subfolder in folder.iterdir() if folder.is_dir() else ():
        # The receiver and what it brings have folders there too.
        if not _HOME.fullmatch(subfolder.name):
            continue
        try:
            descriptor = os.open(subfolder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError:
            # Removed meanwhile, no folder, or another user's: not ours to sweep.
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        else:
            shutil.rmtree(subfolder, ignore_errors=True)
            swept += 1
        finally:
            os.close(descriptor)
    return swept


class _Home:
    """This process's subfolder of a spool folder. It exists while there is a file in it.

    Its lock is free as soon as the process is dead, however it died.
    """

    _open: dict[tuple[int, Path], _Home] = {}  # noqa: RUF012
    _opening = threading.Lock()

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._key = (os.getpid(), folder)
        self._numbers = count(1)
        self._files = 0
        while True:
            self._path = folder / f"{os.getpid()}-{secrets.token_hex(4)}"
            self._path.mkdir(mode=0o700)
            try:
                self._lock = os.open(self._path / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            except FileNotFoundError:
                # A sweep came between.
                continue
            fcntl.flock(self._lock, fcntl.LOCK_EX)
            if os.fstat(self._lock).st_nlink:
                return
            os.close(self._lock)

    @classmethod
    def enter(cls, folder: Path) -> _Home:
        """The subfolder, made when it is not there. Each `enter` wants a `leave`."""
        with cls._opening:
            key = (os.getpid(), folder)
            home = cls._open.get(key)
            if home is None:
                home = cls._open[key] = cls(folder)
            home._files += 1
            return home

    def leave(self) -> None:
        with self._opening:
            self._files -= 1
            if self._files == 0:
                self._open.pop(self._key, None)
                shutil.rmtree(self._path, ignore_errors=True)
                os.close(self._lock)

    def new_path(self) -> Path:
        return self._path / f"{next(self._numbers)}.body"


def _told(error: OSError) -> Exception:
    """*error* in the words of the floors above, where they have any."""
    if error.errno in NO_ROOM:
        return Full("there is no room left on the disk that holds the spool")
    return error


class SpoolFolder:
    """A folder below a spool *folder*, for as long as the block runs. Swept when the process dies in it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __enter__(self) -> Path:
        try:
            self._home = _Home.enter(self._folder)
            self._path = self._home.new_path().with_suffix("")
            self._path.mkdir(mode=0o700)
        except OSError as error:
            raise _told(error) from error
        return self._path

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._path, ignore_errors=True)
        self._home.leave()
