"""When worker processes are gone in mid-study, and when two send to each other: by every way."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.jobs.a_worker import wait_until
from tests.peers.data import Study, ct_study
from tests.peers.scripts import Gate, Script
from tests.survival.stage import PATIENCE, Stage, complete, heavy, numbers, report, submitted, until
from tests.survival.ways import C_MOVE, C_STORE, FOLDER, STOW, WADO, Way, each_end, every_way
from tests.survival.workers import Workers, kill


@pytest.fixture(scope="module")
def study() -> Study:
    return ct_study(series=1, instances=100, size=2048, name="through")


class TestAWorkerThatIsKilled:
    @each_end()
    def test_is_followed_by_another_which_sends_only_what_is_missing(
        self, stage: Stage, way: Way, study: Study, workers: Workers
    ) -> None:
        gate = Gate()
        gate.let(70)
        source = way.source(study, script=Script(gate=gate))
        destination = way.destination()
        workers(), workers()
        job = submitted(study)
        # A part of WADO-RS is whole when the next begins.
        arriving = 69 if way.by == WADO else 70
        wait_until(lambda: len(destination.arrived()) == arriving, seconds=PATIENCE)

        kill(job, source.seen)
        gate.open()

        until(job, "success")
        assert numbers(report(job)) == complete(100)
        assert report(job)["tasks"][0]["attempts"] == 2
        destination.assert_whole(study.files)
        assert Counter(destination.sent_to) == Counter(study.instances)

    @every_way(by=(C_MOVE, WADO), into=(FOLDER,))
    def test_leaves_no_spool_file(self, stage: Stage, way: Way, workers: Workers) -> None:
        large = heavy(ct_study(series=1, instances=2, name="large"))
        source = way.source(large, script=Script(stalls_in=1, faulty_retrieves=1))
        destination = way.destination()
        workers(), workers()
        job = submitted(large)
        source.seen.wait_until(lambda seen: seen.stalled == 1, seconds=PATIENCE)
        bodies = ("*.part", "open/*/request.json") if way.by == C_MOVE else ("*.body",)
        left = [wait_until(lambda name=name: list(stage.spool.rglob(name)), seconds=PATIENCE) for name in bodies]

        kill(job, source.seen)

        until(job, "success")
        destination.assert_whole(large.files)
        wait_until(lambda: not [path for paths in left for path in paths if path.exists()], seconds=PATIENCE)


class TestTwoServersWithOnePlaceEach:
    @every_way(by=(C_MOVE, WADO), into=(C_STORE, STOW))
    def test_send_to_each_other_at_the_same_time(self, stage: Stage, way: Way) -> None:
        there, back = ct_study(instances=20, name="there"), ct_study(instances=20, name="back")
        a = way.source(there, name="A", max_associations=1)
        b = way.source(back, name="B", max_associations=1)
        jobs = [submitted(there, source="A", destination="B"), submitted(back, source="B", destination="A")]

        with stage.crew(places=4):
            for job in jobs:
                until(job, "success")

        assert [numbers(report(job)) for job in jobs] == [complete(20), complete(20)]
        assert Counter(b.seen.received) == Counter(there.instances)
        assert Counter(a.seen.received) == Counter(back.instances)
        assert (a.seen.most, b.seen.most) == (1, 1)
