"""pynetdicom as a PACS that stores and gives storage commitment, in the way that it is told."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from pydicom import Dataset
from pynetdicom import AE, build_role, evt
from pynetdicom.sop_class import StorageCommitmentPushModel, StorageCommitmentPushModelInstance

from tests.peers.data import CT_IMAGE, EXPLICIT_LITTLE
from tests.peers.process import HOST, Entity, Peer

COMMITMENT = str(StorageCommitmentPushModel)


@dataclass(frozen=True)
class Promise:
    """How a PACS deals with requests for storage commitment.

    Attributes:
        status: Answer to the request.
        refuses_after: Requests after which it answers 0x0213 instead.
        to: Where it reports: None for the association of the request.
        silent: It does not report at all.
        fails: SOP Instance UID → Failure Reason, or None to leave the reason out.
        leaves_out: SOP Instance UIDs that the report does not name.
        times: How often it reports.
        transaction: Reported instead of the one that was asked with.
        event_type: Reported instead of 1 or 2.
        waits_for_end: It reports only when the association of the request is gone.
        takes_role: It proposes the role of an SCP, as the standard wants it.
    """

    status: int = 0
    refuses_after: int | None = None
    to: Entity | None = None
    silent: bool = False
    fails: Mapping[str, int | None] = field(default_factory=dict)
    leaves_out: frozenset[str] = frozenset()
    times: int = 1
    transaction: str = ""
    event_type: int | None = None
    waits_for_end: bool = False
    takes_role: bool = True


@dataclass
class CommittingPacs:
    """A running one.

    Attributes:
        promise: May be changed at any time.
        requests: Action Information of what it was asked for.
        answers: Statuses with which its reports were answered; None where nobody did.
        stored: Data sets by SOP Instance UID.
        most: Associations that were open at once.
    """

    peer: Peer
    promise: Promise
    requests: list[Dataset] = field(default_factory=list)
    answers: list[int | None] = field(default_factory=list)
    stored: dict[str, bytes] = field(default_factory=dict)
    ended: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def reset(self) -> None:
        """Begin anew."""
        self.finish()
        self.promise = Promise()
        for each in (self.requests, self.answers, self.stored, self._threads):
            each.clear()
        self.ended.clear()

    def finish(self) -> None:
        """Wait until everything is reported."""
        for thread in self._threads:
            thread.join(10)
            assert not thread.is_alive()

    def act(self, event: Any) -> tuple[int, None]:
        asked = event.action_information
        self.requests.append(asked)
        if self.promise.refuses_after is not None and len(self.requests) > self.promise.refuses_after:
            return 0x0213, None
        if not (self.promise.status or self.promise.silent):
            reporting = threading.Thread(target=self._report, args=(event.assoc, asked, self.promise), daemon=True)
            self._threads.append(reporting)
            reporting.start()
        return self.promise.status, None

    def store(self, event: Any) -> int:
        self.stored[str(event.request.AffectedSOPInstanceUID)] = event.request.DataSet.getvalue()
        return 0

    def _report(self, association: Any, asked: Dataset, promise: Promise) -> None:
        told, kind = _information(asked, promise)
        if promise.to is None:
            self._send(association, told, kind, promise)
            return
        if promise.waits_for_end:
            assert self.ended.wait(10)
        entity = AE(self.peer.ae_title)
        entity.add_requested_context(COMMITMENT)
        roles = [build_role(COMMITMENT, scp_role=True)] if promise.takes_role else []
        calling = entity.associate(promise.to.host, promise.to.port, ae_title=promise.to.ae_title, ext_neg=roles)
        if not calling.is_established:
            self.answers.append(None)
            return
        self._send(calling, told, kind, promise)
        calling.release()

    def _send(self, association: Any, told: Dataset, kind: int, promise: Promise) -> None:
        for number in range(promise.times):
            if not association.is_established:
                self.answers.append(None)
                return
            answer, _ = association.send_n_event_report(
                told, kind, COMMITMENT, StorageCommitmentPushModelInstance, msg_id=number + 1
            )
            self.answers.append(answer.get("Status"))


def _information(asked: Dataset, promise: Promise) -> tuple[Dataset, int]:
    told = Dataset()
    told.TransactionUID = promise.transaction or asked.TransactionUID
    references = [
        each for each in asked.ReferencedSOPSequence if each.ReferencedSOPInstanceUID not in promise.leaves_out
    ]
    failed = [each for each in references if each.ReferencedSOPInstanceUID in promise.fails]
    for each in failed:
        if (reason := promise.fails[each.ReferencedSOPInstanceUID]) is not None:
            each.FailureReason = reason
    told.ReferencedSOPSequence = [each for each in references if each not in failed]
    if failed:
        told.FailedSOPSequence = failed
    return told, promise.event_type or (2 if failed else 1)


@contextmanager
def committing(promise: Promise = Promise(), *, ae_title: str = "COMMITTING") -> Iterator[CommittingPacs]:
    """Run one while the block runs."""
    entity = AE(ae_title)
    entity.add_supported_context(COMMITMENT)
    entity.add_supported_context(CT_IMAGE, EXPLICIT_LITTLE)
    entity.add_supported_context("1.2.840.10008.1.1")
    pacs = CommittingPacs(Peer(ae_title, HOST, 0), promise)
    handlers = [
        (evt.EVT_N_ACTION, pacs.act),
        (evt.EVT_C_STORE, pacs.store),
        (evt.EVT_RELEASED, lambda _: pacs.ended.set()),
    ]
    server = entity.start_server((HOST, 0), block=False, evt_handlers=handlers)
    pacs.peer = Peer(ae_title, HOST, server.server_address[1])
    try:
        yield pacs
        pacs.finish()
    finally:
        server.shutdown()
