"""What a destination may do wrong."""

from __future__ import annotations

from collections import Counter

import pytest

from adit.jobs.models import Task
from adit.jobs.states import Action
from tests.jobs.a_worker import wait_until
from tests.pace import within
from tests.peers.data import CT_IMAGE, MR_IMAGE, Study, ct_study
from tests.peers.dcmtk import storescp
from tests.peers.orthanc import orthanc
from tests.peers.scripts import UNKNOWN_CALLING, Script
from tests.survival.stage import (
    MENDED,
    PATIENCE,
    Numbers,
    Stage,
    act,
    complete,
    numbers,
    reasons,
    report,
    submitted,
    until,
)


class TestADestinationThatRefuses:
    def test_the_association_for_good_fails_at_once(self, stage: Stage, study: Study) -> None:
        stage.misbehaving("A", study)
        destination = stage.misbehaving("B", script=Script(rejects_always=UNKNOWN_CALLING))

        told = stage.run(study)

        (task,) = told["tasks"]
        assert (told["status"], task["attempts"], destination.seen.received) == ("failure", 1, [])
        assert task["message"].startswith("B: PACS_B at ")
        assert "it does not know our AE title" in task["message"]
        assert task["message"].endswith(MENDED)
        assert numbers(told) == Numbers(10, numbers(told).received, 0, None, 0, 10)

    def test_the_presentation_context_fails_at_once_and_names_it(self, stage: Stage, study: Study) -> None:
        stage.misbehaving("A", study)
        destination = stage.misbehaving("B", script=Script(refuses_classes=frozenset({CT_IMAGE})))

        told = stage.run(study)

        (task,) = told["tasks"]
        assert (told["status"], task["attempts"], destination.seen.received) == ("failure", 1, [])
        assert numbers(told) == Numbers(10, 10, 0, numbers(told).confirmed, 0, 10)
        why = f"B does not take CT Image Storage in Explicit VR Little Endian {MENDED}"
        assert reasons(told) == {why: 10}
        assert task["message"] == f"0 of 10 instances stored; 10 failed: {why} (10)"

    def test_one_of_two_kinds_stores_the_other(self, stage: Stage) -> None:
        ct = ct_study(series=1, instances=3, name="both")
        mr = ct_study(series=2, instances=4, name="both", sop_class=MR_IMAGE)
        both = Study(ct.uid, ct.patient_id, ct.patient_name, (*ct.files, *mr.files[4:]))
        stage.misbehaving("A", both)
        destination = stage.misbehaving("B", script=Script(refuses_classes=frozenset({MR_IMAGE})))

        told = stage.run(both)

        assert (told["status"], told["tasks"][0]["attempts"]) == ("warning", 1)
        assert numbers(told) == Numbers(7, 7, 3, 3, 0, 4)
        assert destination.holds() == ct.instances
        by_series = {entry["series"]: (entry["stored"], entry["failed"]) for entry in told["tasks"][0]["entries"]}
        assert by_series == {ct.series[0]: (3, 0), mr.series[1]: (0, 4)}


class TestADestinationThatAnswers:
    @pytest.mark.parametrize("instances", [1, 10])
    def test_a700_three_times_and_then_works_gets_all(self, stage: Stage, instances: int) -> None:
        study = ct_study(series=1, instances=instances)
        stage.misbehaving("A", study)
        busy = Script(store_statuses=((1, 0xA700), (2, 0xA700), (3, 0xA700)))
        destination = stage.misbehaving("B", script=busy)

        told = stage.run(study)

        assert (told["status"], told["tasks"][0]["attempts"], numbers(told)) == ("success", 1, complete(instances))
        assert destination.holds() == study.instances
        assert len(destination.seen.received) == instances + 3

    def test_a700_for_ever_ends_after_three_more_attempts(self, stage: Stage, study: Study) -> None:
        stage.misbehaving("A", study)
        stage.misbehaving("B", script=Script(store_status=0xA700))

        told = stage.run(study, tries=1)

        (task,) = told["tasks"]
        assert (told["status"], numbers(told).stored, numbers(told).failed) == ("failure", 0, 10)
        assert 1 < task["attempts"] <= 4
        assert "B refused: " in task["message"]
        assert "(0xA700)" in task["message"]

    def test_b000_is_a_success_with_a_note(self, stage: Stage, study: Study) -> None:
        stage.misbehaving("A", study)
        destination = stage.misbehaving("B", script=Script(store_status=0xB000))

        told = stage.run(study)

        assert (told["status"], numbers(told)) == ("success", complete(10))
        (note,) = told["tasks"][0]["entries"][0]["notes"]
        assert "(0xB000)" in note
        assert destination.holds() == study.instances

    def test_a900_for_one_is_a_warning_and_not_tried_for_ever(self, stage: Stage, hundred: Study) -> None:
        stage.misbehaving("A", hundred)
        bad = hundred.files[41].uid
        destination = stage.misbehaving("B", script=Script(status_of=((bad, 0xA900),)))

        told = stage.run(hundred)

        (task,) = told["tasks"]
        assert (told["status"], task["attempts"]) == ("warning", 1)
        assert numbers(told) == Numbers(100, 100, 99, 99, 0, 1)
        assert task["message"].startswith("99 of 100 instances stored; 1 failed: B refused: ")
        assert "(0xA900)" in task["message"]
        assert MENDED in task["message"]
        assert Counter(destination.seen.received) == Counter(hundred.instances)


