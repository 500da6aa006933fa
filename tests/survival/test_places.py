"""Associations that a node allows, and the tasks that want them."""

from __future__ import annotations

from collections import Counter

import pytest

from adit.jobs.models import Task
from tests.jobs.a_worker import wait_until
from tests.peers.data import ct_study
from tests.peers.scripts import Gate, Script
from tests.survival.stage import PATIENCE, Stage, complete, numbers, report, submitted, until


class TestTwoServersWithOnePlaceEach:
    def test_send_to_each_other_at_the_same_time(self, stage: Stage) -> None:
        there, back = ct_study(instances=20, name="there"), ct_study(instances=20, name="back")
        a = stage.misbehaving("A", there, max_associations=1)
        b = stage.misbehaving("B", back, max_associations=1)
        jobs = [submitted(there, source="A", destination="B"), submitted(back, source="B", destination="A")]

        with stage.crew(places=4):
            for job in jobs:
                until(job, "success")

        assert [numbers(report(job)) for job in jobs] == [complete(20), complete(20)]
        assert Counter(b.seen.received) == Counter(there.instances)
        assert Counter(a.seen.received) == Counter(back.instances)
        assert (a.seen.most, b.seen.most) == (1, 1)

    def test_wait_for_each_other_and_say_so(self, stage: Stage) -> None:
        there, back = ct_study(instances=3, name="there"), ct_study(instances=3, name="back")
        gate = Gate()
        stage.misbehaving("A", there, script=Script(gate=gate), max_associations=1)
        stage.misbehaving("B", back, max_associations=1)
        first = submitted(there, source="A", destination="B")
        with stage.crew(places=4):
            gate.wait_until_somebody_waits(seconds=PATIENCE)
            second = submitted(back, source="B", destination="A")

            wait_until(lambda: "1 of 1 places of " in report(second)["tasks"][0]["waiting_for"], seconds=PATIENCE)
            gate.open()

            until(first, "success")
            until(second, "success")

        assert [numbers(report(job)) for job in (first, second)] == [complete(3), complete(3)]


class TestASlowSource:
    @pytest.mark.parametrize("allowed", [4, 6, 10])
    def test_gives_eight_studies_to_four_places_in_two_rounds(self, stage: Stage, allowed: int) -> None:
        studies = [ct_study(instances=1, name=f"slow {number}") for number in range(8)]
        gate = Gate()
        source = stage.misbehaving("A", *studies, script=Script(gate=gate), max_associations=allowed)
        destination = stage.misbehaving("B", max_associations=allowed)
        job = submitted(*studies)

        with stage.crew(places=4):
            for round_ in (1, 2):
                gate.wait_until_somebody_waits(4, seconds=PATIENCE)
                assert Task.objects.in_progress().count() == 4
                gate.let(4)
                wait_until(lambda done=4 * round_: Task.objects.ended().count() == done, seconds=PATIENCE)
            until(job, "success")

        told = report(job)
        assert [numbers(told, task) for task in range(8)] == [complete(1)] * 8
        assert {task["attempts"] for task in told["tasks"]} == {1}
        assert source.seen.most <= allowed
        assert destination.seen.most <= allowed

    def test_never_sees_more_associations_than_it_allows_whatever_wants_them(self, stage: Stage) -> None:
        studies = [ct_study(instances=4, name=f"many {number}") for number in range(12)]
        source = stage.misbehaving("A", *studies, script=Script(delay=0.005), max_associations=3)
        destination = stage.misbehaving("B", script=Script(delay=0.002), max_associations=5)
        job = submitted(*studies)

        with stage.crew(places=6):
            until(job, "success")

        assert source.seen.most == 3
        assert destination.seen.most <= 5
