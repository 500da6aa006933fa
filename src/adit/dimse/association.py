"""An association over a blocking socket: the shell around `connection`."""

from __future__ import annotations

import logging
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Self

from adit.dicom.contexts import PresentationContext
from adit.dicom.errors import DicomError
from adit.dicom.protocols import Cancellation
from adit.dicom.refs import UID
from adit.dimse.commands import Command
from adit.dimse.connecting import connect
from adit.dimse.connection import Buffer, CommandArrived, Connection, DataArrived
from adit.dimse.errors import (
    AssociationTimedOut,
    ConnectionBroken,
    IdleTimedOut,
    NoContext,
    ProtocolViolation,
    Rejected,
)
from adit.dimse.negotiation import AcceptedContext, agreed, propose
from adit.dimse.pdu import AssociateAccept, AssociateReject, AssociateRequest, ReleaseReply, ReleaseRequest
from adit.dimse.states import State, WrongState
from adit.dimse.tls import Credentials, client_context
from adit.dimse.wire import Happening, Wire

log = logging.getLogger(__name__)

MAX_PDU = 1 << 18
"""Bytes of a P-DATA-TF PDU that we offer to receive."""

RECEIVE_BUFFER = 1 << 18
"""Bytes that one read takes at most."""

RELEASE_WAIT = 5.0
"""Seconds that a release may take."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A remote application entity and how to talk to it.

    Attributes:
        ae_title: Its own, the called one.
        calling_ae_title: Ours.
        connect_timeout: Seconds for the TCP (and TLS) connection.
        acse_timeout: Seconds for the answer to the request for an association.
        idle_timeout: Seconds without a single byte from a peer that owes us something.
        max_pdu: Bytes of a P-DATA-TF PDU that we offer to receive.
        tls: Given, the connection is encrypted with them.
    """

    host: str
    port: int
    ae_title: str
    calling_ae_title: str
    connect_timeout: float = 10.0
    acse_timeout: float = 30.0
    idle_timeout: float = 120.0
    max_pdu: int = MAX_PDU
    tls: Credentials | None = None

    def __str__(self) -> str:
        return f"{self.ae_title} at {self.host}:{self.port}"


