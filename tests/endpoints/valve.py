"""A TCP relay in front of a peer that stops the flow where a test wants it, and counts what is open."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Self

from tests.peers.process import HOST


class Valve:
    """Forwards connections to a port of this machine. A context manager.

    Attributes:
        port: Where to connect instead.
    """

    def __init__(self, to: int) -> None:
        self._to = to
        self._changed = threading.Condition()
        self._pairs: set[tuple[socket.socket, socket.socket]] = set()
        self._left: int | None = None
        self._passed = 0
        self._stalled = 0
        self._listener = socket.create_server((HOST, 0))
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._changed:
            self._left = None
            self._changed.notify_all()
            pairs = list(self._pairs)
        for pair in pairs:
            _shut(pair)

    @property
    def open(self) -> int:
        """Connections at this moment."""
        with self._changed:
            return len(self._pairs)

    @property
    def passed(self) -> int:
        """Bytes from the peer that went through so far."""
        with self._changed:
            return self._passed

    def stall_after(self, size: int) -> None:
        """Let *size* bytes from the peer through, and then nothing any more."""
        with self._changed:
            self._left = size

    def let_go(self) -> None:
        """Let everything through, what was held back first."""
        with self._changed:
            self._left = None
            self._changed.notify_all()

    def cut(self) -> None:
        """End the connections that are open now, and wait until they are."""
        with self._changed:
            pairs = list(self._pairs)
        for pair in pairs:
            _shut(pair)
        self.wait_until_closed()

    def wait_until_stalled(self, *, seconds: float = 40) -> None:
        """Block until bytes of the peer are held back.

        Raises:
            TimeoutError: There are none.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._stalled, seconds):
                raise TimeoutError("nothing came that could be held back")

    def wait_until_closed(self, *, seconds: float = 40) -> None:
        """Block until no connection is open.

        Raises:
            TimeoutError: One stays.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: not self._pairs, seconds):
                raise TimeoutError(f"{len(self._pairs)} connections stay open")

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.create_connection((HOST, self._to))
            for each in (near, far):
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            pair = (near, far)
            with self._changed:
                self._pairs.add(pair)
            threading.Thread(target=self._forward, args=(near, far, pair), daemon=True).start()
            threading.Thread(target=self._forward, args=(far, near, pair), daemon=True).start()

    def _forward(self, one: socket.socket, other: socket.socket, pair: tuple[socket.socket, socket.socket]) -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(1 << 18):
                if one is pair[1]:
                    data = self._measured(data, pair)
                other.sendall(data)
        _shut(pair)
        with self._changed:
            if pair in self._pairs:
                self._pairs.discard(pair)
            else:
                # The other direction has ended before.
                for each in pair:
                    each.close()
            self._changed.notify_all()

    def _measured(self, data: bytes, pair: tuple[socket.socket, socket.socket]) -> bytes:
        """What of *data* may go through now. Waits while that is nothing."""
        with self._changed:
            if self._left is not None and len(data) > self._left:
                self._stalled += 1
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._left is None or pair not in self._pairs)
            if self._left is not None:
                self._left -= len(data)
            self._passed += len(data)
            return data


def _shut(pair: tuple[socket.socket, socket.socket]) -> None:
    for each in pair:
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
