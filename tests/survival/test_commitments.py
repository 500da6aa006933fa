"""Storage commitment, through queue, runner and ledger."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.endpoints.receiving import Hall, hall
from tests.peers.committing import CommittingPacs, Promise, committing
from tests.peers.data import ct_study
from tests.peers.orthanc import orthanc
from tests.survival.stage import Numbers, Stage, complete, numbers, reasons, submitted

STUDY = ct_study(series=1, instances=10, size=64, name="to be committed")
FIRST = STUDY.files[0].uid
MUTE: dict[str, Any] = {"find_study": False, "get_study": False, "commit": True}
"""A destination that can be asked for commitment and nothing else."""


@pytest.fixture
def here(stage: Stage) -> Iterator[Hall]:
    with ExitStack() as exits:
        yield hall(stage.spool, exits)


@pytest.fixture
def pacs() -> Iterator[CommittingPacs]:
    with committing() as pacs:
        yield pacs


def sent(stage: Stage, **crew: Any) -> dict[str, Any]:
    """What is reported of a transfer from A to B."""
    stage.misbehaving("A", STUDY)
    return stage.run(STUDY, **crew)


class TestACommitment:
    def test_by_orthanc_confirms_everything(self, stage: Stage, here: Hall) -> None:
        with orthanc(peers=[here.peer]) as peer:
            stage.server("B", peer, **MUTE)
            told = sent(stage)

            assert peer.holds() == STUDY.instances
        (task,) = told["tasks"]
        assert (told["status"], numbers(told)) == ("success", complete(10))
        assert (task["message"], task["notes"]) == ("10 of 10 instances stored and confirmed", [])

    def test_that_is_denied_for_an_instance_says_why_and_tries_once_more(
        self, stage: Stage, here: Hall, pacs: CommittingPacs
    ) -> None:
        pacs.promise = Promise(fails={FIRST: 0x0110}, to=here.peer)
        stage.server("B", pacs.peer, **MUTE)

        told = sent(stage)

        (task,) = told["tasks"]
        assert (told["status"], numbers(told)) == ("warning", Numbers(10, 10, 10, None, 0, 1))
        why = (
            "stored, but B does not commit to it: the peer failed while processing it (0x0110) "
            "(can be mended by the administrator of the PACS)"
        )
        assert reasons(told) == {why: 1}
        assert task["attempts"] == 2
        assert [len(each.ReferencedSOPSequence) for each in pacs.requests] == [10, 1]
        assert task["notes"] == [
            "B: storage commitment was asked for 1 of 10 instances only; an earlier attempt stored the others"
        ]

    def test_that_does_not_come_is_no_failure(self, stage: Stage, here: Hall, pacs: CommittingPacs) -> None:
        pacs.promise = Promise(silent=True)
        stage.server("B", pacs.peer, **MUTE)

        told = sent(stage, commitment_wait=0.3)

        (task,) = told["tasks"]
        assert (told["status"], numbers(told)) == ("success", Numbers(10, 10, 10, None, 0, 0))
        assert task["message"] == "10 of 10 instances stored; the destination cannot be asked"
        assert task["notes"] == ["B: no storage commitment came within 0.3 s"]

    def test_that_did_not_come_costs_the_next_tasks_no_time_and_says_so_in_each(
        self, stage: Stage, here: Hall, pacs: CommittingPacs
    ) -> None:
        pacs.promise = Promise(silent=True)
        stage.server("B", pacs.peer, **MUTE)
        others = [ct_study(series=1, instances=2, size=64, name=f"after silence {number}") for number in range(2)]
        stage.misbehaving("A", STUDY, *others)
        job = submitted(STUDY, *others)

        told = stage.run(job, places=1, commitment_wait=0.3)

        first, *rest = told["tasks"]
        assert (told["status"], len(pacs.requests)) == ("success", 1)
        assert first["notes"] == ["B: no storage commitment came within 0.3 s"]
        assert [numbers(told, number) for number in (1, 2)] == [Numbers(2, 2, 2, None, 0, 0)] * 2
        assert [task["notes"] for task in rest] == [
            ["B: storage commitment was not asked for: lately none came within 0.3 s"]
        ] * 2
