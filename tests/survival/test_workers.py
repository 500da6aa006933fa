"""When worker processes, or their database, are gone in mid-study."""

from __future__ import annotations

import signal
from collections import Counter

import pytest
from django.db import connection

from adit.jobs.models import Entry
from tests.jobs.a_worker import wait_until
from tests.jobs.cable import Cable
from tests.peers.data import Study, ct_study
from tests.peers.dcmtk import storescp
from tests.peers.scripts import Gate, Script
from tests.survival.stage import (
    PATIENCE,
    Numbers,
    Stage,
    assert_whole,
    complete,
    heavy,
    numbers,
    report,
    submitted,
    until,
)
from tests.survival.workers import Workers, kill


@pytest.fixture(scope="module")
def study() -> Study:
    return ct_study(series=1, instances=200, size=2048, name="two hundred")


class TestAWorkerThatIsKilled:
    def test_is_followed_by_another_which_sends_only_what_the_destination_lacks(
        self, stage: Stage, study: Study, workers: Workers
    ) -> None:
        gate = Gate()
        gate.let(150)
        source = stage.misbehaving("A", study, script=Script(gate=gate))
        destination = stage.misbehaving("B")
        workers(), workers()
        job = submitted(study)
        destination.seen.wait_until(lambda seen: len(seen.statuses) == 150, seconds=PATIENCE)

        kill(job, source.seen)
        gate.open()

        until(job, "success")
        assert numbers(report(job)) == complete(200)
        assert Counter(destination.seen.received) == Counter(study.instances)
        assert Counter(source.seen.sent) == Counter(study.instances)
        assert report(job)["tasks"][0]["attempts"] == 2

    def test_sends_at_most_64_again_where_the_destination_cannot_be_asked(
        self, stage: Stage, study: Study, workers: Workers
    ) -> None:
        gate = Gate()
        gate.let(150)
        source = stage.misbehaving("A", study, script=Script(gate=gate))
        with storescp(stage.room / "received") as peer:
            stage.server("B", peer, find_study=False, get_study=False)
            workers(), workers()
            job = submitted(study)
            wait_until(lambda: len(list(peer.folder.iterdir())) == 150, seconds=PATIENCE)
            gate.wait_until_somebody_waits(seconds=PATIENCE)
            wait_until(lambda: Entry.objects.filter(task__job=job, stored__gte=86).exists(), seconds=PATIENCE)

            kill(job, source.seen)
            gate.open()

            until(job, "success")
            assert peer.holds() == study.instances
        assert numbers(report(job)) == Numbers(200, 200, 200, None, 0, 0)
        assert len(source.seen.sent) <= 200 + 64

    def test_leaves_no_half_file_in_a_folder(self, stage: Stage, study: Study, workers: Workers) -> None:
        gate = Gate()
        gate.let(150)
        source = stage.misbehaving("A", study, script=Script(gate=gate))
        folder = stage.folder("B")
        workers(), workers()
        job = submitted(study)
        gate.wait_until_somebody_waits(seconds=PATIENCE)
        wait_until(lambda: len([path for path in folder.rglob("*") if path.is_file()]) == 150, seconds=PATIENCE)

        kill(job, source.seen)
        gate.open()

        until(job, "success")
        assert numbers(report(job)) == complete(200)
        assert_whole(folder, study.files)

    def test_leaves_no_spool_file(self, stage: Stage, workers: Workers) -> None:
        large = heavy(ct_study(series=1, instances=2, name="large"))
        source = stage.misbehaving("A", large, script=Script(stalls_in=1, faulty_retrieves=1))
        destination = stage.misbehaving("B")
        workers(), workers()
        job = submitted(large)
        source.seen.wait_until(lambda seen: seen.stalled == 1, seconds=PATIENCE)
        (left,) = wait_until(lambda: list(stage.spool.rglob("*.body")), seconds=PATIENCE)

        kill(job, source.seen)

        until(job, "success")
        assert destination.holds() == large.instances
        wait_until(lambda: not left.exists(), seconds=PATIENCE)


class TestADatabaseThatIsAway:
    def test_does_not_stop_a_transfer_which_is_written_down_when_it_is_back(
        self, stage: Stage, study: Study, workers: Workers
    ) -> None:
        gate = Gate()
        gate.let(50)
        source = stage.misbehaving("A", study, script=Script(gate=gate))
        destination = stage.misbehaving("B")
        with Cable(int(connection.settings_dict["PORT"])) as cable:
            worker = workers(port=cable.port, ADIT_LEASE="45")
            job = submitted(study)
            destination.seen.wait_until(lambda seen: len(seen.statuses) == 50, seconds=PATIENCE)

            cable.cut()
            gate.open()
            destination.seen.wait_until(lambda seen: len(seen.statuses) == 200, seconds=PATIENCE)
            assert report(job)["status"] == "in progress"
            cable.mend()

            until(job, "success")
            told = report(job)
            assert (told["tasks"][0]["attempts"], numbers(told)) == (1, complete(200))
            assert Counter(source.seen.sent) == Counter(destination.seen.received) == Counter(study.instances)
            worker.send_signal(signal.SIGTERM)
            assert worker.wait(20) == 0
