"""Turning nodes into endpoints: the one place where the wrappers around an endpoint are stacked."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from adit.dicom.protocols import Cancellation, Sink, Source
from adit.dicom.refs import UID
from adit.dimse.tls import Credentials
from adit.endpoints.archive import Archive
from adit.endpoints.budget import Budget
from adit.endpoints.by_move import GRACE, Mover
from adit.endpoints.committing import WAIT, Committer
from adit.endpoints.dialling import Root, ServerConfig, WebConfig
from adit.endpoints.files import Files
from adit.endpoints.folder import Folder, Place
from adit.endpoints.nifti import Nifti
from adit.endpoints.quota import Quota
from adit.endpoints.rechecked import Rechecked
from adit.endpoints.recorded import Note, Recorded
from adit.endpoints.retrying import Patience, RetryingSink, RetryingSource
from adit.endpoints.server import Server
from adit.endpoints.shelf import Shelf
from adit.endpoints.spool import Share, Spool
from adit.endpoints.stagedshelf import StagedShelf
from adit.endpoints.staging import Staging
from adit.endpoints.ways import Refusals
from adit.nodes.models import Ability, Node
from adit.nodes.permissions import can_receive, can_search
from adit.transfer.items import Layout

GB = 10**9

T = TypeVar("T")

_FINDS = {Ability.FIND_STUDY: Root.STUDY, Ability.FIND_PATIENT: Root.PATIENT}
_GETS = {Ability.GET_STUDY: Root.STUDY, Ability.GET_PATIENT: Root.PATIENT}
_MOVES = {Ability.MOVE_STUDY: Root.STUDY, Ability.MOVE_PATIENT: Root.PATIENT}
"""The study root comes first: it is asked before the patient root."""


@dataclass(frozen=True, slots=True)
class Form:
    """In what form a folder gets a study, where not as plain DICOM files: one of the two, or both.

    Attributes:
        archive_key: It is staged for an archive, locked with this key.
        expects: For NIfTI: how many instances a series has, where that is known.
    """

    archive_key: bytes | None = field(default=None, repr=False)
    expects: Callable[[UID], int | None] | None = None


@dataclass(frozen=True, slots=True)
class Opening:
    """Opens nodes for this process.

    Whoever opens has asked `may_use` and taken as many slots as *associations* says.

    Attributes:
        spool: Folder for what does not fit into memory; shared with the receiver of this machine.
        budget: Bytes in flight, shared by all transfers of the process.
        calling_ae_title: How we call ourselves to servers that want no other name.
        waits: Seconds before the second, third … try of what failed transiently.
        refusals: What the process remembers of the ways that servers refused, or that came to nothing.
        move_grace: Seconds after a C-MOVE that instances may still come in.
        commitment_wait: Seconds that a report on storage commitment is waited for.
    """

    spool: Path
    budget: Budget
    calling_ae_title: str
    waits: Sequence[float]
    refusals: Refusals = field(default_factory=Refusals)
    move_grace: float = GRACE
    commitment_wait: float = WAIT

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
            closing(self._server(config, cancel, share, patience)) as server,
        ):
            yield Rechecked(RetryingSource(server, patience))

    @contextmanager
    def sink(
        self,
        node: Node,
        *,
        cancel: Cancellation,
        associations: int,
        layout: Layout | None,
        form: Form | None = None,
    ) -> Iterator[Sink]:
        """Open *node* to store in while the block runs; the sink's own `with` block commits.

        Args:
            associations: How many may be open at once, at least 1; of no matter for a folder.
            layout: Where the study lies below a folder; of no matter for a server.
            form: For a folder only; without one it gets DICOM files.

        Raises:
            Denied: Nothing can be stored in it.
        """
        can_receive(node).require()
        if node.is_folder:
            yield self._folder(node, cancel, layout, form or Form())
            return
        config = server_config(node, calling_ae_title=self.calling_ae_title, associations=associations)
        patience = self._patience(cancel)
        with (
            # A sink brings nothing into memory: a share of the process's budget would lie idle.
            Budget(0).share(node.name) as share,
            closing(self._server(config, cancel, share, patience)) as server,
        ):
            yield RetryingSink(server, patience)

    def _server(self, config: ServerConfig, cancel: Cancellation, share: Share, patience: Patience) -> Server:
        return Server(
            config,
            cancel=cancel,
            spool=Spool(self.spool, share, cancel),
            again=patience,
            refusals=self.refusals,
            make_mover=lambda dial, seen: Mover(dial, seen, self.spool, grace=self.move_grace),
            make_committer=lambda dial: Committer(dial, self.spool, wait=self.commitment_wait, refusals=self.refusals),
        )

    def seal(
        self,
        node: Node,
        archive: Archive,
        *,
        password: str,
        manifest: dict[str, Any],
        least: int,
        cancel: Cancellation,
    ) -> int:
        """Seal *archive* in the folder *node*: see `endpoints.sealing.seal`."""
        # Not before: a fifth of a second, which every command would pay.
        from adit.endpoints.sealing import seal  # noqa: PLC0415

        can_receive(node).require()
        return seal(
            archive,
            password=password,
            manifest=manifest,
            least=least,
            name=node.name,
            quota=_quota(node),
            cancel=cancel,
        )

    def _folder(self, node: Node, cancel: Cancellation, layout: Layout | None, form: Form) -> Sink:
        if layout is None:
            raise ValueError("a study in a folder needs a layout")
        root, quota = Path(node.path), _quota(node)
        place = Place(layout.job, layout.patient, layout.study)
        archive = None if form.archive_key is None else Archive(root, layout.job, form.archive_key)
        if form.expects is not None:
            shelf = (
                Shelf(root / place.job / place.patient / place.study, quota=quota)
                if archive is None
                else StagedShelf(archive, place=place, quota=quota)
            )
            return Nifti(shelf, name=node.name, spool=self.spool, expects=form.expects, cancel=cancel)
        if archive is not None:
            return Staging(archive, name=node.name, place=place, quota=quota, cancel=cancel)
        return Folder(root, name=node.name, place=place, quota=quota, cancel=cancel)

    def _patience(self, cancel: Cancellation) -> Patience:
        return _Outermost(self.waits, chance=random.random, cancel=cancel)


def _quota(node: Node) -> Quota | None:
    if node.quota_gb is None:
        return None
    return Quota(Path(node.path), int(node.quota_gb * GB), name=node.name)


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
        moves=tuple(root for ability, root in _MOVES.items() if ability in abilities),
        web=web_config(node) if node.uses_dicomweb else None,
        tls=credentials(node),
        commits=Ability.COMMIT in abilities,
        decompress=node.decompress,
    )


def credentials(node: Node) -> Credentials | None:
    """What is trusted and shown when DIMSE goes over TLS; None where it goes plain.

    Raises:
        WrongKey: The private key of the node cannot be read.
    """
    if not node.tls:
        return None
    return Credentials(
        trusted=node.tls_ca,
        shown=node.tls_certificate.reveal() if node.tls_certificate else "",
        checks_name=node.tls_check_name,
    )


def web_config(node: Node) -> WebConfig:
    """What the endpoint has to know of the DICOMweb of a server.

    Raises:
        WrongKey: A secret of the node cannot be read.
    """
    abilities = node.abilities
    return WebConfig(
        url=node.dicomweb_url,
        finds=Ability.QIDO in abilities,
        retrieves=Ability.WADO in abilities,
        stores=Ability.STOW in abilities,
        find_prefix=node.qido_prefix,
        retrieve_prefix=node.wado_prefix,
        store_prefix=node.stow_prefix,
        authorization=node.authorization.reveal() if node.authorization else "",
        ca_bundle=node.dicomweb_ca,
        client_certificate=node.dicomweb_certificate.reveal() if node.dicomweb_certificate else "",
    )
