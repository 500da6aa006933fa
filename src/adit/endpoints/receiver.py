"""The receiver: takes what servers send because we asked them to with C-MOVE (PS3.4 B, C.4.2), and what they report.

It has no database: what is expected stands in the spool (see `expecting.py`, `reporting.py`).
"""

from __future__ import annotations

import errno
import ipaddress
import json
import logging
import os
import ssl
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from adit.dicom.commitment import Report
from adit.dicom.errors import Refused
from adit.dicom.refs import UID
from adit.dicom.status import PROCESSING_FAILURE
from adit.dimse.pdu import AssociateReject, AssociateRequest
from adit.dimse.receiving import StoreRequest
from adit.dimse.scp import UNKNOWN_CALLING_TITLE, Server
from adit.endpoints.cancel import CancelToken
from adit.endpoints.expecting import OpenRequests, Sent, addressee, is_asked, sweep_expectations
from adit.endpoints.landing import NOT_AUTHORIZED, Landing, Room, Target
from adit.endpoints.locks import is_held, try_lock
from adit.endpoints.quarantine import folder_for, sweep_broken
from adit.endpoints.reporting import deliver, sweep_reports
from adit.endpoints.standing import stands

log = logging.getLogger(__name__)

_WRONG_ADDRESS = AssociateReject(1, 1, 1)
"""Permanent, no reason given: PS3.8 table 9-21 has none for it."""

_MOST_KNOWN = 1024
"""Addressees that are remembered: one for each series that arrives."""

_HANDOVER = 2.0
"""Seconds in which a receiver that was killed is gone."""

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class ReceiverFailed(Exception):
    """The receiver cannot start; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Who may send what.

    Attributes:
        callers: AE titles that are accepted; empty for all.
        networks: From where; empty for everywhere.
        keeps_unasked: What comes from somebody whom we asked for nothing is kept in quarantine
            instead of being refused.
    """

    callers: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()
    keeps_unasked: bool = False

    def rejection(self, request: AssociateRequest, address: str) -> AssociateReject | None:
        if self.networks and not any(_ip(address) in network for network in self.networks):
            log.warning("an association from %s is rejected: the address is not allowed", address)
            return _WRONG_ADDRESS
        if self.callers and request.calling not in self.callers:
            log.warning("an association from %s is rejected: its AE title is not allowed", address)
            return UNKNOWN_CALLING_TITLE
        return None


