"""Turning nodes into endpoints: the one place where the wrappers around an endpoint are stacked."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from adit.dicom.protocols import Cancellation, Sink, Source
from adit.endpoints.budget import Budget
from adit.endpoints.dialling import Root, ServerConfig
from adit.endpoints.files import Files
from adit.endpoints.folder import Folder, Place
from adit.endpoints.quota import Quota
from adit.endpoints.rechecked import Rechecked
from adit.endpoints.recorded import Note, Recorded
from adit.endpoints.retrying import Patience, RetryingSink, RetryingSource
from adit.endpoints.server import Server
from adit.endpoints.spool import Spool
from adit.nodes.models import Ability, Node
from adit.nodes.permissions import can_receive, can_search
from adit.transfer.plan import Layout

GB = 10**9

T = TypeVar("T")

_FINDS = {Ability.FIND_STUDY: Root.STUDY, Ability.FIND_PATIENT: Root.PATIENT}
_GETS = {Ability.GET_STUDY: Root.STUDY, Ability.GET_PATIENT: Root.PATIENT}
"""The study root comes first: it is asked before the patient root."""


@dataclass(frozen=True, slots=True)
class Opening:
    """Opens nodes for this process.

    Whoever opens has asked `may_use` and taken as many slots as *associations* says.

    Attributes:
        spool: Folder for what does not fit into memory.
        budget: Bytes in flight, shared by all transfers of the process.
        calling_ae_title: How we call ourselves to servers that want no other name.
        waits: Seconds before the second, third … try of what failed transiently.
    """

    spool: Path
    budget: Budget
    calling_ae_title: str
    waits: Sequence[float]

    @contextmanager
    def source(
        self, node: Node, *, cancel: Cancellation, associations: int, note: Note | None = None
    ) -> Iterator[Source]:
        """Open *node* to find and retrieve while the block runs. No connection is made before it is needed.

        Args:
            associations: How many may be open at once, at least 1; of no matter for a folder.
            note: Told of every query, for the audit trail.

        Raises:
            Denied: It cannot be searched, nor retrieved from.
        """
        can_search(node).require()
        with self._unrecorded(node, cancel, associations) as source:
            yield source if note is None else Recorded(source, note)

    @contextmanager
    def _unrecorded(self, node: Node, cancel: Cancellation, associations: int) -> Iterator[Source]:
        if node.is_folder:
            yield Files(Path(node.path), name=node.name, cancel=cancel)
            return
        config = server_config(node, calling_ae_title=self.calling_ae_title, associations=associations)
        patience = self._patience(cancel)
        with (
            self.budget.share(node.name) as share,
            closing(Server(config, cancel=cancel, spool=Spool(self.spool, share, cancel), again=patience)) as server,
        ):
            yield Rechecked(RetryingSource(server, patience))

    @contextmanager
    def sink(self, node: Node, *, cancel: Cancellation, associations: int, layout: Layout | None) -> Iterator[Sink]:
        """Open *node* to store in while the block runs; the sink's own `with` block commits.

        Args:
            associations: How many may be open at once, at least 1; of no matter for a folder.
            layout: Where the study lies below a folder; of no matter for a server.

        Raises:
            Denied: Nothing can be stored in it.
        """
        can_receive(node).require()
        if node.is_folder:
            yield self._folder(node, cancel, layout)
            return
        config = server_config(node, calling_ae_title=self.calling_ae_title, associations=associations)
        patience = self._patience(cancel)
        with (
            # A sink brings nothing into memory: a share of the process's budget would lie idle.
            Budget(0).share(node.name) as share,
            closing(Server(config, cancel=cancel, spool=Spool(self.spool, share, cancel), again=patience)) as server,
        ):
            yield RetryingSink(server, patience)

    def _folder(self, node: Node, cancel: Cancellation, layout: Layout | None) -> Folder:
        if layout is None:
            raise ValueError("a study in a folder needs a layout")
        root = Path(node.path)
        quota = None if node.quota_gb is None else Quota(root, int(node.quota_gb * GB), name=node.name)
        place = Place(layout.job, layout.patient, layout.study)
        return Folder(root, name=node.name, place=place, quota=quota, cancel=cancel)

    def _patience(self, cancel: Cancellation) -> Patience:
        return _Outermost(self.waits, chance=random.random, cancel=cancel)


class _Outermost(Patience):
    """Patience that does not try again what somebody further out in the same thread tries again anyway.

    A query and the association for it would else have all their tries each, sixteen in all instead of four.
    """

    def __init__(self, waits: Sequence[float], *, chance: Callable[[], float], cancel: Cancellation) -> None:
        super().__init__(waits, chance=chance, cancel=cancel)
        self._thread = threading.local()

    def __call__(self, action: Callable[[], T]) -> T:
        if getattr(self._thread, "trying", False):
            return action()
        self._thread.trying = True
        try:
            return super().__call__(action)
        finally:
            self._thread.trying = False


def server_config(node: Node, *, calling_ae_title: str, associations: int) -> ServerConfig:
    """What the endpoint has to know of a server.

    Args:
        calling_ae_title: Ours, where the node names no other.
    """
    abilities = node.abilities
    return ServerConfig(
        name=node.name,
        ae_title=node.ae_title,
        host=node.host,
        port=node.port or 0,
        calling_ae_title=node.calling_ae_title or calling_ae_title,
        finds=tuple(root for ability, root in _FINDS.items() if ability in abilities),
        gets=tuple(root for ability, root in _GETS.items() if ability in abilities),
        stores=Ability.STORE in abilities,
        associations=associations,
        connect_timeout=node.connect_timeout,
        idle_timeout=node.idle_timeout,
    )
