"""Storage commitment by normalized services: N-ACTION asks, N-EVENT-REPORT reports (PS3.7 10.1, PS3.4 J.3)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from adit.dicom.commitment import EVENTS, PUSH_MODEL_INSTANCE, REQUEST, Report, commitment_request, read_report
from adit.dicom.contexts import STORAGE_COMMITMENT
from adit.dicom.errors import BadData, Refused
from adit.dicom.identifier import decode, encode
from adit.dicom.refs import UID
from adit.dicom.status import NO_SUCH_EVENT, PROCESSING_FAILURE, SUCCESS, Category, Service, category, describe
from adit.dimse.association import Association
from adit.dimse.commands import Command, Operation, response
from adit.dimse.connection import CommandArrived
from adit.dimse.errors import ConnectionBroken, IdleTimedOut
from adit.dimse.receiving import MISSING_ATTRIBUTE
from adit.dimse.scu import DATA_FOLLOWS, MOST_IDENTIFIER, check_response, refuse_operation, status_of

log = logging.getLogger(__name__)

Told = Callable[[Report], bool]
"""Gets a report and says whether somebody waits for it; raises Refused where it cannot be kept."""


def commit(association: Association, transaction: UID, instances: Mapping[UID, UID], told: Told) -> None:
    """Ask the peer to take responsibility for *instances*. When this returns it has promised a report.

    Args:
        transaction: Of this request only; the report has it too.
        instances: SOP Instance UID → SOP Class UID.
        told: Gets what the peer reports before it answers.

    Raises:
        Refused: The peer will not report.
        BadData: A UID cannot be encoded.
        NoContext, or an error of the association.
    """
    context = association.context(STORAGE_COMMITMENT)
    message_id = association.next_message_id()
    command = Command(
        Operation.N_ACTION,
        DATA_FOLLOWS,
        message_id=message_id,
        requested_class=STORAGE_COMMITMENT,
        requested_instance=PUSH_MODEL_INSTANCE,
        action_type=REQUEST,
    )
    information = encode(commitment_request(transaction, instances), context.transfer_syntax)
    association.send(context.id, command, (information,))
    while not (arrived := _next_command(association)).command.is_response:
        _serve(association, arrived, told)
    check_response(association, arrived.command, Operation.N_ACTION, message_id)
    if arrived.command.has_data_set:
        association.pass_over_data()
    status = status_of(association, arrived.command)
    if category(status) not in (Category.SUCCESS, Category.WARNING):
        raise Refused(f"{association.name}: {describe(status, Service.COMMIT)}", status=status)


def listen(association: Association, seconds: float, told: Told) -> None:
    """Serve at most one request of the peer, which has *seconds* to begin with it.

    Raises:
        ConnectionBroken: The peer released the association; or another error of the association.
    """
    usual = association.idle_timeout
    association.idle_timeout = seconds
    try:
        arrived = _next_command(association)
    except IdleTimedOut:
        return
    finally:
        association.idle_timeout = usual
    _serve(association, arrived, told)


def take_report(association: Association, arrived: CommandArrived, told: Told) -> None:
    """Take the report that *arrived* announces, and answer it.

    What nobody waits for is answered with success too: it may come late, or twice.

    Raises:
        DicomError: It broke off; the association is to be aborted.
    """
    command, context = arrived.command, association.accepted[arrived.context_id]
    status = MISSING_ATTRIBUTE
    if command.has_data_set:
        encoded = association.read_small_data(MOST_IDENTIFIER)
        status = NO_SUCH_EVENT
        if command.event_type in EVENTS:
            status = _told(association, encoded, context.transfer_syntax, told)
    association.send(arrived.context_id, response(command, status))


def _told(association: Association, encoded: bytes, transfer_syntax: UID, told: Told) -> int:
    try:
        if not told(read_report(decode(encoded, transfer_syntax))):
            log.warning("nobody waits for what %s reports on a storage commitment", association.name)
    except BadData:
        return PROCESSING_FAILURE
    except Refused as refused:
        return refused.status
    return SUCCESS


def _serve(association: Association, arrived: CommandArrived, told: Told) -> None:
    if arrived.command.field == Operation.N_EVENT_REPORT:
        take_report(association, arrived, told)
    else:
        refuse_operation(association, arrived)


def _next_command(association: Association) -> CommandArrived:
    arrived = association.read_command()
    if arrived is None:
        raise ConnectionBroken(f"{association.name} released the association instead of reporting")
    return arrived
