"""TCP and TLS under HTTP: connections that a cancel token shuts, and that explain what goes wrong."""

from __future__ import annotations

import select
import socket
import ssl
import threading
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import httpcore

from adit.dicom.protocols import Cancellation
from adit.dimse.connecting import connect
from adit.dimse.errors import ConnectionBroken, ConnectTimedOut, IdleTimedOut, TlsFailed, TlsMismatch
from adit.dimse.explaining import Place, why_no_tls
from adit.dimse.tls import Credentials, in_words, speaks_no_tls

AT_ONCE = 1 << 18
"""Bytes that one read takes."""


class Sockets(httpcore.NetworkBackend):
    """Opens the connections of one client, and shuts them all when told to.

    Attributes:
        credentials: What TLS is begun with, to explain why it fails.
        cancel: Ends them.
    """

    def __init__(self, cancel: Cancellation, credentials: Credentials) -> None:
        self.credentials = credentials
        self.cancel = cancel
        self._lock = threading.Lock()
        self._open: set[Stream] = set()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,  # noqa: ARG002  the signature is httpcore's
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        stream = Stream(connect(f"{host}:{port}", (host, port), timeout or 60.0, self.cancel), self)
        with self._lock:
            self._open.add(stream)
        # It may have been shut between the connecting and the noting down.
        self.cancel.check()
        return stream

    def shut(self) -> None:
        """End all connections: whoever is blocked in one comes back. Never blocks, never fails."""
        with self._lock:
            for stream in self._open:
                stream.shut()

    def forget(self, stream: Stream) -> None:
        with self._lock:
            self._open.discard(stream)


class Stream(httpcore.NetworkStream):
    """One connection."""

    def __init__(self, sock: socket.socket, among: Sockets) -> None:
        self._socket = sock
        self._among = among
        self._place: Place | None = None
        with suppress(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        self._socket.settimeout(timeout)
        try:
            data = self._socket.recv(max(max_bytes, AT_ONCE))
            # Against a peer with Nagle's algorithm, see `adit.dimse.transport`.
            with suppress(OSError, AttributeError):
                self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        except TimeoutError as error:
            raise IdleTimedOut(f"the server was silent for {timeout or 0:g} s") from error
        except OSError as error:
            if (why := self._why_no_tls(error)) is not None:
                raise why from error
            raise ConnectionBroken("the connection to the server broke off") from error
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._socket.settimeout(timeout)
        try:
            self._socket.sendall(buffer)
        except TimeoutError as error:
            raise IdleTimedOut(f"the server took nothing for {timeout or 0:g} s") from error
        except OSError as error:
            # The kind that httpcore passes over: a server may answer, and close, before it has read everything.
            raise httpcore.WriteError from error

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        self._socket.settimeout(timeout)
        host = server_hostname or ""
        try:
            self._place = Place(host, host, self._socket.getpeername()[1], self._among.credentials)
            encrypted = ssl_context.wrap_socket(
                self._socket, server_hostname=server_hostname, do_handshake_on_connect=False
            )
            # Shutting must reach the one that is read from.
            self._socket = encrypted
            encrypted.do_handshake()
        except TimeoutError as error:
            raise ConnectTimedOut("the server did not begin TLS in time") from error
        except OSError as error:
            if speaks_no_tls(error):
                raise TlsMismatch(f"{host} speaks no TLS on this port, and the address begins with https") from error
            raise self._why_no_tls(error) or TlsFailed(f"TLS with {host} failed: {in_words(error)}") from error
        return self

    def _why_no_tls(self, error: OSError) -> TlsFailed | None:
        if self._place is None or not isinstance(error, ssl.SSLError):
            return None
        return why_no_tls(error, self._place, cancel=self._among.cancel)

    def get_extra_info(self, info: str) -> Any:
        if info == "ssl_object":
            return self._socket if isinstance(self._socket, ssl.SSLSocket) else None
        if info == "is_readable":
            return self._readable()
        return None

    def _readable(self) -> bool:
        """Whether there is something to read, which between two requests means that the server has closed."""
        if self._socket.fileno() < 0:
            return True
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        return bool(poll.poll(0))

    def shut(self) -> None:
        with suppress(OSError):
            # The plain socket's: an SSLSocket's would take the session from under a reader.
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def close(self) -> None:
        self._among.forget(self)
        self._socket.close()
