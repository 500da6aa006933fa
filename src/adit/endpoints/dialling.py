"""How a server is reached, over DIMSE and over the web, and the opening of associations to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, TypeVar

from adit.dicom.contexts import PresentationContext
from adit.dicom.errors import DicomError
from adit.dicom.protocols import Cancellation
from adit.dimse.association import Association, Peer
from adit.dimse.explaining import explained
from adit.dimse.tls import Credentials


class Root(StrEnum):
    """Information model of a query or a retrieval (PS3.4 C.6)."""

    STUDY = "study"
    PATIENT = "patient"


@dataclass(frozen=True, slots=True)
class WebConfig:
    """How a server is reached over DICOMweb (PS3.18).

    Attributes:
        url: The base, `https://pacs.example.org/dicom-web`.
        finds, retrieves, stores: It answers QIDO-RS, WADO-RS, STOW-RS.
        find_prefix, retrieve_prefix, store_prefix: What stands between the base and `/studies` for
            each of the three, such as `wadors`; mostly empty.
        authorization: Value of the Authorization header; empty for none.
        ca_bundle: PEM certificates that are trusted instead of the system's; empty for the system's.
        client_certificate: PEM certificate and private key that we show; empty for none.
    """

    url: str
    finds: bool
    retrieves: bool
    stores: bool
    find_prefix: str = ""
    retrieve_prefix: str = ""
    store_prefix: str = ""
    authorization: str = field(default="", repr=False)
    ca_bundle: str = field(default="", repr=False)
    client_certificate: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """One PACS as its node describes it, and how much of it this transfer may use.

    Attributes:
        name: The node's name, for messages.
        ae_title, host, port: Where it is called over DIMSE; empty and 0 where it speaks DICOMweb only.
        calling_ae_title: How we call ourselves to it.
        finds: Roots it answers C-FIND for, best first; empty where it cannot be asked.
        gets: Roots it answers C-GET for, best first.
        stores: It takes C-STORE.
        associations: How many may be open at once, at least 1. A connection of HTTP counts as one.
        connect_timeout: Seconds until a connection must be there.
        idle_timeout: Seconds of silence before it is given up.
        moves: Roots it answers C-MOVE for, best first.
        web: How it is reached over DICOMweb, or None.
        tls: DIMSE is spoken over TLS with these, or None for plain.
        commits: It takes requests for storage commitment (PS3.4 J).
        decompress: What it takes in no other form may be decompressed for it, without loss.
    """

    name: str
    ae_title: str
    host: str
    port: int
    calling_ae_title: str
    finds: tuple[Root, ...]
    gets: tuple[Root, ...]
    stores: bool
    associations: int
    connect_timeout: float
    idle_timeout: float
    moves: tuple[Root, ...] = ()
    web: WebConfig | None = None
    tls: Credentials | None = None
    commits: bool = False
    decompress: bool = True


def peer_of(config: ServerConfig) -> Peer:
    """The application entity to call over DIMSE."""
    return Peer(
        host=config.host,
        port=config.port,
        ae_title=config.ae_title,
        calling_ae_title=config.calling_ae_title,
        connect_timeout=config.connect_timeout,
        idle_timeout=config.idle_timeout,
        tls=config.tls,
    )


T = TypeVar("T")


class Again(Protocol):
    """Calls what it is given, and calls it again after transient errors (see `retrying.py`)."""

    def __call__(self, action: Callable[[], T], /) -> T: ...


class Dial:
    """Opens associations to one server."""

    def __init__(self, config: ServerConfig, *, cancel: Cancellation, again: Again) -> None:
        self.config = config
        self.cancel = cancel
        self._again = again
        self._peer = peer_of(config)
        self._looked_in_vain = False

    def __call__(self, contexts: Sequence[PresentationContext], *, cancel: Cancellation | None = None) -> Association:
        """Open an association; transient refusals are tried again.

        Args:
            cancel: Ends it instead of the server's own token.

        Raises:
            Unreachable, TimedOut, Rejected: With the node's name, and explained where it is about TLS.
            Canceled: The cancel token was set.
        """

        def request() -> Association:
            try:
                return Association.request(self._peer, contexts, cancel=cancel or self.cancel)
            except DicomError as error:
                why = self._explained(error, cancel or self.cancel).on(self.config.name)
                if why is error:
                    raise
                raise why from error

        return self._again(request)

    def _explained(self, error: DicomError, cancel: Cancellation) -> DicomError:
        # A server that is only busy is not called a second time for each of our tries.
        if error.transient and self._looked_in_vain:
            return error
        why = explained(error, self._peer, cancel=cancel)
        self._looked_in_vain = why is error
        return why
