"""The state machine of the upper layer as a table (PS3.8 9.2, tables 9-6 to 9-10)."""

from __future__ import annotations

from enum import Enum, IntEnum


class State(IntEnum):
    """States of PS3.8 table 9-10, by their numbers there."""

    IDLE = 1
    AWAITING_REQUEST = 2
    AWAITING_LOCAL_ANSWER = 3
    CONNECTING = 4
    AWAITING_ANSWER = 5
    ESTABLISHED = 6
    AWAITING_RELEASE_REPLY = 7
    AWAITING_LOCAL_RELEASE = 8
    COLLISION_REQUESTOR_LOCAL = 9
    """Release collision: the requestor's own reply is due."""
    COLLISION_ACCEPTOR_REMOTE = 10
    """Release collision: the acceptor awaits the requestor's reply."""
    COLLISION_REQUESTOR_REMOTE = 11
    COLLISION_ACCEPTOR_LOCAL = 12
    AWAITING_CLOSE = 13


class Event(IntEnum):
    """Events of PS3.8 table 9-10, by their numbers there."""

    ASSOCIATE_REQUEST = 1
    CONNECTED = 2
    ASSOCIATE_AC = 3
    ASSOCIATE_RJ = 4
    CONNECTION_TAKEN = 5
    ASSOCIATE_RQ = 6
    ACCEPT = 7
    REJECT = 8
    SEND_DATA = 9
    DATA = 10
    RELEASE = 11
    RELEASE_RQ = 12
    RELEASE_RP = 13
    ANSWER_RELEASE = 14
    ABORT = 15
    ABORT_PDU = 16
    CLOSED = 17
    TIMER_EXPIRED = 18
    BAD_PDU = 19


class Action(Enum):
    """Actions of PS3.8 tables 9-6 to 9-9, by their names there."""

    AE_1 = "connect"
    AE_2 = "send A-ASSOCIATE-RQ"
    AE_3 = "indicate acceptance"
    AE_4 = "indicate rejection, close"
    AE_5 = "start ARTIM"
    AE_6 = "indicate the request, or reject its protocol version"
    AE_7 = "send A-ASSOCIATE-AC"
    AE_8 = "send A-ASSOCIATE-RJ"
    DT_1 = "send P-DATA-TF"
    DT_2 = "indicate data"
    AR_1 = "send A-RELEASE-RQ"
    AR_2 = "indicate release"
    AR_3 = "confirm release, close"
    AR_4 = "send A-RELEASE-RP, await the close"
    AR_5 = "stop ARTIM"
    AR_6 = "indicate data that still comes"
    AR_7 = "send P-DATA-TF before the release is answered"
    AR_8 = "indicate release, collision"
    AR_9 = "send A-RELEASE-RP in a collision"
    AR_10 = "confirm release in a collision"
    AA_1 = "send A-ABORT as user"
    AA_2 = "close"
    AA_3 = "indicate abort, close"
    AA_4 = "indicate that the connection broke"
    AA_5 = "stop ARTIM, nothing was begun"
    AA_6 = "ignore"
    AA_7 = "send A-ABORT once more"
    AA_8 = "send A-ABORT as provider, indicate it"


_S, _E, _A = State, Event, Action
_ASSOCIATED = (
    _S.ESTABLISHED,
    _S.AWAITING_RELEASE_REPLY,
    _S.AWAITING_LOCAL_RELEASE,
    _S.COLLISION_REQUESTOR_LOCAL,
    _S.COLLISION_ACCEPTOR_REMOTE,
    _S.COLLISION_REQUESTOR_REMOTE,
    _S.COLLISION_ACCEPTOR_LOCAL,
)
_OPEN = (_S.AWAITING_LOCAL_ANSWER, _S.AWAITING_ANSWER, *_ASSOCIATED)
_PDUS = (_E.ASSOCIATE_AC, _E.ASSOCIATE_RJ, _E.ASSOCIATE_RQ, _E.DATA, _E.RELEASE_RQ, _E.RELEASE_RP, _E.BAD_PDU)


