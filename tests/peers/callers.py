"""pynetdicom as a caller: says in detail what a peer sent."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pydicom.uid
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pynetdicom import AE, build_role, evt
from pynetdicom.pdu import A_ASSOCIATE_RJ

from tests.peers.data import CT_IMAGE, EXPLICIT_LITTLE, File
from tests.peers.process import Entity
from tests.peers.wire import decode_data

STUDY_ROOT_FIND = "1.2.840.10008.5.1.4.1.2.2.1"
STUDY_ROOT_GET = "1.2.840.10008.5.1.4.1.2.2.3"


@dataclass
class Heard:
    """What came back from one association.

    Attributes:
        received: SOP Instance UIDs in order, from the data sets.
        announced: The same from the command sets.
        statuses: Of every response; None where the peer fell silent or left.
        answers: Identifiers of responses.
        completed: Number of Completed Suboperations of the final response.
    """

    established: bool = False
    rejection: tuple[int | None, int | None, int | None] = (None, None, None)
    received: list[str] = field(default_factory=list)
    announced: list[str] = field(default_factory=list)
    statuses: list[int | None] = field(default_factory=list)
    answers: list[Dataset] = field(default_factory=list)
    completed: int | None = None

    @property
    def final(self) -> int | None:
        """The last status."""
        return self.statuses[-1] if self.statuses else None


def find(peer: Entity, level: str, **keys: str) -> Heard:
    """C-FIND in the study root; empty keys are return keys."""
    identifier = Dataset()
    identifier.SpecificCharacterSet = "ISO_IR 192"
    identifier.QueryRetrieveLevel = level
    for keyword, value in keys.items():
        setattr(identifier, keyword, value)
    entity = _entity()
    entity.add_requested_context(STUDY_ROOT_FIND)
    heard = Heard()
    association = entity.associate(peer.host, peer.port, ae_title=peer.ae_title)
    heard.established = association.is_established
    if association.is_established:
        for status, answer in association.send_c_find(identifier, STUDY_ROOT_FIND):
            heard.statuses.append(status.get("Status"))
            if answer is not None:
                heard.answers.append(answer)
        association.release()
    return heard


def retrieve(
    peer: Entity,
    study: str,
    *,
    level: str = "STUDY",
    classes: Sequence[str] = (CT_IMAGE,),
    on_each: Callable[[], None] = lambda: None,
    **keys: str,
) -> Heard:
    """C-GET in the study root, Explicit VR Little Endian.

    Args:
        on_each: Called before each instance is answered for.
    """
    identifier = Dataset()
    identifier.QueryRetrieveLevel = level
    identifier.StudyInstanceUID = study
    for keyword, value in keys.items():
        setattr(identifier, keyword, value)
    heard = Heard()

    def keep(event: evt.Event) -> int:
        request: Any = event.request
        heard.announced.append(str(request.AffectedSOPInstanceUID))
        data = decode_data(request.DataSet.getvalue(), event.context.transfer_syntax)
        heard.received.append(str(data.SOPInstanceUID))
        on_each()
        return 0

    entity = _entity()
    entity.add_requested_context(STUDY_ROOT_GET)
    for each in classes:
        entity.add_requested_context(each, EXPLICIT_LITTLE)
    handlers: list[Any] = [(evt.EVT_C_STORE, keep)]
    roles: list[Any] = [build_role(each, scp_role=True) for each in classes]
    association = entity.associate(
        peer.host, peer.port, ae_title=peer.ae_title, ext_neg=roles, evt_handlers=handlers
    )  # fmt: skip
    heard.established = association.is_established
    if association.is_established:
        for status, answer in association.send_c_get(identifier, STUDY_ROOT_GET):
            heard.statuses.append(status.get("Status"))
            heard.completed = status.get("NumberOfCompletedSuboperations")
            if answer is not None:
                heard.answers.append(answer)
        association.release()
    return heard


def store(peer: Entity, files: Sequence[File]) -> Heard:
    """C-STORE of *files* over one association, on after a failure."""
    heard = Heard()
    entity = _entity()
    for sop_class, syntax in sorted({(file.sop_class, file.transfer_syntax) for file in files}):
        entity.add_requested_context(sop_class, syntax)

    def note(event: evt.Event) -> None:
        if isinstance(event.pdu, A_ASSOCIATE_RJ):
            heard.rejection = (event.pdu.result, event.pdu.source, event.pdu.reason_diagnostic)

    handlers: list[Any] = [(evt.EVT_PDU_RECV, note)]
    association = entity.associate(peer.host, peer.port, ae_title=peer.ae_title, evt_handlers=handlers)
    heard.established = association.is_established
    for file in files:
        if not association.is_established:
            break
        data = decode_data(file.encoded, file.transfer_syntax)
        data.file_meta = _meta(file)
        try:
            answer = association.send_c_store(data)
        except ValueError:  # no context for it was accepted
            heard.statuses.append(None)
            continue
        heard.statuses.append(answer.get("Status"))
        if "Status" not in answer:  # silent, or gone
            break
    if association.is_established:
        association.release()
    return heard


def _meta(file: File) -> FileMetaDataset:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = pydicom.uid.UID(file.transfer_syntax)
    return meta


def _entity() -> AE:
    entity = AE("CALLER")
    entity.maximum_pdu_size = 1 << 17
    entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = 10
    return entity
