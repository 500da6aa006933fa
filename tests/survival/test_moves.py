"""Retrieval by C-MOVE, through queue, receiver and ledger."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from adit.jobs.models import Task
from tests.endpoints.receiving import Hall, hall
from tests.jobs.a_worker import wait_until
from tests.peers.data import ct_study
from tests.peers.scripts import Script
from tests.survival.stage import Stage, assert_whole, complete, numbers, report, submitted, until

BY_MOVE: dict[str, Any] = {"move_study": True, "get_study": False, "max_associations": 20}


@pytest.fixture
def here(stage: Stage) -> Iterator[Hall]:
    with ExitStack() as exits:
        yield hall(stage.spool, exits)


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
        stage.folder("B")

        (task,) = stage.run(study)["tasks"]

        assert (task["status"], task["attempts"]) == ("failure", 1)
        assert "have our AE title ADIT entered there" in task["message"]
        assert task["message"].endswith("(can be mended by the administrator of the PACS)")

    def test_wait_for_a_worker_that_has_a_receiver(self, stage: Stage) -> None:
        study = ct_study(instances=2, size=64)
        source = stage.misbehaving("A", study, **BY_MOVE)
        stage.folder("B")
        job = submitted(study)

        with stage.crew():
            wait_until(lambda: Task.objects.get().waits_because != "")
            assert "none runs on this machine" in Task.objects.get().waits_because
            assert Task.objects.get().failures == 0
            with ExitStack() as exits:
                source.script = Script(destinations=(hall(stage.spool, exits).peer,))
                until(job, "success")
