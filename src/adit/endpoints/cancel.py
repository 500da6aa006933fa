"""The token that stops a transfer: set once, from any thread (`adit.dicom.protocols.Cancellation`)."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from adit.dicom.errors import Canceled
from adit.dicom.protocols import Cancellation

logger = logging.getLogger(__name__)


class CancelToken:
    """Stops everything that was opened with it. Thread-safe.

    Attributes:
        reason: Why it was set, for a person; empty before, and where nobody said.
    """

    def __init__(self) -> None:
        self.reason = ""
        self._set = threading.Event()
        self._lock = threading.Lock()
        self._closers: set[_Closer] = set()

    @property
    def canceled(self) -> bool:
        return self._set.is_set()

    def set(self, reason: str = "") -> None:
        """Stop: call what was registered, each once, and wake every `wait`. The first reason stays.

        Never blocks for long. What a closer raises is logged and does not stop the others.
        """
        with self._lock:
            if self._set.is_set():
                return
            self.reason = reason
            self._set.set()
            closers = list(self._closers)
        for closer in closers:
            closer.call()

    def check(self) -> None:
        if self._set.is_set():
            raise Canceled(self.reason)

    def wait(self, seconds: float) -> None:
        if self._set.wait(seconds):
            raise Canceled(self.reason)

    def closing(self, close: Callable[[], None]) -> AbstractContextManager[None]:
        """While the block runs, setting the token calls *close* (from the setting thread).

        Calls it at once when the token is set already. *close* must not block, and is never
        called after the block has ended, so that what it closes may be reused then. Enter and
        leave the block without holding a lock that *close* wants.
        """
        return _Closer(self, close)

    def _add(self, closer: _Closer) -> bool:
        """Register *closer*. False means that the token is set already."""
        with self._lock:
            if self._set.is_set():
                return False
            self._closers.add(closer)
            return True

    def _remove(self, closer: _Closer) -> None:
        with self._lock:
            self._closers.discard(closer)


@contextmanager
def linked(parent: Cancellation) -> Iterator[CancelToken]:
    """A token that is set with *parent* while the block runs, and can be set on its own."""
    token = CancelToken()

    def follow() -> None:
        try:
            parent.check()
        except Canceled as canceled:
            token.set(str(canceled))

    with parent.closing(follow):
        yield token


class _Closer(AbstractContextManager[None]):
    """One registered *close*, called at most once and only while its block runs."""

    __slots__ = ("_active", "_close", "_lock", "_token")

    def __init__(self, token: CancelToken, close: Callable[[], None]) -> None:
        self._token = token
        self._close = close
        # Reentrant, because closing may end the very block that registered it.
        self._lock = threading.RLock()
        self._active = True

    def __enter__(self) -> None:
        if not self._token._add(self):
            self.call()

    def __exit__(self, *_: object) -> None:
        self._token._remove(self)
        with self._lock:
            self._active = False

    def call(self) -> None:
        with self._lock:
            if not self._active:
                return
            self._active = False
            try:
                self._close()
            except Exception:
                logger.exception("closing after a cancel failed")


class _Never:
    """A token that nobody can set."""

    canceled = False

    def check(self) -> None:
        return

    def wait(self, seconds: float) -> None:
        time.sleep(seconds)

    def closing(self, close: Callable[[], None]) -> AbstractContextManager[None]:  # noqa: ARG002
        return nullcontext()


NEVER: Cancellation = _Never()
"""For what is never canceled."""
