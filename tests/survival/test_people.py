"""What people do to jobs in the middle of a study, and afterwards."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connections

from adit.audit.models import Event
from adit.jobs.actions import WrongState, perform
from adit.jobs.models import Job
from adit.jobs.states import Action
from tests.pace import within
from tests.peers.data import Study, ct_study
from tests.peers.scripts import Gate, Script
from tests.survival.stage import (
    PATIENCE,
    Stage,
    act,
    assert_whole,
    complete,
    numbers,
    operator,
    report,
    status_of,
    submitted,
    until,
)


@pytest.fixture(scope="module")
def study() -> Study:
    return ct_study(series=1, instances=100, size=2048, name="hundred")


class TestRetry:
    def test_after_a_warning_sends_only_what_is_missing(self, stage: Stage, study: Study) -> None:
        source = stage.misbehaving("A", study, script=Script(withholds=frozenset({50, 60})))
        destination = stage.misbehaving("B")
        job = submitted(study)
        assert numbers(stage.run(job)).failed == 2
        source.script = Script()

        act(Action.RETRY, job)
        told = stage.run(job)

        assert (told["status"], numbers(told)) == ("success", complete(100))
        assert Counter(source.seen.sent) == Counter(destination.seen.received) == Counter(study.instances)

    def test_after_a_failure_of_one_study_leaves_the_others_alone(self, stage: Stage, study: Study) -> None:
        other = ct_study(series=1, instances=3, name="other")
        stage.misbehaving("A", study)
        destination = stage.misbehaving("B")
        job = submitted(study, other)
        told = stage.run(job)
        assert [task["status"] for task in told["tasks"]] == ["success", "failure"]

        act(Action.RETRY, job)
        told = stage.run(job)

        assert [task["attempts"] for task in told["tasks"]] == [1, 2]
        assert Counter(destination.seen.received) == Counter(study.instances)


class TestResume:
    @pytest.mark.parametrize("listing", [True, False], ids=["asked", "not to be asked"])
    def test_after_a_cancel_sends_only_what_is_missing(self, stage: Stage, study: Study, listing: bool) -> None:
        gate = Gate()
        gate.let(40)
        source = stage.misbehaving("A", study, script=Script(gate=gate))
        destination = stage.misbehaving("B", find_study=listing)
        job = submitted(study)
        with stage.crew():
            destination.seen.wait_until(lambda seen: len(seen.statuses) == 40, seconds=PATIENCE)
            act(Action.CANCEL, job)
            until(job, "canceled", seconds=within(5))
            assert (numbers(report(job)).stored, len(destination.holds())) == (40, 40)
            gate.open()

            act(Action.RESUME, job)
            until(job, "success")

        told = report(job)
        assert (numbers(told).expected, numbers(told).stored, numbers(told).failed) == (100, 100, 0)
        assert numbers(told).confirmed == (100 if listing else None)
        assert Counter(source.seen.sent) == Counter(destination.seen.received) == Counter(study.instances)


class TestRestart:
    def test_sends_all_again_to_a_server_which_holds_it_once(self, stage: Stage, study: Study) -> None:
        stage.misbehaving("A", study)
        destination = stage.misbehaving("B")
        job = submitted(study)
        stage.run(job)

        act(Action.RESTART, job)
        told = stage.run(job)

        assert (told["status"], numbers(told), told["tasks"][0]["attempts"]) == ("success", complete(100), 1)
        assert Counter(destination.seen.received) == Counter([*study.instances, *study.instances])
        assert destination.holds() == study.instances

    def test_does_not_double_anything_in_a_folder(self, stage: Stage, study: Study) -> None:
        source = stage.misbehaving("A", study)
        folder = stage.folder("B")
        job = submitted(study)
        stage.run(job)

        act(Action.RESTART, job)
        told = stage.run(job)

        assert (told["status"], numbers(told)) == ("success", complete(100))
        assert len(source.seen.sent) == 200
        assert len(list(folder.rglob("*.dcm"))) == 100
        assert_whole(folder, study.files)


class TestTwoPeopleAtOnce:
    @pytest.mark.parametrize("action", [Action.RETRY, Action.RESTART])
    def test_pressing_the_same_get_one_effect(self, stage: Stage, study: Study, action: Action) -> None:
        stage.misbehaving("A", study, script=Script(withholds=frozenset({50})))
        stage.misbehaving("B")
        job = submitted(study)
        attempts = stage.run(job)["tasks"][0]["attempts"]

        assert sorted(pressed_at_once(job, action, action)) == ["done", "refused"]

        assert status_of(job) == "pending"
        assert stage.run(job)["status"] == "warning"
        more = {Action.RETRY: attempts + 1, Action.RESTART: 2}[action]
        assert report(job)["tasks"][0]["attempts"] == more
        assert Event.objects.filter(job=job.pk, action__in=("job.retried", "job.restarted")).count() == 1

    def test_pressing_cancel_get_one_effect(self, stage: Stage, study: Study) -> None:
        gate = Gate()
        source = stage.misbehaving("A", study, script=Script(gate=gate))
        stage.misbehaving("B")
        job = submitted(study)
        with stage.crew():
            gate.wait_until_somebody_waits(seconds=PATIENCE)

            assert sorted(pressed_at_once(job, Action.CANCEL, Action.CANCEL)) == ["done", "refused"]

            until(job, "canceled", seconds=within(5))
        assert source.seen.sent == []
        assert Event.objects.filter(job=job.pk, action="job.canceled").count() == 1


def pressed_at_once(job: Job, *actions: Action) -> list[str]:
    """What becomes of *actions*, each pressed by somebody else at the same moment."""
    together = Barrier(len(actions))
    people = [operator(f"person {number}") for number in range(len(actions))]

    def press(number: int) -> str:
        try:
            together.wait(PATIENCE)
            perform(actions[number], job, by=people[number])
        except WrongState:
            return "refused"
        else:
            return "done"
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(actions)) as pool:
        return list(pool.map(press, range(len(actions))))