def _ip(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    found = ipaddress.ip_address(address.partition("%")[0])
    return getattr(found, "ipv4_mapped", None) or found


@dataclass(frozen=True, slots=True)
class Encrypted:
    """The door of the receiver behind which TLS is spoken.

    Attributes:
        port: 0 for a free one.
        context: Asked for each connection, so that a certificate can be renewed.
    """

    port: int
    context: Callable[[], ssl.SSLContext]


@dataclass(frozen=True, slots=True)
class Listening:
    """Where the receiver of this machine can be called.

    Attributes:
        port, tls_port: Without and with TLS; None where it cannot be called so.
    """

    pid: int
    ae_title: str
    host: str
    port: int | None
    tls_port: int | None = None

    def __str__(self) -> str:
        plain = [] if self.port is None else [f"port {self.port}"]
        encrypted = [] if self.tls_port is None else [f"port {self.tls_port} with TLS"]
        return " and ".join((*plain, *encrypted))


def listening(spool: Path) -> Listening | None:
    """The receiver that lives and fills *spool*, or None."""
    path = spool / "receiver"
    if not is_held(path):
        return None
    try:
        return Listening(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        return None


def has_been(spool: Path) -> bool:
    """Whether a receiver for *spool* ran and did not end in order: it may be back soon."""
    return (spool / "receiver").exists()


class Receiver:
    """Storage and Verification SCP, told of storage commitment too, while its `with` block runs.

    Serves whoever calls, by whatever AE title: it is known by others on some servers. Any SOP
    class, any transfer syntax.

    Attributes:
        port, tls_port: Where it listens without and with TLS, or None.
    """

    def __init__(
        self,
        spool: Path,
        *,
        ae_title: str,
        host: str,
        port: int | None,
        room: Room,
        rules: Rules = Rules(),
        tls: Encrypted | None = None,
        most_associations: int = 64,
        idle_timeout: float = 120.0,
    ) -> None:
        """
        Args:
            port: 0 for a free one; None where nobody may send without TLS.
            tls: Given, it listens there too.
            idle_timeout: Seconds without a byte, then an association is aborted.
        """
        self._spool = spool
        self._ae_title = ae_title
        self._host = host
        self.port = port
        self.tls_port = tls.port if tls else None
        self._tls = tls
        self._room = room
        self._rules = rules
        self._most_associations = most_associations
        self._idle_timeout = idle_timeout
        self._requests = OpenRequests(spool)
        # As long as who asked lives, more of the same is for him: nobody asks later with a better claim to it.
        self._addressees: dict[Sent, Path] = {}
        self._stopping = CancelToken()
        self._exits = ExitStack()

    def __enter__(self) -> Self:
        """
        Raises:
            ReceiverFailed: There is one for this spool already, or the port is taken.
        """
        (self._spool / "open").mkdir(mode=0o700, parents=True, exist_ok=True)
        with ExitStack() as exits:
            descriptor = self._lock(exits)
            sweep_expectations(self._spool)
            sweep_reports(self._spool)
            sweep_broken(self._spool)
            if self.port is not None:
                self.port = self._serve(exits, self.port)
            if self._tls is not None:
                self.tls_port = self._serve(exits, self._tls.port, self._tls.context)
            # What waits for room is woken before the servers end.
            exits.callback(self._stopping.set, "the receiver ends")
            here = Listening(os.getpid(), self._ae_title, self._host, self.port, self.tls_port)
            os.pwrite(descriptor, json.dumps(asdict(here)).encode(), 0)
            self._exits = exits.pop_all()
        log.info("%s receives on %s of %s", self._ae_title, here, self._host)
        return self

    def _serve(self, exits: ExitStack, port: int, tls: Callable[[], ssl.SSLContext] | None = None) -> int:
        """Listen on *port*, or on a free one; which it is."""
        server = Server(
            self._host,
            port,
            self._ae_title,
            receive=self._receive,
            told=self._told,
            accept=self._rules.rejection,
            any_title=True,
            most_associations=self._most_associations,
            idle_timeout=self._idle_timeout,
            tls=tls,
        )
        try:
            return exits.enter_context(server).port
        except OSError as error:
            raise ReceiverFailed(self._why(error, port)) from error

    def __exit__(self, *_: object) -> None:
        self._exits.close()

    def _lock(self, exits: ExitStack) -> int:
        path = self._spool / "receiver"
        deadline = time.monotonic() + _HANDOVER
        while (descriptor := try_lock(path)) is None:
            if time.monotonic() > deadline:
                other = listening(self._spool)
                where = f" (process {other.pid}, {other})" if other else ""
                raise ReceiverFailed(f"a receiver runs already for {self._spool}{where}")
            self._stopping.wait(0.02)
        os.ftruncate(descriptor, 0)
        exits.callback(os.close, descriptor)
        exits.callback(path.unlink, missing_ok=True)
        return descriptor

    def _why(self, error: OSError, port: int) -> str:
        where = f"port {port} of {self._host}"
        if error.errno == errno.EADDRINUSE:
            return f"{where}, on which the servers send us what we asked for, is taken by another program"
        return f"cannot listen on {where}: {error.strerror or error}"

    def _receive(self, request: StoreRequest) -> Landing:
        def target_for(study: UID, series: UID) -> Target:
            return self._target_for(request, study, series)

        return Landing(request, target_for, self._room, self._stopping)

    def _told(self, report: Report) -> bool:
        try:
            return deliver(self._spool, report)
        except OSError as error:
            log.warning("a report on a storage commitment cannot be kept: %s", error.strerror)
            raise Refused("it cannot be kept", status=PROCESSING_FAILURE) from error

    def _target_for(self, request: StoreRequest, study: UID, series: UID) -> Target:
        """Where the instance goes.

        Raises:
            Refused: Nobody asked for it, nor for anything else of its sender (0124).
        """
        sent = Sent(request.originator, request.originator_id, request.calling_ae_title, request.address, study, series)
        if (known := self._addressees.get(sent)) is not None and stands(known):
            return Target(known, kept=False)
        requests = self._requests()
        name = addressee(requests, sent)
        if name is not None:
            folder = self._requests.folder(name)
            if len(self._addressees) >= _MOST_KNOWN:
                self._addressees.clear()
            self._addressees[sent] = folder
            return Target(folder, kept=False)
        if not self._rules.keeps_unasked and not is_asked(requests, sent):
            log.warning("refused what nobody asked for, from %s", request.address)
            raise Refused("nobody asked for it", status=NOT_AUTHORIZED)
        log.warning("put what nobody asked for into quarantine, from %s", request.address)
        return Target(folder_for(self._spool, request.calling_ae_title), kept=True)
