"""A batch transfer of 200 lines between real servers, in which everything happens that can happen to it."""

from __future__ import annotations

import csv
import io
import os
import signal
from collections import Counter
from collections.abc import Sequence

import pytest

from adit.dicom.refs import UID
from adit.jobs.batch_transfers import Choices, check_file, plan_of, plan_of_check, submit_check
from adit.jobs.files import keep_file
from adit.jobs.models import Job, Line, Task, Worker
from adit.jobs.outcome_sheets import outcome_sheet
from adit.jobs.states import Action
from adit.jobs.submit import submit
from adit.transfer.plan import Pseudonymising
from tests.jobs.a_worker import wait_until
from tests.jobs.pseudonymised import a_project, key
from tests.peers.data import Study, ct_study
from tests.peers.orthanc import Orthanc, orthanc
from tests.peers.scripts import Gate, Script
from tests.survival.stage import PATIENCE, Stage, act, operator, until
from tests.survival.workers import Workers

LINES = 200
LACKING = 10
"""Studies that the source does not have at first."""


@pytest.fixture(scope="module")
def studies() -> list[Study]:
    return [ct_study(series=1, instances=2, size=128, name=f"line {number}") for number in range(LINES)]


class Truth:
    """What the result of a job says, held against what its destination has."""

    def __init__(self, job: Job, studies: Sequence[Study], destination: Orthanc) -> None:
        project = job.project
        assert project is not None
        new = key(project).uid
        self._job = job
        self._destination = destination
        self._studies = {study.uid: study for study in studies}
        self.new = {study.uid: frozenset(str(new(UID(uid))) for uid in study.instances) for study in studies}
        self._new_studies = {study.uid: str(new(UID(study.uid))) for study in studies}

    def rows(self) -> list[dict[str, str]]:
        content = outcome_sheet(Job.objects.get(pk=self._job.pk), by=operator()).content
        return list(csv.DictReader(io.StringIO(content.decode())))

    def statuses(self) -> list[str]:
        return [row["Status"] for row in self.rows()]

    def assert_told(self, *, at_rest: bool = False) -> None:
        """What the file says is so. The destination is asked after the file was written, so it may have more by then.

        Args:
            at_rest: Nothing moves any more: it has no more either.
        """
        rows, held = self.rows(), self._destination.holds()
        assert len(rows) == LINES
        for row in rows:
            uids = self.new[row["StudyInstanceUID"]]
            if row["Status"] == "success":
                assert uids <= held, row
                assert row["NewStudyInstanceUID"] == self._new_studies[row["StudyInstanceUID"]]
            elif at_rest and row["Status"] == "warning":
                assert row["Reason"].startswith(f"{len(uids & held)} of {len(uids)} instances stored"), row
            elif at_rest and "begun" not in row["Reason"]:
                assert not uids & held, row
                assert row["NewStudyInstanceUID"] == ""


def ordered(studies: Sequence[Study], *, check: bool = False) -> Job:
    by = operator()
    lines = ["PatientID,StudyInstanceUID", *(f"{study.patient_id},{study.uid}" for study in studies)]
    file = keep_file("\n".join(lines).encode(), "list.csv", kind="batch_transfer", by=by, group=None)
    choices = Choices("A", "B", Pseudonymising("Stroke"))
    checked = check_file(file, choices, by=by)
    assert not checked.faults
    plan = plan_of(checked.good, choices, file=file).plan
    return submit_check(plan, by=by) if check else submit(plan, by=by)


def outcomes(job: Job) -> Counter[str]:
    return Counter(Line.objects.filter(job=job).values_list("outcome", flat=True))


def done(job: Job, least: int) -> bool:
    return Task.objects.filter(job=job, status="success").count() >= least


def kill_one_that_works(job: Job) -> None:
    """Kill a worker process in the middle of a task of *job*."""
    task = wait_until(lambda: Task.objects.filter(job=job, status="in progress").first(), seconds=PATIENCE)
    os.kill(Worker.objects.get(name=task.worker).pid, signal.SIGKILL)


def fill(source: Orthanc, studies: Sequence[Study]) -> None:
    source.fill(file for study in studies for file in study.part10())


class TestABatchTransferOfTwoHundredLines:
    def test_is_killed_canceled_resumed_and_retried_and_its_result_tells_the_truth_all_the_while(
        self, stage: Stage, studies: list[Study], workers: Workers
    ) -> None:
        a_project(generates=True)
        with orthanc(ae_title="SOURCE") as source, orthanc(ae_title="TARGET") as destination:
            fill(source, studies[LACKING:])
            stage.server("A", source, max_associations=8)
            stage.server("B", destination, max_associations=8)
            workers(), workers()
            job = ordered(studies)
            truth = Truth(job, studies, destination)
            assert set(truth.statuses()) == {"pending"}

            wait_until(lambda: done(job, 20), seconds=PATIENCE)
            truth.assert_told()
            kill_one_that_works(job)
            truth.assert_told()
            workers()

            wait_until(lambda: done(job, 60), seconds=PATIENCE)
            truth.assert_told()
            act(Action.CANCEL, job)
            until(job, "canceled")
            truth.assert_told(at_rest=True)
            assert {"success", "canceled"} <= set(truth.statuses())

            act(Action.RESUME, job)
            until(job, "failure")
            truth.assert_told(at_rest=True)
            assert truth.statuses() == ["failure"] * LACKING + ["success"] * (LINES - LACKING)

            fill(source, studies[:LACKING])
            act(Action.RETRY, job)
            until(job, "success")
            truth.assert_told(at_rest=True)
            assert set(truth.statuses()) == {"success"}
            assert destination.holds() == frozenset().union(*truth.new.values())
            assert len(destination.ask("GET", "/instances")) == 2 * LINES


class TestACheckOfThirtyLines:
    def test_asks_both_servers_moves_nothing_and_is_sent_as_it_was_found(
        self, stage: Stage, studies: list[Study]
    ) -> None:
        a_project(generates=True)
        some = studies[:30]
        source = stage.misbehaving("A", *some[:28])
        with orthanc(ae_title="TARGET") as destination:
            stage.server("B", destination, max_associations=4)
            with stage.crew():
                first = ordered(some[:5])
                until(first, "success")
                asked, there = source.seen.total, destination.holds()
                check = ordered(some, check=True)
                until(check, "success")

                # Twenty-five lines are a task, and a task is one association.
                assert source.seen.total - asked == 2
                assert outcomes(check) == {"already there": 5, "found": 23, "not found": 2}
                assert destination.holds() == there

                job = submit(plan_of_check(Job.objects.get(pk=check.pk)), by=operator())
                until(job, "success")
            assert job.tasks.count() == 23
            assert len(destination.holds()) == 28 * 2

    def test_goes_on_where_a_worker_was_killed(self, stage: Stage, studies: list[Study], workers: Workers) -> None:
        a_project(generates=True)
        gate = Gate()
        source = stage.misbehaving("A", *studies[:30], script=Script(find_gate=gate))
        stage.misbehaving("B")
        workers(), workers()
        check = ordered(studies[:30], check=True)
        # The task with five studies asks six questions; the other one asks eight, and has written some answers down.
        gate.let(14)
        gate.wait_until_somebody_waits()
        wait_until(lambda: outcomes(check)["found"], seconds=PATIENCE)
        kill_one_that_works(check)
        gate.open()

        until(check, "success")
        assert outcomes(check) == {"found": 30}
        assert source.seen.sent == []
