"""What an association is made of: the state of PS3.8 over a connected socket, to be stopped from any thread."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import NoReturn

from adit.dicom.errors import Canceled, DicomError
from adit.dicom.protocols import Cancellation
from adit.dimse.connection import Buffer, CommandArrived, Connection, DataArrived
from adit.dimse.errors import (
    Aborted,
    ConnectionBroken,
    IdleTimedOut,
    NotTrusted,
    ProtocolViolation,
    TlsFailed,
    TlsTimedOut,
)
from adit.dimse.pdu import Abort, Pdu
from adit.dimse.states import WrongState
from adit.dimse.tls import in_words
from adit.dimse.transport import Transport

_LAST_READS = 16
"""Reads that may go by until the peer's farewell is found."""

Happening = Pdu | CommandArrived | DataArrived


class Wire:
    """Events in, buffers out. Used by one thread, but for `stop`.

    Attributes:
        connection: What was said so far.
        transport: Where the bytes go.
        name: The peer, for messages.
        idle_timeout: Seconds that a step forward of a write may take.
        stopped: Why nothing goes any more; None while something does.
    """

    def __init__(self, sock: socket.socket, connection: Connection, *, name: str, idle_timeout: float) -> None:
        """Take over *sock*, which is connected."""
        self.connection = connection
        self.transport = Transport(sock)
        self.name = name
        self.idle_timeout = idle_timeout
        self.stopped: DicomError | None = None
        self._sending = threading.Lock()
        self._cleanup = ExitStack()

    def watch(self, cancel: Cancellation | None) -> None:
        """Stop when *cancel* is set, now or later."""
        if cancel is not None:
            why = Canceled(f"the association with {self.name} was canceled")
            self._cleanup.enter_context(cancel.closing(lambda: self.stop(why)))

    def encrypt(self, shake_hands: Callable[[float], None], deadline: float) -> None:
        """Begin TLS until *deadline* with *shake_hands*, which is told how many seconds are left."""
        try:
            shake_hands(deadline - time.monotonic())
        except TimeoutError:
            raise TlsTimedOut(f"{self.name} did not finish the TLS handshake in time") from None
        except ssl.SSLCertVerificationError as error:
            raise NotTrusted(f"the certificate of {self.name} is not trusted: {error.verify_message}") from error
        except OSError as error:  # an SSLError is one
            if self.stopped is not None:
                raise self.stopped from None
            raise TlsFailed(f"no TLS connection with {self.name}: {in_words(error)}") from error

    @contextmanager
    def unless_stopped(self) -> Iterator[None]:
        """Whoever stops the association changes its state under its user, who is to learn why."""
        try:
            yield
        except WrongState:
            if self.stopped is None:
                raise
            raise self.stopped from None

    def next(self, timeout: float, deadline: float | None = None) -> Happening:
        """Wait for the next event, at most *timeout* seconds for each read, and until *deadline*.

        An abort by the peer is raised.
        """
        connection = self.connection
        try:
            while (event := connection.next_event()) is None:
                if deadline is not None:
                    timeout = deadline - time.monotonic()
                self._read(timeout)
        except ProtocolViolation as violation:
            if self.stopped is not None:
                # Stopped from another thread in the middle: what follows only seems to be out of place.
                raise self.stopped from None
            with suppress(DicomError):
                self.flush()
            raise ProtocolViolation(f"{self.name}: {violation}") from violation
        if isinstance(event, Abort):
            raise Aborted(self.name, source=event.source, reason=event.reason)
        return event

    def _read(self, timeout: float) -> None:
        if self.stopped is not None:
            raise self.stopped
        try:
            size = self.transport.read_into(self.connection.space(), timeout)
        except TimeoutError:
            if self.stopped is not None:
                raise self.stopped from None
            raise IdleTimedOut(f"{self.name} was silent for {timeout:.0f} s") from None
        except OSError as error:
            raise self._broken(error) from error
        if not size:
            raise self._broken(None)
        self.connection.received(size)

    def _broken(self, error: OSError | None) -> DicomError:
        if self.stopped is not None:
            return self.stopped
        self.connection.closed()
        detail = "the peer closed it" if error is None else in_words(error)
        return ConnectionBroken(f"the connection to {self.name} broke off: {detail}")

    def flush(self) -> None:
        """Write what the connection wants said."""
        if outgoing := self.connection.take():
            self.write([outgoing])

    def write(self, buffers: list[Buffer]) -> None:
        """
        Raises:
            Unreachable, IdleTimedOut, Canceled: The connection is gone.
        """
        if self.stopped is not None:
            raise self.stopped
        with self._sending:
            try:
                self.transport.write(buffers, self.idle_timeout)
            except TimeoutError:
                if self.stopped is not None:
                    raise self.stopped from None
                raise IdleTimedOut(f"{self.name} took nothing for {self.idle_timeout:.0f} s") from None
            except OSError as error:
                self._fail(error)

    def _fail(self, error: OSError) -> NoReturn:
        """Raise why nothing more can be written: the peer may have said so before it closed."""
        if self.stopped is None:
            try:
                for _ in range(_LAST_READS):
                    if not (size := self.transport.read_into(self.connection.space(), 0.1)):
                        break
                    self.connection.received(size)
                    while (event := self.connection.next_event()) is not None:
                        if isinstance(event, Abort):
                            raise Aborted(self.name, source=event.source, reason=event.reason) from error
            except ssl.SSLError as alert:
                # TLS 1.3 tells only now that our certificate is refused.
                raise self._broken(alert) from alert
            except (OSError, ProtocolViolation):
                pass
        raise self._broken(error) from error

    def stop(self, why: DicomError) -> None:
        """A-ABORT where it can go out at once, then the connection is shut; whoever is blocked in it gets *why*.

        Any thread may call it, any number of times; it does not block.
        """
        if self.stopped is not None:
            return
        self.stopped = why
        # Somebody in the middle of a PDU: an A-ABORT in it would be read as data.
        if self._sending.acquire(blocking=False):
            try:
                self.connection.abort()
                self.transport.farewell(self.connection.take())
            finally:
                self._sending.release()
        self.transport.shut()

    def close(self) -> None:
        """Close the connection as it is. Safe to call twice."""
        if self.stopped is None:
            self.stopped = ConnectionBroken(f"the association with {self.name} is closed")
        self._cleanup.close()
        self.transport.close()
