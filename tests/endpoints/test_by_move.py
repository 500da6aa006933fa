"""Retrieving by C-MOVE, from a PACS that misbehaves as it is told."""

import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing

import pytest
from pydicom import Dataset

from adit.dicom.errors import Canceled, Full, NeedsReceiver, Refused
from adit.dicom.identifier import BadQuery
from adit.dicom.match import Match
from adit.dicom.refs import UID, Level, Ref
from adit.dimse.errors import ConnectionBroken, IdleTimedOut
from adit.endpoints.cancel import CancelToken
from adit.endpoints.dialling import Root
from adit.endpoints.landing import Room
from adit.endpoints.seen import Seen
from tests.endpoints.got import enlarged, with_files
from tests.endpoints.receiving import TITLE, Hall, hall, moved, process_of
from tests.peers.data import ct_study
from tests.peers.misbehaving import misbehaving
from tests.peers.process import HOST, Peer
from tests.peers.scripts import Gate, Script

STUDY = ct_study(series=2, instances=12, size=128, name="moved")
OTHER = ct_study(instances=3, size=128, name="not moved")
LARGE = with_files(STUDY, *(enlarged(file, 20 << 20) for file in STUDY.files[:2]))
ALL = {file.uid: file.encoded for file in STUDY.files}
REFS = [Ref(UID(STUDY.uid))]


@pytest.fixture
def exits():
    with ExitStack() as exits:
        yield exits


@pytest.fixture
def here(tmp_path, exits):
    return hall(tmp_path, exits)


@pytest.fixture
def pacs_for(exits):
    """Opens a misbehaving PACS that knows a receiver."""

    def open_(here, *studies, ae_title="MISBEHAVING", **faults):
        script = Script(destinations=(here.peer,), **faults)
        return exits.enter_context(misbehaving(*(studies or (STUDY, OTHER)), script=script, ae_title=ae_title))

    return open_


def move_threads():
    return [each.name for each in threading.enumerate() if each.name == "moving"]


class TestMoving:
    def test_brings_every_instance_with_the_same_bits_and_leaves_nothing_behind(self, here, pacs_for):
        pacs = pacs_for(here)

        assert moved(here.mover(pacs.peer), STUDY.uid) == ALL

        assert here.open() == []
        assert here.quarantined() == []
        assert not move_threads()
        assert pacs.seen.statuses == [0] * len(ALL)

    def test_asks_only_for_what_is_wanted_one_request_for_each_series_level(self, here, pacs_for):
        pacs = pacs_for(here)
        series = STUDY.files[0].series

        assert moved(here.mover(pacs.peer), STUDY.uid, series).keys() == {
            f.uid for f in STUDY.files if f.series == series
        }
        (request,) = (each for each in pacs.seen.requests if each.kind == 0x21)
        assert request.key("QueryRetrieveLevel") == "SERIES"

    def test_reaches_a_peer_of_the_patient_root(self, here, pacs_for):
        pacs = pacs_for(here)
        known = Dataset()
        known.StudyInstanceUID, known.PatientID = STUDY.uid, STUDY.patient_id
        seen = Seen()
        seen.note(Match(Level.STUDY, known))

        assert moved(here.mover(pacs.peer, root=Root.PATIENT, seen=seen), STUDY.uid) == ALL

    @pytest.mark.parametrize("study", ["", "*", "1.2.*"])
    def test_never_sends_what_names_no_study(self, here, pacs_for, study):
        pacs = pacs_for(here)

        with pytest.raises(BadQuery):
            moved(here.mover(pacs.peer), study)
        assert pacs.seen.total == 0

    def test_hands_a_large_instance_over_while_it_arrives(self, here, pacs_for):
        pacs = pacs_for(here, LARGE, stalls_in=1)
        with closing(here.mover(pacs.peer).retrieve([Ref(UID(LARGE.uid))])) as instances:
            first = next(instances)
            assert first.body.size is None
            chunk = bytes(next(first.body.chunks()))
            assert LARGE.files[0].encoded.startswith(chunk)
            first.close()

    def test_tells_the_reader_of_a_large_instance_that_it_broke_off(self, here, pacs_for):
        pacs = pacs_for(here, LARGE, stalls_in=1)
        with closing(here.mover(pacs.peer).retrieve([Ref(UID(LARGE.uid))])) as instances:
            first = next(instances)
            pacs.die()
            with first, pytest.raises(ConnectionBroken):
                list(first.body.chunks())

    def test_brings_large_instances_whole(self, here, pacs_for):
        pacs = pacs_for(here, LARGE)

        assert moved(here.mover(pacs.peer), LARGE.uid) == {file.uid: file.encoded for file in LARGE.files}


