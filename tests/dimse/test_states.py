"""The state table against PS3.8 table 9-10."""

import pytest

from adit.dicom.contexts import EXPLICIT, PresentationContext
from adit.dimse import commands, pdu
from adit.dimse.connection import Connection
from adit.dimse.errors import ProtocolViolation
from adit.dimse.negotiation import answer, propose
from adit.dimse.pdu import Abort, AssociateReject, ReleaseReply, ReleaseRequest
from adit.dimse.states import TABLE, Action, Event, State, WrongState, step
from tests.dimse.ends import CT, ECHO, associated, data_pdu, feed

# Rows of PS3.8 table 9-10: event number, then action and next state of each state that has an entry.
AA8 = "AA-8 13"
ROWS = {
    1: {1: "AE-1 4"},
    2: {4: "AE-2 5"},
    3: {2: "AA-1 13", 3: AA8, 5: "AE-3 6", **dict.fromkeys(range(6, 13), AA8), 13: "AA-6 13"},
    4: {2: "AA-1 13", 3: AA8, 5: "AE-4 1", **dict.fromkeys(range(6, 13), AA8), 13: "AA-6 13"},
    5: {1: "AE-5 2"},
    6: {2: "AE-6 3", 3: AA8, 5: AA8, **dict.fromkeys(range(6, 13), AA8), 13: "AA-7 13"},
    7: {3: "AE-7 6"},
    8: {3: "AE-8 13"},
    9: {6: "DT-1 6", 8: "AR-7 8"},
    10: {2: "AA-1 13", 3: AA8, 5: AA8, 6: "DT-2 6", 7: "AR-6 7", **dict.fromkeys(range(8, 13), AA8), 13: "AA-6 13"},
    11: {6: "AR-1 7"},
    12: {2: "AA-1 13", 3: AA8, 5: AA8, 6: "AR-2 8", 7: "AR-8 9", **dict.fromkeys(range(8, 13), AA8), 13: "AA-6 13"},
    13: {
        2: "AA-1 13",
        **dict.fromkeys((3, 5, 6, 8, 9, 12), AA8),
        7: "AR-3 1",
        10: "AR-10 12",
        11: "AR-3 1",
        13: "AA-6 13",
    },
    14: {8: "AR-4 13", 9: "AR-9 11", 12: "AR-4 13"},
    15: {3: "AA-1 13", 4: "AA-2 1", **dict.fromkeys(range(5, 13), "AA-1 13")},
    16: {2: "AA-2 1", 3: "AA-3 1", **dict.fromkeys(range(5, 13), "AA-3 1"), 13: "AA-2 1"},
    17: {2: "AA-5 1", **dict.fromkeys(range(3, 13), "AA-4 1"), 13: "AR-5 1"},
    18: {2: "AA-2 1", 13: "AA-2 1"},
    19: {2: "AA-1 13", 3: AA8, **dict.fromkeys(range(5, 13), AA8), 13: "AA-7 13"},
}


class TestTheStateTable:
    def test_is_that_of_the_standard(self):
        ours = {
            (event.value, state.value): f"{action.name.replace('_', '-')} {following.value}"
            for (event, state), (action, following) in TABLE.items()
        }

        assert ours == {(event, state): entry for event, row in ROWS.items() for state, entry in row.items()}

    def test_leads_the_acceptor_of_a_release_collision_elsewhere(self):
        collision = (Event.RELEASE_RQ, State.AWAITING_RELEASE_REPLY)

        assert step(*collision, requestor=True) == (Action.AR_8, State.COLLISION_REQUESTOR_LOCAL)
        assert step(*collision, requestor=False) == (Action.AR_8, State.COLLISION_ACCEPTOR_REMOTE)

    def test_has_no_release_before_there_is_an_association(self):
        with pytest.raises(WrongState, match="RELEASE is not possible in state AWAITING_ANSWER"):
            step(Event.RELEASE, State.AWAITING_ANSWER, requestor=True)

    @pytest.mark.parametrize("event", Event)
    @pytest.mark.parametrize("state", State)
    def test_has_an_action_or_an_error_for_every_cell(self, event, state):
        expected = ROWS[event].get(state)
        if expected is None:
            with pytest.raises(WrongState, match=f"{event.name} is not possible in state {state.name}"):
                step(event, state, requestor=True)
        else:
            action, following = step(event, state, requestor=True)
            assert f"{action.name.replace('_', '-')} {following.value}" == expected


