"""What became of elements that were seen before, in bounded room."""

from __future__ import annotations

from typing import Any, Generic, TypeVar
from weakref import WeakSet

Answer = TypeVar("Answer")

LONGEST = 256 << 10
"""Bytes of an element that is remembered."""

_BESIDES = 200
"""Bytes that a key and its answer cost beside their own."""


class Room:
    """How much some memories hold together: at most twice *most* bytes.

    When it is full, all of them forget what was not asked for since it was full the last time.
    """

    def __init__(self, most: int = 8 << 20) -> None:
        self._most = most
        self._used = 0
        # Those of cases that nobody has any more go by themselves.
        self._memories: WeakSet[Memory[Any]] = WeakSet()

    def take(self, size: int) -> None:
        # An answer is about as long as its key.
        self._used += 2 * size + _BESIDES
        if self._used > self._most:
            for memory in list(self._memories):
                memory.forget()
            self._used = 0

    def join(self, memory: Memory[Any]) -> None:
        self._memories.add(memory)


class Memory(Generic[Answer]):
    """Answers by the bytes they were given for. Long ones are not remembered."""

    __slots__ = ("__weakref__", "_older", "_room", "_younger")

    def __init__(self, room: Room) -> None:
        self._room = room
        self._younger: dict[bytes, Answer] = {}
        self._older: dict[bytes, Answer] = {}
        room.join(self)

    def get(self, key: bytes) -> Answer | None:
        found = self._younger.get(key)
        if found is None and self._older:
            found = self._older.pop(key, None)
            if found is not None:
                self.put(key, found)
        return found

    def put(self, key: bytes, answer: Answer) -> None:
        if len(key) <= LONGEST:
            self._room.take(len(key))
            self._younger[key] = answer

    def forget(self) -> None:
        self._older, self._younger = self._younger, {}
