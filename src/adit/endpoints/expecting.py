"""What this machine has asked servers to send it: folders that its workers and its receiver share.

    spool/open/<id>/                 one expectation
        request.json                 what is asked for
        lock                         held by the process that waits, as long as it lives
        <time>_<series>_<instance>   .part while it arrives, .dcm when it is complete
        full                         something could not come for want of room on the disk
    spool/moves/<server and study>   held by the one that has a move open there
    spool/receiver                   held by the receiver; says where it listens

No database: the receiver learns from these folders whom an instance is for.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import secrets
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from time import time_ns

from adit.dicom.protocols import Cancellation
from adit.dicom.refs import UID, Ref
from adit.endpoints.cancel import NEVER
from adit.endpoints.locks import locked
from adit.endpoints.standing import names_in, standing, stands, sweep_standing

MOST_MESSAGE_ID = 0xFFFF
"""Message ID (0000,0110) is a US; 0 is left out, because some peers take it for none."""

_REQUEST = "request.json"


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for with C-MOVE.

    Attributes:
        series: Those of *study* that are wanted; empty for all of it.
        server: AE title of the server that is asked.
        addresses: Its IP addresses, as far as they are known.
        originator: AE title that asks.
        message_ids: Of the C-MOVE requests, 1 to 65535. No other open request has them.
        opened: Counts up with each request of this machine, roughly: time in ns.
    """

    study: UID
    series: tuple[UID, ...]
    server: str
    addresses: tuple[str, ...]
    originator: str
    message_ids: tuple[int, ...] = ()
    opened: int = 0

    def includes(self, study: UID, series: UID) -> bool:
        return study == self.study and (not self.series or series in self.series)


def request_for(refs: Sequence[Ref], *, server: str, host: str, originator: str) -> Request:
    """The request for *refs*, all of one study."""
    whole = any(ref.series is None for ref in refs)
    series = () if whole else tuple(sorted({ref.series for ref in refs if ref.series}))
    return Request(refs[0].study, series, server, _addresses(host), originator)


def _addresses(host: str) -> tuple[str, ...]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return ()
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


@dataclass(frozen=True, slots=True)
class Sent:
    """What is known of an instance that arrives.

    Attributes:
        originator, message_id: Of the C-MOVE that brings it; empty and None where the peer does not say.
        calling, address: AE title and IP address of the peer.
    """

    originator: str
    message_id: int | None
    calling: str
    address: str
    study: UID
    series: UID


def addressee(requests: Mapping[str, Request], sent: Sent) -> str | None:
    """The key of the request that *sent* answers, or None where nobody asked for it.

    By originator and message ID, which are optional (PS3.7 9.1.1.1.5); else by study and series,
    and where several have asked for them, by the peer's AE title, then by its address, then the
    first that asked.
    """
    asking = {key: request for key, request in requests.items() if request.includes(sent.study, sent.series)}
    for key, request in asking.items():
        if _named(request, sent):
            return key

    def unlikely(key: str) -> tuple[bool, bool, int]:
        request = asking[key]
        return request.server != sent.calling, sent.address not in request.addresses, request.opened

    return min(asking, key=unlikely, default=None)


def is_asked(requests: Mapping[str, Request], sent: Sent) -> bool:
    """Whether the peer that sends *sent* has a move open to us, be it for something else."""
    return any(
        _named(request, sent) or request.server == sent.calling or sent.address in request.addresses
        for request in requests.values()
    )


def _named(request: Request, sent: Sent) -> bool:
    return sent.message_id in request.message_ids and sent.originator == request.originator


@contextmanager
def expected(spool: Path, request: Request, *, messages: int) -> Iterator[tuple[Request, Path]]:
    """Let the receiver know of *request* while the block runs; it is on the disk when the block begins.

    Yields:
        The request with *messages* message IDs of its own, and the folder in which its instances arrive.
    """
    place = spool / "open"
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    with ExitStack() as exits:
        with _numbering(spool):
            request = replace(request, message_ids=_unused(place, messages), opened=time_ns())
            name = secrets.token_hex(8)
            folder = exits.enter_context(standing(place, name, lambda making: _write(making / _REQUEST, request)))
        yield request, folder


def turn(spool: Path, server: str, study: UID, cancel: Cancellation) -> AbstractContextManager[None]:
    """Have the only move of *study* from *server* on this machine while the block runs. Waits for it.

    Other machines have receivers with other AE titles, to which theirs go.

    Raises:
        Canceled: *cancel* was set meanwhile.
    """
    place = spool / "moves"
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    return locked(place / hashlib.sha256(f"{server}\n{study}".encode()).hexdigest(), cancel)


class OpenRequests:
    """What is asked for now, as the receiver sees it. Thread-safe.

    Each folder is read once; that those who asked still live is looked at each time.
    """

    def __init__(self, spool: Path) -> None:
        self._place = spool / "open"
        self._lock = threading.Lock()
        self._known: dict[str, Request] = {}

    def __call__(self) -> dict[str, Request]:
        """The requests of living processes, by the name of their folder."""
        with self._lock:
            names = names_in(self._place)
            self._known = {name: self._known[name] for name in names if name in self._known}
            for name in names:
                if name not in self._known and (request := _read(self._place / name / _REQUEST)) is not None:
                    self._known[name] = request
            return {name: each for name, each in self._known.items() if stands(self._place / name)}

    def folder(self, name: str) -> Path:
        return self._place / name


def sweep_expectations(spool: Path) -> int:
    """Remove the expectations of processes that died. Returns how many there were."""
    return sweep_standing(spool / "open")


def _numbering(spool: Path) -> AbstractContextManager[None]:
    """One at a time takes message IDs."""
    return locked(spool / "numbering", NEVER)


def _unused(place: Path, count: int) -> tuple[int, ...]:
    requests = (_read(place / name / _REQUEST) for name in names_in(place))
    used = {number for request in requests if request is not None for number in request.message_ids}
    free = [number for number in range(1, MOST_MESSAGE_ID + 1) if number not in used]
    # Not the lowest: what comes late for a request that is over must not seem to be for the next.
    return tuple(random.sample(free, count))


def _write(path: Path, request: Request) -> None:
    with path.open("w") as file:
        json.dump(asdict(request), file)
        file.flush()
        os.fsync(file.fileno())


def _read(path: Path) -> Request | None:
    try:
        values = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    for name in ("series", "addresses", "message_ids"):
        values[name] = tuple(values[name])
    return Request(**values)
