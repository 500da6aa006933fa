"""Finding in a PACS that misbehaves as it is told."""

import threading
from contextlib import closing

import pytest

from adit.dicom.errors import Canceled, Refused, TimedOut
from adit.dicom.query import Query
from adit.dicom.refs import UID, Level
from adit.endpoints.cancel import CancelToken
from adit.endpoints.dialling import Root
from adit.endpoints.rechecked import Rechecked
from tests.endpoints.got import ALL, STUDY
from tests.endpoints.valve import Valve
from tests.peers.data import ct_study
from tests.peers.scripts import Script


class TestFinding:
    QUERY = Query.of(Level.STUDY, PatientID=STUDY.patient_id)

    def test_keeps_its_association_for_the_next_question(self, opened):
        pacs, server = opened()
        for _ in range(3):
            assert len(list(server.find(self.QUERY))) == 1

        assert pacs.seen.total == 1
        server.close()
        pacs.seen.wait_until(lambda seen: seen.released == 1)

    def test_asks_again_when_the_kept_association_was_closed_meanwhile(self, opened):
        pacs, _ = opened()
        with Valve(pacs.port) as valve:
            _, server = opened(pacs=pacs, port=valve.port)
            list(server.find(self.QUERY))
            valve.cut()

            assert len(list(server.find(self.QUERY))) == 1
            server.close()
        assert pacs.seen.total == 2

    def test_ends_the_association_when_it_is_left_early(self, opened):
        pacs, server = opened()
        with closing(server.find(Query.of(Level.STUDY))) as matches:
            assert next(matches).level is Level.STUDY

        pacs.seen.wait_until(lambda seen: seen.open == 0)

    def test_does_not_read_more_than_it_wants(self, opened):
        pacs, server = opened(script=Script(endless_pending=True))

        assert len(list(server.find(Query.of(Level.STUDY, limit=5)))) == 5
        pacs.seen.wait_until(lambda seen: seen.open == 0)

    def test_tells_what_came_before_an_error(self, opened):
        _, server = opened(script=Script(most_results=1))
        matches = server.find(Query.of(Level.STUDY))

        assert next(matches).ref
        with pytest.raises(Refused, match="MISBEHAVING: ") as told:
            next(matches)
        assert told.value.transient

    def test_is_refused_where_a_server_cannot_be_asked(self, opened):
        _, server = opened(finds=())
        with pytest.raises(Refused, match="answers no queries"):
            list(server.find(self.QUERY))
        assert server.holds(UID(STUDY.uid)) is None
        assert not server.capabilities.verifiable

    def test_of_patients_goes_by_the_patient_root_where_there_is_one(self, opened):
        pacs, server = opened(finds=(Root.STUDY, Root.PATIENT))
        list(server.find(Query.of(Level.PATIENT, PatientID=STUDY.patient_id)))
        list(server.find(self.QUERY))

        assert [request.sop_class[-3:] for request in pacs.seen.requests] == ["1.1", "2.1"]
        assert pacs.seen.total == 1

    def test_is_filtered_here_where_the_peer_ignores_the_question(self, opened):
        _, server = opened(script=Script(ignores_filters=True))

        assert len(list(server.find(self.QUERY))) == 2
        assert [match.ref for match in Rechecked(server).find(self.QUERY)] == ALL

    def test_wakes_when_canceled(self, opened):
        token = CancelToken()
        pacs, server = opened(script=Script(silent_to=frozenset((0x0020,))), cancel=token)
        setting = threading.Thread(target=lambda: (pacs.seen.wait_until(lambda seen: seen.requests), token.set("so")))
        setting.start()
        with pytest.raises(Canceled):
            list(server.find(self.QUERY))
        setting.join(10)

        pacs.seen.wait_until(lambda seen: seen.open == 0)

    def test_gives_up_a_peer_that_is_silent_for_too_long(self, opened):
        _, server = opened(script=Script(silent_to=frozenset((0x0020,))), idle_timeout=0.1)
        with pytest.raises(TimedOut, match="MISBEHAVING"):
            list(server.find(self.QUERY))

    def test_asks_once_more_for_a_name_that_the_peer_spells_otherwise(self, opened):
        pacs, server = opened(ct_study(instances=1, size=64, name="spelt", patient_name="Mueller^Anne"))

        found = list(Rechecked(server).find(Query.of(Level.STUDY, PatientName="Müller*")))
        assert [match.text("PatientName") for match in found] == ["Mueller^Anne"]
        assert len(pacs.seen.requests) == 2
        assert list(Rechecked(server).find(Query.of(Level.STUDY, PatientName="Möller*"))) == []

    @pytest.mark.parametrize("how", ["fails", "empty"])
    def test_of_what_is_held_needs_the_level_of_instances(self, opened, how):
        _, server = opened(script=Script(image_level=how))

        assert server.holds(UID(STUDY.uid)) == (None if how == "fails" else frozenset())
