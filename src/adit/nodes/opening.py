"""Turns nodes into endpoints: the one place where what concerns all of them is wrapped around."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from adit.dicom.protocols import Cancellation, Sink, Source
from adit.endpoints.budget import Budget
from adit.endpoints.dialling import Root, ServerConfig
from adit.endpoints.files import Files
from adit.endpoints.folder import Folder, Place
from adit.endpoints.quota import Quota
from adit.endpoints.rechecked import Rechecked
from adit.endpoints.retrying import Patience, RetryingSink, RetryingSource
from adit.endpoints.server import Server
from adit.endpoints.spool import Spool
from adit.nodes.models import Ability, Node
from adit.transfer.plan import Layout

GIGABYTE = 10**9


@dataclass(frozen=True, slots=True)
class Opening:
    """Opens nodes for this process.

    Attributes:
        spool: Folder for what is large while it is on its way.
        budget: Bytes in flight, shared by everything this process moves.
        calling_ae_title: Ours, for servers that do not want another one.
        waits: Seconds before a failed opening, query or instance is tried again.
    """

    spool: Path
    budget: Budget
    calling_ae_title: str
    waits: Sequence[float]

    @contextmanager
    def source(self, node: Node, *, cancel: Cancellation, associations: int) -> Iterator[Source]:
        """Open *node* to find and retrieve.

        Args:
            associations: How many the caller holds slots for.
        """
        patience = self._patience(cancel)
        if node.is_folder:
            yield Files(Path(node.path), name=node.name, cancel=cancel)
            return
        with (
            self.budget.share(node.name) as share,
            Spool(self.spool, share, cancel) as spool,
            _server(self._config(node, associations), cancel, spool, patience) as server,
        ):
            yield Rechecked(RetryingSource(server, patience))

    @contextmanager
    def sink(self, node: Node, *, cancel: Cancellation, associations: int, layout: Layout | None) -> Iterator[Sink]:
        """Open *node* to store in.

        Args:
            layout: Where a study goes in a folder.
        """
        patience = self._patience(cancel)
        if node.is_folder:
            root = Path(node.path)
            assert layout is not None, "a study that goes to a folder has its place there"
            place = Place(layout.job, layout.patient, layout.study)
            quota = Quota(root, int(node.quota_gb * GIGABYTE), name=node.name) if node.quota_gb else None
            yield Folder(root, name=node.name, place=place, quota=quota, cancel=cancel)
            return
        with (
            self.budget.share(node.name) as share,
            Spool(self.spool, share, cancel) as spool,
            _server(self._config(node, associations), cancel, spool, patience) as server,
        ):
            yield RetryingSink(server, patience)

    def _patience(self, cancel: Cancellation) -> Patience:
        return Patience(self.waits, chance=random.random, cancel=cancel)

    def _config(self, node: Node, associations: int) -> ServerConfig:
        able = node.abilities
        return ServerConfig(
            name=node.name,
            ae_title=node.ae_title,
            host=node.host,
            port=node.port or 0,
            calling_ae_title=node.calling_ae_title or self.calling_ae_title,
            finds=_roots(able, Ability.FIND_STUDY, Ability.FIND_PATIENT),
            gets=_roots(able, Ability.GET_STUDY, Ability.GET_PATIENT),
            stores=Ability.STORE in able,
            associations=associations,
            connect_timeout=node.connect_timeout,
            idle_timeout=node.idle_timeout,
        )


@contextmanager
def _server(config: ServerConfig, cancel: Cancellation, spool: Spool, patience: Patience) -> Iterator[Server]:
    server = Server(config, cancel=cancel, spool=spool, again=patience)
    try:
        yield server
    finally:
        server.close()


def _roots(able: frozenset[Ability], study: Ability, patient: Ability) -> tuple[Root, ...]:
    """Study root before patient root (PS3.4 C.6): it needs no PatientID."""
    return tuple(root for root, ability in ((Root.STUDY, study), (Root.PATIENT, patient)) if ability in able)