class TestAPacsThatMisbehaves:
    def test_omits_the_originator(self, here, pacs_for):
        assert moved(here.mover(pacs_for(here, omits_originator=True).peer), STUDY.uid) == ALL

    def test_calls_with_another_title_than_configured(self, here, pacs_for):
        pacs = pacs_for(here, omits_originator=True, calls_as="SOMEBODY")

        assert moved(here.mover(pacs.peer), STUDY.uid) == ALL

    @pytest.mark.parametrize("counts", [True, False])
    def test_answers_success_before_the_last_instance_arrives(self, here, pacs_for, counts):
        pacs = pacs_for(here, late=1, leaves_out_suboperations=not counts)

        assert moved(here.mover(pacs.peer), STUDY.uid) == ALL

    def test_sends_late(self, here, pacs_for):
        gate = Gate()
        pacs = pacs_for(here, late=5, late_gate=gate)
        came = []
        with closing(here.mover(pacs.peer).retrieve(REFS)) as instances:
            for instance in instances:
                instance.close()
                came.append(instance.uid)
                if len(came) == len(ALL) - 5:
                    gate.wait_until_somebody_waits()
                    gate.open()
        assert set(came) == ALL.keys()

    def test_does_not_send_what_it_counts_and_is_not_waited_for_without_end(self, here, pacs_for):
        pacs = pacs_for(here, withholds=frozenset((3, 4)))

        assert len(moved(here.mover(pacs.peer, grace=0.2), STUDY.uid)) == len(ALL) - 2

    def test_sends_too_late_and_is_refused(self, here, pacs_for):
        gate = Gate()
        pacs = pacs_for(here, late=1, late_gate=gate)
        assert len(moved(here.mover(pacs.peer, grace=0.1), STUDY.uid)) == len(ALL) - 1

        gate.open()
        pacs.seen.wait_until(lambda seen: len(seen.statuses) == len(ALL))
        assert pacs.seen.statuses[-1] == 0x0124

    def test_sends_instances_of_another_study(self, here, pacs_for):
        pacs = pacs_for(here, sends_unasked=OTHER.files)

        assert moved(here.mover(pacs.peer), STUDY.uid) == ALL
        assert len(here.quarantined()) == len(OTHER.files)
        assert set(pacs.seen.statuses) == {0}

    def test_sends_each_twice(self, here, pacs_for):
        pacs = pacs_for(here, sends_twice=frozenset(range(1, 100)))

        assert moved(here.mover(pacs.peer), STUDY.uid) == ALL

    def test_does_not_know_where_to_send(self, here, pacs_for):
        pacs = pacs_for(here)
        pacs.script = Script()

        with pytest.raises(Refused, match="have our AE title ADIT entered there") as told:
            moved(here.mover(pacs.peer), STUDY.uid)
        assert told.value.status == 0xA801
        assert told.value.node == "MISBEHAVING"
        assert not told.value.transient

    def test_knows_nothing_of_the_study(self, here, pacs_for):
        with pytest.raises(Refused):
            moved(here.mover(pacs_for(here, OTHER, unknown_status=0xC000).peer), STUDY.uid)
        assert moved(here.mover(pacs_for(here, OTHER).peer), STUDY.uid) == {}

    def test_falls_silent(self, here, pacs_for):
        pacs = pacs_for(here, silent_to=frozenset((0x21,)))

        with pytest.raises(IdleTimedOut, match="neither answered nor sent"):
            moved(here.mover(pacs.peer, idle_timeout=0.2), STUDY.uid)
        pacs.seen.wait_until(lambda seen: seen.open == 0)

    def test_is_left_at_once_by_a_cancel(self, here, pacs_for):
        cancel = CancelToken()
        pacs = pacs_for(here, stalls_in=2)
        with closing(here.mover(pacs.peer, cancel=cancel).retrieve(REFS)) as instances:
            next(instances).close()
            cancel.set("enough")
            with pytest.raises(Canceled):
                next(instances)
        assert not move_threads()
        assert here.open() == []

    def test_breaks_off_in_an_instance(self, here, pacs_for):
        pacs = pacs_for(here, closes_in=4)

        assert len(moved(here.mover(pacs.peer), STUDY.uid)) == 3
        assert here.open() == []


