"""How much a folder may hold."""

from __future__ import annotations

import os
from pathlib import Path

from adit.dicom.errors import Full


class Quota:
    """The room that is left below a folder: measured once, then counted down."""

    def __init__(self, root: Path, most: int, *, name: str) -> None:
        """
        Args:
            most: Bytes that all files below *root* may have together.
            name: The node's name, for the message.
        """
        self._name = name
        self._most = most
        self._left = most - size_of(root)

    def take(self, size: int) -> None:
        """Count *size* bytes more.

        Raises:
            Full: They do not fit; nothing is counted.
        """
        if size > self._left:
            raise Full(f"the quota of {self._most / 1e9:g} GB is used up").on(self._name)
        self._left -= size


def size_of(folder: Path) -> int:
    """Bytes of all files below *folder*."""
    size = 0
    folders = [str(folder)]
    while folders:
        try:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
                    else:
                        size += entry.stat(follow_symlinks=False).st_size
        except FileNotFoundError:
            continue
    return size
