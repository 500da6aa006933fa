"""Both ends of an association in memory, and what they say to each other."""

from adit.dicom.contexts import EXPLICIT, PresentationContext
from adit.dicom.refs import UID
from adit.dimse import pdu
from adit.dimse.commands import Command, Operation
from adit.dimse.connection import Connection, DataArrived
from adit.dimse.negotiation import answer, propose
from adit.dimse.pdu import AssociateAccept, AssociateRequest

CT = UID("1.2.840.10008.5.1.4.1.1.2")
STORE = Command(Operation.C_STORE, 0, message_id=1, affected_class=CT, affected_instance=UID("1.2.3"), priority=0)
ECHO = Command(Operation.C_ECHO, message_id=1, affected_class=CT)


def feed(connection, data, *, piece=1 << 20):
    """Events that *data* causes, in pieces as they may come from a socket; data views as bytes."""
    events = []
    view = memoryview(data)
    while view:
        space = connection.space()
        assert space, "there is always room for what comes next"
        size = min(len(space), len(view), piece)
        space[:size] = view[:size]
        view = view[size:]
        connection.received(size)
        while (event := connection.next_event()) is not None:
            events.append(DataArrived(bytes(event.data), event.last) if isinstance(event, DataArrived) else event)
    return events


def associated(*, max_pdu=16384, peer_max=16384):
    """Both ends of an established association with context 1."""
    requestor = Connection(requestor=True, max_pdu=peer_max, buffer=1 << 18)
    acceptor = Connection(requestor=False, max_pdu=max_pdu, buffer=1 << 18)
    requestor.request(propose("B", "A", [PresentationContext(1, CT, (EXPLICIT,))], peer_max))
    [request] = feed(acceptor, requestor.take())
    acceptor.accept(answer(request, lambda p: p.transfer_syntaxes[0], max_pdu))
    [accept] = feed(requestor, acceptor.take())
    assert isinstance(request, AssociateRequest)
    assert isinstance(accept, AssociateAccept)
    return requestor, acceptor


def encoded(connection, command, chunks=()):
    return b"".join(bytes(buffer) for buffers in connection.message(1, command, chunks) for buffer in buffers)


def data_pdu(context_id, control, payload):
    return pdu.DATA_HEADER.pack(4, len(payload) + 6, len(payload) + 2, context_id, control) + payload
