"""Retrieval by C-MOVE, through queue, receiver and ledger."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from django.utils import timezone

from adit.dicom.contexts import STUDY_ROOT_GET
from adit.endpoints.landing import Room
from adit.jobs.models import Task, Worker
from adit.jobs.waiting import why_waiting
from tests.endpoints.receiving import TITLE, Hall, hall, process_of
from tests.jobs.a_worker import database_url, wait_until
from tests.peers.data import ct_study
from tests.peers.process import HOST, Peer
from tests.peers.scripts import Gate, Script
from tests.survival.stage import (
    MENDED,
    PATIENCE,
    Stage,
    assert_whole,
    complete,
    files_in,
    numbers,
    report,
    submitted,
    until,
)
from tests.survival.workers import Workers

NO_RECEIVER = (
    "waits for a worker on a machine with a receiver, to which A sends; none is running "
    "(can be mended by the administrator of ADIT, who starts 'adit receiver' there)"
)

GET_MODELS = frozenset((STUDY_ROOT_GET,))

BY_MOVE: dict[str, Any] = {"move_study": True, "get_study": False, "max_associations": 20}


@pytest.fixture
def here(stage: Stage) -> Iterator[Hall]:
    with ExitStack() as exits:
        yield hall(stage.spool, exits)


def why() -> str:
    return why_waiting(Task.objects.get(), now=timezone.now())


def doctor(stage: Stage) -> dict[str, Any]:
    environment = {**os.environ, "ADIT_HOME": str(stage.room), "DATABASE_URL": database_url()}
    command = [sys.executable, "-P", "-m", "adit.site", "doctor", "--json"]
    done = subprocess.run(command, env=environment, capture_output=True, timeout=60, check=False)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


class TestMoves:
    def test_of_twenty_tasks_from_two_sources_lose_nothing_and_mix_nothing(self, stage: Stage, here: Hall) -> None:
        studies = [ct_study(series=2, instances=5, size=64, name=f"one of twenty {n}") for n in range(20)]
        stage.misbehaving("A", *studies[:10], script=Script(destinations=(here.peer,)), **BY_MOVE)
        stage.misbehaving(
            "C", *studies[10:], script=Script(destinations=(here.peer,), omits_originator=True), **BY_MOVE
        )
        folders = {"A": stage.folder("B"), "C": stage.folder("D")}
        jobs = [submitted(*studies[:10], source="A", destination="B")]
        jobs.append(submitted(*studies[10:], source="C", destination="D"))

        with stage.crew(places=20):
            for job in jobs:
                until(job, "success")

        for job in jobs:
            assert [numbers(report(job), n) for n in range(10)] == [complete(10)] * 10
        assert_whole(folders["A"], [file for study in studies[:10] for file in study.files])
        assert_whole(folders["C"], [file for study in studies[10:] for file in study.files])
        assert here.quarantined() == []

    def test_bring_what_was_missing_in_a_second_go(self, stage: Stage, here: Hall) -> None:
        study = ct_study(series=2, instances=10, size=64)
        faults = Script(destinations=(here.peer,), closes_in=7, faulty_retrieves=1)
        stage.misbehaving("A", study, script=faults, **BY_MOVE)
        folder = stage.folder("B")

        told = stage.run(study)

        assert (told["status"], numbers(told)) == ("success", complete(20))
        assert_whole(folder, study.files)

    def test_to_a_title_that_the_source_does_not_know_say_so(self, stage: Stage, here: Hall) -> None:
        assert here.peer.ae_title == "ADIT"
        study = ct_study(instances=2, size=64)
        stage.misbehaving("A", study, **BY_MOVE)
        folder = stage.folder("B")

        told = stage.run(study)

        (task,) = told["tasks"]
        assert (task["status"], task["attempts"]) == ("failure", 1)
        assert (numbers(told).expected, numbers(told).received, numbers(told).stored) == (2, 0, 0)
        assert list(folder.rglob("*.dcm")) == []
        assert "have our AE title ADIT entered there" in task["message"]
        assert task["message"].endswith(MENDED)

    def test_wait_for_a_worker_that_has_a_receiver(self, stage: Stage) -> None:
        study = ct_study(instances=2, size=64)
        source = stage.misbehaving("A", study, **BY_MOVE)
        stage.folder("B")
        job = submitted(study)

        with stage.crew(), ExitStack() as exits:
            wait_until(lambda: why() == NO_RECEIVER)
            assert source.seen.total == 0
            source.script = Script(destinations=(hall(stage.spool, exits).peer,))
            until(job, "success")

        assert (report(job)["tasks"][0]["attempts"], numbers(report(job))) == (1, complete(2))

    def test_that_nobody_can_make_are_told_by_the_doctor(self, stage: Stage, workers: Workers) -> None:
        stage.misbehaving("A", **BY_MOVE)
        stage.folder("B")
        worker = workers()
        submitted(ct_study(instances=2, size=64))
        wait_until(Worker.objects.exists, seconds=PATIENCE, worker=worker)

        told = doctor(stage)

        assert told["stranded"] == {"sources": ["A"], "waiting": 1}
        assert (
            "nothing can be retrieved from A, for which 1 tasks wait: it is sent to a receiver, and no worker runs "
            "beside one; start 'adit receiver' on a machine with workers"
        ) in told["warnings"]

    def test_wait_for_it_as_soon_as_the_source_has_refused_every_other_way(self, stage: Stage) -> None:
        study = ct_study(instances=2, size=64)
        refused = Script(refuses_classes=GET_MODELS)
        source = stage.misbehaving("A", study, script=refused, **{**BY_MOVE, "get_study": True})
        folder = stage.folder("B")
        job = submitted(study)

        with stage.crew(), ExitStack() as exits:
            wait_until(lambda: why() == NO_RECEIVER)
            assert (Task.objects.get().attempts, Task.objects.get().failures) == (1, 0)
            source.script = Script(destinations=(hall(stage.spool, exits).peer,), refuses_classes=GET_MODELS)
            until(job, "success")

        assert (report(job)["tasks"][0]["attempts"], numbers(report(job))) == (2, complete(2))
        assert_whole(folder, study.files)


class TestASourceThatMoves:
    @pytest.mark.parametrize(
        "faults",
        [
            {"omits_originator": True},
            {"omits_originator": True, "calls_as": "SOMEBODY"},
            {"late": 1},
            {"late": 5},
            {"late": 1, "leaves_out_suboperations": True},
        ],
        ids=["without the originator", "under another title", "one late", "five late", "one late and uncounted"],
    )
    def test_in_its_own_way_moves_everything(self, stage: Stage, here: Hall, faults: dict[str, Any]) -> None:
        study = ct_study(series=2, instances=10, size=64)
        stage.misbehaving("A", study, script=Script(destinations=(here.peer,), **faults), **BY_MOVE)
        folder = stage.folder("B")

        told = stage.run(study, move_grace=10)

        assert (told["status"], told["tasks"][0]["attempts"], numbers(told)) == ("success", 1, complete(20))
        assert_whole(folder, study.files)
        assert here.quarantined() == []

    def test_later_than_anybody_waits_is_refused_and_asked_again(self, stage: Stage, here: Hall) -> None:
        study = ct_study(series=1, instances=10, size=64)
        gate = Gate()
        script = Script(destinations=(here.peer,), late=2, late_gate=gate, faulty_retrieves=1)
        source = stage.misbehaving("A", study, script=script, **BY_MOVE)
        folder = stage.folder("B")

        told = stage.run(study)

        assert (told["status"], numbers(told)) == ("success", complete(10))
        assert_whole(folder, study.files)
        gate.open()
        source.seen.wait_until(lambda seen: len(seen.statuses) == 12, seconds=PATIENCE)
        assert Counter(source.seen.statuses) == {0x0000: 10, 0x0124: 2}
        assert here.quarantined() == []

    def test_one_study_for_two_tasks_at_once_gives_both_all_of_it(self, stage: Stage, here: Hall) -> None:
        study = ct_study(series=2, instances=10, size=64)
        script = Script(destinations=(here.peer,), omits_originator=True)
        source = stage.misbehaving("A", study, script=script, **BY_MOVE)
        folders = [stage.folder("B"), stage.folder("D")]
        jobs = [submitted(study, destination=name) for name in ("B", "D")]

        with stage.crew(places=2):
            for job in jobs:
                until(job, "success")

        assert [numbers(report(job)) for job in jobs] == [complete(20)] * 2
        for folder in folders:
            assert_whole(folder, study.files)
        assert Counter(source.seen.sent) == dict.fromkeys(study.instances, 2)
        assert here.quarantined() == []


class TestAReceiver:
    def test_that_is_killed_in_mid_instance_is_followed_by_another_and_only_the_rest_comes(self, stage: Stage) -> None:
        study = ct_study(series=1, instances=10, size=64)
        with ExitStack() as exits:
            killed, port = exits.enter_context(process_of(stage.spool))
            peer = Peer(TITLE, HOST, port)
            script = Script(destinations=(peer,), stalls_in=4, faulty_retrieves=1)
            source = stage.misbehaving("A", study, script=script, **BY_MOVE)
            folder = stage.folder("B")
            job = submitted(study)

            with stage.crew():
                source.seen.wait_until(lambda seen: seen.stalled == 1, seconds=PATIENCE)
                killed.kill()
                killed.wait()
                exits.enter_context(process_of(stage.spool, port))
                until(job, "success")

        told = report(job)
        assert numbers(told) == complete(10)
        assert_whole(folder, study.files)
        came = Counter(source.seen.sent)
        assert came == dict.fromkeys(study.instances, 1)

    def test_whose_spool_is_full_lets_the_task_keep_what_it_has_and_wait(self, stage: Stage) -> None:
        study = ct_study(series=1, instances=10, size=64)
        with ExitStack() as exits:
            full = exits.enter_context(ExitStack())
            peer = hall(stage.spool, full, room=Room(waiting=1 << 26, reserve=1 << 60, patience=0.05)).peer
            source = stage.misbehaving("A", study, script=Script(destinations=(peer,)), **BY_MOVE)
            folder = stage.folder("B")
            job = submitted(study)

            with stage.crew(waits=(0.05,)):
                wait_until(lambda: "there is no room left on the disk that holds the spool" in why())
                assert set(source.seen.statuses) == {0xA700}
                assert (numbers(report(job)).received, files_in(folder)) == (0, {})
                assert Task.objects.get().failures == 0
                full.close()
                source.script = Script(destinations=(hall(stage.spool, exits).peer,))
                until(job, "success")

        assert numbers(report(job)) == complete(10)
        assert_whole(folder, study.files)
