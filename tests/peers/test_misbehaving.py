"""That the misbehaving PACS misbehaves as it is told, and behaves where it is not: seen by DCMTK and pynetdicom."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pydicom import Dataset

from tests.peers import wire
from tests.peers.callers import Heard, find, retrieve, store
from tests.peers.data import CT_IMAGE, EXPLICIT_LITTLE, IMPLICIT_LITTLE, MR_IMAGE, Study, ct_study
from tests.peers.dcmtk import Storage, echoscu, findscu, getscu, movescu, storescu
from tests.peers.fixtures import storescp  # noqa: F401
from tests.peers.misbehaving import STUDY_ROOT_FIND, STUDY_ROOT_GET, MisbehavingPacs, misbehaving
from tests.peers.scripts import BUSY, UNKNOWN_CALLED, Gate, Script


@pytest.fixture(scope="module")
def study() -> Study:
    return ct_study(series=2, instances=5)


def uids(study: Study) -> list[str]:
    return [file.uid for file in study.files]


def find_request(study: Study) -> wire.Message:
    return request(wire.C_FIND_RQ, STUDY_ROOT_FIND, study)


def get_request(study: Study) -> wire.Message:
    return request(wire.C_GET_RQ, STUDY_ROOT_GET, study)


def request(kind: int, model: str, study: Study) -> wire.Message:
    identifier = Dataset()
    identifier.QueryRetrieveLevel, identifier.StudyInstanceUID = "STUDY", study.uid
    command = {
        "AffectedSOPClassUID": model,
        "CommandField": kind,
        "MessageID": 1,
        "Priority": 0,
        "CommandDataSetType": wire.HAS_DATA_SET,
    }
    return wire.Message(1, command, wire.encode_data(identifier, EXPLICIT_LITTLE))


@contextmanager
def line_to(pacs: MisbehavingPacs, message: wire.Message) -> Iterator[socket.socket]:
    """A bare connection over which *message* was sent, and whose answers nobody reads."""
    items = [wire.Context(1, str(message.command["AffectedSOPClassUID"]), (EXPLICIT_LITTLE,))]
    if message.kind == wire.C_GET_RQ:
        items.append(wire.Context(3, CT_IMAGE, (EXPLICIT_LITTLE,)))
    with socket.create_connection((pacs.host, pacs.port)) as line:
        line.sendall(wire.encode_proposal(pacs.ae_title, "LINE", items))
        assert line.recv(1) == bytes([wire.ASSOCIATE_AC])
        wire.Wire(line).send(message)
        yield line


class InBackground:
    """A call on a thread of its own."""

    def __init__(self, call: Callable[..., Heard], *arguments: object) -> None:
        self.heard: Heard | None = None
        self._thread = threading.Thread(target=self._run, args=(call, arguments), daemon=True)
        self._thread.start()

    def _run(self, call: Callable[..., Heard], arguments: tuple[object, ...]) -> None:
        self.heard = call(*arguments)

    def result(self) -> Heard:
        self._thread.join(10)
        assert self.heard is not None, "the caller does not come back"
        return self.heard


class TestWithoutAScript:
    def test_dcmtk_echoes_finds_gets_and_stores(self, study: Study, tmp_path: Path) -> None:
        (tmp_path / "out").mkdir()
        more = ct_study(name="more", instances=3)
        with misbehaving(study) as pacs:
            echoscu(pacs)
            listed = findscu(pacs, "QueryRetrieveLevel=STUDY", "PatientName=M*", "StudyInstanceUID")
            getscu(pacs, study.uid, folder=tmp_path / "out")
            storescu(pacs, more.write(tmp_path / "more"))
            pacs.seen.wait_until(lambda seen: seen.open == 0)

            assert study.uid in listed.stderr + listed.stdout
            assert len(list((tmp_path / "out").iterdir())) == 10
            assert pacs.holds() == more.instances
            assert pacs.kept(more.files[0].uid) == more.files[0]
            assert (pacs.seen.total, pacs.seen.most, pacs.seen.released) == (4, 1, 4)
            assert pacs.seen.received == uids(more)

    def test_every_level_is_found_with_its_counts(self, study: Study) -> None:
        with misbehaving(study, ct_study(name="other")) as pacs:
            [one] = find(pacs, "STUDY", StudyInstanceUID=study.uid, NumberOfStudyRelatedInstances="").answers
            both = find(
                pacs, "SERIES", StudyInstanceUID=study.uid, SeriesInstanceUID="", NumberOfSeriesRelatedInstances=""
            ).answers
            images = find(
                pacs, "IMAGE", StudyInstanceUID=study.uid, SeriesInstanceUID=study.series[1], SOPInstanceUID=""
            )

            assert one.NumberOfStudyRelatedInstances == 10
            assert [(a.SeriesInstanceUID, a.NumberOfSeriesRelatedInstances) for a in both] == [
                (series, 5) for series in study.series
            ]
            assert {a.SOPInstanceUID for a in images.answers} == {file.uid for file in study.of(study.series[1])}

    def test_a_series_or_a_list_of_instances_can_be_retrieved(self, study: Study) -> None:
        wanted = uids(study)[1:3]
        with misbehaving(study) as pacs:
            series = retrieve(pacs, study.uid, level="SERIES", SeriesInstanceUID=study.series[1])
            listed = retrieve(
                pacs, study.uid, level="IMAGE", SeriesInstanceUID=study.series[0], SOPInstanceUID="\\".join(wanted)
            )

            assert series.received == uids(study)[5:]
            assert listed.received == wanted

    def test_what_was_stored_is_found_and_retrieved(self, study: Study) -> None:
        with misbehaving() as pacs:
            store(pacs, study.files)

            assert retrieve(pacs, study.uid).received == uids(study)

    def test_a_study_is_unknown_the_way_the_script_says(self, study: Study) -> None:
        with misbehaving(study, script=Script(unknown_status=0xC000)) as pacs:
            assert retrieve(pacs, "1.2.3").statuses == [0xC000]
            pacs.script = Script()
            assert retrieve(pacs, "1.2.3").statuses == [0x0000]


class TestAssociations:
    def test_are_refused_for_ever(self, study: Study) -> None:
        with misbehaving(script=Script(rejects_always=UNKNOWN_CALLED)) as pacs:
            assert store(pacs, study.files).rejection == (1, 1, 7)
            assert store(pacs, study.files).rejection == (1, 1, 7)
            pacs.seen.wait_until(lambda seen: seen.rejected == 2 and seen.open == 0)

    def test_are_rejected_twice_then_accepted(self, study: Study) -> None:
        with misbehaving(script=Script(rejects=(BUSY, BUSY))) as pacs:
            assert store(pacs, study.files).rejection == (2, 3, 2)
            assert store(pacs, study.files).rejection == (2, 3, 2)
            assert store(pacs, study.files).statuses == [0] * 10

    def test_are_taken_and_never_answered(self) -> None:
        with misbehaving(script=Script(silent=True)) as pacs, socket.create_connection((pacs.host, pacs.port)) as line:
            line.sendall(b"\1\0\0\0\0\4abcd")
            pacs.seen.wait_until(lambda seen: seen.open == 1)
            line.settimeout(0.1)
            with pytest.raises(TimeoutError):
                line.recv(1)

    def test_refuse_the_contexts_they_are_told_to(self, study: Study) -> None:
        both = [*study.files, *ct_study(name="mr", sop_class=MR_IMAGE, instances=1).files]
        with misbehaving(script=Script(refuses_classes=frozenset({CT_IMAGE}))) as pacs:
            assert store(pacs, both).statuses == [None] * 10 + [0]

    def test_accept_only_one_syntax(self, study: Study) -> None:
        plain = ct_study(name="implicit", transfer_syntax=IMPLICIT_LITTLE, instances=2)
        with misbehaving(script=Script(only_syntax=IMPLICIT_LITTLE)) as pacs:
            assert store(pacs, plain.files).statuses == [0, 0]
            assert not store(pacs, study.files[:1]).established
            assert pacs.holds() == plain.instances

    def test_are_counted_while_they_last(self, study: Study) -> None:
        gate = Gate()
        with misbehaving(study, script=Script(gate=gate)) as pacs:
            callers = [InBackground(retrieve, pacs, study.uid) for _ in range(2)]
            gate.wait_until_somebody_waits(2)
            assert (pacs.seen.open, pacs.seen.most) == (2, 2)
            gate.open()

            assert [each.result().received for each in callers] == [uids(study)] * 2
            pacs.seen.wait_until(lambda seen: seen.open == 0)
            assert (pacs.seen.most, pacs.seen.total, pacs.seen.released) == (2, 2, 2)


class TestFinding:
    def test_ignores_filters(self, study: Study) -> None:
        with misbehaving(study, ct_study(name="b"), script=Script(ignores_filters=True)) as pacs:
            assert len(find(pacs, "STUDY", PatientID="NOBODY", StudyInstanceUID="").answers) == 2

    @pytest.mark.parametrize(("image_level", "status"), [("fails", 0xC000), ("empty", 0x0000)])
    def test_cannot_answer_the_image_level(self, study: Study, image_level: str, status: int) -> None:
        with misbehaving(study, script=Script(image_level=image_level)) as pacs:  # type: ignore[arg-type]
            images = find(pacs, "IMAGE", StudyInstanceUID=study.uid, SeriesInstanceUID=study.series[0])
            assert (images.answers, images.final) == ([], status)
            assert len(find(pacs, "SERIES", StudyInstanceUID=study.uid).answers) == 2

    def test_leaves_out_counts(self, study: Study) -> None:
        with misbehaving(study, script=Script(leaves_out_counts=True)) as pacs:
            [answer] = find(pacs, "STUDY", StudyInstanceUID="", NumberOfStudyRelatedInstances="").answers
            assert "NumberOfStudyRelatedInstances" not in answer

    def test_counts_wrongly(self, study: Study) -> None:
        with misbehaving(study, script=Script(counts_off_by=2)) as pacs:
            [answer] = find(pacs, "STUDY", StudyInstanceUID="", NumberOfStudyRelatedInstances="").answers
            assert answer.NumberOfStudyRelatedInstances == 12

    def test_fails(self, study: Study) -> None:
        with misbehaving(study, script=Script(find_status=0xA700)) as pacs:
            assert find(pacs, "STUDY", StudyInstanceUID="").statuses == [0xA700]

    def test_gives_up_after_some_answers(self, study: Study) -> None:
        with misbehaving(study, script=Script(most_results=3)) as pacs:
            images = find(pacs, "IMAGE", StudyInstanceUID=study.uid, SeriesInstanceUID=study.series[0])
            assert images.statuses == [0xFF00] * 3 + [0xA700]

    def test_never_ends(self, study: Study) -> None:
        with misbehaving(study, script=Script(endless_pending=True)) as pacs:
            with line_to(pacs, find_request(study)) as line:
                assert len(line.recv(50_000, socket.MSG_WAITALL)) == 50_000
            pacs.seen.wait_until(lambda seen: seen.open == 0)

    def test_leaves_out_the_character_set(self, study: Study) -> None:
        with misbehaving(study, script=Script(no_character_set=True)) as pacs:
            [answer] = find(pacs, "STUDY", PatientName="").answers
            assert "SpecificCharacterSet" not in answer
            assert answer.PatientName.original_string.rstrip() == "Müller^Änne".encode("latin-1")


class TestRetrieving:
    def test_closes_after_some_once(self, study: Study) -> None:
        with misbehaving(study, script=Script(closes_after=7, faulty_retrieves=1)) as pacs:
            broken = retrieve(pacs, study.uid)
            assert broken.received == uids(study)[:7]
            assert broken.final != 0
            assert retrieve(pacs, study.uid).received == uids(study)
            assert pacs.seen.broken == 1

    def test_closes_in_the_middle_of_a_pdv(self, study: Study) -> None:
        with misbehaving(study, script=Script(closes_in=4)) as pacs:
            broken = retrieve(pacs, study.uid)
            assert broken.received == pacs.seen.sent == uids(study)[:3]
            assert broken.final != 0

    def test_aborts_after_some(self, study: Study) -> None:
        with misbehaving(study, script=Script(aborts_after=2)) as pacs:
            assert retrieve(pacs, study.uid).received == uids(study)[:2]

    def test_falls_silent_in_the_middle_of_an_instance(self, study: Study) -> None:
        with misbehaving(study, script=Script(stalls_in=3)) as pacs:
            caller = InBackground(retrieve, pacs, study.uid)
            pacs.seen.wait_until(lambda seen: seen.stalled == 1)
            assert pacs.seen.sent == uids(study)[:2]
            assert pacs.seen.open == 1
            pacs.die(stays_down=False)
            assert caller.result().received == uids(study)[:2]

    def test_says_success_and_withholds(self, study: Study) -> None:
        with misbehaving(study, script=Script(withholds=frozenset({10}))) as pacs:
            heard = retrieve(pacs, study.uid)
            assert heard.received == uids(study)[:9]
            assert (heard.final, heard.completed) == (0x0000, 10)
            again = retrieve(
                pacs, study.uid, level="IMAGE", SeriesInstanceUID=study.series[1], SOPInstanceUID=uids(study)[9]
            )
            assert (again.received, again.final, again.completed) == ([], 0x0000, 1)

    def test_sends_twice(self, study: Study) -> None:
        with misbehaving(study, script=Script(sends_twice=frozenset({1}))) as pacs:
            assert retrieve(pacs, study.uid).received == [uids(study)[0], *uids(study)]

    def test_sends_what_nobody_asked_for(self, study: Study) -> None:
        other = ct_study(name="other", instances=1)
        with misbehaving(study, script=Script(sends_unasked=other.files)) as pacs:
            assert retrieve(pacs, study.uid).received == uids(other) + uids(study)

    def test_calls_an_instance_by_another_uid(self, study: Study) -> None:
        with misbehaving(study, script=Script(mislabels=frozenset({2}))) as pacs:
            heard = retrieve(pacs, study.uid)
            assert heard.received == uids(study)
            assert [a == r for a, r in zip(heard.announced, heard.received, strict=True)].index(False) == 1

    def test_ends_with_a_failure_though_all_was_sent(self, study: Study) -> None:
        with misbehaving(study, script=Script(get_status=0xA702)) as pacs:
            heard = retrieve(pacs, study.uid)
            assert (heard.received, heard.final) == (uids(study), 0xA702)

    def test_leaves_out_the_numbers_of_suboperations(self, study: Study) -> None:
        with misbehaving(study, script=Script(leaves_out_suboperations=True)) as pacs:
            heard = retrieve(pacs, study.uid)
            assert (heard.received, heard.final, heard.completed) == (uids(study), 0, None)

    def test_warns_of_what_the_peer_takes_no_context_for(self, study: Study) -> None:
        with misbehaving(study) as pacs:
            heard = retrieve(pacs, study.uid, classes=(MR_IMAGE,))
            assert (heard.received, heard.final, heard.completed) == ([], 0xB000, 0)

    def test_goes_on_instance_by_instance_as_the_gate_lets(self, study: Study) -> None:
        gate, final = Gate(), Gate()
        with misbehaving(study, script=Script(gate=gate, final_gate=final)) as pacs:
            caller = InBackground(retrieve, pacs, study.uid)
            gate.let(3)
            pacs.seen.wait_until(lambda seen: len(seen.sent) == 3)
            gate.wait_until_somebody_waits()
            assert pacs.seen.sent == uids(study)[:3]
            gate.open()
            final.wait_until_somebody_waits()
            assert len(pacs.seen.sent) == 10
            final.open()
            assert caller.result().final == 0

    def test_notices_at_the_gate_that_the_peer_left(self, study: Study) -> None:
        gate = Gate()
        with misbehaving(study, script=Script(gate=gate)) as pacs:
            with line_to(pacs, get_request(study)):
                gate.wait_until_somebody_waits()
            pacs.seen.wait_until(lambda seen: seen.open == 0)
            assert (pacs.seen.vanished, gate.waiting) == (1, 0)


class TestStoring:
    def test_answers_a700_three_times_then_works(self, study: Study) -> None:
        script = Script(store_statuses=((1, 0xA700), (2, 0xA700), (3, 0xA700)))
        with misbehaving(script=script) as pacs:
            assert store(pacs, study.files).statuses == [0xA700] * 3 + [0] * 7
            assert pacs.holds() == set(uids(study)[3:])
            assert pacs.seen.received == uids(study)

    def test_warns_and_keeps(self, study: Study) -> None:
        with misbehaving(script=Script(store_status=0xB000)) as pacs:
            assert set(store(pacs, study.files).statuses) == {0xB000}
            assert pacs.holds() == study.instances

    def test_refuses_one_instance(self, study: Study) -> None:
        with misbehaving(script=Script(status_of=((uids(study)[4], 0xA900),))) as pacs:
            assert store(pacs, study.files).statuses == [0] * 4 + [0xA900] + [0] * 5
            assert pacs.holds() == study.instances - {uids(study)[4]}

    def test_says_success_and_forgets(self, study: Study) -> None:
        with misbehaving(script=Script(forgets=frozenset({uids(study)[0]}))) as pacs:
            assert store(pacs, study.files).statuses == [0] * 10
            assert pacs.holds() == set(uids(study)[1:])
            images = find(pacs, "IMAGE", StudyInstanceUID=study.uid, SeriesInstanceUID="", SOPInstanceUID="")
            assert {a.SOPInstanceUID for a in images.answers} == set(uids(study)[1:])

    def test_dies_and_comes_back_on_the_same_port(self, study: Study) -> None:
        with misbehaving(script=Script(dies_after=4, stays_down=True)) as pacs:
            assert store(pacs, study.files).statuses[:4] == [0] * 4
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection((pacs.host, pacs.port))
            pacs.revive()
            assert store(pacs, study.files).statuses == [0] * 10
            assert pacs.holds() == study.instances

    def test_dies_and_is_there_again_at_once(self, study: Study) -> None:
        with misbehaving(script=Script(dies_after=4)) as pacs:
            assert len(store(pacs, study.files).statuses) == 5
            assert store(pacs, study.files).statuses == [0] * 10

    def test_never_answers_one(self, study: Study) -> None:
        with misbehaving(script=Script(never_answers=2)) as pacs:
            caller = InBackground(store, pacs, study.files)
            pacs.seen.wait_until(lambda seen: len(seen.received) == 2)
            assert pacs.seen.statuses == [0]
            pacs.die(stays_down=False)
            assert caller.result().statuses[0] == 0

    def test_answers_as_the_gate_lets(self, study: Study) -> None:
        gate = Gate()
        with misbehaving(script=Script(gate=gate)) as pacs:
            caller = InBackground(store, pacs, study.files)
            gate.let(2)
            pacs.seen.wait_until(lambda seen: len(seen.received) == 3)
            assert pacs.holds() == set(uids(study)[:2])
            gate.open()
            assert caller.result().statuses == [0] * 10
            assert pacs.seen.received_bytes == sum(len(file.encoded) for file in study.files)


class TestAMove:
    def test_goes_to_a_destination_that_it_knows(self, study: Study, storescp: Storage) -> None:  # noqa: F811
        with misbehaving(study, script=Script(destinations=(storescp,))) as pacs:
            movescu(pacs.peer, study.uid, to=storescp.ae_title)

            assert storescp.holds() == set(uids(study))
            assert pacs.seen.statuses == [0] * 10

    def test_goes_to_no_other(self, study: Study) -> None:
        with misbehaving(study) as pacs:
            told = movescu(pacs.peer, study.uid, to="NOBODY", check=False)

            assert told.returncode != 0
            assert "MoveDestinationUnknown" in told.stderr
            assert pacs.seen.sent == []