def _table() -> dict[tuple[Event, State], tuple[Action, State]]:
    # What goes for whole rows and columns first; what is special overwrites it.
    rules: dict[tuple[Event, State], tuple[Action, State]] = {}
    for event in _PDUS:
        rules[event, _S.AWAITING_REQUEST] = (_A.AA_1, _S.AWAITING_CLOSE)
        rules[event, _S.AWAITING_CLOSE] = (_A.AA_6, _S.AWAITING_CLOSE)
        for state in _OPEN:
            rules[event, state] = (_A.AA_8, _S.AWAITING_CLOSE)
    for state in _OPEN:
        rules[_E.ABORT, state] = (_A.AA_1, _S.AWAITING_CLOSE)
        rules[_E.ABORT_PDU, state] = (_A.AA_3, _S.IDLE)
        rules[_E.CLOSED, state] = (_A.AA_4, _S.IDLE)
    rules |= {
        (_E.ASSOCIATE_REQUEST, _S.IDLE): (_A.AE_1, _S.CONNECTING),
        (_E.CONNECTED, _S.CONNECTING): (_A.AE_2, _S.AWAITING_ANSWER),
        (_E.ASSOCIATE_AC, _S.AWAITING_ANSWER): (_A.AE_3, _S.ESTABLISHED),
        (_E.ASSOCIATE_RJ, _S.AWAITING_ANSWER): (_A.AE_4, _S.IDLE),
        (_E.CONNECTION_TAKEN, _S.IDLE): (_A.AE_5, _S.AWAITING_REQUEST),
        (_E.ASSOCIATE_RQ, _S.AWAITING_REQUEST): (_A.AE_6, _S.AWAITING_LOCAL_ANSWER),
        (_E.ASSOCIATE_RQ, _S.AWAITING_CLOSE): (_A.AA_7, _S.AWAITING_CLOSE),
        (_E.ACCEPT, _S.AWAITING_LOCAL_ANSWER): (_A.AE_7, _S.ESTABLISHED),
        (_E.REJECT, _S.AWAITING_LOCAL_ANSWER): (_A.AE_8, _S.AWAITING_CLOSE),
        (_E.SEND_DATA, _S.ESTABLISHED): (_A.DT_1, _S.ESTABLISHED),
        (_E.SEND_DATA, _S.AWAITING_LOCAL_RELEASE): (_A.AR_7, _S.AWAITING_LOCAL_RELEASE),
        (_E.DATA, _S.ESTABLISHED): (_A.DT_2, _S.ESTABLISHED),
        (_E.DATA, _S.AWAITING_RELEASE_REPLY): (_A.AR_6, _S.AWAITING_RELEASE_REPLY),
        (_E.RELEASE, _S.ESTABLISHED): (_A.AR_1, _S.AWAITING_RELEASE_REPLY),
        (_E.RELEASE_RQ, _S.ESTABLISHED): (_A.AR_2, _S.AWAITING_LOCAL_RELEASE),
        # To COLLISION_ACCEPTOR_REMOTE where we are the acceptor.
        (_E.RELEASE_RQ, _S.AWAITING_RELEASE_REPLY): (_A.AR_8, _S.COLLISION_REQUESTOR_LOCAL),
        (_E.RELEASE_RP, _S.AWAITING_RELEASE_REPLY): (_A.AR_3, _S.IDLE),
        (_E.RELEASE_RP, _S.COLLISION_ACCEPTOR_REMOTE): (_A.AR_10, _S.COLLISION_ACCEPTOR_LOCAL),
        (_E.RELEASE_RP, _S.COLLISION_REQUESTOR_REMOTE): (_A.AR_3, _S.IDLE),
        (_E.ANSWER_RELEASE, _S.AWAITING_LOCAL_RELEASE): (_A.AR_4, _S.AWAITING_CLOSE),
        (_E.ANSWER_RELEASE, _S.COLLISION_REQUESTOR_LOCAL): (_A.AR_9, _S.COLLISION_REQUESTOR_REMOTE),
        (_E.ANSWER_RELEASE, _S.COLLISION_ACCEPTOR_LOCAL): (_A.AR_4, _S.AWAITING_CLOSE),
        (_E.ABORT, _S.CONNECTING): (_A.AA_2, _S.IDLE),
        (_E.ABORT_PDU, _S.AWAITING_REQUEST): (_A.AA_2, _S.IDLE),
        (_E.ABORT_PDU, _S.AWAITING_CLOSE): (_A.AA_2, _S.IDLE),
        (_E.CLOSED, _S.AWAITING_REQUEST): (_A.AA_5, _S.IDLE),
        (_E.CLOSED, _S.CONNECTING): (_A.AA_4, _S.IDLE),
        (_E.CLOSED, _S.AWAITING_CLOSE): (_A.AR_5, _S.IDLE),
        (_E.TIMER_EXPIRED, _S.AWAITING_REQUEST): (_A.AA_2, _S.IDLE),
        (_E.TIMER_EXPIRED, _S.AWAITING_CLOSE): (_A.AA_2, _S.IDLE),
        (_E.BAD_PDU, _S.AWAITING_CLOSE): (_A.AA_7, _S.AWAITING_CLOSE),
    }
    return rules


TABLE = _table()
"""(event, state) to (action, next state). What is absent cannot happen, or is a mistake of ours."""


class WrongState(RuntimeError):
    """The caller asked for something that the state of the association does not allow."""


def step(event: Event, state: State, *, requestor: bool) -> tuple[Action, State]:
    """Action and next state for *event* in *state*.

    Raises:
        WrongState: The table has no such entry.
    """
    try:
        action, following = TABLE[event, state]
    except KeyError:
        raise WrongState(f"{event.name} is not possible in state {state.name}") from None
    if action is Action.AR_8 and not requestor:
        following = State.COLLISION_ACCEPTOR_REMOTE
    return action, following
