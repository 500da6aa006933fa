"""A connected socket, plain or encrypted, as an association wants it: with deadlines, and without delayed ACKs."""

from __future__ import annotations

import socket
import ssl
from contextlib import suppress

from adit.dimse.connection import Buffer

SHORTEST = 0.001
"""Seconds: a time-out of 0 would mean not to block at all."""


class Transport:
    """Bytes in and out. Used by one thread, but for `farewell` and `shut`.

    What fails raises TimeoutError or another OSError.
    """

    def __init__(self, sock: socket.socket) -> None:
        """Take over *sock*, which is connected."""
        self._socket = sock
        self._timeout: float | None = None
        # Without these a peer with Nagle's algorithm costs 40 ms per message (delayed ACK).
        with suppress(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._quick_ack()

    def encrypt(self, context: ssl.SSLContext, host: str, seconds: float) -> None:
        """Begin TLS as the client, in about *seconds*."""
        self._socket.settimeout(max(seconds, SHORTEST))
        encrypted = context.wrap_socket(self._socket, server_hostname=host, do_handshake_on_connect=False)
        self._socket = encrypted
        encrypted.do_handshake()
        self._timeout = None

    def read_into(self, space: memoryview, seconds: float) -> int:
        """Wait at most *seconds* for bytes, and say how many came; 0 when the peer has closed."""
        self._wait_at_most(seconds)
        if isinstance(self._socket, ssl.SSLSocket):
            size = self._socket.recv_into(space)
            self._quick_ack()
            return size
        try:
            # What is there already needs no acknowledgement in haste: the next read gives it.
            return self._socket.recv_into(space, 0, socket.MSG_DONTWAIT)
        except BlockingIOError:
            self._quick_ack()
        return self._socket.recv_into(space)

    def write(self, buffers: list[Buffer], seconds: float) -> None:
        """Write *buffers* in order; each step forward may take *seconds*."""
        self._wait_at_most(seconds)
        if isinstance(self._socket, ssl.SSLSocket):
            self._socket.sendall(b"".join(buffers))
        else:
            _send_all(self._socket, buffers)

    def farewell(self, data: bytes) -> None:
        """Send *data* where that goes at once. Never blocks, never fails."""
        # TLS could block, and its session belongs to the thread that reads.
        if not isinstance(self._socket, ssl.SSLSocket):
            with suppress(OSError):
                self._socket.send(data, socket.MSG_DONTWAIT)

    def shut(self) -> None:
        """End the connection: whoever is blocked in it comes back. Never blocks, never fails."""
        with suppress(OSError):
            # The plain socket's: an SSLSocket's would take the session from under a reader.
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def close(self) -> None:
        """Give the socket back. Safe to call twice."""
        self._socket.close()

    def _wait_at_most(self, seconds: float) -> None:
        # Setting it is a system call, and mostly it stays the same.
        if seconds != self._timeout:
            self._socket.settimeout(max(seconds, SHORTEST))
            self._timeout = seconds

    def _quick_ack(self) -> None:
        # Linux falls back to delayed ACKs by itself, so this is asked for after each read.
        with suppress(OSError, AttributeError):
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)


def _send_all(sock: socket.socket, buffers: list[Buffer]) -> None:
    while True:
        sent = sock.sendmsg(buffers)
        done = 0
        while done < len(buffers) and sent >= len(buffers[done]):
            sent -= len(buffers[done])
            done += 1
        if done == len(buffers):
            return
        buffers = buffers[done:]
        if sent:
            buffers[0] = memoryview(buffers[0])[sent:]