class Association:
    """An established association. Used by one thread, but for `abort`.

    A context manager: a clean exit releases it, an exception aborts it. Either way the
    connection is closed.

    Attributes:
        accepted: Accepted presentation contexts by ID.
        calling_ae_title: Of the peer where it called us, else empty.
        address: IP address of the peer where it called us, else empty.
    """

    def __init__(self, sock: socket.socket, connection: Connection, *, name: str, idle_timeout: float) -> None:
        """Take over *sock*, which is connected."""
        self.accepted: dict[int, AcceptedContext] = {}
        self._wire = Wire(sock, connection, name=name, idle_timeout=idle_timeout)
        self._message_id = 0
        self.calling_ae_title = ""
        self.address = ""

    @classmethod
    def request(
        cls, peer: Peer, contexts: Sequence[PresentationContext], *, cancel: Cancellation | None = None
    ) -> Self:
        """Connect to *peer* and negotiate *contexts*.

        Args:
            cancel: Setting it aborts the association at once, now or later; what is blocked
                in it raises Canceled.

        Raises:
            Unreachable, ConnectTimedOut, TlsFailed: No connection.
            AssociationTimedOut, Rejected, Aborted, ConnectionBroken, ProtocolViolation: No association.
            NoContext: The peer accepts none of *contexts*.
            Canceled: *cancel* is set.
        """
        request = propose(peer.ae_title, peer.calling_ae_title, contexts, peer.max_pdu)
        if cancel is not None:
            cancel.check()
        deadline = time.monotonic() + peer.connect_timeout
        association = cls(
            connect(str(peer), (peer.host, peer.port), peer.connect_timeout, cancel),
            Connection(requestor=True, max_pdu=peer.max_pdu, buffer=RECEIVE_BUFFER),
            name=str(peer),
            idle_timeout=peer.idle_timeout,
        )
        wire = association._wire
        try:
            wire.watch(cancel)
            if peer.tls is not None:
                context = client_context(peer.tls)
                wire.encrypt(lambda left: wire.transport.encrypt(context, peer.host, left), deadline)
            wire.connection.request(request)
            wire.flush()
            association._agree(request, association._within(peer.acse_timeout))
        except BaseException:
            association.abort()
            association.close()
            raise
        log.info("association with %s: %d of %d contexts", peer, len(association.accepted), len(contexts))
        return association

    @classmethod
    def take(
        cls,
        sock: socket.socket,
        policy: Callable[[AssociateRequest], AssociateAccept | AssociateReject],
        *,
        name: str,
        max_pdu: int,
        acse_timeout: float,
        idle_timeout: float,
        cancel: Cancellation | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> Self:
        """Negotiate as the one who was called, over *sock*, which is closed on any error.

        Args:
            policy: Answers the request.
            name: IP address of the peer.
            acse_timeout: Seconds until the request must have come, a TLS handshake included.
            tls: Given, the connection is encrypted with it.

        Raises:
            TlsFailed, TlsTimedOut: It cannot be encrypted.
            Rejected: *policy* rejected it.
            NoContext: *policy* accepted it without accepting a context.
            AssociationTimedOut, Aborted, ConnectionBroken, ProtocolViolation, Canceled: No association.
        """
        connection = Connection(requestor=False, max_pdu=max_pdu, buffer=RECEIVE_BUFFER)
        association = cls(sock, connection, name=name, idle_timeout=idle_timeout)
        deadline = time.monotonic() + acse_timeout
        wire = association._wire
        try:
            wire.watch(cancel)
            if tls is not None:
                wire.encrypt(lambda left: wire.transport.take_encrypted(tls, left), deadline)
            request = association._request_within(deadline - time.monotonic())
            # It goes into logs: whatever a stranger calls himself stays on its line.
            wire.name = f"{_on_one_line(request.calling)} at {name}"
            association.calling_ae_title = request.calling
            association.address = name
            answer = policy(request)
            with wire.unless_stopped():
                if isinstance(answer, AssociateReject):
                    connection.reject(answer)
                else:
                    connection.accept(answer)
            wire.flush()
            association._agree(request, answer)
        except BaseException:
            association.abort()
            association.close()
            raise
        return association

    def _agree(self, request: AssociateRequest, answer: Happening) -> None:
        if isinstance(answer, AssociateReject):
            raise Rejected(self.name, result=answer.result, source=answer.source, reason=answer.reason)
        if not isinstance(answer, AssociateAccept):
            raise self._unexpected(answer)
        self.accepted = agreed(request, answer)
        if not self.accepted:
            raise NoContext(f"with {self.name} no presentation context was agreed on")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if kind is None:
            self.release()
        else:
            self.abort()
            self.close()

    @property
    def name(self) -> str:
        """The peer, for messages."""
        return self._wire.name

    @property
    def idle_timeout(self) -> float:
        """Seconds without a single byte from a peer that owes us something."""
        return self._wire.idle_timeout

    @idle_timeout.setter
    def idle_timeout(self, seconds: float) -> None:
        self._wire.idle_timeout = seconds

    @property
    def established(self) -> bool:
        """Whether messages may be exchanged."""
        return self._wire.stopped is None and self._wire.connection.state is State.ESTABLISHED

    def next_message_id(self) -> int:
        """A message ID that was not used for the last 65,534 messages: 1 to 65535."""
        self._message_id = self._message_id % 0xFFFF + 1
        return self._message_id

    def context(self, abstract_syntax: UID, transfer_syntax: UID | None = None) -> AcceptedContext:
        """The first accepted context for *abstract_syntax*, in *transfer_syntax* where it is given.

        Raises:
            NoContext: There is none.
        """
        for context in self.accepted.values():
            if context.abstract_syntax == abstract_syntax and transfer_syntax in (None, context.transfer_syntax):
                return context
        what = abstract_syntax if transfer_syntax is None else f"{abstract_syntax} in {transfer_syntax}"
        raise NoContext(f"{self.name} accepts no presentation context for {what}")

    # Messages.

    def send(self, context_id: int, command: Command, data: Iterable[Buffer] = ()) -> None:
        """Send one message, with *data* as its data set where *command* announces one.

        Raises:
            Unreachable, IdleTimedOut, Canceled: The connection is gone.
        """
        with self._wire.unless_stopped():
            for buffers in self._wire.connection.message(context_id, command, data):
                self._wire.write(buffers)

    def read_command(self) -> CommandArrived | None:
        """Wait for the next command, or None when the peer asks for the release, which is then answered.

        Raises:
            Aborted, ConnectionBroken, IdleTimedOut, ProtocolViolation, Canceled: The association is over.
        """
        event = self._wire.next(self.idle_timeout)
        if isinstance(event, CommandArrived):
            return event
        if isinstance(event, ReleaseRequest):
            with self._wire.unless_stopped():
                self._wire.connection.answer_release()
            self._wire.flush()
            self._wire.transport.finish()
            self.close()
            return None
        raise self._unexpected(event)

    def pieces(self) -> Iterator[memoryview]:
        """Yield the announced data set, piece by piece. A piece is valid until the next is asked for.

        Raises:
            Aborted, ConnectionBroken, IdleTimedOut, ProtocolViolation, Canceled: It broke off.
        """
        wire = self._wire
        while True:
            event = wire.next(wire.idle_timeout)
            if not isinstance(event, DataArrived):
                raise ConnectionBroken(f"{self.name} ended the association in the middle of a data set")
            if event.data:
                yield event.data
            if event.last:
                return

    def pass_over_data(self) -> None:
        """Read the announced data set, which is of no interest.

        Raises:
            What `pieces` raises.
        """
        for _ in self.pieces():
            pass

    def read_small_data(self, most: int) -> bytes:
        """The announced data set as a whole.

        Raises:
            ProtocolViolation: It is longer than *most* bytes; and what `pieces` raises.
        """
        collected = bytearray()
        for piece in self.pieces():
            if len(collected) + len(piece) > most:
                raise ProtocolViolation(f"{self.name} sent an identifier of more than {most} bytes")
            collected.extend(piece)
        return bytes(collected)

    # The end.

    def release(self) -> None:
        """Release the association and close the connection. Never raises, never takes long."""
        try:
            if self.established:
                self._wire.connection.release()
                self._wire.flush()
                deadline = time.monotonic() + RELEASE_WAIT
                while not isinstance(event := self._wire.next(deadline - time.monotonic()), ReleaseReply):
                    # Both sides may ask at once (PS3.8 9.2, AR-8); late data are of no interest.
                    if isinstance(event, ReleaseRequest):
                        self._wire.connection.answer_release()
                        self._wire.flush()
                self._wire.transport.finish()
        except (DicomError, WrongState) as error:
            log.info("release of the association with %s: %s", self.name, error)
        finally:
            self.abort()
            self.close()

    def abort(self) -> None:
        """Abort the association: A-ABORT where it can go out at once, then the connection is shut.

        Any thread may call it, any number of times; it does not block. What another thread is
        blocked in raises ConnectionBroken.
        """
        self._wire.stop(ConnectionBroken(f"the association with {self.name} was aborted here"))

    def close(self) -> None:
        """Close the connection as it is. Safe to call twice."""
        self._wire.close()

    def _within(self, seconds: float) -> Happening:
        """The next event, in at most *seconds*."""
        try:
            return self._wire.next(seconds, time.monotonic() + seconds)
        except IdleTimedOut:
            raise AssociationTimedOut(f"{self.name} did not negotiate the association within {seconds:g} s") from None

    def _request_within(self, seconds: float) -> AssociateRequest:
        event = self._within(seconds)
        if not isinstance(event, AssociateRequest):
            raise self._unexpected(event)
        return event

    def _unexpected(self, event: Happening) -> ConnectionBroken:
        return ConnectionBroken(f"{self.name} sent {type(event).__name__} where something else was due")


def _on_one_line(title: str) -> str:
    return "".join(letter if letter.isascii() and letter.isprintable() else "?" for letter in title)
