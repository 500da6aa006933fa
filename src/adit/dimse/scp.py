"""A Storage and Verification SCP, told of storage commitment too: a thread per association (PS3.4 A, B, J)."""

from __future__ import annotations

import logging
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Self

from adit.dicom.contexts import EXPLICIT, EXPLICIT_BIG_ENDIAN, IMPLICIT, STORAGE_COMMITMENT
from adit.dicom.errors import Canceled, DicomError
from adit.dicom.refs import UID
from adit.dicom.status import SUCCESS
from adit.dimse.association import MAX_PDU, Association
from adit.dimse.commands import Operation, response
from adit.dimse.connecting import SOCKET_BUFFER
from adit.dimse.connection import CommandArrived
from adit.dimse.errors import NoContext, Rejected
from adit.dimse.negotiation import answer, check_ae_title
from adit.dimse.normalized import Told, take_report
from adit.dimse.pdu import APPLICATION_CONTEXT, AssociateAccept, AssociateReject, AssociateRequest, Proposed
from adit.dimse.receiving import Receiver, StoreRequest, taking
from adit.dimse.scu import refuse_operation

log = logging.getLogger(__name__)

FULL = AssociateReject(2, 3, 2)
"""Transient: the local limit is exceeded (PS3.8 table 9-21)."""

WRONG_CALLED_TITLE = AssociateReject(1, 1, 7)
UNKNOWN_CALLING_TITLE = AssociateReject(1, 1, 3)
UNKNOWN_APPLICATION_CONTEXT = AssociateReject(1, 1, 2)
UNKNOWN_PROTOCOL_VERSION = AssociateReject(1, 2, 2)

STOP_WAIT = 5.0
"""Seconds that the threads of a server have to end."""

_PLACE_WAIT = 0.1
"""Seconds: who releases an association and asks for the next may be faster than the thread that served it."""

# Services, not instances: find, move and get models, worklists, print, storage commitment, study
# management. Whatever else a sender proposes is taken as storage.
_NO_STORAGE = (
    "1.2.840.10008.5.1.4.1.2.",
    "1.2.840.10008.5.1.4.31",
    "1.2.840.10008.5.1.4.32",
    "1.2.840.10008.5.1.1.",
    "1.2.840.10008.1.20.",
    "1.2.840.10008.3.1.2.",
)

Policy = Callable[[AssociateRequest, str], AssociateReject | None]
"""Called with the request and the IP address that it comes from."""


def storage_syntax(proposed: Proposed) -> UID | None:
    """The sender's first choice for Verification and any class that may be storage, private ones included."""
    if proposed.abstract_syntax.startswith(_NO_STORAGE):
        return None
    return proposed.transfer_syntaxes[0]


def report_syntax(proposed: Proposed) -> UID | None:
    """The sender's first choice that we can read for reports on storage commitment; None for other classes."""
    if proposed.abstract_syntax != STORAGE_COMMITMENT:
        return None
    readable = (EXPLICIT, IMPLICIT, EXPLICIT_BIG_ENDIAN)
    return next((syntax for syntax in proposed.transfer_syntaxes if syntax in readable), None)


