"""What a source may do wrong."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.pace import within
from tests.peers.data import Study, ct_study
from tests.peers.scripts import BUSY, UNKNOWN_CALLED, Script
from tests.survival.stage import (
    MENDED,
    PATIENCE,
    Numbers,
    Stage,
    assert_whole,
    complete,
    heavy,
    numbers,
    reasons,
    report,
    submitted,
    until,
)


class TestASourceThatRefusesTheAssociation:
    def test_for_good_fails_at_once_and_says_who_can_mend_it(self, stage: Stage, study: Study) -> None:
        source = stage.misbehaving("A", study, script=Script(rejects_always=UNKNOWN_CALLED))
        stage.misbehaving("B")

        told = stage.run(study)

        (task,) = told["tasks"]
        assert (told["status"], task["status"], task["attempts"], task["entries"]) == ("failure", "failure", 1, [])
        assert source.seen.total == 1
        assert task["message"].startswith("A: ")
        assert "rejected the association for good: it is not called by that AE title" in task["message"]
        assert task["message"].endswith(MENDED)
        assert task["message"].count("A: ") == 1

    def test_twice_for_the_moment_is_asked_again(self, stage: Stage, study: Study) -> None:
        source = stage.misbehaving("A", study, script=Script(rejects=(BUSY, BUSY)))
        stage.misbehaving("B")

        told = stage.run(study)

        assert (told["status"], told["tasks"][0]["attempts"], numbers(told)) == ("success", 1, complete(10))
        assert source.seen.rejected == 2

    def test_for_the_moment_for_ever_fails_after_three_more_attempts(self, stage: Stage, study: Study) -> None:
        source = stage.misbehaving("A", study, script=Script(rejects_always=BUSY))
        stage.misbehaving("B")

        told = stage.run(study, tries=0)

        assert (told["status"], told["tasks"][0]["attempts"]) == ("failure", 4)
        assert source.seen.rejected == 4
        assert "it has as many associations as it can take" in told["tasks"][0]["message"]


class TestASourceThatStallsInMidInstance:
    def test_once_is_given_up_after_its_idle_limit_and_asked_for_the_rest(self, stage: Stage, study: Study) -> None:
        source = stage.misbehaving(
            "A", study, script=Script(stalls_in=4, faulty_retrieves=1), idle_timeout=within(0.3), max_associations=1
        )
        destination = stage.misbehaving("B")

        told = stage.run(study)

        assert (told["status"], numbers(told)) == ("success", complete(10))
        assert Counter(source.seen.sent) == Counter(study.instances)
        assert Counter(destination.seen.received) == Counter(study.instances)
        assert any(note.startswith("went on after: A: ") for note in told["tasks"][0]["notes"])

    def test_for_ever_fails_by_its_idle_limit(self, stage: Stage, study: Study) -> None:
        source = stage.misbehaving("A", study, script=Script(stalls_in=1), idle_timeout=within(0.2))
        folder = stage.folder("B")

        told = stage.run(study)

        (task,) = told["tasks"]
        assert (told["status"], task["attempts"], source.seen.stalled) == ("failure", 4, 4)
        assert numbers(told) == Numbers(10, 0, 0, None, 0, 10)
        assert task["message"].startswith("A: ")
        assert task["message"].endswith(MENDED)
        assert list(folder.iterdir()) == []

    def test_for_ever_after_some_is_a_warning_with_the_numbers(self, stage: Stage, study: Study) -> None:
        source = stage.misbehaving("A", study, script=Script(stalls_in=4), idle_timeout=within(0.5))
        folder = stage.folder("B")
        job = submitted(study)

        with stage.crew():
            source.seen.wait_until(lambda seen: seen.stalled == 1, seconds=PATIENCE)
            source.script = Script(stalls_in=1)
            until(job, "warning")

        told = report(job)
        assert (told["status"], numbers(told)) == ("warning", Numbers(10, 3, 3, None, 0, 7))
        assert_whole(folder, study.files[:3])

    def test_for_ever_fails_by_the_no_progress_limit(self, stage: Stage, study: Study) -> None:
        source = stage.misbehaving("A", study, script=Script(stalls_in=1))
        stage.folder("B")

        told = stage.run(study, no_progress=0.3)

        (task,) = told["tasks"]
        assert (told["status"], task["attempts"], source.seen.stalled) == ("failure", 4, 4)
        assert numbers(told) == Numbers(10, 0, 0, None, 0, 10)
        assert "nothing moved for too long (between A and B, " in task["message"]
        assert "can be mended by" in task["message"]

    def test_of_a_large_one_leaves_no_spool_file(self, stage: Stage) -> None:
        large = heavy(ct_study(series=1, instances=2, name="large"))
        source = stage.misbehaving("A", large, script=Script(stalls_in=2, faulty_retrieves=1), idle_timeout=within(0.5))
        folder = stage.folder("B")

        told = stage.run(large)

        assert (told["status"], numbers(told), source.seen.stalled) == ("success", complete(2), 1)
        assert_whole(folder, large.files)


class TestASourceThatClosesTheConnection:
    def test_after_37_of_100_is_asked_for_the_63_that_are_missing(self, stage: Stage, hundred: Study) -> None:
        source = stage.misbehaving("A", hundred, script=Script(closes_after=37, faulty_retrieves=1))
        destination = stage.misbehaving("B")

        told = stage.run(hundred)

        assert (told["status"], told["tasks"][0]["attempts"], numbers(told)) == ("success", 1, complete(100))
        assert Counter(source.seen.sent) == Counter(hundred.instances)
        assert Counter(destination.seen.received) == Counter(hundred.instances)

    def test_after_37_is_asked_for_all_where_it_cannot_name_them_but_none_is_stored_twice(
        self, stage: Stage, hundred: Study
    ) -> None:
        script = Script(closes_after=37, faulty_retrieves=1, image_level="fails")
        stage.misbehaving("A", hundred, script=script)
        destination = stage.misbehaving("B")

        told = stage.run(hundred)

        assert (told["status"], numbers(told)) == ("success", complete(100))
        assert Counter(destination.seen.received) == Counter(hundred.instances)

    @pytest.mark.parametrize("script", [Script(closes_in=38), Script(aborts_after=37)], ids=["in mid-PDV", "by abort"])
    def test_otherwise_leaves_no_half_file(self, stage: Stage, hundred: Study, script: Script) -> None:
        stage.misbehaving("A", hundred, script=script)
        folder = stage.folder("B")

        told = stage.run(hundred)

        assert (told["status"], numbers(told)) == ("success", complete(100))
        assert_whole(folder, hundred.files)


class TestASourceThatMiscounts:
    def test_and_says_success_but_sent_99_of_100_is_not_believed(self, stage: Stage, hundred: Study) -> None:
        source = stage.misbehaving("A", hundred, script=Script(withholds=frozenset({50})))
        destination = stage.misbehaving("B")

        told = stage.run(hundred)

        (task,) = told["tasks"]
        assert (told["status"], task["status"], task["attempts"]) == ("warning", "warning", 2)
        assert numbers(told) == Numbers(100, 99, 99, 99, 0, 1)
        assert task["message"] == "99 of 100 instances stored; 1 failed: did not arrive from the source (1)"
        assert reasons(told) == {"did not arrive from the source": 1}
        assert destination.holds() == hundred.instances - {hundred.files[49].uid}
        assert Counter(source.seen.sent).most_common(1)[0][1] == 1

    def test_and_sends_an_instance_twice_is_stored_once(self, stage: Stage, study: Study) -> None:
        source = stage.misbehaving("A", study, script=Script(sends_twice=frozenset({3, 7})))
        destination = stage.misbehaving("B")

        told = stage.run(study)

        assert (told["status"], numbers(told)) == ("success", complete(10))
        assert len(source.seen.sent) == 12
        assert Counter(destination.seen.received) == Counter(study.instances)

    @pytest.mark.parametrize("whose", ["another study", "another series"])
    def test_and_sends_what_was_not_asked_for_is_noted_and_that_left_out(self, stage: Stage, whose: str) -> None:
        study = ct_study(series=2, instances=5, name="two")
        unasked = ct_study(series=1, instances=2, name="other").files if whose == "another study" else study.files[5:]
        stage.misbehaving("A", study, script=Script(sends_unasked=tuple(unasked)))
        destination = stage.misbehaving("B")
        job = submitted(study, series=study.series[:1])

        told = stage.run(job)

        assert (told["status"], numbers(told)) == ("success", complete(5))
        assert [entry["series"] for entry in told["tasks"][0]["entries"]] == [study.series[0]]
        assert "the source sent instances that were not asked for; they were left out" in told["tasks"][0]["notes"]
        assert destination.holds() == {file.uid for file in study.files[:5]}


class TestASourceThatAnswersBadly:
    def test_and_ignores_filters_gives_what_was_asked_for(self, stage: Stage, study: Study) -> None:
        others = [ct_study(series=2, instances=3, name=name) for name in ("x", "y")]
        stage.misbehaving("A", others[0], study, others[1], script=Script(ignores_filters=True))
        destination = stage.misbehaving("B")

        told = stage.run(study)

        assert (told["status"], numbers(told)) == ("success", complete(10))
        assert [entry["series"] for entry in told["tasks"][0]["entries"]] == list(study.series)
        assert destination.holds() == study.instances

    @pytest.mark.parametrize("image_level", ["fails", "empty"])
    def test_and_not_at_image_level_is_held_against_its_counts(
        self, stage: Stage, study: Study, image_level: str
    ) -> None:
        stage.misbehaving("A", study, script=Script(image_level=image_level))  # type: ignore[arg-type]
        stage.misbehaving("B")

        told = stage.run(study)

        assert (told["status"], told["tasks"][0]["attempts"], numbers(told)) == ("success", 1, complete(10))

    def test_and_not_at_image_level_and_sends_less_is_a_warning_by_its_counts(self, stage: Stage, study: Study) -> None:
        stage.misbehaving("A", study, script=Script(image_level="fails", withholds=frozenset({5})))
        destination = stage.misbehaving("B")

        told = stage.run(study)

        assert (told["status"], numbers(told)) == ("warning", Numbers(10, 9, 9, 9, 0, 1))
        assert Counter(destination.seen.received) == Counter(study.instances - {study.files[4].uid})

    def test_and_without_counts_too_is_a_warning_that_says_so(self, stage: Stage, study: Study) -> None:
        stage.misbehaving("A", study, script=Script(image_level="fails", leaves_out_counts=True))
        stage.misbehaving("B")

        told = stage.run(study)

        (task,) = told["tasks"]
        assert (told["status"], task["attempts"]) == ("warning", 1)
        assert numbers(told) == Numbers(None, 10, 10, 10, 0, 0)
        assert task["message"] == "10 instances stored; the source cannot say how many it has"

    def test_and_without_counts_is_held_against_the_instances_it_names(self, stage: Stage, study: Study) -> None:
        stage.misbehaving("A", study, script=Script(leaves_out_counts=True))
        stage.misbehaving("B")

        told = stage.run(study)

        assert (told["status"], numbers(told)) == ("success", complete(10))

    @pytest.mark.parametrize(("status", "attempts"), [(0xA700, 4), (0xC001, 1)])
    def test_and_with_a_failure_is_asked_again_only_where_that_may_help(
        self, stage: Stage, study: Study, status: int, attempts: int
    ) -> None:
        stage.misbehaving("A", study, script=Script(find_status=status))
        stage.misbehaving("B")

        told = stage.run(study, tries=0)

        (task,) = told["tasks"]
        assert (told["status"], task["attempts"], task["entries"]) == ("failure", attempts, [])
        assert task["message"].startswith("A: ")
        assert task["message"].count(f"(0x{status:04X})") == 1
        assert task["message"].endswith(MENDED)

    def test_and_does_not_know_the_study_fails_at_once(self, stage: Stage, study: Study) -> None:
        stage.misbehaving("A")
        stage.misbehaving("B")

        told = stage.run(study)

        (task,) = told["tasks"]
        assert (told["status"], task["attempts"], task["entries"]) == ("failure", 1, [])
        assert task["message"] == f"A: study {study.uid} is unknown there (can be mended by whoever asked for it)"


class TestASourceThatIsCanceledInMidInstance:
    @pytest.mark.parametrize("size", ["in memory", "in the spool"])
    def test_lets_go_within_five_seconds(self, stage: Stage, size: str) -> None:
        study = ct_study(series=1, instances=4, name="slow")
        if size == "in the spool":
            study = heavy(study)
        source = stage.misbehaving("A", study, script=Script(stalls_in=3))
        folder = stage.folder("B")

        told = stage.canceled_in_mid_instance(study, source.seen)

        stored = numbers(told).stored
        assert stored is not None
        assert_whole(folder, study.files[:stored])
