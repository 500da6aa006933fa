"""When what is to come does not fit any more."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from adit.nodes.models import Node
from tests.jobs.a_worker import wait_until
from tests.peers.data import Study, ct_study
from tests.peers.scripts import Script
from tests.survival.room import (
    DISKS,
    MIB,
    WAITS,
    batch_of,
    filled_up,
    queue_page,
    small_files,
    take_away_whole,
    waits_because,
)
from tests.survival.stage import (
    PATIENCE,
    Stage,
    assert_whole,
    complete,
    files_in,
    heavy,
    numbers,
    report,
    submitted,
    until,
)


@pytest.fixture(scope="module")
def study() -> Study:
    """A series of ten small instances, and one of ten of 1.5 MiB."""
    small = ct_study(series=1, instances=10, name="room")
    large = ct_study(series=2, instances=10, size=3 * MIB // 2, name="room")
    return Study(small.uid, small.patient_id, small.patient_name, (*small.files, *large.files[10:]))


@pytest.fixture(scope="module")
def studies() -> list[Study]:
    return [ct_study(series=1, instances=10, size=300_000, name=f"quota {number}") for number in range(4)]


class TestAFolderWithoutRoom:
    @pytest.mark.parametrize("disk", DISKS, ids=lambda disk: disk.__name__)
    def test_keeps_what_is_stored_and_goes_on_when_there_is_room(
        self, stage: Stage, study: Study, disk: Callable[[Path], Any]
    ) -> None:
        path = stage.folder("B")
        source = stage.misbehaving("A", study)
        job = submitted(study)
        with disk(path) as small, stage.crew(waits=WAITS):
            told = waits_because(job, "on the disk of")

            assert told["tasks"][0]["status"] == "pending"
            assert told["tasks"][0]["waiting_for"].startswith("B: ")
            assert (
                "(can be mended by whoever looks after the folder); is tried again at "
                in (told["tasks"][0]["waiting_for"])
            )
            stored, sent = numbers(told).stored, len(source.seen.sent)
            assert stored is not None
            assert 10 <= stored < 20
            kept = files_in(path).keys()
            assert len(kept) == stored

            small.grow()

            until(job, "success")
            told = report(job)
            assert numbers(told) == complete(20)
            assert told["tasks"][0]["attempts"] > 1
            assert not kept & set(source.seen.sent[sent:])
            assert_whole(path, study.files)
            stage.assert_nothing_is_left()

    def test_by_its_quota_keeps_what_is_stored_and_goes_on_when_there_is_more(self, stage: Stage, study: Study) -> None:
        path = stage.folder("B", quota_gb=0.004)
        source = stage.misbehaving("A", study)
        job = submitted(study)
        with stage.crew(waits=WAITS):
            told = waits_because(job, "B: the quota of 0.004 GB is used up")

            assert told["tasks"][0]["status"] == "pending"
            stored, sent = numbers(told).stored, len(source.seen.sent)
            assert stored == 12
            kept = files_in(path).keys()
            assert len(kept) == stored
            assert sum(map(len, files_in(path).values())) <= 4_000_000

            Node.objects.filter(name="B").update(quota_gb=1)

            until(job, "success")
        assert numbers(report(job)) == complete(20)
        assert not kept & set(source.seen.sent[sent:])
        assert_whole(path, study.files)

    def test_ends_a_question_that_is_still_out(self, stage: Stage, study: Study) -> None:
        stage.folder("B", quota_gb=0.004)
        source = stage.misbehaving("A", study, script=Script(image_level="silent"))
        job = submitted(study)
        with stage.crew(waits=(0.05, 600)):
            waits_because(job, "B: the quota of 0.004 GB is used up")

            source.seen.wait_until(lambda seen: seen.open == 0, seconds=PATIENCE)
            stage.assert_nothing_is_left()


class TestABatchIntoAFolderWithAQuota:
    """Four studies of 3 MB, two at a time, and room for two and a half of them."""

    @pytest.fixture
    def path(self, stage: Stage, studies: list[Study]) -> Path:
        stage.misbehaving("A", *studies)
        return stage.folder("B", quota_gb=0.0075)

    def test_fills_it_waits_and_goes_on_when_there_may_be_more(
        self, stage: Stage, studies: list[Study], path: Path
    ) -> None:
        job = batch_of(studies)
        with stage.crew(waits=WAITS, places=2):
            whole, waiting = filled_up(job)

            # What goes at the same time keeps to the quota together, and leaves at most two halves.
            assert sum(map(len, files_in(path).values())) <= 7_500_000
            assert 1 <= len(whole) <= 2
            for task in waiting:
                assert task["status"] == "pending"
                assert task["waiting_for"].startswith("B: the quota of 0.0075 GB is used up")
                assert "(can be mended by whoever looks after the folder); is tried again at " in task["waiting_for"]
            assert "B: the quota of 0.0075 GB is used up" in queue_page()

            Node.objects.filter(name="B").update(quota_gb=0.02)

            until(job, "success")
        told = report(job)
        assert [numbers(told, task) for task in range(4)] == [complete(10)] * 4
        assert_whole(path, [file for study in studies for file in study.files])

    def test_goes_on_while_somebody_takes_away_what_is_done(
        self, stage: Stage, studies: list[Study], path: Path
    ) -> None:
        job = batch_of(studies)
        with stage.crew(waits=WAITS, places=2):
            filled_up(job)

            wait_until(lambda: take_away_whole(job, path, studies) == len(studies), seconds=PATIENCE)

            until(job, "success")
        told = report(job)
        assert [numbers(told, task) for task in range(4)] == [complete(10)] * 4
        assert files_in(path) == {}


class TestASpoolWithoutRoom:
    def test_lets_the_task_wait_and_leaves_no_file(self, stage: Stage) -> None:
        study = heavy(ct_study(series=1, instances=2, name="spooled"))
        stage.misbehaving("A", study)
        destination = stage.misbehaving("B")
        job = submitted(study)
        with small_files(stage.room, most=10 * MIB) as small, stage.crew(waits=WAITS):
            told = waits_because(job, "there is no room left on the disk that holds the spool")

            assert (told["status"], destination.holds()) == ("pending", frozenset())
            small.grow()

            until(job, "success")
        assert numbers(report(job)) == complete(2)
        assert destination.holds() == study.instances
