"""How much a folder may hold."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from weakref import WeakValueDictionary

from adit.dicom.errors import Full

_PART, _LEAST = 8, 16 << 20
"""A measurement is trusted until an eighth of the room that it found is taken, or 16 MiB: others write there, too."""


class Quota:
    """The room that is left below a folder. All that this process stores there is counted together.

    What other processes store, and what somebody takes away, is seen when it is measured again: the more often the less
    room is left, and before it is said that there is none.
    """

    def __init__(self, root: Path, most: int, *, name: str) -> None:
        """
        Args:
            most: Bytes that all files below *root* may have together.
            name: The node's name, for the message.
        """
        self._name = name
        self._most = most
        self._room = _room_of(root)
        with self._room.lock:
            self._room.measure()

    def take(self, size: int) -> None:
        """Count *size* bytes more, which are written at once.

        Raises:
            Full: They do not fit; nothing is counted.
        """
        with self._room.lock:
            self._count(size)

    @contextmanager
    def writing(self) -> Iterator[Callable[[int], None]]:
        """`take` for bytes that are written before the block ends: until then, nobody may find them there."""
        room, taken = self._room, 0

        def take(size: int) -> None:
            nonlocal taken
            with room.lock:
                self._count(size)
                room.on_its_way += size
                taken += size

        try:
            yield take
        finally:
            with room.lock:
                room.on_its_way -= taken

    def _count(self, size: int) -> None:
        room = self._room
        left = self._most - room.holds
        if size > left or room.since + size > max(left // _PART, _LEAST):
            room.measure()
        if size > self._most - room.holds:
            raise Full(f"the quota of {self._most / 1e9:g} GB is used up").on(self._name)
        room.holds += size
        room.since += size


class _Room:
    """What is known of a folder in this process. Whoever looks or writes holds the lock.

    Attributes:
        holds: Bytes, those on their way included.
        since: Of these, what was counted after the last measurement.
    """

    def __init__(self, root: Path) -> None:
        self.lock = Lock()
        self.holds = self.since = self.on_its_way = 0
        self._root = root

    def measure(self) -> None:
        self.holds, self.since = size_of(self._root) + self.on_its_way, 0


_rooms: WeakValueDictionary[Path, _Room] = WeakValueDictionary()
_rooms_lock = Lock()


def _room_of(root: Path) -> _Room:
    with _rooms_lock:
        room = _rooms.get(root)
        if room is None:
            room = _rooms[root] = _Room(root)
        return room


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
