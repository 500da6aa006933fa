"""The state table against PS3.8 table 9-10."""

import pytest

from adit.dimse.states import TABLE, Action, Event, State, WrongState, step

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
