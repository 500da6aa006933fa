"""Making files durable."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable
from pathlib import Path

_libc = ctypes.CDLL(None, use_errno=True)

_WRITE = 2  # SYNC_FILE_RANGE_WRITE of sync_file_range(2)


def begin_sync(descriptor: int) -> None:
    """Let the disk begin to write what is pending of a file, without waiting; a later sync is then short."""
    # What it answers does not matter: the sync that counts comes later.
    _libc.sync_file_range(descriptor, ctypes.c_int64(0), ctypes.c_int64(0), _WRITE)


def sync_files(paths: Iterable[str]) -> None:
    """Wait until the disk has what the files hold.

    Not syncfs(2), which is one call for all but waits for whatever others write to the same file system too.

    Raises:
        OSError: It could not be written.
    """
    for path in paths:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fdatasync(descriptor)
        finally:
            os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Make the names in *folder* durable.

    Raises:
        OSError: It could not be written.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