class TestADestinationThatDies:
    def test_in_mid_study_and_is_back_at_once_gets_the_rest(self, stage: Stage, hundred: Study) -> None:
        stage.misbehaving("A", hundred)
        destination = stage.misbehaving("B", script=Script(dies_after=20))

        told = stage.run(hundred)

        assert (told["status"], numbers(told)) == ("success", complete(100))
        assert destination.holds() == hundred.instances
        # At most what was on its way over two associations.
        assert len(destination.seen.received) <= 102

    def test_in_mid_study_and_comes_back_later_gets_the_rest(self, stage: Stage, hundred: Study) -> None:
        stage.misbehaving("A", hundred)
        destination = stage.misbehaving("B", script=Script(dies_after=20, stays_down=True))
        job = submitted(hundred)

        with stage.crew(waits=(0.05,) * 1000, tries=0):
            wait_until(lambda: Task.objects.filter(failures__gte=1).exists(), seconds=PATIENCE)
            destination.revive()
            until(job, "success")

        told = report(job)
        assert numbers(told) == complete(100)
        assert told["tasks"][0]["attempts"] > 1
        assert destination.holds() == hundred.instances
        assert len(destination.seen.received) <= 102

    def test_for_good_is_a_warning_with_what_it_got(self, stage: Stage, hundred: Study) -> None:
        stage.misbehaving("A", hundred)
        destination = stage.misbehaving("B", script=Script(dies_after=20, stays_down=True), max_associations=1)

        told = stage.run(hundred, tries=1)

        (task,) = told["tasks"]
        assert (told["status"], task["attempts"]) == ("warning", 4)
        assert len(destination.holds()) == 20
        assert (numbers(told).expected, numbers(told).stored, numbers(told).failed) == (100, 20, 80)
        assert task["message"].startswith("20 of 100 instances stored; 80 failed: ")
        assert "B: " in task["message"]
        assert task["message"].endswith("(can be mended by the administrator of the PACS or of the network)")

    def test_without_an_answer_is_let_go_within_five_seconds_of_a_cancel(self, stage: Stage, study: Study) -> None:
        stage.misbehaving("A", study)
        destination = stage.misbehaving("B", script=Script(never_answers=5), max_associations=1)
        job = submitted(study)
        with stage.crew():
            destination.seen.wait_until(lambda seen: len(seen.received) == 5, seconds=PATIENCE)

            act(Action.CANCEL, job)

            until(job, "canceled", seconds=within(5))
            destination.seen.wait_until(lambda seen: seen.open == 0, seconds=within(5))
        assert report(job)["tasks"][0]["message"] == ("canceled: 4 of 10 instances stored; 6 not sent")
        assert (numbers(report(job)).stored, len(destination.holds())) == (4, 4)


class TestARealPeer:
    def test_that_cannot_be_asked_is_not_confirmed(self, stage: Stage, study: Study) -> None:
        stage.misbehaving("A", study, script=Script(closes_after=4, faulty_retrieves=1))
        with storescp(stage.room / "received") as peer:
            stage.server("B", peer, find_study=False, get_study=False)

            told = stage.run(study)

            assert peer.holds() == study.instances
        assert (told["status"], numbers(told)) == ("success", Numbers(10, 10, 10, None, 0, 0))
        assert told["tasks"][0]["message"] == "10 of 10 instances stored; the destination cannot be asked"

    def test_gets_the_rest_of_a_study_whose_source_broke_off(self, stage: Stage, study: Study) -> None:
        stage.misbehaving("A", study, script=Script(closes_in=5, faulty_retrieves=1))
        with orthanc() as peer:
            stage.server("B", peer)

            told = stage.run(study)

            assert peer.holds() == study.instances
        assert (told["status"], numbers(told)) == ("success", complete(10))
