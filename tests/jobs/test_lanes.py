from dataclasses import replace
from datetime import UTC, datetime

from adit.jobs.lanes import Lane, Reach, Room, in_order, obstacle, spare, startable
from adit.nodes.windows import Windows

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
NIGHTLY = Windows.from_json({"zone": "UTC", "open": [{"days": ["tue"], "from": "18:00", "until": "06:00"}]})
LANE = Lane(priority=40, interactive=True, owner=1, source=1, destination=2, oldest=10, waiting=1)
BATCH = replace(LANE, priority=20, interactive=False)
A = Room(1, "PACS A", True, "", None, False, most=3, free=3, free_for_batch=2, reach=Reach.ANY)
B = replace(A, node=2, name="PACS B")
FOLDER = replace(B, most=None, free=0, free_for_batch=0)


def rooms(a=A, b=B):
    return {1: a, 2: b}


def hindered(lane, a=A, b=B):
    found = obstacle(lane, rooms(a, b), NOON, {})
    return found.sentence if found else None


class TestTheQueue:
    def test_serves_priority_first_then_the_owner_with_fewest_running_then_age(self):
        urgent = replace(LANE, priority=80, oldest=90)
        busy = replace(LANE, owner=1, oldest=1)
        idle_old, idle_new = replace(LANE, owner=2, oldest=5), replace(LANE, owner=3, oldest=6)

        assert in_order([idle_new, busy, idle_old, urgent], {1: 2}) == [urgent, idle_old, idle_new, busy]

    def test_passes_over_who_cannot_start(self):
        other = replace(LANE, source=3)
        full = replace(A, node=3, free=0, free_for_batch=0)

        assert list(startable([other, LANE], {**rooms(), 3: full}, NOON, {})) == [LANE]


class TestATaskWaits:
    def test_for_nothing_when_there_is_room(self):
        assert hindered(LANE) is None
        assert hindered(LANE, b=FOLDER) is None

    def test_for_a_place_at_either_node(self):
        assert hindered(LANE, a=replace(A, free=0, free_for_batch=0)) == "3 of 3 places of PACS A taken"
        assert hindered(LANE, b=replace(B, free=0, free_for_batch=0)) == "3 of 3 places of PACS B taken"

    def test_for_all_but_one_place_when_nobody_is_waiting_for_it(self):
        last = replace(A, free=1, free_for_batch=0)

        assert hindered(LANE, a=last) is None
        assert hindered(BATCH, a=last) == "2 of 2 places of PACS A taken"

    def test_for_the_window_when_it_is_no_interactive_work(self):
        closed = replace(A, windows=NIGHTLY)

        assert hindered(BATCH, a=closed) == "waits for PACS A's window, opens 18:00"
        assert hindered(LANE, a=closed) is None
        assert hindered(LANE, a=replace(closed, hold_all=True)) == "waits for PACS A's window, opens 18:00"

    def test_while_a_node_is_suspended_or_switched_off(self):
        assert hindered(LANE, a=replace(A, suspended="upgrade")) == "waits while PACS A is suspended: upgrade"
        assert hindered(LANE, b=replace(B, enabled=False)) == "waits until PACS B is enabled again"

    def test_for_ever_when_it_moves_within_one_node_that_allows_one_association(self):
        one = replace(A, most=1, free=1, free_for_batch=1)

        assert hindered(replace(LANE, destination=1), a=one) == "needs 2 associations with PACS A, which allows 1"


class TestAFurtherAssociation:
    def test_is_given_when_nobody_else_wants_it(self):
        assert spare(1, LANE, [LANE], rooms(), idle=3)

    def test_is_not_given_when_an_idle_worker_could_use_it_for_another_task(self):
        others = [replace(LANE, waiting=8)]

        assert not spare(1, LANE, others, rooms(), idle=1)
        assert spare(1, LANE, others, rooms(), idle=0)

    def test_is_never_the_one_that_is_kept_for_interactive_use(self):
        two = replace(A, most=2, free=2, free_for_batch=1)

        assert not spare(1, LANE, [LANE], rooms(a=two), idle=0)

    def test_does_not_exist_at_a_folder(self):
        assert not spare(2, LANE, [LANE], rooms(b=FOLDER), idle=0)
