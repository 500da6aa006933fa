"""Folders of the spool that stand while the process that made them lives, for others to find."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from adit.endpoints.cancel import NEVER
from adit.endpoints.locks import is_held, locked, try_lock
from adit.endpoints.syncing import sync_folder

_LOCK = "lock"


@contextmanager
def standing(place: Path, name: str, fill: Callable[[Path], object] = lambda _: None) -> Iterator[Path]:
    """The folder *name* in *place* while the block runs; it is on the disk when the block begins.

    Args:
        fill: Writes, durably, what shall be in it when it appears.
    """
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = place / name
    # Hidden until it is complete.
    making = place / f".{name}"
    with _undisturbed(place):
        making.mkdir(mode=0o700)
        lock = try_lock(making / _LOCK)
        assert lock is not None
    try:
        fill(making)
        sync_folder(making)
        making.rename(folder)
        sync_folder(place)
    except BaseException:
        shutil.rmtree(making, ignore_errors=True)
        os.close(lock)
        raise
    try:
        yield folder
    finally:
        # Somebody may just be putting something there.
        gone = place / f".{name}"
        folder.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)
        os.close(lock)


def stands(folder: Path) -> bool:
    """Whether the process that made *folder* lives."""
    return is_held(folder / _LOCK)


def names_in(place: Path) -> list[str]:
    """The names of the folders there, of the living and the dead."""
    try:
        return [entry.name for entry in os.scandir(place) if not entry.name.startswith(".")]
    except FileNotFoundError:
        return []


def sweep_standing(place: Path) -> int:
    """Remove the folders of processes that died. Returns how many there were."""
    if not place.is_dir():
        return 0
    swept = 0
    with _undisturbed(place):
        for folder in place.iterdir():
            if not stands(folder):
                shutil.rmtree(folder, ignore_errors=True)
                swept += 1
    return swept


def _undisturbed(place: Path) -> AbstractContextManager[None]:
    """One at a time begins a folder or sweeps: what is not locked yet must not seem to be left behind."""
    return locked(place.with_name(f"{place.name}.lock"), NEVER)
