"""Words that a transfer cut: kept when it settles, shown to those who may link, approved for what comes next."""

from __future__ import annotations

import logging

import pytest

from adit.dicom.refs import UID
from adit.jobs.cutwords import words_of_job
from adit.jobs.forgetting import destroy_key
from adit.jobs.models import CutWord, Job
from adit.jobs.states import Action
from adit.jobs.submit import submit
from adit.projects import changes
from adit.projects.approving import approve
from adit.site.demo.description import DemoStudy
from adit.site.demo.objects import instance
from adit.site.demo.patients import studies
from adit.transfer.items import TransferStudy
from tests.jobs.pseudonymised import a_project, arrived, operator, plan, pseudonymised
from tests.peers.changed import with_elements
from tests.peers.data import ct_study
from tests.peers.scripts import Script
from tests.survival.stage import Stage, act

PLAIN = ct_study(series=1, instances=4, name="with words", patient_id="4711-0818")

DESCRIPTION = "T1 MPRAGE sag Kolibri Schwertfeger"

STUDY = with_elements(PLAIN, {number: {"SeriesDescription": DESCRIPTION} for number in range(4)})


def words(job: Job) -> dict[str, int]:
    lines = words_of_job(Job.objects.get(pk=job.pk), by=operator()).lines
    return {line.word: line.count for line in lines if line.attribute == "SeriesDescription"}


def with_a_hidden_name() -> DemoStudy:
    """The demo's study whose SeriesDescription and ProtocolName hold the patient's name and birth date."""
    return next(study for study in studies() if any(series.private_name for series in study.series))


class TestWordsThatWereCut:
    def test_are_those_that_hide_in_a_study_of_the_demo(self, stage: Stage) -> None:
        study = with_a_hidden_name()
        source, folder = stage.folder("A"), stage.folder("B")
        for number in (1, 2, 3):
            (source / f"{number}.dcm").write_bytes(instance(study, study.series[0], number).part10())
        a_project()
        demo_item = TransferStudy(UID(study.uid), patient_id=study.patient.id)
        job = submit(plan(demo_item, project="Stroke", generate=True), by=operator())

        told = stage.run(job)

        assert told["status"] == "success", told
        assert {str(data.SeriesDescription) for data in arrived(folder)} == {"T1 MPRAGE sag"}
        assert words(job) == {"Kowalska": 3, "12.3.1954": 3}
        assert {line.attribute for line in words_of_job(job, by=operator()).lines} >= {"ProtocolName"}

    def test_are_kept_with_the_job_and_stand_nowhere_else(self, stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG, logger="adit")
        stage.misbehaving("A", STUDY)
        folder = stage.folder("B")
        project = a_project()
        job = pseudonymised(STUDY, project="Stroke")

        told = stage.run(job)

        assert told["status"] == "success", told
        assert {str(data.SeriesDescription) for data in arrived(folder)} == {"T1 MPRAGE sag"}
        assert words(job) == {"Kolibri": 4, "Schwertfeger": 4}
        assert "2 words cut from SeriesDescription" in str(told)
        assert "Schwertfeger" not in str(told) + caplog.text
        destroy_key(project, by=operator())
        assert not CutWord.objects.exists()

    def test_pass_in_the_next_job_when_one_was_approved_and_in_a_project_when_it_takes_the_version(
        self, stage: Stage
    ) -> None:
        stage.misbehaving("A", STUDY)
        first, second, third = (stage.folder(name) for name in ("first", "second", "third"))
        project = a_project()
        before = pseudonymised(STUDY, project="Stroke", destination="first")
        stage.run(before)

        approve(["kolibri"], by=operator())
        stage.run(pseudonymised(STUDY, project="Stroke", destination="second"))
        changes.take_newest(project, by=operator())
        after = pseudonymised(STUDY, project="Stroke", destination="third")
        stage.run(after)

        described = [{str(data.SeriesDescription) for data in arrived(folder)} for folder in (first, second, third)]
        assert described == [{"T1 MPRAGE sag"}, {"T1 MPRAGE sag"}, {"T1 MPRAGE sag Kolibri"}]
        versions = [{str(data.DeidentificationMethod) for data in arrived(folder)} for folder in (first, second, third)]
        assert versions[0] == versions[1] != versions[2]
        assert words(after) == {"Schwertfeger": 4}
        # Its version is the job's for life.
        act(Action.RESTART, before)
        stage.run(before)
        assert {str(data.SeriesDescription) for data in arrived(first)} == {"T1 MPRAGE sag"}
        assert words(before) == {"Kolibri": 4, "Schwertfeger": 4}

    def test_count_each_instance_once_when_the_rest_is_asked_for_again(self, stage: Stage) -> None:
        stage.misbehaving("A", STUDY, script=Script(aborts_after=2, faulty_retrieves=1))
        stage.folder("B")
        job = pseudonymised(STUDY, project=a_project().name)

        told = stage.run(job)

        assert told["status"] == "success", told
        assert words(job) == {"Kolibri": 4, "Schwertfeger": 4}