def acceptor_with_a_request():
    acceptor = Connection(requestor=False, max_pdu=16384, buffer=1 << 18)
    feed(acceptor, PDUS[Event.ASSOCIATE_RQ])
    return acceptor


def waiting_requestor():
    requestor = Connection(requestor=True, max_pdu=16384, buffer=1 << 18)
    requestor.request(REQUEST)
    return requestor


def colliding(*, requestor):
    connection = associated()[0 if requestor else 1]
    connection.release()
    feed(connection, PDUS[Event.RELEASE_RQ])
    return connection


def released_by_us():
    requestor, _ = associated()
    requestor.release()
    return requestor


def released_by_the_peer():
    _, acceptor = associated()
    feed(acceptor, PDUS[Event.RELEASE_RQ])
    return acceptor


def collision_answered():
    requestor = colliding(requestor=True)
    requestor.answer_release()
    return requestor


def collision_answered_by_the_peer():
    acceptor = colliding(requestor=False)
    feed(acceptor, PDUS[Event.RELEASE_RP])
    return acceptor


REQUEST = propose("B", "A", [PresentationContext(1, CT, (EXPLICIT,))], 16384)
PDUS = {
    Event.ASSOCIATE_AC: pdu.encode(answer(REQUEST, lambda p: p.transfer_syntaxes[0], 16384)),
    Event.ASSOCIATE_RJ: pdu.encode(AssociateReject(1, 1, 1)),
    Event.ASSOCIATE_RQ: pdu.encode(REQUEST),
    Event.DATA: data_pdu(1, 3, commands.encode(ECHO)),
    Event.RELEASE_RQ: pdu.encode(ReleaseRequest()),
    Event.RELEASE_RP: pdu.encode(ReleaseReply()),
    Event.ABORT_PDU: pdu.encode(Abort(0, 0)),
    Event.BAD_PDU: b"\x63\0\0\0\0\0",
}
STATES = {
    State.AWAITING_REQUEST: lambda: Connection(requestor=False, max_pdu=16384, buffer=1 << 18),
    State.AWAITING_LOCAL_ANSWER: acceptor_with_a_request,
    State.AWAITING_ANSWER: waiting_requestor,
    State.ESTABLISHED: lambda: associated()[0],
    State.AWAITING_RELEASE_REPLY: released_by_us,
    State.AWAITING_LOCAL_RELEASE: released_by_the_peer,
    State.COLLISION_REQUESTOR_LOCAL: lambda: colliding(requestor=True),
    State.COLLISION_ACCEPTOR_REMOTE: lambda: colliding(requestor=False),
    State.COLLISION_REQUESTOR_REMOTE: collision_answered,
    State.COLLISION_ACCEPTOR_LOCAL: collision_answered_by_the_peer,
}


class TestAConnection:
    @pytest.mark.parametrize("state", STATES)
    @pytest.mark.parametrize("event", PDUS)
    def test_does_what_the_table_says(self, event, state):
        connection = STATES[state]()
        assert connection.state is state
        connection.take()
        action, following = TABLE[event, state]

        if action in (Action.AA_1, Action.AA_8):
            with pytest.raises(ProtocolViolation):
                feed(connection, PDUS[event])
            assert connection.take()[:1] == b"\7"
        else:
            feed(connection, PDUS[event])
            assert connection.take() == b""
        assert connection.state is following

    @pytest.mark.parametrize("state", STATES)
    def test_is_idle_when_the_transport_is_gone(self, state):
        connection = STATES[state]()

        connection.closed()

        assert connection.state is State.IDLE

    @pytest.mark.parametrize("state", set(STATES) - {State.AWAITING_REQUEST})
    def test_is_aborted_in_any_state(self, state):
        connection = STATES[state]()
        connection.take()

        connection.abort()

        assert connection.state is State.AWAITING_CLOSE
        assert connection.take() == pdu.encode(Abort(0, 0))
