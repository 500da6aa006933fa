"""Two Orthancs, and what a test may do to the way out of the first one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.endpoints.valve import Valve
from tests.peers.orthanc import Orthanc, orthanc
from tests.peers.process import Peer


@dataclass(frozen=True)
class TwoPacs:
    """Where studies come from and where they go to.

    Attributes:
        front: Where *source* is called: behind *valve*.
    """

    source: Orthanc
    target: Orthanc
    valve: Valve

    @property
    def front(self) -> Peer:
        return Peer(self.source.ae_title, self.source.host, self.valve.port)


@contextmanager
def two_pacs() -> Iterator[TwoPacs]:
    """Both empty."""
    with (
        orthanc(ae_title="SOURCE") as source,
        orthanc(ae_title="TARGET") as target,
        Valve(source.port) as valve,
    ):
        yield TwoPacs(source, target, valve)
