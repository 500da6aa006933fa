"""A connected socket, plain or encrypted, as an association wants it: with deadlines, and without delayed ACKs."""

from __future__ import annotations

import socket
import ssl
import struct
from contextlib import suppress

from adit.dimse.connection import Buffer

SHORTEST = 0.001
"""Seconds: a time-out of 0 would mean not to block at all."""


_TIMEVAL = struct.Struct("@ll")
"""timeval of <sys/time.h>: seconds and microseconds."""


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
        self._shake_hands(
            context.wrap_socket(self._socket, server_hostname=host, do_handshake_on_connect=False), seconds
        )

    def take_encrypted(self, context: ssl.SSLContext, seconds: float) -> None:
        """Begin TLS as the server, in about *seconds*."""
        self._shake_hands(context.wrap_socket(self._socket, server_side=True, do_handshake_on_connect=False), seconds)

    def _shake_hands(self, encrypted: ssl.SSLSocket, seconds: float) -> None:
        self._socket = encrypted
        # Of the handshake as a whole, however often a byte comes.
        encrypted.settimeout(max(seconds, SHORTEST))
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
            return self._socket.recv_into(space, 0, socket.MSG_DONTWAIT)
        except BlockingIOError:
            # Only now may the peer be waiting for our acknowledgement, and we for it.
            self._quick_ack()
        try:
            return self._socket.recv_into(space)
        except BlockingIOError:
            raise TimeoutError from None

    def write(self, buffers: list[Buffer], seconds: float) -> None:
        """Write *buffers* in order; each step forward may take *seconds*."""
        self._wait_at_most(seconds)
        if isinstance(self._socket, ssl.SSLSocket):
            self._socket.sendall(b"".join(buffers))
            return
        try:
            _send_all(self._socket, buffers)
        except BlockingIOError:
            raise TimeoutError from None

    def farewell(self, data: bytes) -> None:
        """Send *data* where that goes at once. Never blocks, never fails."""
        # TLS could block, and its session belongs to the thread that reads.
        if not isinstance(self._socket, ssl.SSLSocket):
            with suppress(OSError):
                self._socket.send(data, socket.MSG_DONTWAIT)

    def finish(self) -> None:
        """Say that no more comes, where TLS wants that said (RFC 8446 6.1). Never blocks, never fails."""
        if isinstance(self._socket, ssl.SSLSocket):
            with suppress(OSError, ValueError):
                # It would wait for the peer to say so too, which is of no interest.
                self._socket.setblocking(False)
                self._socket.unwrap()

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
        if seconds == self._timeout:
            return
        self._timeout = seconds
        seconds = max(seconds, SHORTEST)
        if isinstance(self._socket, ssl.SSLSocket):
            self._socket.settimeout(seconds)
            return
        # The kernel keeps the time: Python's own time-outs poll before every call.
        self._socket.setblocking(True)
        for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            whole, rest = divmod(seconds, 1)
            self._socket.setsockopt(socket.SOL_SOCKET, option, _TIMEVAL.pack(int(whole), int(rest * 1_000_000)))

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
