"""What an association is used for from our side: C-ECHO, C-FIND, C-GET, C-MOVE, C-STORE (PS3.7 9.1, PS3.4 A, B, C)."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from pydicom import Dataset

from adit.dicom.contexts import VERIFICATION
from adit.dicom.errors import BadData, Refused
from adit.dicom.identifier import decode, encode
from adit.dicom.refs import UID, BadUID, uid
from adit.dicom.status import SUCCESS, UNRECOGNIZED_OPERATION, Category, Service, category, describe
from adit.dicom.values import LATIN_1, text
from adit.dimse.association import Association
from adit.dimse.commands import Command, Operation, response
from adit.dimse.connection import Buffer, CommandArrived
from adit.dimse.errors import ConnectionBroken, ProtocolViolation
from adit.dimse.negotiation import AcceptedContext
from adit.dimse.receiving import Receiver, StoreRequest, taking

MOST_IDENTIFIER = 1 << 24
"""Bytes of an identifier that a peer may send."""

_MEDIUM = 0x0000
"""Priority (PS3.7 E.1)."""

DATA_FOLLOWS = 0x0000
"""Command Data Set Type: anything but 0101."""


class Outgoing(Protocol):
    """What `store` has to know of an instance."""

    @property
    def sop_class(self) -> UID: ...

    @property
    def sop_instance(self) -> UID: ...

    @property
    def transfer_syntax(self) -> UID: ...


@dataclass(frozen=True, slots=True)
class SubOperations:
    """One response to a retrieve request (PS3.4 C.4.3.1.4). Counters that the peer left out are None.

    Attributes:
        failed_instances: SOP Instance UIDs of (0008,0058); only the last response has them.
        comment: The peer's Error Comment (0000,0902).
    """

    status: int
    remaining: int | None
    completed: int | None
    failed: int | None
    warning: int | None
    failed_instances: tuple[UID, ...] = ()
    comment: str = ""

    @property
    def pending(self) -> bool:
        """More responses follow."""
        return category(self.status) is Category.PENDING


def echo(association: Association) -> None:
    """C-ECHO (PS3.7 9.1.5).

    Raises:
        Refused: The peer answered with anything but success.
        NoContext, or an error of the association.
    """
    context = association.context(VERIFICATION)
    message_id = association.next_message_id()
    association.send(
        context.id, Command(Operation.C_ECHO, message_id=message_id, affected_class=context.abstract_syntax)
    )
    arrived = _response(association, Operation.C_ECHO, message_id)
    if (status := status_of(association, arrived.command)) != SUCCESS:
        raise Refused(f"{association.name}: {describe(status, Service.ECHO)}", status=status)


def find(association: Association, model: UID, identifier: Dataset, *, fallback: str = LATIN_1) -> Iterator[Dataset]:
    """C-FIND (PS3.4 C.4.1): yield the identifiers of the pending responses as they arrive.

    Closing the iterator early aborts the association.

    Args:
        fallback: Defined term of the character set of answers that name none.

    Raises:
        Refused: The peer answered with a failure status, perhaps after some matches.
        BadData: An identifier cannot be encoded or parsed.
        NoContext, or an error of the association.
    """
    context = association.context(model)
    message_id = _ask(association, Operation.C_FIND, context, identifier)
    try:
        while True:
            arrived = _response(association, Operation.C_FIND, message_id)
            status = status_of(association, arrived.command)
            answer = _identifier(association, arrived)
            kind = category(status)
            if kind is Category.PENDING:
                if answer is not None:
                    yield decode(answer, context.transfer_syntax, fallback=fallback)
            elif kind in (Category.SUCCESS, Category.WARNING):
                return
            else:
                comment = f", {arrived.command.error_comment}" if arrived.command.error_comment else ""
                words = describe(status, Service.FIND)
                raise Refused(f"{association.name} answered the query: {words}{comment}", status=status)
    except GeneratorExit:
        # Peers honour C-CANCEL too rarely to rely on it; some only after 20 s.
        association.abort()
        raise


def get(
    association: Association, model: UID, identifier: Dataset, receive: Callable[[StoreRequest], Receiver]
) -> Generator[SubOperations | None, None, None]:
    """C-GET (PS3.4 C.4.3): hand each instance that arrives to a receiver, and yield each C-GET response.

    Receivers are called from within `next()`. Whenever one has got more, and when it has been
    answered for, None is yielded, for whoever wants to do something before the next comes. The
    last value has the final status, which may be a failure: what was received decides, and the
    caller holds it. Closing the iterator early aborts the association.

    Args:
        receive: Gives the receiver of an instance, or raises Refused with the status to answer.

    Raises:
        BadData: The identifier cannot be encoded or parsed.
        NoContext, or an error of the association.
    """
    context = association.context(model)
    message_id = _ask(association, Operation.C_GET, context, identifier)
    try:
        while True:
            arrived = association.read_command()
            if arrived is None:
                raise ConnectionBroken(f"{association.name} released the association in the middle of a retrieve")
            if arrived.command.field == Operation.C_STORE:
                yield from taking(association, arrived, receive)
                yield None
                continue
            if not arrived.command.is_response:
                refuse_operation(association, arrived)
                continue
            check_response(association, arrived.command, Operation.C_GET, message_id)
            progress = _sub_operations(association, arrived, context)
            yield progress
            if not progress.pending:
                return
    except GeneratorExit:
        association.abort()
        raise


def move(
    association: Association, model: UID, identifier: Dataset, destination: str, *, message_id: int | None = None
) -> Iterator[SubOperations]:
    """C-MOVE (PS3.4 C.4.2): have instances sent to *destination*, and yield each C-MOVE response.

    The last value has the final status, which may be a failure. Closing the iterator early
    aborts the association.

    Args:
        destination: AE title that the peer knows the address of.
        message_id: 1 to 65535; the peer repeats it to *destination* with each instance
            (PS3.7 9.1.1.1.6). Not used by another request that is open on the association.

    Raises:
        BadData: The identifier cannot be encoded or parsed.
        NoContext, or an error of the association.
    """
    context = association.context(model)
    message_id = _ask(
        association, Operation.C_MOVE, context, identifier, destination=destination, message_id=message_id
    )
    try:
        while True:
            arrived = _response(association, Operation.C_MOVE, message_id)
            progress = _sub_operations(association, arrived, context)
            yield progress
            if not progress.pending:
                return
    except GeneratorExit:
        association.abort()
        raise


def store(association: Association, request: Outgoing, chunks: Iterable[Buffer]) -> int:
    """C-STORE (PS3.4 B.2) one instance as it is encoded, and return the status that the peer answers.

    Args:
        chunks: The data set. A chunk may be invalid when the next is asked for.

    Raises:
        NoContext: No accepted context fits SOP class and transfer syntax; nothing was sent.
        An error of the association, or what *chunks* raises: the association is to be aborted.
    """
    context = association.context(request.sop_class, request.transfer_syntax)
    message_id = association.next_message_id()
    command = Command(
        Operation.C_STORE,
        DATA_FOLLOWS,
        message_id=message_id,
        affected_class=request.sop_class,
        affected_instance=request.sop_instance,
        priority=_MEDIUM,
    )
    association.send(context.id, command, chunks)
    arrived = _response(association, Operation.C_STORE, message_id)
    # Storage responses have no data set, but an attribute list in one would do no harm.
    if arrived.command.has_data_set:
        association.pass_over_data()
    return status_of(association, arrived.command)


def refuse_operation(association: Association, arrived: CommandArrived) -> None:
    """Answer a request that this side does not serve (PS3.7 C.5, 0211). C-CANCEL is passed over."""
    if arrived.command.has_data_set:
        association.pass_over_data()
    if not arrived.command.is_response and arrived.command.field != Operation.C_CANCEL:
        association.send(arrived.context_id, response(arrived.command, UNRECOGNIZED_OPERATION))


def _ask(
    association: Association,
    operation: Operation,
    context: AcceptedContext,
    identifier: Dataset,
    *,
    destination: str | None = None,
    message_id: int | None = None,
) -> int:
    message_id = message_id or association.next_message_id()
    command = Command(
        operation,
        DATA_FOLLOWS,
        message_id=message_id,
        affected_class=context.abstract_syntax,
        priority=_MEDIUM,
        move_destination=destination,
    )
    association.send(context.id, command, (encode(identifier, context.transfer_syntax),))
    return message_id


def _response(association: Association, operation: Operation, message_id: int) -> CommandArrived:
    arrived = association.read_command()
    if arrived is None:
        raise ConnectionBroken(f"{association.name} released the association instead of answering")
    check_response(association, arrived.command, operation, message_id)
    return arrived


def check_response(association: Association, command: Command, operation: Operation, message_id: int) -> None:
    """
    Raises:
        ProtocolViolation: It is not the response to *operation* with *message_id*.
    """
    if command.field != operation | 0x8000 or command.responded_id != message_id:
        raise ProtocolViolation(f"{association.name} answered something else than it was asked")


def status_of(association: Association, command: Command) -> int:
    """The status of a response.

    Raises:
        ProtocolViolation: It has none.
    """
    if command.status is None:
        raise ProtocolViolation(f"{association.name} answered without a status")
    return command.status


def _identifier(association: Association, arrived: CommandArrived) -> bytes | None:
    return association.read_small_data(MOST_IDENTIFIER) if arrived.command.has_data_set else None


def _sub_operations(association: Association, arrived: CommandArrived, context: AcceptedContext) -> SubOperations:
    command = arrived.command
    answer = _identifier(association, arrived)
    return SubOperations(
        status_of(association, command),
        command.remaining,
        command.completed,
        command.failed,
        command.warning,
        () if answer is None else tuple(_failed(answer, context.transfer_syntax)),
        command.error_comment or "",
    )


def _failed(answer: bytes, transfer_syntax: UID) -> Iterator[UID]:
    """The UIDs of Failed SOP Instance UID List (0008,0058). What is broken is left out: it is a hint only."""
    try:
        listed = text(decode(answer, transfer_syntax).get("FailedSOPInstanceUIDList"))
    except (BadData, ValueError):
        return
    for one in listed.split("\\"):
        try:
            yield uid(one)
        except BadUID:
            continue
