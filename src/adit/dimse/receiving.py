"""Taking one instance that a peer sends with C-STORE, as SCU of C-GET or as Storage SCP (PS3.7 9.1.1)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from adit.dicom.errors import DicomError, Refused
from adit.dicom.refs import UID, BadUID, uid
from adit.dimse.association import Association
from adit.dimse.commands import response
from adit.dimse.connection import CommandArrived
from adit.dimse.errors import ConnectionBroken

INVALID_INSTANCE = 0x0117
"""The SOP Instance UID is no UID (PS3.7 C.5)."""

MISSING_ATTRIBUTE = 0x0120


@dataclass(frozen=True, slots=True)
class StoreRequest:
    """What a C-STORE request says about the instance that follows.

    Attributes:
        transfer_syntax: Of the presentation context, hence of the data set.
        calling_ae_title: Of the peer where it called us, else empty.
        originator: AE title that asked for the C-MOVE which brings the instance, else empty.
        originator_id: Message ID of that C-MOVE.
        address: IP address of the peer where it called us, else empty.
    """

    sop_class: UID
    sop_instance: UID
    transfer_syntax: UID
    message_id: int = 0
    calling_ae_title: str = ""
    originator: str = ""
    originator_id: int | None = None
    address: str = ""


class Receiver(Protocol):
    """Takes the data set of one instance."""

    def write(self, data: memoryview, /) -> object:
        """Take the next bytes, which are valid during the call only. Blocking is back-pressure."""

    def finish(self) -> int:
        """The data set is complete. Return the C-STORE status to answer with."""

    def abort(self, error: DicomError, /) -> None:
        """The arrival broke off; neither `write` nor `finish` will be called again."""


def taking(
    association: Association, arrived: CommandArrived, receive: Callable[[StoreRequest], Receiver]
) -> Iterator[None]:
    """Take the instance that *arrived* announces, and answer. Yields whenever its receiver has got more of it.

    Whoever closes it early aborts the association.

    Args:
        receive: Gives the receiver, or raises Refused with the status that the peer shall get.

    Raises:
        DicomError: The arrival broke off, or the receiver wants it to; the association is
            to be aborted.
    """
    command = arrived.command
    context = association.accepted[arrived.context_id]
    status, receiver = MISSING_ATTRIBUTE, None
    try:
        request = StoreRequest(
            command.affected_class or context.abstract_syntax,
            uid(command.affected_instance or ""),
            context.transfer_syntax,
            command.message_id or 0,
            association.calling_ae_title,
            command.originator or "",
            command.originator_id,
            association.address,
        )
        if command.has_data_set:
            receiver = receive(request)
    except BadUID:
        status = INVALID_INSTANCE
    except Refused as refused:
        status = refused.status
    if receiver is not None:
        yield from _filling(association, receiver)
        status = receiver.finish()
    elif command.has_data_set:
        association.pass_over_data()
    association.send(arrived.context_id, response(command, status))


def _filling(association: Association, receiver: Receiver) -> Iterator[None]:
    try:
        for piece in association.pieces():
            receiver.write(piece)
            yield
    except DicomError as error:
        receiver.abort(error)
        raise
    except BaseException as error:
        receiver.abort(ConnectionBroken(f"receiving from {association.name} ended: {type(error).__name__}"))
        raise