class TestSeveralAtOnce:
    def test_the_same_study_twice_from_the_same_server_goes_one_after_the_other(self, here, pacs_for):
        pacs = pacs_for(here, omits_originator=True)
        with ThreadPoolExecutor() as pool:
            both = [pool.submit(moved, here.mover(pacs.peer), STUDY.uid) for _ in range(2)]

        assert [each.result() for each in both] == [ALL, ALL]

    @pytest.mark.parametrize("omits", [False, True])
    def test_the_same_study_from_two_servers_is_not_mixed_up(self, here, pacs_for, omits):
        servers = [pacs_for(here, ae_title=title, omits_originator=omits) for title in ("ONE", "TWO")]
        with ThreadPoolExecutor() as pool:
            both = [pool.submit(moved, here.mover(pacs.peer), STUDY.uid) for pacs in servers]

        assert [each.result() for each in both] == [ALL, ALL]

    @pytest.mark.parametrize("omits", [False, True])
    def test_twenty_moves_from_two_servers_lose_nothing_and_mix_nothing(self, here, pacs_for, omits):
        studies = [ct_study(instances=15, size=64, name=f"of twenty {n}") for n in range(20)]
        servers = [
            pacs_for(here, *studies[half::2], ae_title=title, omits_originator=omits)
            for half, title in enumerate(("ONE", "TWO"))
        ]
        with ThreadPoolExecutor(20) as pool:
            all_ = [pool.submit(moved, here.mover(servers[n % 2].peer), study.uid) for n, study in enumerate(studies)]

        assert [each.result() for each in all_] == [{f.uid: f.encoded for f in study.files} for study in studies]
        assert here.quarantined() == []


class TestAReceiverThatIsNotThere:
    def test_is_needed(self, pacs_for, here, exits):
        exits.pop_all().close()
        pacs = pacs_for(here)

        with pytest.raises(NeedsReceiver, match=r"MISBEHAVING: .* none runs on this machine"):
            moved(here.mover(pacs.peer), STUDY.uid)
        assert pacs.seen.total == 0

    def test_that_is_killed_in_an_instance_costs_what_was_on_its_way_only(self, tmp_path, pacs_for, exits):
        killed, port = exits.enter_context(process_of(tmp_path))
        here = Hall(tmp_path, Peer(TITLE, HOST, port))
        pacs = pacs_for(here, stalls_in=4, faulty_retrieves=1)
        came = []
        with closing(here.mover(pacs.peer, grace=0.2).retrieve(REFS)) as instances:
            for instance in instances:
                instance.close()
                came.append(instance.uid)
                if len(came) == 3:
                    pacs.seen.wait_until(lambda seen: seen.stalled == 1)
                    os.kill(killed.pid, signal.SIGKILL)
        assert len(came) == 3

        # The next waits for the one that takes its place.
        with ThreadPoolExecutor() as pool:
            again = pool.submit(moved, here.mover(pacs.peer), STUDY.uid)
            exits.enter_context(process_of(tmp_path, port))
            assert again.result() == ALL


class TestAFullSpool:
    def test_holds_the_answer_until_something_is_consumed(self, tmp_path, exits, pacs_for):
        here = hall(tmp_path, exits, room=Room(waiting=50_000, reserve=0, patience=10))
        pacs = pacs_for(here)
        with closing(here.mover(pacs.peer).retrieve(REFS)) as instances:
            came = []
            for instance in instances:
                instance.close()
                came.append(instance.uid)
        assert set(came) == ALL.keys()
        assert set(pacs.seen.statuses) == {0}

    def test_says_so_when_nothing_is_consumed_in_time(self, tmp_path, exits, pacs_for):
        here = hall(tmp_path, exits, room=Room(waiting=1, reserve=0, patience=0.1))
        pacs = pacs_for(here)
        with closing(here.mover(pacs.peer).retrieve(REFS)) as instances:
            next(instances).close()
            pacs.seen.wait_until(lambda seen: 0xA700 in seen.statuses)
            assert len(list(instances)) < len(ALL) - 1

    def test_says_so_when_the_disk_has_no_room_to_both_sides(self, tmp_path, exits, pacs_for):
        here = hall(tmp_path, exits, room=Room(waiting=1 << 30, reserve=1 << 60, patience=0.05))
        pacs = pacs_for(here, ct_study(instances=2, size=64, name="no room"))
        study = ct_study(instances=2, size=64, name="no room")

        with pytest.raises(Full, match="no room left on the disk that holds the spool"):
            moved(here.mover(pacs.peer), study.uid)

        assert set(pacs.seen.statuses) == {0xA700}
