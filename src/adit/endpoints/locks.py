"""Locks between processes of one machine: files that the kernel frees when their holder dies (flock(2))."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from adit.dicom.protocols import Cancellation

_LOOK = 0.02
"""Seconds between two tries."""


def try_lock(path: Path) -> int | None:
    """Lock the file *path*, which is made where it is missing; closing the descriptor frees it.

    Returns:
        The descriptor, or None where somebody has it.
    """
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        if os.fstat(descriptor).st_nlink:
            return descriptor
        # Whoever had it removed it in between.
        os.close(descriptor)


@contextmanager
def locked(path: Path, cancel: Cancellation) -> Iterator[None]:
    """Hold the lock *path* while the block runs; the file is gone afterwards.

    Raises:
        Canceled: *cancel* was set while waiting for somebody else.
    """
    while (descriptor := try_lock(path)) is None:
        cancel.wait(_LOOK)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)


def is_free(descriptor: int) -> bool:
    """Whether nobody holds the lock of the file that is open as *descriptor*, which is not our own of it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    return True


def is_held(path: Path) -> bool:
    """Whether a living process holds the lock *path*."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        return not is_free(descriptor)
    finally:
        os.close(descriptor)
