"""Retrieving from a PACS that misbehaves as it is told."""

import dataclasses
import threading
from contextlib import closing
from dataclasses import replace

import pytest

from adit.dicom.errors import NotFound, Refused, Unreachable
from adit.dicom.query import Query
from adit.dicom.refs import UID, Level, Ref
from adit.endpoints.dialling import Root
from tests.endpoints.conformance import instance
from tests.endpoints.got import ALL, OTHER, STUDY, enlarged, with_files
from tests.endpoints.valve import Valve
from tests.peers.data import ct_study, uid_of
from tests.peers.scripts import Gate, Script

RAW_DATA, HEVC = "1.2.840.10008.5.1.4.1.1.66", "1.2.840.10008.1.2.4.107"
"""The last of the classes that every retrieval proposes, in one of the last transfer syntaxes."""


LARGE = with_files(STUDY, *(enlarged(file, 12 << 20) for file in STUDY.files[:2]))


def uids(instances):
    found = []
    for each in instances:
        with each:
            found.append(each.uid)
    return found


def threads():
    return [each.name for each in threading.enumerate() if each.name == "getting"]


class TestRetrieving:
    def test_hands_over_a_large_instance_while_it_still_arrives(self, opened):
        gate = Gate()
        _, server = opened(LARGE, script=Script(gate=gate))
        gate.let(1)
        with closing(server.retrieve(ALL)) as instances:
            with next(instances) as first:
                chunks = first.body.chunks()
                next(chunks)
                assert first.body.size is None or first.body.size > 12 << 20
                gate.open()
                rest = sum(len(chunk) for chunk in chunks)
                assert rest > 11 << 20
            assert len(uids(instances)) == 1

    def test_names_the_source_when_a_large_instance_breaks_off_in_the_hands_of_its_reader(self, opened):
        pacs, _ = opened(LARGE)
        with Valve(pacs.port) as valve:
            _, server = opened(pacs=pacs, port=valve.port)
            valve.stall_after(10 << 20)
            instances = server.retrieve(ALL)
            large = next(instances)
            valve.wait_until_stalled()
            valve.cut()
            with closing(instances), large, pytest.raises(Unreachable, match=r"^MISBEHAVING: "):
                sum(len(chunk) for chunk in large.body.chunks())

        assert threads() == []

    def test_refuses_an_instance_that_names_no_study_and_goes_on(self, opened):
        lost = STUDY.files[3]
        nameless = dataclasses.replace(lost, encoded=lost.encoded.replace(lost.study.encode(), b" " * len(lost.study)))
        files = [nameless if file is lost else file for file in STUDY.files]
        pacs, server = opened(with_files(STUDY, *files), script=Script(sends_unasked=(nameless,)))
        got = uids(server.retrieve(ALL))

        assert set(got) == STUDY.instances - {lost.uid}
        assert 0xC000 in pacs.seen.statuses

    def test_brings_what_needs_further_contexts_over_a_second_association(self, opened):
        # With all its transfer syntaxes, each class takes 25 of the 127 contexts of an association.
        rare = ct_study(instances=2, size=128, name="rare", sop_class=RAW_DATA, transfer_syntax=HEVC)
        files = list(STUDY.files[:3])
        for file in rare.files:
            encoded = file.encoded.replace(rare.uid.encode(), STUDY.uid.encode())
            files.append(dataclasses.replace(file, study=STUDY.uid, encoded=encoded))
        pacs, server = opened(with_files(STUDY, *files))
        got = uids(server.retrieve(ALL))

        assert sorted(got) == sorted(file.uid for file in files)
        assert pacs.seen.total > 1

    def test_passes_instances_of_classes_that_nobody_knows_when_they_were_found(self, opened):
        private = ct_study(instances=2, size=128, name="private", sop_class="1.2.3.4.5.6.7")
        _, server = opened(private)
        query = {"StudyInstanceUID": private.uid, "SeriesInstanceUID": private.series[0]}
        list(server.find(Query.of(Level.INSTANCE, **query)))

        assert set(uids(server.retrieve([Ref(UID(private.uid))]))) == private.instances

    @pytest.mark.parametrize("status", [0x0000, 0xC000])
    def test_says_that_nothing_is_there_whatever_the_peer_says(self, opened, status):
        _, server = opened(script=Script(unknown_status=status))
        with pytest.raises(NotFound, match="MISBEHAVING"):
            uids(server.retrieve([Ref(UID(uid_of("nobody")))]))

    def test_says_why_when_it_is_refused_what_is_there(self, opened):
        hidden = frozenset(range(1, 13))
        _, server = opened(script=Script(withholds=hidden, get_status=0x0124))
        with pytest.raises(Refused, match="not authorized"):
            uids(server.retrieve(ALL))

    def test_believes_what_came_more_than_the_last_word(self, opened):
        _, server = opened(script=Script(get_status=0xA900))

        assert set(uids(server.retrieve(ALL))) == STUDY.instances

    def test_gives_what_came_before_the_connection_broke(self, opened):
        _, server = opened(script=Script(closes_after=5))
        got = []
        with pytest.raises(Unreachable, match="MISBEHAVING"):
            got.extend(each.uid for each in _noted(server.retrieve(ALL), got))

        assert len(got) == 5
        assert threads() == []

    def test_can_be_tried_again_after_the_connection_broke(self, opened):
        _, server = opened(script=Script(closes_after=5, faulty_retrieves=1))
        with pytest.raises(Unreachable):
            uids(server.retrieve(ALL))

        assert set(uids(server.retrieve(ALL))) == STUDY.instances

    def test_waits_for_its_reader(self, opened):
        pacs, server = opened(LARGE, script=Script(), budget=1 << 20)
        with closing(server.retrieve(ALL)) as instances:
            next(instances).close()
            assert pacs.seen.open == 1

        assert threads() == []
        pacs.seen.wait_until(lambda seen: seen.open == 0)

    def test_is_refused_where_a_server_cannot_be_retrieved_from(self, opened):
        _, server = opened(gets=())
        with pytest.raises(Refused, match="does not let instances be retrieved"):
            uids(server.retrieve(ALL))

    def test_takes_one_association_at_a_time_where_no_more_are_allowed(self, opened):
        pacs, server = opened(associations=1)
        list(server.find(Query.of(Level.STUDY)))
        uids(server.retrieve(ALL))
        list(server.find(Query.of(Level.STUDY)))
        with server:
            list(server.store([instance(OTHER.files[0])]))
        server.holds(UID(OTHER.uid))

        assert pacs.seen.most == 1


def _noted(instances, got):
    """Yield and close each; *got* is filled by the caller even when the next raises."""
    for each in instances:
        with each:
            got.append(each.uid)
    return []


class TestByPatient:
    def test_finds_out_whose_the_study_is(self, opened):
        pacs, server = opened(roots=(Root.PATIENT,))

        assert set(uids(server.retrieve(ALL))) == STUDY.instances
        [retrieved] = [request for request in pacs.seen.requests if request.kind == 0x0010]
        assert retrieved.key("PatientID") == STUDY.patient_id

    def test_says_that_nothing_is_there(self, opened):
        _, server = opened(roots=(Root.PATIENT,))
        with pytest.raises(NotFound):
            uids(server.retrieve([Ref(UID(uid_of("nobody")))]))

    def test_cannot_retrieve_what_is_nobodys(self, opened):
        files = [
            replace(file, encoded=file.encoded.replace(STUDY.patient_id.encode(), b" " * len(STUDY.patient_id)))
            for file in STUDY.files
        ]
        _, server = opened(with_files(STUDY, *files), roots=(Root.PATIENT,))
        with pytest.raises(Refused, match="the study names none"):
            uids(server.retrieve(ALL))
