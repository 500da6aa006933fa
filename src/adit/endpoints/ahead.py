"""Instances pulled one ahead, for who may not wait for the next."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from queue import Empty, Queue

from adit.dicom.instance import Instance

SOON = 0.1
"""Seconds in which the next instance must come to go with the same request.

The bodies of a request stay in memory until its answer is there: whoever brings more may be waiting for their room.
"""


@dataclass(frozen=True, slots=True)
class _Ended:
    error: BaseException | None


class Ahead:
    """Pulls the instances in a thread of its own, one ahead, so that nobody has to wait for the next for ever."""

    def __init__(self, instances: Iterable[Instance]) -> None:
        self._instances = instances
        self._ready: Queue[Instance | _Ended] = Queue(maxsize=1)
        self._closed = False
        self._ended: _Ended | None = None
        self._thread = threading.Thread(target=self._pull, name="storing", daemon=True)
        self._thread.start()

    def _pull(self) -> None:
        error: BaseException | None = None
        try:
            for instance in self._instances:
                self._ready.put(instance)
                if self._closed:
                    break
        except BaseException as raised:  # noqa: BLE001  raised again in the caller's thread
            error = raised
        self._ready.put(_Ended(error))

    def take(self) -> Instance | None:
        """The next instance, or None at the end.

        Raises:
            BaseException: What the instances raised.
        """
        if self._ended is None:
            got = self._ready.get()
            if isinstance(got, Instance):
                return got
            self._ended = got
        if self._ended.error is not None:
            raise self._ended.error
        return None

    def take_soon(self) -> Instance | None:
        """The next instance if it comes soon, and has not to wait for more of itself; else None."""
        if self._ended is not None:
            return None
        try:
            got = self._ready.get(timeout=SOON)
        except Empty:
            return None
        if isinstance(got, Instance):
            return got
        self._ended = got
        return None

    def close(self) -> None:
        """Close what nobody took. Waits for the instance that is being brought."""
        self._closed = True
        while self._ended is None:
            got = self._ready.get()
            if isinstance(got, Instance):
                got.close()
            else:
                self._ended = got
        self._thread.join()
