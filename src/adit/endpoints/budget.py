"""How many bytes of instances a process keeps in memory at once, shared fairly by its transfers."""

from __future__ import annotations

import threading
from collections import deque
from typing import Self

from adit.dicom.errors import Canceled
from adit.dicom.protocols import Cancellation
from adit.endpoints.cancel import NEVER

GUARANTEED = 8 << 20
"""Bytes that every share may hold whatever the others do."""


class Budget:
    """At most *most* bytes in flight in this process. Thread-safe.

    Every transfer has a share. Each share has *guaranteed* bytes of its own; what *most*
    leaves beyond them is for all, first come first served. With more shares than *most* has
    room for, the guarantees win and *most* is passed.
    """

    def __init__(self, most: int, *, guaranteed: int = GUARANTEED) -> None:
        self._most = most
        self._guaranteed = guaranteed
        self._lock = threading.Lock()
        self._shares: set[Share] = set()
        self._used_of_all = 0
        self._waiting: deque[_Waiting] = deque()

    def share(self, name: str) -> Share:
        """A share for one transfer, to be closed with it. *name* is for people only."""
        share = Share(self, name)
        with self._lock:
            self._shares.add(share)
        return share

    @property
    def held(self) -> int:
        """Bytes in flight now."""
        with self._lock:
            return sum(share._held for share in self._shares)

    def _take(self, share: Share, size: int, cancel: Cancellation) -> None:
        with self._lock:
            if share._closed:
                raise Canceled("nobody reads any more")
            if self._fits(share, size) and not (self._waiting and self._queues(share, size)):
                self._hold(share, size)
                return
            waiting = _Waiting(share, size)
            self._waiting.append(waiting)
        with cancel.closing(waiting.woken.set):
            waiting.woken.wait()
        with self._lock:
            if waiting.granted:
                return
            self._waiting.remove(waiting)
            # It may have been the one that kept the others from being served.
            self._serve()
        cancel.check()
        raise Canceled("nobody reads any more")

    def _give(self, share: Share, size: int) -> None:
        with self._lock:
            self._hold(share, -size)
            if self._waiting:
                self._serve()

    def _close(self, share: Share) -> None:
        with self._lock:
            share._closed = True
            for waiting in self._waiting:
                if waiting.share is share:
                    waiting.woken.set()
            self._forget_if_done(share)
            self._serve()

    def _hold(self, share: Share, size: int) -> None:
        before = self._over(share._held)
        share._held += size
        self._used_of_all += self._over(share._held) - before
        self._forget_if_done(share)

    def _forget_if_done(self, share: Share) -> None:
        # A closed share counts on until the last of its bodies is closed.
        if share._closed and not share._held:
            self._shares.discard(share)

    def _over(self, held: int) -> int:
        """Bytes of *held* that come from what is for all."""
        return max(0, held - self._guaranteed)

    def _fits(self, share: Share, size: int) -> bool:
        # What has nothing in flight is let through whatever its size: it could wait for ever.
        if not share._held:
            return True
        more = self._over(share._held + size) - self._over(share._held)
        return not more or self._used_of_all + more <= self._most - len(self._shares) * self._guaranteed

    def _queues(self, share: Share, size: int) -> bool:
        """Whether the request is for what is for all, and so comes behind those who asked before."""
        return share._held > 0 and self._over(share._held + size) > 0

    def _serve(self) -> None:
        """Grant in the order of asking; who needs only its own guarantee passes those who wait for more."""
        blocked = False
        for waiting in list(self._waiting):
            if waiting.share._closed:
                continue
            if self._fits(waiting.share, waiting.size) and not (blocked and self._queues(waiting.share, waiting.size)):
                self._waiting.remove(waiting)
                self._hold(waiting.share, waiting.size)
                waiting.granted = True
                waiting.woken.set()
            else:
                blocked = True


class Share:
    """What one transfer may keep in memory. Closed with the transfer (a context manager)."""

    def __init__(self, budget: Budget, name: str) -> None:
        self.name = name
        self._budget = budget
        self._held = 0
        self._closed = False

    @property
    def held(self) -> int:
        """Bytes in flight now."""
        return self._held

    def take(self, size: int, cancel: Cancellation = NEVER) -> None:
        """Wait until *size* more bytes may be in flight.

        A share that has none in flight gets them at once, even more than the whole budget.

        Raises:
            Canceled: *cancel* was set, or the share closed.
        """
        self._budget._take(self, size, cancel)

    def give(self, size: int) -> None:
        """Give *size* bytes back."""
        self._budget._give(self, size)

    def close(self) -> None:
        """Wake whoever waits in `take` (Canceled). What is held stays held until given back."""
        self._budget._close(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Waiting:
    __slots__ = ("granted", "share", "size", "woken")

    def __init__(self, share: Share, size: int) -> None:
        self.share = share
        self.size = size
        self.granted = False
        self.woken = threading.Event()