class Server:
    """Listens while its `with` block runs; at the end, what is still going on is aborted.

    Attributes:
        port: Where it listens.
    """

    def __init__(
        self,
        host: str,
        port: int,
        ae_title: str,
        *,
        receive: Callable[[StoreRequest], Receiver],
        told: Told | None = None,
        accept: Policy | None = None,
        any_title: bool = False,
        most_associations: int = 64,
        max_pdu: int = MAX_PDU,
        acse_timeout: float = 30.0,
        idle_timeout: float = 120.0,
        tls: Callable[[], ssl.SSLContext] | None = None,
    ) -> None:
        """
        Args:
            host: Address to listen on.
            port: 0 for a free one.
            receive: Gives the receiver of an instance, or raises Refused with the status to
                answer. Called from the thread of the association. What blocks in it or in its
                receivers when the `with` block ends is to be woken by their owner.
            told: Gets reports on storage commitment; without it they are refused.
            accept: Says why an association is rejected, or None to accept it.
            any_title: Who calls another AE title than *ae_title* is served too.
            most_associations: Served at the same time; more are rejected as transient.
            acse_timeout: Seconds from the connection to the request for an association, a TLS handshake included.
            idle_timeout: Seconds without a single byte, then an association is aborted.
            tls: Given, only who speaks TLS is served. Asked in the thread of each connection, which shakes hands.
        """
        self._address = (host, port)
        self._ae_title = check_ae_title(ae_title)
        self._receive = receive
        self._told = told
        self._accept = accept
        self._any_title = any_title
        # As many again may negotiate, so that the rejection can be said; beyond that it is closed.
        self._most_connections = 2 * most_associations
        self._places = threading.Semaphore(most_associations)
        self._max_pdu = max_pdu
        self._acse_timeout = acse_timeout
        self._idle_timeout = idle_timeout
        self._tls = tls
        self._stopping = _Stopping()
        self._threads: list[threading.Thread] = []
        self.port = port

    def __enter__(self) -> Self:
        family = socket.AF_INET6 if ":" in self._address[0] else socket.AF_INET
        self._listener = socket.create_server(self._address, family=family, backlog=128)
        # Inherited by what is accepted; the window scale is agreed on before that.
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SOCKET_BUFFER)
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._listen, name=f"{self._ae_title} listens", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        deadline = time.monotonic() + STOP_WAIT
        self._stopping.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(STOP_WAIT)
        self._listener.close()
        for thread in self._threads:
            thread.join(max(deadline - time.monotonic(), 0))
        if any(thread.is_alive() for thread in self._threads):
            log.warning("%s stopped, but a receiver of it still blocks", self._ae_title)

    def _listen(self) -> None:
        while not self._stopping.canceled:
            try:
                sock, address = self._listener.accept()
            except OSError as error:
                if self._stopping.canceled:
                    return
                log.warning("cannot take a connection: %s", error)
                # Out of file descriptors: the connection stays in the backlog, so do not spin.
                with suppress(Canceled):
                    self._stopping.wait(0.1)
                continue
            self._threads = [thread for thread in self._threads if thread.is_alive()]
            if len(self._threads) >= self._most_connections:
                log.warning("too many connections, that of %s is closed", address[0])
                sock.close()
                continue
            thread = threading.Thread(
                target=self._serve, args=(sock, str(address[0])), name=f"{self._ae_title} serves", daemon=True
            )
            try:
                thread.start()
            except RuntimeError as error:
                log.warning("cannot serve %s: %s", address[0], error)
                sock.close()
            else:
                self._threads.append(thread)

    def _serve(self, sock: socket.socket, host: str) -> None:
        try:
            with (
                ExitStack() as place,
                Association.take(
                    sock,
                    lambda request: self._answer(request, host, place),
                    name=host,
                    max_pdu=self._max_pdu,
                    acse_timeout=self._acse_timeout,
                    idle_timeout=self._idle_timeout,
                    cancel=self._stopping,
                    tls=self._tls() if self._tls else None,
                ) as association,
            ):
                log.info("association from %s: %d contexts", association.name, len(association.accepted))
                self._converse(association)
        except (Canceled, Rejected, NoContext) as error:
            log.info("%s", error)
        except DicomError as error:
            log.warning("%s", error)
        except Exception:
            # A receiver's own mistake ends its association, not the server.
            log.exception("an association from %s ended", host)

    def _answer(self, request: AssociateRequest, host: str, place: ExitStack) -> AssociateAccept | AssociateReject:
        """The answer; an accepted association takes a place, which *place* gives back."""
        if request.application_context != APPLICATION_CONTEXT:
            return UNKNOWN_APPLICATION_CONTEXT
        # Bit 0 stands for version 1 (PS3.8 9.3.2).
        if not request.version & 1:
            return UNKNOWN_PROTOCOL_VERSION
        if not self._any_title and request.called != self._ae_title:
            return WRONG_CALLED_TITLE
        if self._accept is not None and (rejection := self._accept(request, host)) is not None:
            return rejection
        if not self._places.acquire(timeout=_PLACE_WAIT):
            return FULL
        place.callback(self._places.release)
        return answer(request, self._syntax, self._max_pdu)

    def _syntax(self, proposed: Proposed) -> UID | None:
        return storage_syntax(proposed) or (report_syntax(proposed) if self._told else None)

    def _converse(self, association: Association) -> None:
        while (arrived := association.read_command()) is not None:
            command = arrived.command
            if association.accepted[arrived.context_id].abstract_syntax == STORAGE_COMMITMENT:
                self._be_told(association, arrived)
            elif command.field == Operation.C_STORE:
                deque(taking(association, arrived, self._receive), maxlen=0)
            elif command.field == Operation.C_ECHO and not command.has_data_set:
                association.send(arrived.context_id, response(command, SUCCESS))
            else:
                refuse_operation(association, arrived)

    def _be_told(self, association: Association, arrived: CommandArrived) -> None:
        if self._told is not None and arrived.command.field == Operation.N_EVENT_REPORT:
            take_report(association, arrived, self._told)
        else:
            refuse_operation(association, arrived)


class _Stopping:
    """The Cancellation of everything that a server does."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._closers: dict[object, Callable[[], None]] = {}

    @property
    def canceled(self) -> bool:
        return self._event.is_set()

    def set(self) -> None:
        with self._lock:
            self._event.set()
            closers = tuple(self._closers.values())
        for close in closers:
            close()

    def check(self) -> None:
        if self.canceled:
            raise Canceled

    def wait(self, seconds: float) -> None:
        if self._event.wait(seconds):
            raise Canceled

    @contextmanager
    def closing(self, close: Callable[[], None]) -> Iterator[None]:
        key = object()
        with self._lock:
            self._closers[key] = close
            late = self.canceled
        if late:
            close()
        try:
            yield
        finally:
            with self._lock:
                self._closers.pop(key, None)
