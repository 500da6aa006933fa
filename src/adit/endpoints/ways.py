"""The ways in which a server can be asked, and what is remembered of those that it refused."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import replace
from enum import StrEnum
from typing import Protocol

from adit.dicom.errors import DicomError, NotFound, Refused
from adit.dicom.instance import Instance
from adit.dicom.match import Match
from adit.dicom.protocols import Receipt
from adit.dicom.query import Query
from adit.dicom.refs import Ref
from adit.dimse.errors import NoContext, Rejected
from adit.endpoints.answers import HttpRefused
from adit.endpoints.dialling import ServerConfig
from adit.endpoints.lent import lent

REMEMBERED = 600.0
"""Seconds for which a way that was refused is not the first to be tried, and what never came is not waited for."""


class Way(StrEnum):
    """How something is asked of a server, by the name of the service."""

    C_FIND = "C-FIND"
    QIDO = "QIDO-RS"
    WADO = "WADO-RS"
    C_GET = "C-GET"
    C_MOVE = "C-MOVE"
    C_STORE = "C-STORE"
    STOW = "STOW-RS"
    COMMITMENT = "storage commitment"


class Finds(Protocol):
    """A way to find: see `Source.find`."""

    def find(self, query: Query) -> Iterator[Match]: ...

    def rest(self) -> None:
        """Release the connections that are kept for the next question."""

    def close(self) -> None:
        """End what is still being asked, and release everything."""


class Retrieves(Protocol):
    """A way to retrieve: see `Source.retrieve`. What is not there is no error, or NotFound."""

    def retrieve(self, refs: Sequence[Ref]) -> Generator[Instance, None, None]: ...


class Stores(Protocol):
    """A way to store: see `Sink.store`."""

    def store(self, instances: Iterable[Instance]) -> Generator[Receipt, None, None]: ...

    def close(self) -> None: ...

    def abort(self) -> None: ...


def refuses(error: DicomError) -> bool:
    """Whether *error* says that the server will not be asked in this way, so that another may do."""
    return not error.transient and isinstance(error, Refused | NoContext | Rejected | HttpRefused | NotFound)


class Refusals:
    """Ways that servers refused, or that came to nothing, for a while. One for the whole process; thread-safe.

    A server whose configuration changes begins anew.

    Args:
        lasting: Seconds after which a refusal is forgotten.
        clock: Seconds that only ever grow.
    """

    def __init__(self, *, lasting: float = REMEMBERED, clock: Callable[[], float] = time.monotonic) -> None:
        self._lasting = lasting
        self._clock = clock
        self._lock = threading.Lock()
        self._until: dict[tuple[ServerConfig, Way], float] = {}

    def note(self, server: ServerConfig, ways: Iterable[Way]) -> None:
        """*server* refused *ways*, and did what was asked in another; or did nothing in them at all."""
        now = self._clock()
        with self._lock:
            self._until = {key: until for key, until in self._until.items() if until > now}
            self._until |= {(_same(server), way): now + self._lasting for way in ways}

    def ordered(self, server: ServerConfig, ways: Iterable[Way]) -> list[Way]:
        """*ways* as they came, but behind the others those that were refused lately."""
        now = self._clock()
        key = _same(server)
        with self._lock:
            return sorted(ways, key=lambda way: self._until.get((key, way), now) > now)

    def holds(self, server: ServerConfig, way: Way) -> bool:
        """Whether *way* was refused lately."""
        now = self._clock()
        with self._lock:
            return self._until.get((_same(server), way), now) > now


def _same(server: ServerConfig) -> ServerConfig:
    # How much of it one transfer may use makes it no other server.
    return replace(server, associations=1)


class Lending:
    """Lends instances to one way after the other, until there is a receipt for each."""

    def __init__(self, instances: Iterable[Instance]) -> None:
        self._instances = iter(instances)
        self._lock = threading.Lock()
        # An instance may come twice before its first receipt is there.
        self._out: dict[Ref, list[Instance]] = {}

    def all(self) -> Iterator[Instance]:
        """What was lent before and came to nothing, then the others. Closing what is lent leaves it open."""
        with self._lock:
            before = [instance for several in self._out.values() for instance in several]
        for instance in before:
            yield lent(instance)
        for instance in self._instances:
            with self._lock:
                self._out.setdefault(instance.ref, []).append(instance)
            yield lent(instance)

    def returned(self, ref: Ref) -> None:
        """There is a receipt for it."""
        with self._lock:
            instance = self._out[ref].pop(0)
            if not self._out[ref]:
                del self._out[ref]
        instance.close()

    def close(self) -> None:
        with self._lock:
            out, self._out = self._out, {}
        for several in out.values():
            for instance in several:
                instance.close()
